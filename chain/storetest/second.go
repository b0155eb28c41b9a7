package storetest

import (
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
)

// testSecond sees that a store's two coin sets have nothing in common, and that what they are is remembered.
func testSecond(t *testing.T, s chain.Store, reopen Reopen) {
	list := someCoins(40)
	r1, r2 := chain.Record{Height: 1, Coins: 30}, chain.Record{Height: 2, Coins: 10}
	state := chain.Snapshot{Active: 1, Phase: chain.SnapshotAssumed, ChainTx: 77, Coins: r2}
	must(t, s.Commit(&chain.Batch{Coins: list[:30], Record: &r1}))
	must(t, s.Second().Commit(&chain.Batch{Coins: list[30:], Record: &r2, Snapshot: &state}))
	must(t, s.Commit(&chain.Batch{Flushing: &chain.Flushing{From: r1, To: r2}}))
	for _, kill := range []bool{true, false} {
		s = reopen(t, s, kill)
		first, second := meta(t, s), secondMeta(t, s)
		if first.Record.Hash() != r1.Hash() || first.Flushing == nil || second.Record.Hash() != r2.Hash() || second.Flushing != nil {
			t.Fatalf("%+v %+v", first, second)
		}
		for _, m := range []chain.Meta{first, second} {
			if n := m.Snapshot; n == nil || n.Active != 1 || n.Phase != chain.SnapshotAssumed || n.ChainTx != 77 || n.Coins.Hash() != r2.Hash() || m.Clean {
				t.Fatalf("%+v", m)
			}
		}
		if a, b := countCoins(t, s), countCoins(t, s.Second()); a != 30 || b != 10 {
			t.Fatalf("%d and %d coins", a, b)
		}
	}
	testSecondClean(t, s, reopen, r1)
}

// testSecondClean sees that each set has its own clean stop, and that one can be forgotten.
func testSecondClean(t *testing.T, s chain.Store, reopen Reopen, r1 chain.Record) {
	must(t, s.Commit(&chain.Batch{Record: &r1}))
	must(t, s.Second().Commit(&chain.Batch{Clean: true}))
	s = reopen(t, s, false)
	if meta(t, s).Clean || !secondMeta(t, s).Clean {
		t.Fatal("the wrong set is clean")
	}
	must(t, s.Second().Commit(&chain.Batch{Clean: true}))
	must(t, s.Commit(&chain.Batch{Clean: true}))
	s = reopen(t, s, false)
	if !meta(t, s).Clean || !secondMeta(t, s).Clean {
		t.Fatal("not both are clean")
	}
	must(t, s.Second().Commit(&chain.Batch{Forget: true, Snapshot: &chain.Snapshot{}}))
	if m := secondMeta(t, s); m.Record != nil || m.Flushing != nil || m.Snapshot.Phase != chain.SnapshotNone || meta(t, s).Record == nil {
		t.Fatalf("%+v", m)
	}
	must(t, s.Close())
	if _, err := s.Second().Meta(); !errors.Is(err, chain.ErrClosed) {
		t.Fatal(err)
	}
}

func secondMeta(t *testing.T, s chain.Store) chain.Meta {
	t.Helper()
	m, err := s.Second().Meta()
	must(t, err)
	return m
}

func countCoins(t *testing.T, s chain.CoinSet) (n int) {
	t.Helper()
	must(t, s.EachCoin(t.Context(), nil, func(consensus.CoinEntry) error { n++; return nil }))
	return n
}
