package chain_test

import (
	"context"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/storetest"
)

// genesis - a1 - a2 - a3(spends)
//
//	└ b2 - b3 - b4, called invalid by an operator
//
// After a reindex the same blocks give the same coins, and what was called invalid is judged again: the longer branch wins.
func TestReindex(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 2)
	f.add(a...)
	a3 := f.Block(a[1], storetest.Spend(2, coinbase(a[0])))
	f.add(a3)
	b := f.Empty(a[0], 3)
	f.add(b...)
	storetest.Agree(t, f.c, b[2])
	if err := f.c.Invalidate(b[0].Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, f.c, a3)
	if err := f.c.Close(); err != nil {
		t.Fatal(err)
	}
	store := f.store.Reopen()
	cfg := storetest.Config(f.Params, store)
	cfg.Reindex = true
	c := storetest.Open(t, cfg)
	storetest.Agree(t, c, b[2])
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, storetest.Open(t, storetest.Config(f.Params, store.Reopen())), b[2])
}

// A pruned chain has not all of its blocks: it begins anew, and takes them again.
func TestReindexPruned(t *testing.T) {
	m, s, c, blocks := pruned(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := storetest.PruneConfig(m.Params, s.Reopen())
	cfg.Reindex = true
	c = storetest.Open(t, cfg)
	if h := c.Tip().Height(); h != 0 {
		t.Fatalf("height %d without blocks", h)
	}
	storetest.Add(t, c, blocks...)
	storetest.Agree(t, c, blocks[19])
}

// A reindex that is broken off is ended by the next start, whether that was asked for it or not.
func TestReindexBrokenOff(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 30)
	f.add(a...)
	if err := f.c.Close(); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		below := f.store.Reopen()
		cfg := storetest.Config(f.Params, storetest.NewFaulty(below, n))
		cfg.Reindex = true
		if c, err := chain.Open(context.Background(), cfg); err == nil {
			c.Abandon()
		}
		c := storetest.Open(t, storetest.Config(f.Params, below))
		storetest.Agree(t, c, a[29])
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		f.store = below
	}
}
