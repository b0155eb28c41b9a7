package proto

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// chaos drives a machine with events that the bytes choose: anything from anybody at any time.
type chaos struct {
	*rig
	data   []byte
	nodes  []*consensustest.Node // of three branches
	txs    []*types.Tx
	open   []Event // verdicts that are due
	nonces map[PeerID]uint64
	live   []PeerID
	next   PeerID
	dials  []Dial // not answered yet
}

// chaosNodes are shared by all runs: a trunk of 40 with two forks.
var chaosNodes = func() []*consensustest.Node {
	trunk := branch(rootNode, 40, 1)
	nodes := append(trunk, branch(trunk[10], 20, 2)...)
	parent, txs := trunk[30], chaosTxs()
	for i := range 30 {
		parent = block(parent, 3, txs[:i%5]...)
		nodes = append(nodes, parent)
	}
	return nodes
}()

// chaosTxs are a chain of transactions, each with a twin that has a witness.
func chaosTxs() (txs []*types.Tx) {
	last := types.Hash{1}
	for i := range uint32(12) {
		x := tx(i, last)
		txs = append(txs, x, withWitness(x, "w"))
		last = x.ID()
	}
	return txs
}

func newChaos(t *testing.T, data []byte) *chaos {
	c := &chaos{data: data, nodes: chaosNodes, nonces: map[PeerID]uint64{}, next: 1}
	c.rig = newBookRig(t, []netip.AddrPort{testAddr(900), testAddr(901)}, func(cfg *Config) {
		cfg.Manual = []netip.AddrPort{testAddr(800)}
		cfg.Limits.Inbound = 6
		cfg.Listen = netip.MustParseAddrPort("10.9.9.9:8333")
		cfg.Services = wire.NodeNetwork | wire.NodeWitness | wire.NodeCompactFilters | wire.NodeBloom
		cfg.Pruned = len(data)%2 == 0
	})
	if c.n(3) == 0 { // the network was asleep for months
		c.now = c.now.AddDate(0, 5, 0)
		c.m.settled = false
	}
	c.pool.outs[types.Hash{1}] = true
	c.txs = chaosTxs()
	c.pool.bad[c.txs[4].WitnessID()] = consensus.Reject(consensus.MinRelayFeeNotMet, "")
	c.pool.poor[c.txs[6].WitnessID()], c.pool.poor[c.txs[9].WitnessID()] = true, true
	c.chain.bad[c.nodes[65].Hash()] = consensus.Reject(consensus.BadCbAmount, "")
	c.chain.bad[c.nodes[70].Hash()] = errors.New("disk full")
	return c
}

func (c *chaos) n(most int) int {
	if len(c.data) == 0 || most <= 0 {
		return 0
	}
	b := int(c.data[0])
	c.data = c.data[1:]
	return b % most
}

func (c *chaos) peer() PeerID {
	if len(c.live) == 0 {
		return 77
	}
	return c.live[c.n(len(c.live))]
}

func (c *chaos) node() *consensustest.Node { return c.nodes[c.n(len(c.nodes))] }
func (c *chaos) tx() *types.Tx             { return c.txs[c.n(len(c.txs))] }

// feedback notes what the effects call for.
func (c *chaos) feedback(out []Effect) {
	for _, eff := range out {
		switch e := eff.(type) {
		case Send:
			if p, ok := e.Msg.(wire.Ping); ok {
				c.nonces[e.Peer] = p.Nonce
			}
		case Dial:
			c.dials = append(c.dials, e)
		case Disconnect:
			c.open = append(c.open, Gone{e.Peer})
		default:
			c.open = append(c.open, c.judge(eff)...)
		}
	}
}

func (c *chaos) run() {
	for steps := 0; len(c.data) > 0 && steps < 2000; steps++ {
		c.feedback(c.step(c.event()))
	}
	for len(c.open) > 0 {
		ev := c.open[0]
		c.open = c.open[1:]
		c.feedback(c.step(ev))
	}
	for _, id := range c.live {
		c.step(Gone{id})
	}
	if len(c.m.order)+len(c.m.blocks.flights)+len(c.m.blocks.checking)+c.m.txs.tracker.Len()+len(c.m.txs.orphans.All())+len(c.m.txs.pending)+c.m.blocks.partBytes+len(c.m.compact.chosen) != 0 {
		c.t.Fatalf("something is left after all peers have gone: %d peers, %d flights, %d blocks, %d wanted, %d orphans, %d pending",
			len(c.m.order), len(c.m.blocks.flights), len(c.m.blocks.checking), c.m.txs.tracker.Len(), len(c.m.txs.orphans.All()), len(c.m.txs.pending))
	}
}

