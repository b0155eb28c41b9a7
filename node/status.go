package node

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

// Status is what a glance at a node shows.
type Status struct {
	Height, Headers int32
	Tip             types.Hash
	TipTime         time.Time
	Bits            uint32
	Work            consensus.Work
	Inbound         int
	Outbound        int
	MempoolCount    int
	MempoolVBytes   int64
	Mining          bool
	HashRate        float64
	Reorgs          int // since the start
	LastReorg       time.Time
	Off, On         int // blocks of the last reorganization
	Returned        int // transactions that it gave back to the mempool
}

// Status may be called at any time.
func (n *Node) Status() Status {
	tip := n.chain.Tip()
	info := n.pool.Info(n.clock.now())
	s := Status{
		Height: tip.Height(), Headers: n.chain.BestHeader().Height(), Tip: tip.Hash(), Work: tip.Work(), Bits: tip.Header().Bits,
		TipTime: unix(tip.Header().Time), MempoolCount: info.Count, MempoolVBytes: info.VBytes,
	}
	s.Mining, s.HashRate = n.mining.state()
	for _, c := range n.net.Peers() {
		if c.Kind == proto.Inbound {
			s.Inbound++
		} else {
			s.Outbound++
		}
	}
	last := n.stats.lastReorg()
	s.Reorgs, s.LastReorg, s.Off, s.On, s.Returned = last.Count, last.At, last.Off, last.On, last.Returned
	return s
}

// P2PAddr is where the node listens for peers; the zero value if it does not.
func (n *Node) P2PAddr() netip.AddrPort { return n.p2pAddr }

// RPCAddr and HTTPAddr are where the servers listen, "" if they do not.
func (n *Node) RPCAddr() string { return addrString(n.web.rpc) }

// HTTPAddr is where metrics and health are served.
func (n *Node) HTTPAddr() string { return addrString(n.web.web) }

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// CookiePath is the file of the RPC's cookie, "" if there is none.
func (n *Node) CookiePath() string { return n.web.path }

// RPCCookie is the secret of the RPC's cookie, "" if there is none.
func (n *Node) RPCCookie() string {
	if n.web.cookie == nil {
		return ""
	}
	return n.web.cookie.Secret()
}

// Chain is the node's chain, for reading.
func (n *Node) Chain() *chain.Chain { return n.chain }

// Pool is the node's mempool, for reading.
func (n *Node) Pool() *mempool.Pool { return n.pool }

// SubmitBlock hands a block to the ledger as a peer would and waits for the verdict.
func (n *Node) SubmitBlock(ctx context.Context, b *types.Block) error {
	_, err := submitRPC{n}.Block(ctx, b)
	return err
}

// SubmitTx hands a transaction to the mempool, which announces it if it takes it.
func (n *Node) SubmitTx(ctx context.Context, tx *types.Tx) error { return submitRPC{n}.Tx(ctx, tx, 0) }

// Generate mines count blocks that pay to a script and returns their hashes.
func (n *Node) Generate(ctx context.Context, count int, payTo []byte) ([]types.Hash, error) {
	return n.mining.generate(ctx, count, payTo, 0)
}

// AddPeer keeps a connection to addr from now on.
func (n *Node) AddPeer(addr netip.AddrPort) { n.step(proto.AddManual{Addr: addr}) }

// Redial forgets the back-off of peers that could not be reached and tries them at once.
func (n *Node) Redial() { n.step(proto.Redial{}) }

// step hands the machine an event from outside of the network and waits until it has taken it.
func (n *Node) step(ev proto.Event) { n.owner.ask(n.halted, func() { n.owner.step(ev) }) }

// read runs f between two steps of the machine, so that it may look at what the owner owns, and waits for it.
func (n *Node) read(f func()) { n.owner.ask(n.halted, f) }

func (n *Node) machinePeers() (infos []proto.PeerInfo) {
	n.read(func() { infos = n.machine.Peers() })
	return infos
}

// SetMining switches the node's miner.
func (n *Node) SetMining(on bool) error { return n.mining.set(n.ctx, on) }

// Settle waits until all blocks and transactions that were handed to the node before are judged, and the mempool has followed the tip.
func (n *Node) Settle(ctx context.Context) error { return n.do(ctx, func() error { return nil }) }

// EstimateFee is what a transaction must pay per 1000 vbytes to be in a block within so many; ok is false if too little is known.
func (n *Node) EstimateFee(blocks int) (rate int64, ok bool) {
	rate, _, ok = n.ledger.fees.fees.Smart(blocks, false)
	return rate, ok
}
