package consensustest_test

import (
	"fmt"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// TestAncestors compares the walk over skip pointers with the walk over parents.
func TestAncestors(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Regtest())
	tip := c.MineEmpty(200)
	for from := tip; from != nil; from = from.Parent {
		walk := from
		for h := from.Height(); h >= 0; h-- {
			if got := from.Ancestor(h); got != consensus.Ancestry(walk) {
				t.Fatalf("from %d to %d: %v", from.Height(), h, got)
			}
			walk = walk.Parent
		}
	}
	if tip.Ancestor(-1) != nil || tip.Ancestor(201) != nil {
		t.Error("an ancestor out of range is not nil")
	}
}

func TestMinesOnBothNetworks(t *testing.T) {
	for _, p := range []*consensus.Params{consensus.Regtest(), consensus.Cairn()} {
		c := consensustest.NewChain(t, p)
		tip := c.MineEmpty(12)
		if tip.Height() != 12 || len(c.CoinsAt(tip)) != 12 {
			t.Errorf("%s: height %d, %d coins", p.Name, tip.Height(), len(c.CoinsAt(tip)))
		}
		if want := consensus.WorkFromBits(p.PowLimitBits).Big().Int64() * 13; tip.Work().Big().Int64() != want {
			t.Errorf("%s: work %v, want %d", p.Name, tip.Work().Big(), want)
		}
		if c.Lookup(tip.Hash()) != tip || c.Lookup(types.Hash{}) != nil {
			t.Errorf("%s: Lookup finds the wrong block", p.Name)
		}
	}
}

func TestForks(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Regtest())
	fork := c.MineEmpty(3)
	a := c.MineEmpty(2)
	c.SetTip(fork)
	b := c.MineEmpty(2)
	if a.Hash() == b.Hash() || a.Parent.Hash() == b.Parent.Hash() {
		t.Error("two branches are one")
	}
	if a.Ancestor(3) != b.Ancestor(3) || a.Ancestor(4) == b.Ancestor(4) {
		t.Error("the branches do not part at height 3")
	}
	stray := c.Build(b, consensustest.AnyoneCanSpend)
	stray.Header.PrevHash = types.Hash{1}
	if _, err := c.Add(stray); consensus.KindOf(err) != consensus.PrevBlkNotFound {
		t.Errorf("a block without parent: %v", err)
	}
	if c.Tip() != b {
		t.Error("a refused block became the tip")
	}
}

func TestSigned(t *testing.T) {
	p := consensus.Cairn()
	c := consensustest.NewChain(t, p)
	c.PayTo = consensustest.KeyLock()
	first := c.Mine()
	c.MineEmpty(int(p.CoinbaseMaturity) - 1)
	tx := first.SignedSpend(t, 1000)
	next := consensustest.Signed(t, 500, consensustest.CoinEntry(tx, 0))
	n := c.Mine(tx, next)
	if n.Update.Fees != 1500 {
		t.Errorf("fees %d", n.Update.Fees)
	}
	if err := (&script.Runner{Verifier: script.NewVerifier()}).Run(n.Checks); err != nil {
		t.Error(err)
	}
}

func TestUnsolve(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Regtest())
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
	consensustest.Unsolve(b)
	if _, err := c.Add(b); consensus.KindOf(err) != consensus.HighHash {
		t.Errorf("a block without work: %v", err)
	}
}

func ExampleNewChain() {
	var t testing.T // in a test, the test's own
	c := consensustest.NewChain(&t, consensus.Regtest())
	first := c.Mine()
	c.MineEmpty(99)
	n := c.Mine(first.Spend(1000))
	fmt.Println(n.Height(), n.Update.Fees)
	// Output: 101 1000
}
