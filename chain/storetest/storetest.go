package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// Reopen ends the use of a store, by Close or as if the process had been killed, and opens what it left.
type Reopen func(t *testing.T, s chain.Store, kill bool) chain.Store

// Run is the conformance test of a chain.Store. open returns an empty one.
func Run(t *testing.T, open func(t *testing.T) chain.Store, reopen Reopen) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, chain.Store, Reopen)
	}{
		{"empty", testEmpty}, {"blocks", testBlocks}, {"coins", testCoins}, {"index", testIndex}, {"records", testRecords},
		{"limits", testLimits}, {"snapshot", testSnapshot}, {"chain", testChain}, {"drop", testDrop}, {"second", testSecond},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t), reopen) })
	}
	t.Run("crash", func(t *testing.T) { testCrash(t, open, reopen) })
	t.Run("crash while pruning", func(t *testing.T) { testPruneCrash(t, open, reopen) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func testEmpty(t *testing.T, s chain.Store, _ Reopen) {
	meta, err := s.Load(t.Context(), func(chain.IndexEntry) error { return errors.New("an entry") })
	must(t, err)
	if meta.Record != nil || meta.Flushing != nil || meta.Clean {
		t.Fatalf("%+v", meta)
	}
	if _, err := s.Block(types.Hash{1}); !errors.Is(err, chain.ErrNotStored) {
		t.Fatal(err)
	}
	if _, err := s.Undo(types.Hash{1}); !errors.Is(err, chain.ErrNotStored) {
		t.Fatal(err)
	}
	if coins, err := s.Coins([]types.OutPoint{{}}); err != nil || len(coins) != 0 {
		t.Fatalf("%d coins, %v", len(coins), err)
	}
	must(t, s.Close())
	if _, err := s.Block(types.Hash{1}); !errors.Is(err, chain.ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
	if err := s.Commit(&chain.Batch{Record: &chain.Record{}}); !errors.Is(err, chain.ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
}

func testBlocks(t *testing.T, s chain.Store, reopen Reopen) {
	m := Maker{T: t, Params: Params()}
	n := m.Block(m.Genesis())
	raw := n.Block.Bytes()
	undo := consensus.Undo{{{Out: types.TxOut{Value: 5, Script: bytes.Repeat([]byte{7}, 3000)}, Height: 9, Coinbase: true}}}
	must(t, s.PutBlock(n.Hash(), raw))
	must(t, s.PutUndo(n.Hash(), undo))
	must(t, s.PutBlock(n.Hash(), raw)) // again
	for _, kill := range []bool{false, true} {
		s = reopen(t, s, kill)
		got, err := s.RawBlock(n.Hash())
		must(t, err)
		if !bytes.Equal(got, raw) {
			t.Fatal("another block")
		}
		b, err := s.Block(n.Hash())
		must(t, err)
		u, err := s.Undo(n.Hash())
		must(t, err)
		if b.Hash() != n.Hash() || len(u) != 1 || len(u[0]) != 1 || !sameCoin(u[0][0], undo[0][0]) {
			t.Fatal("another block or undo")
		}
		for _, has := range []func(types.Hash) (bool, error){s.HasBlock, s.HasUndo} {
			if ok, err := has(n.Hash()); !ok || err != nil {
				t.Fatal(ok, err)
			}
			if ok, err := has(types.Hash{1}); ok || err != nil {
				t.Fatal(ok, err)
			}
		}
	}
	found := 0
	must(t, s.EachBlock(t.Context(), func(h types.Hash, head types.Header) error {
		found++
		if h != n.Hash() || head != n.Header() {
			t.Error("another header")
		}
		return nil
	}))
	if found != 1 {
		t.Fatalf("%d blocks", found)
	}
	must(t, s.Close())
}

func sameCoin(a, b consensus.Coin) bool {
	return a.Height == b.Height && a.Coinbase == b.Coinbase && a.Out.Value == b.Out.Value && bytes.Equal(a.Out.Script, b.Out.Script)
}

// someCoins returns n changes in order.
func someCoins(n int) []chain.CoinChange {
	list := make([]chain.CoinChange, n)
	for i := range list {
		list[i].OutPoint = types.OutPoint{TxID: types.Hash{byte(i >> 8), byte(i)}, Index: uint32(i * 1000)}
		list[i].Coin = &consensus.Coin{Out: types.TxOut{Value: int64(i), Script: bytes.Repeat([]byte{byte(i)}, i%100)}, Height: int32(i), Coinbase: i%2 == 0}
	}
	return list
}

func collect(t *testing.T, s chain.Store) (list []consensus.CoinEntry) {
	t.Helper()
	must(t, s.EachCoin(t.Context(), nil, func(e consensus.CoinEntry) error {
		list = append(list, e)
		return nil
	}))
	return list
}

func testCoins(t *testing.T, s chain.Store, reopen Reopen) {
	list := someCoins(300)
	must(t, s.Commit(&chain.Batch{Coins: list}))
	must(t, s.Commit(&chain.Batch{Coins: []chain.CoinChange{{OutPoint: list[7].OutPoint}, {OutPoint: list[9].OutPoint, Coin: list[10].Coin}}}))
	for _, kill := range []bool{false, true} {
		s = reopen(t, s, kill)
		coins, err := s.Coins([]types.OutPoint{list[9].OutPoint, list[7].OutPoint, list[0].OutPoint})
		must(t, err)
		if len(coins) != 2 || !sameCoin(coins[list[9].OutPoint], *list[10].Coin) || !sameCoin(coins[list[0].OutPoint], *list[0].Coin) {
			t.Fatalf("%v", coins)
		}
		all := collect(t, s)
		if len(all) != 299 {
			t.Fatalf("%d coins", len(all))
		}
		if !slices.IsSortedFunc(all, func(a, b consensus.CoinEntry) int { return a.OutPoint.Compare(b.OutPoint) }) {
			t.Fatal("not in order")
		}
	}
	stop := errors.New("stop")
	if err := s.EachCoin(t.Context(), nil, func(consensus.CoinEntry) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, s.Commit(&chain.Batch{Coins: someCoins(400)}))
	err := s.EachCoin(ctx, nil, func(consensus.CoinEntry) error { return ctx.Err() })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	must(t, s.Close())
}

func testIndex(t *testing.T, s chain.Store, reopen Reopen) {
	m := Maker{T: t, Params: Params()}
	nodes := m.Empty(m.Genesis(), 300)
	var b chain.Batch
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		b.Index = append(b.Index, chain.IndexEntry{Hash: n.Hash(), Header: n.Header(), Height: n.Height(), Status: chain.StatusBlock, Seq: int64(i) - 5, TxCount: 1})
	}
	must(t, s.Commit(&b))
	change := b.Index[0]
	change.Status |= chain.StatusFailed
	must(t, s.Commit(&chain.Batch{Index: []chain.IndexEntry{change}}))
	s = reopen(t, s, true)
	i := 0
	_, err := s.Load(t.Context(), func(e chain.IndexEntry) error {
		want := b.Index[len(b.Index)-1-i]
		if i == len(nodes)-1 {
			want = change
		}
		if e != want {
			return fmt.Errorf("entry %d is %+v, want %+v", i, e, want)
		}
		i++
		return nil
	})
	must(t, err)
	if i != len(nodes) {
		t.Fatalf("%d entries", i)
	}
	must(t, s.Close())
}

// meta loads a store for what it remembers beside the index.
func meta(t *testing.T, s chain.Store) chain.Meta {
	t.Helper()
	m, err := s.Load(t.Context(), func(chain.IndexEntry) error { return nil })
	must(t, err)
	return m
}

func testRecords(t *testing.T, s chain.Store, reopen Reopen) {
	r1 := chain.Record{Height: 1, Block: types.Hash{1}, Coins: 3}
	r1.Set.Add(types.OutPoint{}, consensus.Coin{Height: 4})
	r2 := chain.Record{Height: 2, Block: types.Hash{2}, Prev: r1.Hash()}
	must(t, s.Commit(&chain.Batch{Record: &r1}))
	s = reopen(t, s, true)
	if m := meta(t, s); m.Record == nil || m.Record.Hash() != r1.Hash() || m.Record.Set.Digest() != r1.Set.Digest() || m.Flushing != nil || m.Clean {
		t.Fatalf("%+v", m)
	}
	must(t, s.Commit(&chain.Batch{Flushing: &chain.Flushing{From: r1, To: r2}}))
	s = reopen(t, s, false)
	if m := meta(t, s); m.Record.Hash() != r1.Hash() || m.Flushing == nil || m.Flushing.To.Hash() != r2.Hash() || m.Flushing.From.Hash() != r1.Hash() || m.Clean {
		t.Fatalf("%+v", m)
	}
	must(t, s.Commit(&chain.Batch{Record: &r2}))
	testClean(t, s, reopen, r2)
}

// testClean sees that a run counts as clean only if its last batch and its end were.
func testClean(t *testing.T, s chain.Store, reopen Reopen, r2 chain.Record) {
	must(t, s.Commit(&chain.Batch{Clean: true}))
	s = reopen(t, s, false)
	if m := meta(t, s); m.Record.Hash() != r2.Hash() || m.Flushing != nil || !m.Clean {
		t.Fatalf("%+v", m)
	}
	s = reopen(t, s, false)
	if meta(t, s).Clean {
		t.Fatal("a run that did not end cleanly counts as clean")
	}
	must(t, s.Commit(&chain.Batch{Clean: true}))
	s = reopen(t, s, true)
	if meta(t, s).Clean {
		t.Fatal("a killed run counts as clean")
	}
	must(t, s.Close())
}

// A batch at the limits is taken.
func testLimits(t *testing.T, s chain.Store, _ Reopen) {
	entries, size := s.Limits()
	if entries < 100 || size < 10_000 {
		t.Fatalf("limits %d %d", entries, size)
	}
	m := Maker{T: t, Params: Params()}
	n := m.Block(m.Genesis())
	var b chain.Batch
	for i := range entries {
		e := chain.IndexEntry{Hash: types.Hash{byte(i), byte(i >> 8), byte(i >> 16)}, Header: n.Header(), Height: int32(i), Seq: 1 << 40, TxCount: 7}
		b.Index = append(b.Index, e)
	}
	r := chain.Record{Height: 1}
	b.Record = &r
	must(t, s.Commit(&b))
	var coins []chain.CoinChange
	for _, ch := range someCoins(entries) {
		ch.Coin.Out.Script = make([]byte, 20)
		if size -= 64 + 24 + 20; size < 0 {
			break
		}
		coins = append(coins, ch)
	}
	must(t, s.Commit(&chain.Batch{Coins: coins, Flushing: &chain.Flushing{From: r, To: r}, Record: &r}))
	must(t, s.Close())
}

// EachCoin sees one state, also when coins are written meanwhile.
func testSnapshot(t *testing.T, s chain.Store, _ Reopen) {
	list := someCoins(50)
	must(t, s.Commit(&chain.Batch{Coins: list}))
	var count int
	var ready bool
	must(t, s.EachCoin(t.Context(), func() { ready = true }, func(consensus.CoinEntry) error {
		if count++; count == 1 {
			if !ready {
				t.Error("ready was not called first")
			}
			var gone []chain.CoinChange
			for _, ch := range list {
				gone = append(gone, chain.CoinChange{OutPoint: ch.OutPoint})
			}
			return s.Commit(&chain.Batch{Coins: gone})
		}
		return nil
	}))
	if count != 50 || len(collect(t, s)) != 0 {
		t.Fatalf("%d coins", count)
	}
	must(t, s.Close())
}

// testChain runs a chain through a reorganization, clean stops and kills.
func testChain(t *testing.T, s chain.Store, reopen Reopen) {
	m := Maker{T: t, Params: Params()}
	a := m.Empty(m.Genesis(), 5)
	spend := Spend(3, Output(a[0].Block.Txs[0], 0, 1, true))
	a = append(a, m.Block(a[4], spend))
	b := m.Empty(a[1], 6)
	c := Open(t, Config(m.Params, s))
	Add(t, c, a...)
	Agree(t, c, a[5])
	must(t, c.Close())
	s = reopen(t, s, false)
	c = Open(t, Config(m.Params, s))
	Agree(t, c, a[5])
	Add(t, c, b...)
	Agree(t, c, b[5])
	s = reopen(t, s, true)
	c = Open(t, Config(m.Params, s))
	Agree(t, c, b[5])
	must(t, c.Verify(t.Context(), 0, nil))
	must(t, c.Close())
}

// testCrash stops at every seventh write of a run with flushes and reorganizations, each time on an empty store.
func testCrash(t *testing.T, open func(t *testing.T) chain.Store, reopen Reopen) {
	m := Maker{T: t, Params: Params()}
	steps, final := Story(&m)
	want := Digest(Replay(final))
	for n := 0; ; n += 7 {
		s := open(t)
		err := Play(NewFaulty(s, n), m.Params, steps)
		if err != nil && !errors.Is(err, ErrKilled) {
			t.Fatal(err)
		}
		c := Open(t, Config(m.Params, reopen(t, s, true)))
		Add(t, c, steps...)
		info, serr := c.SetInfo(t.Context())
		must(t, serr)
		if info.Hash != final.Hash() || info.MuHash != want {
			t.Fatalf("stopped at write %d: tip %s, coins %s", n, info.Hash, info.MuHash)
		}
		must(t, c.Close())
		if err == nil {
			if n < 50 {
				t.Fatalf("the story has only %d writes", n)
			}
			return
		}
	}
}

// Story returns blocks in the order of their arrival, with spends, two reorganizations and one that fails, and the
// block at which a chain ends that got them all.
//
//	genesis - a1 … a5 - a6(spends) - a7
//	            \ b2 … b8 - b9(spends)
//	                      a7 - a8 … a12
func Story(m *Maker) (steps []*consensustest.Node, final *consensustest.Node) {
	a := m.Empty(m.Genesis(), 5)
	coins := func(n *consensustest.Node) consensus.CoinEntry { return Output(n.Block.Txs[0], 0, n.Height(), true) }
	split := Spend(20, coins(a[0]), coins(a[2]))
	a = append(a, m.Block(a[4], split))
	a = append(a, m.Block(a[5], Spend(1, Output(split, 0, 6, false), Output(split, 1, 6, false))))
	b := m.Empty(a[0], 7)
	b = append(b, m.Block(b[6], Spend(15, coins(a[0]), coins(b[1]))))
	a = append(a, m.Empty(a[6], 5)...)
	steps = append(steps, a[:7]...)
	steps = append(steps, b...)
	steps = append(steps, a[7:]...)
	return steps, a[len(a)-1]
}

// Play opens a chain on s that flushes often and adds the steps, until something fails.
func Play(s chain.Store, p *consensus.Params, steps []*consensustest.Node) error {
	cfg := Config(p, s)
	cfg.FlushBlocks = 3
	c, err := chain.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	for _, n := range steps {
		if _, err := c.AddBlock(n.Block); err != nil {
			return err
		}
	}
	return c.Close()
}
