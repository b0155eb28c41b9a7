package sim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// cacheBytes is more than any chain's coins take, so that they are never flushed: to what store, and for whom?
const cacheBytes = math.MaxInt / 2

// node is one node: machine, chain and mempool, and what node/owner.go and node/ledger.go do with them, in one thread.
type node struct {
	world   *World
	id      int32
	region  int
	chain   *chain.Chain
	pool    *mempool.Pool
	machine *proto.Machine
	seenAt  chain.Position // the tip that the pool has followed to

	links    []end // by PeerID; PeerIDs count from 1
	up       uplink
	pending  []proto.Event // for the machine, in order
	stepping bool
	tickAt   int64 // of the earliest evTick in the queue; 0: none
	busy     int64 // until when it is judging blocks
}

// end is one side of a link.
type end struct {
	link *link
	side int
	cut  bool
}

func (w *World) newNode(id int32) (*node, error) {
	n := &node{world: w, id: id, links: make([]end, 1, 24)}
	var err error
	n.chain, err = w.openChain(newStore(w.commons), n.checked)
	if err != nil {
		return nil, err
	}
	tip := n.chain.Tip()
	n.seenAt = tip.Position()
	n.pool = mempool.New(mempool.Config{Params: w.params, Verify: w.runner})
	n.machine, err = proto.New(proto.Config{
		Params: w.params, Rand: stream(w.seed, streamMachines+uint64(id)), Chain: chainView{n.chain}, Pool: poolView{n},
		Limits: proto.DefaultLimits(), NoCompactBlocks: w.cfg.NoCompactBlocks, OneSource: w.cfg.OneSource, Quiet: true, Version: "sim",
	})
	return n, err
}

func (w *World) openChain(s chain.Store, checked func(*types.Block)) (*chain.Chain, error) {
	return chain.Open(context.Background(), chain.Config{
		Params: w.params, Store: s, Now: w.clock, Verify: w.runner, Workers: 1, CacheBytes: cacheBytes, FlushBlocks: 1 << 30, Checked: checked,
	})
}

// chainView shows the block tree to the machine.
type chainView struct{ chain *chain.Chain }

func (v chainView) Tip() consensus.Ancestry        { return v.chain.Tip() }
func (v chainView) BestHeader() consensus.Ancestry { return v.chain.BestHeader() }

func (v chainView) Lookup(h types.Hash) (proto.Entry, bool) {
	n := v.chain.Lookup(h)
	if n == nil {
		return proto.Entry{}, false
	}
	return proto.Entry{Ancestry: n, HaveBlock: n.HaveBlock(), Invalid: n.Invalid(), Txs: n.TxCount()}, true
}

// poolView shows the mempool to the machine.
type poolView struct{ n *node }

func (v poolView) Have(h types.Hash) bool                    { return v.n.pool.Have(h) }
func (v poolView) Get(h types.Hash) (*types.Tx, int64, bool) { return v.n.pool.Get(h) }
func (v poolView) IDs() []types.Hash                         { return v.n.pool.IDs() }
func (v poolView) WitnessIDs(from int, buf []types.Hash) int { return v.n.pool.WitnessIDs(from, buf) }
func (v poolView) FeeFloor() int64                           { return v.n.pool.FeeFloor(v.n.world.clock()) }

// addr is what peers know the node by, each in a net group of its own.
func (n *node) addr() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{11 + byte(n.id>>8), byte(n.id), 1, 1}), 8333)
}

// step hands an event to the machine and carries out what it wants; events that follow at once are handled in order, until
// there are none.
func (n *node) step(ev proto.Event) {
	if n.pending = append(n.pending, ev); !n.stepping {
		n.drain()
	}
}

func (n *node) drain() {
	n.stepping = true
	for i := 0; i < len(n.pending); i++ {
		ev := n.pending[i]
		n.pending[i] = nil
		for _, eff := range n.machine.Step(n.world.clock(), ev) {
			n.carryOut(eff)
		}
	}
	n.pending = n.pending[:0]
	n.stepping = false
	n.armTick()
}

// armTick sees that the machine's timer is in the queue. One that comes too early is set anew when it comes.
func (n *node) armTick() {
	at := max(n.world.since(n.machine.NextTick()), n.world.now)
	if n.tickAt == 0 || at < n.tickAt {
		n.tickAt = at
		n.world.queue.push(event{at: at, node: n.id, kind: evTick})
	}
}

// tick is an evTick. Only the earliest that was pushed counts.
func (n *node) tick(at int64) {
	if at != n.tickAt {
		return
	}
	n.tickAt = 0
	if n.world.since(n.machine.NextTick()) > at {
		n.armTick()
		return
	}
	n.step(proto.Tick{})
}

func (n *node) carryOut(eff proto.Effect) {
	switch e := eff.(type) {
	case proto.Send:
		n.world.send(n, e.Peer, e.Msg)
	case proto.SubmitHeaders:
		n.addHeaders(e)
	case proto.SubmitBlock:
		n.submitBlock(e.Peer, e.Block)
	case proto.SubmitTx:
		n.addTx(e.Peer, e.Tx, mempool.AddOptions{})
	case proto.SubmitPackage:
		n.addPackage(e)
	case proto.ServeBlock:
		n.serve(e)
	case proto.ServeBlockTxns:
		if b := n.world.commons.blocks[e.Hash]; b != nil {
			if m, ok := wire.NewBlockTxn(b, e.Indexes); ok {
				n.world.send(n, e.Peer, m)
			}
		}
	case proto.Disconnect:
		n.world.disconnect(n, e)
	}
}

