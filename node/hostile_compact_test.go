package node

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// cmpct is a stranger that understands compact blocks and has shown the node that it has its chain.
func (s *siege) cmpct(high bool) *stranger {
	s.Helper()
	p := s.meet()
	p.say(wire.SendCmpct{HighBandwidth: high, Version: 2}, wire.Headers{Headers: []types.Header{s.node.chain.Tip().Header()}})
	p.fence()
	return p
}

// tipIs waits until the node's tip is a block.
func (s *siege) tipIs(b *types.Block) {
	s.Helper()
	awaitTip(s.T, s.ctx, s.node, b.Hash())
}

func (s *siege) outcome(label string) bool {
	return strings.Contains(scrape(s.T, s.node), `cairn_compact_blocks_total{outcome="`+label+`"} 1`)
}

// A block that a miner finds reaches a peer of high bandwidth as a compact block before it is asked for, and the peer is
// given what it lacks.
func TestOwnBlockGoesOutCompact(t *testing.T) {
	s := matured(t, 1, nil)
	p := s.cmpct(true)
	b := s.nextBlock(coinbaseSpend(t, s.node, 1, 1000))
	must(t, s.node.SubmitBlock(s.ctx, b))
	got := awaitThat(p, func(m wire.CmpctBlock) bool { return m.Header.Hash() == b.Hash() })
	if key := got.Key(); len(got.ShortIDs) != 1 || got.ShortIDs[0] != key.Of(b.Txs[1].WitnessID()) {
		t.Errorf("short ids %x", got.ShortIDs)
	}
	p.say(wire.GetBlockTxn{Hash: b.Hash(), Indexes: []uint16{1}})
	if txs := await[wire.BlockTxn](p).Txs; len(txs) != 1 || txs[0].WitnessID() != b.Txs[1].WitnessID() {
		t.Errorf("%d transactions", len(txs))
	}
	old := generate(t, s.ctx, s.node, 11)[0] // from the store now, and too old for a compact block in the end
	p.say(wire.GetBlockTxn{Hash: old, Indexes: []uint16{0}})
	if m := awaitThat(p, func(m wire.BlockTxn) bool { return m.Hash == old }); len(m.Txs) != 1 {
		t.Errorf("%d transactions", len(m.Txs))
	}
	p.say(wire.GetBlockTxn{Hash: b.Hash(), Indexes: []uint16{1}})
	awaitThat(p, func(m wire.BlockMsg) bool { return m.Block.Hash() == b.Hash() })
	tip := s.node.chain.Tip().Hash()
	p.say(wire.GetData{Items: []wire.Inv{{Type: wire.InvCmpctBlock, Hash: tip}}})
	awaitThat(p, func(m wire.CmpctBlock) bool { return m.Header.Hash() == tip })
}

// Two real nodes choose each other and exchange blocks in compact form; RPC and metrics tell.
func TestNodesExchangeCompactBlocks(t *testing.T) {
	s := matured(t, 2, nil)
	other, ctx := start(t, func(c *Config) { c.Connect = []netip.AddrPort{s.node.P2PAddr()}; c.DataDir = "" })
	awaitTip(t, ctx, other, s.node.chain.Tip().Hash())
	tx := coinbaseSpend(t, s.node, 1, 5000)
	for range 2 { // the first lets the other choose
		b := generate(t, s.ctx, s.node, 1)[0]
		awaitTip(t, ctx, other, b)
	}
	must(t, s.node.SubmitTx(s.ctx, tx))
	awaitPool(t, ctx, other, tx)
	b := generate(t, s.ctx, s.node, 1)[0]
	awaitTip(t, ctx, other, b)
	var stats string
	for stats = scrape(t, other); strings.Contains(stats, `cairn_compact_blocks_total{outcome="pool"} 0`); stats = scrape(t, other) {
		generateAndAwait(t, s, ctx, other)
	}
	var peers []struct {
		To   bool `json:"bip152_hb_to"`
		From bool `json:"bip152_hb_from"`
	}
	s.call(&peers, "getpeerinfo")
	if len(peers) != 1 || !peers[0].From || peers[0].To {
		t.Errorf("the miner's peers: %+v", peers)
	}
	if i := slices.IndexFunc(other.machinePeers(), func(p proto.PeerInfo) bool { return p.HighBandwidthTo && !p.HighBandwidthFrom }); i < 0 {
		t.Errorf("the other's peers: %+v", other.machinePeers())
	}
}

func generateAndAwait(t *testing.T, s *siege, ctx context.Context, n *Node) {
	t.Helper()
	awaitTip(t, ctx, n, generate(t, s.ctx, s.node, 1)[0])
}

