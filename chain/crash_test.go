package chain_test

import (
	"context"
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

// Bad input 27: a process that dies at any write of connect, reorganization and flush, and dies again at any write of the start after
// it, ends with the coin set of one that lived. The store takes five coins at once, so that every flush goes in pieces.
func TestKilledAtEveryWrite(t *testing.T) {
	m := storetest.Maker{T: t, Params: storetest.Params()}
	steps, final := storetest.Story(&m)
	want := storetest.Digest(storetest.Replay(final))
	places := map[types.Hash]*consensustest.Node{m.Genesis().Hash(): m.Genesis()}
	for _, n := range steps {
		places[n.Hash()] = n
	}
	flushing := 0
	for n := 0; ; n++ {
		store := memdb.NewLimited(5, 1<<20)
		err := storetest.Play(storetest.NewFaulty(store, n), m.Params, steps)
		if err != nil && !errors.Is(err, storetest.ErrKilled) {
			t.Fatal(err)
		}
		store = store.Reopen()
		if meta, lerr := store.Load(t.Context(), func(chain.IndexEntry) error { return nil }); lerr == nil && meta.Flushing != nil {
			flushing++
		}
		store = dieStarting(t, store, n%3, m.Params, places)
		c := storetest.Open(t, storetest.Config(m.Params, store))
		storetest.Agree(t, c, places[c.Tip().Hash()])
		storetest.Add(t, c, steps...)
		info, serr := c.SetInfo(t.Context())
		if serr != nil || info.Hash != final.Hash() || info.MuHash != want {
			t.Fatalf("write %d: tip %s, coins %s, %v", n, info.Hash, info.MuHash, serr)
		}
		if verr := c.Verify(t.Context(), 0, nil); verr != nil {
			t.Fatal(verr)
		}
		if err == nil {
			if n < 60 || flushing < 10 {
				t.Fatalf("only %d writes, %d of them in a flush", n, flushing)
			}
			return
		}
	}
}

// dieStarting opens a chain on the store again and again, each time killed three writes later than before, until one start succeeds; its
// coins must be right.
func dieStarting(t *testing.T, store *memdb.Store, first int, p *consensus.Params, places map[types.Hash]*consensustest.Node) *memdb.Store {
	t.Helper()
	for k := first; k < 60; k += 3 {
		c, err := chain.Open(t.Context(), storetest.Config(p, storetest.NewFaulty(store, k)))
		if err == nil {
			storetest.Agree(t, c, places[c.Tip().Hash()])
			return store.Reopen()
		}
		if !errors.Is(err, storetest.ErrKilled) {
			t.Fatalf("start %d: %v", k, err)
		}
		store = store.Reopen()
	}
	t.Fatal("no start succeeds")
	return nil
}

// After a failure of the store the chain takes nothing more, and readers still see the old tip.
func TestFailedStoreStops(t *testing.T) {
	m := storetest.Maker{T: t, Params: storetest.Params()}
	a := m.Empty(m.Genesis(), 3)
	f := storetest.NewFaulty(memdb.New(), 30)
	c := storetest.Open(t, storetest.Config(m.Params, f))
	storetest.Add(t, c, a[:2]...)
	for f.Writes() > 1 {
		if err := f.PutUndo(a[0].Hash(), consensus.Undo{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.AddBlock(a[2].Block); !errors.Is(err, storetest.ErrKilled) || consensus.KindOf(err) != "" {
		t.Fatal(err)
	}
	if c.Tip().Hash() != a[1].Hash() || c.Lookup(a[2].Hash()).Invalid() {
		t.Fatal("a failed write moved the tip or marked the block")
	}
	if _, err := c.AddBlock(m.Block(a[1]).Block); !errors.Is(err, storetest.ErrKilled) {
		t.Fatal(err)
	}
	if err := c.Flush(); !errors.Is(err, storetest.ErrKilled) {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// changeCoins writes behind the chain's back, as a damaged disk would.
func changeCoins(t *testing.T, s *memdb.Store, change func(e consensus.CoinEntry) *consensus.Coin) {
	t.Helper()
	var first *chain.CoinChange
	err := s.EachCoin(t.Context(), nil, func(e consensus.CoinEntry) error {
		if first == nil {
			first = &chain.CoinChange{OutPoint: e.OutPoint, Coin: change(e)}
		}
		return nil
	})
	if err != nil || first == nil {
		t.Fatal("no coin", err)
	}
	if err := s.Commit(&chain.Batch{Coins: []chain.CoinChange{*first}}); err != nil {
		t.Fatal(err)
	}
}

// Bad input 28: coins that are lost or changed are found after an unclean stop, and the set is made anew.
func TestDamagedCoins(t *testing.T) {
	for name, change := range map[string]func(consensus.CoinEntry) *consensus.Coin{
		"lost": func(consensus.CoinEntry) *consensus.Coin { return nil },
		"changed": func(e consensus.CoinEntry) *consensus.Coin {
			e.Coin.Out.Value++
			return &e.Coin
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			steps, final := storetest.Story(f.Maker)
			f.add(steps...)
			if err := f.c.Flush(); err != nil {
				t.Fatal(err)
			}
			changeCoins(t, f.store, change)
			f.store = f.store.Reopen()
			stages := map[string]bool{}
			cfg := storetest.Config(f.Params, f.store)
			cfg.Progress = func(stage string, done, total int64) { stages[stage] = true }
			f.c = storetest.Open(t, cfg)
			storetest.Agree(t, f.c, final)
			if !stages["check"] || !stages["rebuild"] || !stages["connect"] {
				t.Fatalf("progress was shown of %v", stages)
			}
			f.restart(true)
			storetest.Agree(t, f.c, final)
		})
	}
}

// without hides blocks or undo data from a store, as if they did not read back.
type without struct {
	chain.Store
	block, undo types.Hash
	err         error
}

func (w *without) Block(h types.Hash) (*types.Block, error) {
	if h == w.block {
		return nil, w.err
	}
	return w.Store.Block(h)
}

func (w *without) HasBlock(h types.Hash) (bool, error) {
	if h == w.block {
		return false, nil
	}
	return w.Store.HasBlock(h)
}

func (w *without) Undo(h types.Hash) (consensus.Undo, error) {
	if h == w.undo {
		return nil, w.err
	}
	return w.Store.Undo(h)
}

// A block of the best chain that is gone after an unclean stop is reported missing, and the rest follows when it is fetched again.
func TestLostBlockIsFetchedAgain(t *testing.T) {
	f := newFixture(t)
	steps, final := storetest.Story(f.Maker)
	f.add(steps...)
	lost := final
	for lost.Height() > 4 {
		lost = lost.Parent
	}
	store := f.store.Reopen()
	hidden := &without{Store: store, block: lost.Hash(), err: chain.ErrNotStored}
	c := storetest.Open(t, storetest.Config(f.Params, hidden))
	n := c.Lookup(lost.Hash())
	if n == nil || n.HaveBlock() || n.Invalid() || c.BestHeader().Hash() != final.Hash() {
		t.Fatal("the lost block is not reported missing")
	}
	hidden.block = types.Hash{}
	storetest.Add(t, c, lost)
	storetest.Agree(t, c, final)
}

// A side branch's block that does not read back when it is needed is no reason to call it invalid, nor to stop.
func TestDamagedSideBranch(t *testing.T) {
	f := newFixture(t)
	a, b := f.Empty(f.root, 3), f.Empty(f.root, 4)
	f.add(a...)
	hidden := &without{Store: f.store.Reopen(), block: types.Hash{1}, err: chain.ErrDamaged}
	c := storetest.Open(t, storetest.Config(f.Params, hidden))
	storetest.Add(t, c, b[:3]...)
	hidden.block = b[1].Hash()
	storetest.Add(t, c, b[3])
	storetest.Agree(t, c, a[2])
	if n := c.Lookup(b[1].Hash()); n.Invalid() || n.HaveBlock() {
		t.Fatalf("%s", n.Status())
	}
	hidden.block = types.Hash{}
	storetest.Add(t, c, b[1])
	storetest.Agree(t, c, b[3])
}

// A block of the best chain that has to be taken off and does not read back stops the chain; the next start begins below it.
func TestDamagedUndo(t *testing.T) {
	f := newFixture(t)
	a, b := f.Empty(f.root, 3), f.Empty(f.root, 4)
	f.add(a...)
	f.restart(true)
	f.add(b[:3]...)
	hidden := &without{Store: f.store.Reopen(), undo: a[1].Hash(), err: chain.ErrDamaged}
	c := storetest.Open(t, storetest.Config(f.Params, hidden))
	_, err := c.AddBlock(b[3].Block)
	if !errors.Is(err, chain.ErrDamaged) || consensus.KindOf(err) != "" || !strings.Contains(err.Error(), "start again") {
		t.Fatal(err)
	}
	if c.Tip().Hash() != a[2].Hash() {
		t.Fatal("the tip moved")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = storetest.Open(t, storetest.Config(f.Params, hidden.Store.(*memdb.Store).Reopen()))
	storetest.Agree(t, c, b[3])
	if c.Lookup(a[2].Hash()).Invalid() {
		t.Fatal("marked invalid")
	}
}

// What a reader finds damaged is not counted as a clean stop, and is asked for again.
func TestReaderFindsDamage(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 4)
	f.add(a...)
	hidden := &without{Store: f.store.Reopen(), block: types.Hash{1}, err: chain.ErrDamaged}
	c := storetest.Open(t, storetest.Config(f.Params, hidden))
	hidden.block = a[2].Hash()
	if _, err := c.Block(a[2].Hash()); !errors.Is(err, chain.ErrDamaged) {
		t.Fatal(err)
	}
	if err := c.Verify(t.Context(), 0, nil); !errors.Is(err, chain.ErrDamaged) {
		t.Fatal(err)
	}
	storetest.Add(t, c, f.Block(a[3]))
	if n := c.Lookup(a[2].Hash()); n.HaveBlock() || n.Invalid() || !n.Active() {
		t.Fatal("the damage was not noted")
	}
	hidden.block = types.Hash{1}
	storetest.Add(t, c, a[2]) // fetched again
	if !c.Lookup(a[2].Hash()).HaveBlock() {
		t.Fatal("not taken back")
	}
}

// A start that is told to end ends, and the next one goes on.
func TestOpenCancelled(t *testing.T) {
	f := newFixture(t)
	steps, final := storetest.Story(f.Maker)
	f.add(steps...)
	store := f.store.Reopen()
	ctx, cancel := context.WithCancel(t.Context())
	cfg := storetest.Config(f.Params, store)
	cfg.Progress = func(stage string, _, _ int64) {
		if stage == "connect" {
			cancel()
		}
	}
	if _, err := chain.Open(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	storetest.Agree(t, storetest.Open(t, storetest.Config(f.Params, store.Reopen())), final)
}
