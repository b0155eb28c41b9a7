package chain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// pruned returns a chain of 20 blocks and its store, pruned up to height 14, the lowest that is kept being 15.
func pruned(t *testing.T) (m *storetest.Maker, s *memdb.Store, c *chain.Chain, blocks []*consensustest.Node) {
	t.Helper()
	m = &storetest.Maker{T: t, Params: storetest.Params()}
	blocks = m.Empty(m.Genesis(), 20)
	s = memdb.New()
	c = storetest.Open(t, storetest.PruneConfig(m.Params, s))
	storetest.Add(t, c, blocks...)
	if last, err := c.Prune(100); last != 14 || err != nil {
		t.Fatal(last, err)
	}
	storetest.AgreePruned(t, c, s, blocks[19])
	return m, s, c, blocks
}

// What was pruned stays pruned over restarts, is still known, and the chain goes on.
func TestPrune(t *testing.T) {
	m, s, c, blocks := pruned(t)
	if last, err := c.Prune(3); last != 14 || err != nil {
		t.Fatal("a second time", last, err)
	}
	if _, err := c.Block(blocks[2].Hash()); !errors.Is(err, chain.ErrNotStored) {
		t.Fatal(err)
	}
	if known, err := c.AddBlock(blocks[2].Block); !known || err != nil {
		t.Fatal("a pruned block is not known", known, err)
	}
	if n := c.Lookup(blocks[2].Hash()); n.HaveBlock() || n.Status() != "active" || n.ChainTxCount() != 4 {
		t.Fatal(n.Status(), n.ChainTxCount())
	}
	for _, kill := range []bool{false, true, false} {
		if !kill {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s = s.Reopen()
		c = storetest.Open(t, storetest.PruneConfig(m.Params, s))
		storetest.AgreePruned(t, c, s, blocks[19])
		if c.PruneHeight() != 14 {
			t.Fatal(c.PruneHeight())
		}
	}
	b := m.Empty(blocks[14], 6) // a reorganization within what is kept
	storetest.Add(t, c, b...)
	storetest.AgreePruned(t, c, s, b[5])
}

// Side branches go with the best chain, and may come again.
func TestPruneSideBranch(t *testing.T) {
	m := &storetest.Maker{T: t, Params: storetest.Params()}
	a := m.Empty(m.Genesis(), 20)
	b := m.Empty(a[3], 8) // heights 5 to 12
	s := memdb.New()
	c := storetest.Open(t, storetest.PruneConfig(m.Params, s))
	storetest.Add(t, c, a[:10]...)
	storetest.Add(t, c, b[:5]...)
	storetest.Add(t, c, a[10:]...)
	if last, err := c.Prune(6); last != 6 || err != nil {
		t.Fatal(last, err)
	}
	for i, n := range b[:5] {
		has, err := s.HasBlock(n.Hash())
		if node := c.Lookup(n.Hash()); err != nil || has != (i >= 2) || node.HaveBlock() != has || node.Pruned() || node.Linked() {
			t.Fatalf("side block %d: %v %v", i, has, err)
		}
	}
	storetest.Add(t, c, b[0])
	if known, err := c.AddBlock(b[1].Block); known || err != nil {
		t.Fatal("it does not come again", known, err)
	}
	if !c.Lookup(b[4].Hash()).Linked() {
		t.Fatal("the branch does not hold together")
	}
	storetest.AgreePruned(t, c, s, a[19])
}

// An index that lags keeps what it needs.
func TestPruneKeepsForFollowers(t *testing.T) {
	m := &storetest.Maker{T: t, Params: storetest.Params()}
	blocks := m.Empty(m.Genesis(), 30)
	c := storetest.Open(t, storetest.PruneConfig(m.Params, memdb.New()))
	lowest := int32(5)
	c.KeepFrom(func() int32 { return lowest })
	c.KeepFrom(func() int32 { return 12 })
	storetest.Add(t, c, blocks...)
	for _, step := range []struct{ lowest, want int32 }{{0, 0}, {5, 4}, {9, 8}, {29, 11}} {
		lowest = step.lowest
		if last, err := c.Prune(100); last != step.want || err != nil {
			t.Fatalf("with %d: %d %v", step.lowest, last, err)
		}
	}
}

// With a target the chain prunes by itself, in steps, and counts the same after a restart.
func TestPruneTarget(t *testing.T) {
	m := &storetest.Maker{T: t, Params: storetest.Params()}
	s := memdb.New()
	cfg := storetest.PruneConfig(m.Params, s)
	cfg.PruneTarget = 60_000
	c := storetest.Open(t, cfg)
	tip := m.Genesis()
	most := int64(0)
	for i := range 400 {
		tip = m.Block(tip)
		storetest.Add(t, c, tip)
		if i == 200 {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			s = s.Reopen()
			cfg.Store = s
			c = storetest.Open(t, cfg)
		}
		size, err := s.Size()
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, size.Blocks)
	}
	size := int64(tip.Block.Size()) + 36
	if h := c.PruneHeight(); h < 100 || h > 394 || most > cfg.PruneTarget+(pruneStep+2)*size || most < cfg.PruneTarget {
		t.Fatalf("pruned up to %d, at most %d bytes", h, most)
	}
	storetest.AgreePruned(t, c, s, tip)
}