// Bad input 19 (CVE-2024-35202): a block in compact form whose transactions are then sent twice, in part, by others or wrongly. The
// node neither fails nor waits: it takes the block in the end.
func TestHostileBlockTxn(t *testing.T) {
	s := matured(t, 4, nil)
	p := s.cmpct(false)
	b := s.nextBlock(coinbaseSpend(t, s.node, 1, 1000), coinbaseSpend(t, s.node, 2, 1000))
	p.say(wire.BlockTxn{Hash: b.Hash(), Txs: b.Txs}) // nobody has asked
	p.say(wire.NewCmpctBlock(b, 1))
	if ask := await[wire.GetBlockTxn](p); !slices.Equal(ask.Indexes, []uint16{1, 2}) {
		t.Fatalf("asked for %v", ask.Indexes)
	}
	// The transactions in the wrong order: another merkle root, so the whole block is asked for.
	wrong := wire.BlockTxn{Hash: b.Hash(), Txs: []*types.Tx{b.Txs[2], b.Txs[1]}}
	p.say(wrong, wrong, wire.NewCmpctBlock(b, 2), wire.BlockTxn{Hash: b.Hash(), Txs: b.Txs[1:]})
	p.asked(b.Hash())
	p.say(wire.BlockMsg{Block: b})
	s.tipIs(b)
	p.say(wrong)
	p.fence()
	if !s.outcome("whole") || s.outcome("pool") || s.outcome("request") {
		t.Error("the block was not counted as asked for whole")
	}
	// Too few: that peer is left, and a friend delivers.
	next := s.nextBlock(coinbaseSpend(t, s.node, 3, 1000))
	p.say(wire.NewCmpctBlock(next, 3))
	await[wire.GetBlockTxn](p)
	p.say(wire.BlockTxn{Hash: next.Hash()})
	p.hungUp()
	friend := s.cmpct(false)
	friend.say(wire.NewCmpctBlock(next, 4))
	await[wire.GetBlockTxn](friend)
	friend.say(wire.BlockTxn{Hash: next.Hash(), Txs: next.Txs[1:]})
	s.tipIs(next)
	s.alive()
}

// Bad input 19: witnesses that are not the block's, in a blocktxn. The header commits to them by the coinbase only, so the chain
// finds out; the whole block is asked for and taken.
func TestHostileBlockTxnWitness(t *testing.T) {
	s := matured(t, 1, nil)
	p := s.cmpct(false)
	b := s.nextBlock(coinbaseSpend(t, s.node, 1, 1000))
	p.say(wire.NewCmpctBlock(b, 1))
	await[wire.GetBlockTxn](p)
	spoiled := b.Txs[1].Clone()
	spoiled.In[0].Witness = [][]byte{{1}}
	p.say(wire.BlockTxn{Hash: b.Hash(), Txs: []*types.Tx{spoiled}})
	p.asked(b.Hash())
	p.say(wire.BlockMsg{Block: b})
	s.tipIs(b)
	s.alive()
}

// Bad input 19: compact blocks with equal short ids, of nothing, with indexes beyond the end, and a flood of good ones that nobody
// asked for. Memory stays, and who breaks the rules is left.
func TestHostileCompactBlocks(t *testing.T) {
	s := matured(t, 1, nil)
	b := s.nextBlock()
	for name, m := range map[string]wire.CmpctBlock{
		"nothing": {Header: b.Header, ShortIDs: []uint64{}},
		"index":   {Header: b.Header, Prefilled: []wire.PrefilledTx{{Index: 9, Tx: b.Txs[0]}}},
		"work":    {Header: types.Header{Bits: 0x1d00ffff}, ShortIDs: []uint64{1}},
	} {
		p := s.cmpct(false)
		p.say(m)
		p.hungUp()
		t.Logf("%s: left", name)
	}
	p := s.cmpct(false)
	p.say(wire.CmpctBlock{Header: b.Header, ShortIDs: []uint64{5, 5}, Prefilled: []wire.PrefilledTx{}})
	p.asked(b.Hash())
	p.say(wire.BlockMsg{Block: b})
	s.tipIs(b)
	before := heap()
	flood := s.cmpct(false)
	ids := make([]uint64, 16_000)
	for i := range ids {
		ids[i] = uint64(i)
	}
	for i := range 300 {
		x := s.nextBlock()
		x.Header.Time += uint32(i)
		solved := &types.Block{Header: x.Header, Txs: x.Txs}
		consensustest.Solve(solved)
		flood.say(wire.CmpctBlock{Header: solved.Header, ShortIDs: ids, Prefilled: []wire.PrefilledTx{{Tx: x.Txs[0]}}})
		if i%10 == 0 {
			flood.fence()
		}
	}
	flood.fence()
	must(t, s.node.do(s.ctx, func() error { return nil })) // all headers are judged
	flood.fence()
	waiting := 0
	for _, p := range s.node.machinePeers() {
		waiting += len(p.InFlight)
	}
	if waiting == 0 || waiting > 16 {
		t.Errorf("%d blocks wait for their transactions", waiting)
	}
	within(t, "300 compact blocks of 16,000 unknown transactions", before, 24<<20)
	flood.close()
	s.awaitPeers(1)
	within(t, "when their sender has gone", before, 4<<20)
	s.alive()
}