func (n *node) serve(e proto.ServeBlock) {
	b := n.world.commons.blocks[e.Hash]
	switch {
	case b == nil:
		n.world.fail(fmt.Errorf("node %d serves block %s, which nobody has", n.id, e.Hash))
	case e.Form == proto.FormCompact:
		n.world.send(n, e.Peer, wire.NewCmpctBlock(b, e.Nonce))
	default:
		n.world.send(n, e.Peer, wire.BlockMsg{Block: b, Base: e.Form == proto.FormBase})
	}
}

// check ends the run for errors that are our own.
func (n *node) check(err error) {
	if err != nil && consensus.KindOf(err) == "" {
		n.world.fail(fmt.Errorf("node %d: %w", n.id, err))
	}
}

func (n *node) addHeaders(e proto.SubmitHeaders) {
	accepted, err := n.chain.AddHeaders(e.Headers)
	n.check(err)
	n.step(proto.HeadersVerdict{Peer: e.Peer, Headers: e.Headers, Accepted: accepted, Err: err})
}

// submitBlock lets the block be judged when the node has judged those before it.
func (n *node) submitBlock(peer proto.PeerID, b *types.Block) {
	w := n.world
	n.busy = max(n.busy, w.now) + int64(w.cfg.Judge.Base) + int64(b.Size())*int64(w.cfg.Judge.PerByte)
	w.at(n.busy, n.id, func() { n.addBlock(peer, b) })
}

// checked is called by the chain within addBlock.
func (n *node) checked(b *types.Block) {
	if n.machine != nil {
		n.step(proto.BlockChecked{Block: b})
	}
}

// addBlock gives a block to the chain, lets the mempool follow, and reports. peer 0: it is our own.
func (n *node) addBlock(peer proto.PeerID, b *types.Block) {
	n.hold(func() {
		before := n.chain.Tip()
		known, err := n.chain.AddBlock(b)
		n.check(err)
		if err == nil && !known {
			n.world.record.arrived(n, peer, b.Hash())
		}
		n.step(proto.BlockVerdict{Peer: peer, Hash: b.Hash(), Known: known, Err: err})
		if after := n.chain.Tip(); after != before {
			n.follow(before, after)
		}
	})
}

// hold runs f, which changes the chain, while the machine does not step: what f tells it comes afterwards, in order.
func (n *node) hold(f func()) {
	if n.stepping {
		f()
		return
	}
	n.stepping = true
	f()
	n.drain()
}

// follow brings the mempool to the tip and tells the machine.
func (n *node) follow(before, after *chain.Node) {
	var connected []*types.Block
	var returned []*types.Tx
	off := 0
	for {
		updates, err := n.chain.UpdatesSince(n.seenAt, 16)
		n.check(err)
		if len(updates) == 0 {
			break
		}
		for i := range updates {
			n.seenAt = chain.After(&updates[i])
			if updates[i].Connected {
				n.pool.Apply(updates[i], n.world.clock())
				connected = append(connected, updates[i].Block)
				continue
			}
			off++
			returned = append(n.pool.Revert(updates[i]), returned...)
		}
	}
	for _, tx := range returned {
		if _, err := n.accept(tx, mempool.AddOptions{Returned: true}); err == nil {
			n.step(proto.Broadcast{ID: tx.ID(), WitnessID: tx.WitnessID()})
		}
	}
	if off > 0 {
		n.pool.RemoveInvalid(after, n.world.clock())
	}
	n.step(proto.TipChanged{Connected: connected})
	n.world.record.tip(n, before, after, off)
	n.world.mining.tipChanged(n)
}

// accept fetches the coins that a transaction needs and offers it to the pool.
func (n *node) accept(tx *types.Tx, opt mempool.AddOptions) (mempool.Result, error) {
	coins, err := n.chain.Coins(n.pool.Needs(tx))
	if err != nil {
		n.check(err)
		return mempool.Result{}, err
	}
	return n.pool.Add(tx, coins, n.chain.Tip(), n.world.clock(), opt)
}

// addTx offers a transaction to the pool and reports.
func (n *node) addTx(peer proto.PeerID, tx *types.Tx, opt mempool.AddOptions) error {
	res, err := n.accept(tx, opt)
	v := txVerdict(peer, tx, err)
	v.FeeRate, v.Removed = res.FeeRate, n.pool.TakeRemoved()
	n.step(v)
	return err
}

func (n *node) addPackage(e proto.SubmitPackage) {
	coins, err := n.chain.Coins(n.pool.Needs(e.Txs...))
	n.check(err)
	res, err := n.pool.AddPackage(e.Txs, coins, n.chain.Tip(), n.world.clock(), mempool.AddOptions{})
	v := proto.PackageVerdict{Peer: e.Peer, Txs: e.Txs, Err: res.Err, Removed: n.pool.TakeRemoved()}
	if err != nil {
		v.Err = err
	}
	for i := range res.Txs {
		if r := &res.Txs[i]; r.Judged {
			one := txVerdict(e.Peer, e.Txs[i], r.Err)
			if !r.OtherWitness.IsZero() {
				one.Err = consensus.Reject(consensus.SameNonWitnessData, "")
			}
			_, one.FeeRate, _ = n.pool.Get(e.Txs[i].WitnessID())
			v.Results = append(v.Results, one)
		}
	}
	n.step(v)
}

// txVerdict reports why a transaction was refused, if it was.
func txVerdict(peer proto.PeerID, tx *types.Tx, err error) proto.TxVerdict {
	v := proto.TxVerdict{Peer: peer, Tx: tx, Err: err, Reconsider: mempool.Reconsiderable(err)}
	var missing *mempool.MissingParents
	if errors.As(err, &missing) {
		v.MissingParents = missing.Parents()
	}
	return v
}

// since is a time of a machine as nanoseconds since the start.
func (w *World) since(t time.Time) int64 {
	if t.IsZero() {
		return w.now
	}
	return int64(t.Sub(start))
}