func (c *chaos) event() Event {
	switch c.n(16) {
	case 0:
		return c.connect()
	case 1:
		id := c.peer()
		for i, l := range c.live {
			if l == id {
				c.live = append(c.live[:i], c.live[i+1:]...)
				break
			}
		}
		return Gone{id}
	case 2:
		c.now = c.now.Add(time.Duration(c.n(256)) * time.Duration(c.n(200)) * 10 * time.Millisecond)
		return Tick{}
	case 3:
		c.now = c.m.NextTick()
		return Tick{}
	case 4, 5, 6:
		if len(c.open) > 0 {
			i := c.n(len(c.open))
			ev := c.open[i]
			c.open = append(c.open[:i], c.open[i+1:]...)
			return ev
		}
		return TipChanged{}
	case 7:
		return []Event{
			Redial{}, PingAll{}, DropPeer{c.peer()}, AddManual{Addr: testAddr(PeerID(800 + c.n(3)))}, RemoveManual{testAddr(801)},
			Malformed{Peer: c.peer()}, Broadcast{c.tx().ID(), c.tx().WitnessID()}, TxVerdict{Tx: c.tx(), FeeRate: 9},
			AddManual{Addr: testAddr(850), Once: true}, BlockChecked{c.node().Block},
			TxVerdict{Tx: c.tx(), FeeRate: 9, Removed: []*types.Tx{c.tx()}},
			FetchBlock{c.peer(), c.node().Hash()}, Hurry{By: time.Minute}, Seed{testAddr(860)}, Connect{testAddr(870), []ConnKind{Outbound, BlockRelay, Feeler, AddrFetch}[c.n(4)]},
		}[c.n(15)]
	}
	return Message{Peer: c.peer(), Msg: c.message()}
}

func (c *chaos) connect() Event {
	id := c.next
	c.next++
	if len(c.dials) > 0 && c.n(2) == 0 {
		d := c.dials[0]
		c.dials = c.dials[1:]
		if c.n(3) == 0 {
			return DialFailed(d)
		}
		c.live = append(c.live, id)
		return Connected{Peer: id, Kind: d.Kind, Addr: d.Addr, NetGroup: netGroup(d.Addr), Permissions: c.permissions()}
	}
	c.live = append(c.live, id)
	a := testAddr(PeerID(c.n(30)))
	return Connected{Peer: id, Kind: []ConnKind{Inbound, Inbound, Inbound, Outbound, BlockRelay, Manual, Feeler, AddrFetch}[c.n(8)], Addr: a, NetGroup: netGroup(a), Permissions: c.permissions()}
}

// permissions of every third peer are not none.
func (c *chaos) permissions() Permissions {
	if c.n(3) > 0 {
		return 0
	}
	return (Permissions(c.n(256)) & PermAll).Resolve(true, false)
}

func (c *chaos) inv() wire.Inv {
	h := []types.Hash{c.node().Hash(), c.tx().ID(), c.tx().WitnessID(), {byte(c.n(256))}}[c.n(4)]
	return wire.Inv{Type: []wire.InvType{1, 2, 5, wire.InvWitnessBlock, wire.InvWitnessTx, 99, wire.InvCmpctBlock}[c.n(7)], Hash: h}
}

