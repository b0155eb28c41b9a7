package node

import (
	"sync"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// steep is a network whose first blocks need two hashes and whose later ones need 2¹²: worthless headers cost
// nothing there, as in the real attack.
func steep(t *testing.T) *consensus.Params {
	t.Helper()
	p, err := consensus.ParseParams([]byte(`base = "regtest"
name = "steep"
retarget = "asert"
target_spacing = 1
asert_half_life = 1000000000
asert_anchor_height = 2
asert_anchor_bits = "1f0fffff"
`))
	must(t, err)
	return p
}

// worthless makes a row of n headers on a block, each with the least work that there is.
func worthless(p *consensus.Params, on types.Header, n int, mark uint32) []types.Header {
	hs := make([]types.Header, n)
	target, _ := consensus.TargetFromBits(p.PowLimitBits)
	prev := on.Hash()
	for i := range hs {
		h := types.Header{Version: 4, PrevHash: prev, MerkleRoot: types.Hash{byte(mark), byte(mark >> 8), 1}, Time: on.Time + uint32(i) + 1, Bits: p.PowLimitBits}
		for prev = h.Hash(); !consensus.MeetsTarget(prev, target); prev = h.Hash() {
			h.Nonce++
		}
		hs[i] = h
	}
	return hs
}

// feed answers the node's requests for headers from a row of them, from its first part on, and returns when the node asks for
// what is not there.
func (p *stranger) feed(row []types.Header) {
	at := map[types.Hash]int{}
	for i := range row {
		at[row[i].Hash()] = i + 1
	}
	part := func(from int) []types.Header { return row[from:min(from+wire.MaxHeaders, len(row))] }
	p.say(wire.Headers{Headers: part(0)})
	for {
		m := await[wire.GetHeaders](p)
		from, known := at[m.Locator[0]]
		if known && from == len(row) {
			return
		}
		p.say(wire.Headers{Headers: part(from)})
	}
}

// Bad inputs 17 and 20 (CVE-2019-25220, CVE-2024-52916): headers of almost no work, hundreds of thousands from several peers, and
// the blocks to them, are neither kept in memory nor written.
func TestHostileHeaderSpam(t *testing.T) {
	p := steep(t)
	s := besiege(t, func(c *Config) { c.Params, c.DataDir = p, t.TempDir() })
	generate(t, s.ctx, s.node, 250)
	const strangers, each = 6, 40_000
	rows := make([][]types.Header, strangers)
	var wg sync.WaitGroup
	for i := range rows {
		wg.Go(func() { rows[i] = worthless(p, p.Genesis.Header, each, uint32(i)) })
	}
	wg.Wait()
	tips, best, size := len(s.node.chain.Tips()), s.node.chain.BestHeader().Hash(), s.storeSize()
	crowd := make([]*stranger, strangers)
	for i := range crowd {
		crowd[i] = s.meet()
	}
	before := heap()
	for i, peer := range crowd {
		wg.Go(func() { peer.feed(rows[i]) })
	}
	wg.Wait()
	// Here the presync of every peer is under way still: the node waits for the rest of each row.
	within(t, "240,000 worthless headers", before, 2<<20)
	for i, peer := range crowd {
		peer.fence()
		if s.node.chain.Lookup(rows[i][0].Hash()) != nil || s.node.chain.Lookup(rows[i][each-1].Hash()) != nil {
			t.Error("a worthless header was kept")
		}
	}
	if n := len(s.node.chain.Tips()); n != tips || s.node.chain.BestHeader().Hash() != best {
		t.Errorf("%d tips after %d, best header %s", n, tips, s.node.chain.BestHeader().Hash())
	}
	if after := s.storeSize(); after != size {
		t.Errorf("the store grew from %d to %d bytes", size, after)
	}
	s.spamBlocks(p, crowd[0])
	s.alive()
}

// spamBlocks sends blocks of little work that nobody asked for.
func (s *siege) spamBlocks(p *consensus.Params, peer *stranger) {
	s.Helper()
	chain := consensustest.NewChain(s.T, p)
	size, before := s.storeSize(), heap()
	var spam []types.Hash
	for i := range 200 {
		lock := make([]byte, 9_000)
		lock[0] = byte(i)
		b := chain.Build(chain.Tip(), lock)
		consensustest.Solve(b)
		spam = append(spam, b.Hash())
		peer.say(wire.BlockMsg{Block: b})
	}
	peer.fence()
	must(s.T, nodeRPC{s.node}.Settle(s.ctx))
	within(s.T, "200 unasked blocks of little work", before, 2<<20)
	if after := s.storeSize(); after != size {
		s.Errorf("the store grew from %d to %d bytes", size, after)
	}
	for _, h := range spam {
		if stored, err := s.node.store.HasBlock(h); err != nil || stored || s.node.chain.Lookup(h) != nil {
			s.Fatalf("a worthless block was kept: %v", err)
		}
	}
}

// storeSize is the size of the store's files in bytes.
func (s *siege) storeSize() int64 {
	s.Helper()
	size, err := s.node.store.Size()
	must(s.T, err)
	return size.State + size.Blocks
}

// Headers that lead nowhere, in all the ways: unknown parents, a row that does not connect, no work, a claim of more work than was
// done, a row on a block that is known to be invalid.
func TestHostileHeaderKinds(t *testing.T) {
	s := besiege(t, nil)
	generate(t, s.ctx, s.node, 150)
	params := s.node.cfg.Params
	tip := s.node.chain.Tip().Header()
	row := func() []types.Header { return worthless(params, tip, 20, 7) }
	stray := worthless(params, types.Header{Time: tip.Time}, 20, 8)
	gap := append(row()[:5], row()[6:]...)
	idle := row()
	b := &types.Block{Header: idle[19]}
	consensustest.Unsolve(b)
	idle[19] = b.Header
	claim := row()
	claim[19].Bits = 0x1d00ffff
	for name, c := range map[string]struct {
		row     []types.Header
		hangsUp bool
	}{"stray": {stray, false}, "gap": {gap, true}, "idle": {idle, true}, "claim": {claim, true}} {
		p := s.meet()
		p.say(wire.Headers{Headers: c.row})
		if c.hangsUp {
			p.hungUp()
		} else {
			p.fence()
		}
		if s.node.chain.BestHeader().Header() != tip {
			t.Errorf("%s: the best header has changed", name)
		}
	}
	s.alive()
}