const pruneStep = 64 // as in prune.go

// Coins that are damaged after an unclean stop cannot be made anew from what is stored: all blocks are asked for again.
func TestPrunedAndDamaged(t *testing.T) {
	_, s, c, blocks := pruned(t)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	changeCoins(t, s, func(consensus.CoinEntry) *consensus.Coin { return nil })
	s = s.Reopen()
	c = storetest.Open(t, storetest.PruneConfig(c.Params(), s))
	if c.Tip() != c.Genesis() || c.BestHeader().Hash() != blocks[19].Hash() || c.PruneHeight() != 0 {
		t.Fatalf("tip %d, headers %d", c.Tip().Height(), c.BestHeader().Height())
	}
	for _, n := range blocks {
		if node := c.Lookup(n.Hash()); node.HaveBlock() != (n.Height() > 14) || node.Pruned() || node.Invalid() {
			t.Fatalf("block %d: stored %v", n.Height(), node.HaveBlock())
		}
	}
	storetest.Add(t, c, blocks[:14]...)
	storetest.AgreePruned(t, c, s, blocks[19])
}

// A branch that leaves the chain below what is kept stops it; the next start begins anew.
func TestReorgBelowPruned(t *testing.T) {
	m, s, c, blocks := pruned(t)
	b := m.Empty(blocks[11], 10) // from height 12
	for i, n := range b {
		_, err := c.AddBlock(n.Block)
		if i < 8 != (err == nil) {
			t.Fatal(i, err)
		}
		if err != nil {
			if consensus.KindOf(err) != "" || !strings.Contains(err.Error(), "were pruned") {
				t.Fatal(err)
			}
			break
		}
	}
	if c.Tip().Hash() != blocks[19].Hash() {
		t.Fatal("the tip moved")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s = s.Reopen()
	c = storetest.Open(t, storetest.PruneConfig(m.Params, s))
	if c.Tip() != c.Genesis() {
		t.Fatal(c.Tip().Height())
	}
	storetest.Add(t, c, blocks[:12]...)
	storetest.Add(t, c, b...)
	storetest.AgreePruned(t, c, s, b[9])
}

// Bad input 27, while blocks are pruned: killed at every single write, and killed again in the start after it.
func TestKilledPruning(t *testing.T) {
	m := &storetest.Maker{T: t, Params: storetest.Params()}
	steps, final := storetest.PruneStory(m)
	places := map[types.Hash]*consensustest.Node{m.Genesis().Hash(): m.Genesis()}
	for _, n := range steps {
		places[n.Hash()] = n
	}
	for n := 0; ; n++ {
		s := memdb.NewLimited(5, 1<<20)
		err := storetest.PlayPruning(storetest.NewFaulty(s, n), m.Params, steps)
		if err != nil && !errors.Is(err, storetest.ErrKilled) {
			t.Fatal(err)
		}
		s = dieStarting(t, s.Reopen(), n%3, m.Params, places)
		c := storetest.Open(t, storetest.PruneConfig(m.Params, s))
		if c.Tip() == c.Genesis() && n > 40 {
			t.Fatalf("write %d: the chain began anew", n)
		}
		storetest.Add(t, c, steps...)
		storetest.AgreePruned(t, c, s, final)
		if err == nil {
			if n < 100 {
				t.Fatalf("only %d writes", n)
			}
			return
		}
	}
}
