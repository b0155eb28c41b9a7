package chain_test

import (
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
)

// The set of any earlier block is that of a chain which ends there; the chain itself stays where it is.
func TestEachCoinAt(t *testing.T) {
	f := newFixture(t)
	steps, final := storetest.Story(f.Maker)
	f.add(steps...)
	for n := final; n != nil; n = n.Parent {
		coins := consensus.Coins{}
		hash := chain.NewSerialHash()
		var last consensus.CoinEntry
		err := f.c.EachCoinAt(t.Context(), f.c.Lookup(n.Hash()), func(e consensus.CoinEntry) error {
			if len(coins) > 0 && last.OutPoint.Compare(e.OutPoint) >= 0 {
				t.Fatal("out of order")
			}
			last, coins[e.OutPoint] = e, e.Coin
			hash.Add(e)
			return nil
		})
		if err != nil || storetest.Digest(coins) != storetest.Digest(storetest.Replay(n)) {
			t.Fatalf("height %d: %d coins, %v", n.Height(), len(coins), err)
		}
		if info, err := f.c.SetInfo(t.Context()); n == final && (err != nil || info.HashSerialized != hash.Sum()) {
			t.Fatal("another hash", err)
		}
	}
	storetest.Agree(t, f.c, final)
	stop := errors.New("stop")
	if err := f.c.EachCoinAt(t.Context(), f.c.AtHeight(2), func(consensus.CoinEntry) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if err := f.c.EachCoinAt(t.Context(), f.c.Lookup(steps[4].Hash()), func(consensus.CoinEntry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for _, n := range f.c.Tips()[1:] {
		if err := f.c.EachCoinAt(t.Context(), n, func(consensus.CoinEntry) error { return nil }); err == nil {
			t.Fatal("a side branch has a coin set")
		}
	}
}

// Blocks that were pruned cannot be taken off.
func TestEachCoinAtPruned(t *testing.T) {
	_, _, c, _ := pruned(t)
	if err := c.EachCoinAt(t.Context(), c.AtHeight(14), func(consensus.CoinEntry) error { return nil }); err != nil {
		t.Fatal(err)
	}
	err := c.EachCoinAt(t.Context(), c.AtHeight(3), func(consensus.CoinEntry) error { return nil })
	if !errors.Is(err, chain.ErrNotStored) {
		t.Fatal(err)
	}
	s := memdb.New()
	empty := storetest.Open(t, storetest.Config(c.Params(), s))
	if err := empty.EachCoinAt(t.Context(), empty.Genesis(), func(consensus.CoinEntry) error { return errors.New("a coin") }); err != nil {
		t.Fatal(err)
	}
}