// compact makes one of the messages about compact blocks, most of them good ones.
func (c *chaos) compact() wire.Message {
	b := c.node().Block
	var indexes []uint16
	for i := range c.n(4) {
		indexes = append(indexes, uint16(i+c.n(2)))
	}
	slices.Sort(indexes)
	answer, _ := wire.NewBlockTxn(b, slices.Compact(indexes))
	answer.Hash = b.Hash()
	spoiled := wire.NewCmpctBlock(b, 5)
	spoiled.ShortIDs = append(spoiled.ShortIDs, uint64(c.n(3)), wire.NewShortIDKey(&b.Header, 5).Of(c.tx().WitnessID()))
	return []wire.Message{
		wire.SendCmpct{HighBandwidth: c.n(2) == 0, Version: 2}, wire.NewCmpctBlock(b, 5), wire.NewCmpctBlock(b, 6), spoiled,
		wire.CmpctBlock{Header: b.Header, Prefilled: []wire.PrefilledTx{{Index: uint16(c.n(3)), Tx: b.Txs[0]}}},
		wire.GetBlockTxn{Hash: b.Hash(), Indexes: slices.Compact(indexes)}, answer, answer, wire.BlockTxn{Hash: b.Hash(), Txs: b.Txs[c.n(len(b.Txs)):]},
	}[c.n(9)]
}

func (c *chaos) message() wire.Message {
	items := []wire.Inv{c.inv(), c.inv(), c.inv()}[:c.n(4)]
	from := c.n(len(c.nodes))
	loc := []types.Hash{c.node().Hash()}[:c.n(2)]
	a := wire.TimedAddr{Time: uint32(c.now.Unix()), NetAddr: wire.NetAddr{Services: 9, Addr: testAddr(PeerID(c.n(256) + 300))}}
	msgs := []wire.Message{
		goodVersion(uint64(c.n(9))), goodVersion(1), wire.Verack{}, wire.Verack{}, wire.WTxIDRelay{}, wire.SendHeaders{}, wire.GetAddr{}, wire.Mempool{},
		wire.FeeFilter{FeeRate: int64(c.n(256)-10) * 100}, wire.Ping{Nonce: 1}, wire.Pong{Nonce: c.nonces[c.peer()]},
		wire.Addr{Addrs: []wire.TimedAddr{a}}, wire.InvMsg{Items: items}, wire.InvMsg{Items: items}, wire.GetData{Items: items}, wire.NotFound{Items: items},
		wire.GetHeaders{Locator: loc, Stop: c.node().Hash()}, wire.GetBlocks{Locator: loc}, wire.Unknown{Name: "x"},
		wire.Headers{Headers: headersOf(c.nodes[from:min(from+c.n(30), len(c.nodes))])}, wire.Headers{Headers: headersOf(c.nodes[:c.n(40)])},
		wire.Headers{Headers: headersOf(c.nodes[from : from+1])}, wire.BlockMsg{Block: c.node().Block}, wire.BlockMsg{Block: c.node().Block},
		wire.BlockMsg{Block: c.nodes[c.n(10)].Block}, wire.TxMsg{Tx: c.tx()}, wire.TxMsg{Tx: c.tx()},
		c.compact(), c.compact(), c.compact(), c.compact(),
	}
	return append(msgs, c.lateMessages(a)...)[c.n(len(msgs)+14)]
}

// lateMessages are fourteen of BIP155, BIP157, BIP37 and BIP35.
func (c *chaos) lateMessages(a wire.TimedAddr) []wire.Message {
	tor := wire.TimedAddrV2{Time: a.Time, Services: 9, Network: wire.NetTorV3, Addr: make([]byte, 32)}
	start := uint32(c.n(60))
	return []wire.Message{
		wire.SendAddrV2{}, wire.SendAddrV2{}, wire.AddrV2{Addrs: []wire.TimedAddrV2{a.V2(), tor}}, wire.AddrV2{},
		wire.GetCFilters{Start: start, Stop: c.node().Hash()}, wire.GetCFilters{Start: start, Stop: c.node().Hash()},
		wire.GetCFHeaders{Start: start, Stop: c.node().Hash()}, wire.GetCFCheckpt{Stop: c.node().Hash()},
		wire.FilterLoad{Data: bytes.Repeat([]byte{0x55}, c.n(9)), Hashes: uint32(c.n(60)), Flags: 1}, wire.FilterLoad{}, wire.FilterAdd{}, wire.FilterClear{},
		wire.Mempool{}, wire.GetData{Items: []wire.Inv{{Type: wire.InvFiltered, Hash: c.node().Hash()}}},
	}
}

// FuzzStep: whatever happens in whatever order, the machine stays sane, asks for no tick in the past, and nothing is
// left of peers that have gone.
func FuzzStep(f *testing.F) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 20 {
		data := make([]byte, 3000)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { newChaos(t, data[:min(len(data), 20_000)]).run() })
}
