package chain_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// snapshotWorld is a chain that somebody else has, and the snapshot of it.
//
//	genesis - 1 … 12(spends) … 20 (the base) … 26(spends)
//	          \ side: 2' … 5'
type snapshotWorld struct {
	m      *storetest.Maker
	blocks []*consensustest.Node // blocks[h-1] has height h
	side   []*consensustest.Node
	base   *consensustest.Node
	coins  []consensus.CoinEntry
}

func newSnapshotWorld(t *testing.T) *snapshotWorld {
	t.Helper()
	w := &snapshotWorld{m: &storetest.Maker{T: t, Params: storetest.Params()}}
	coin := func(h int) consensus.CoinEntry {
		return storetest.Output(w.blocks[h-1].Block.Txs[0], 0, int32(h), true)
	}
	w.blocks = w.m.Empty(w.m.Genesis(), 11)
	w.blocks = append(w.blocks, w.m.Block(w.blocks[10], storetest.Spend(7, coin(1), coin(5))))
	w.blocks = append(w.blocks, w.m.Empty(w.blocks[11], 8)...)
	w.base = w.blocks[19]
	w.blocks = append(w.blocks, w.m.Empty(w.base, 3)...)
	w.blocks = append(w.blocks, w.m.Block(w.blocks[22], storetest.Spend(2, coin(2), coin(21))))
	w.blocks = append(w.blocks, w.m.Empty(w.blocks[23], 2)...)
	w.side = w.m.Empty(w.blocks[0], 4)
	for op, c := range storetest.Replay(w.base) {
		w.coins = append(w.coins, consensus.CoinEntry{OutPoint: op, Coin: c})
	}
	slices.SortFunc(w.coins, func(a, b consensus.CoinEntry) int { return a.OutPoint.Compare(b.OutPoint) })
	return w
}

func (w *snapshotWorld) headers() (hs []types.Header) {
	for _, n := range w.blocks {
		hs = append(hs, n.Header())
	}
	return hs
}

// config flushes often, so that a history ends between flushes, too.
func (w *snapshotWorld) config(s chain.Store) chain.Config {
	cfg := storetest.Config(w.m.Params, s)
	cfg.FlushBlocks = 4
	return cfg
}

// load gives a chain the headers, some blocks and the snapshot.
func (w *snapshotWorld) load(c *chain.Chain, coins []consensus.CoinEntry, first int) error {
	if _, err := c.AddHeaders(w.headers()); err != nil {
		return err
	}
	for _, n := range w.blocks[:first] {
		if _, err := c.AddBlock(n.Block); err != nil {
			return err
		}
	}
	l, err := c.BeginSnapshot(w.base.Hash())
	if err != nil {
		return err
	}
	for _, e := range coins {
		if err := l.Add(e); err != nil {
			return err
		}
	}
	if _, _, err := l.Finish(); err != nil {
		return err
	}
	return c.ActivateSnapshot(context.Background(), l, uint64(w.base.Height())+2)
}

// loaded is a chain that stands on the snapshot.
func (w *snapshotWorld) loaded(t *testing.T, first int) (*memdb.Store, *chain.Chain) {
	t.Helper()
	s := memdb.NewLimited(5, 1<<20)
	c := storetest.Open(t, w.config(s))
	if err := w.load(c, w.coins, first); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, c, w.base)
	if base, ok := c.Assumed(); !ok || base.Hash != w.base.Hash() || len(c.Chainstates()) != 2 {
		t.Fatal("nothing is assumed")
	}
	return s, c
}

// settled fails unless the chain is at the block, has all blocks, and assumes nothing.
func (w *snapshotWorld) settled(t *testing.T, c *chain.Chain, at *consensustest.Node) {
	t.Helper()
	storetest.Agree(t, c, at)
	if _, ok := c.Assumed(); ok || len(c.Chainstates()) != 1 || len(c.Wanted(100)) != 0 {
		t.Fatal("the snapshot is still assumed")
	}
	if err := c.Verify(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
	txs := uint64(1)
	for h := int32(1); h <= at.Height(); h++ {
		n := c.AtHeight(h)
		if txs += uint64(n.TxCount()); n.ChainTxCount() != txs || !n.HaveBlock() || !n.HaveUndo() || !n.Valid() || n.Assumed() {
			t.Fatalf("height %d: %d transactions of %d", h, n.ChainTxCount(), txs)
		}
	}
}

func TestSnapshot(t *testing.T) {
	w := newSnapshotWorld(t)
	_, c := w.loaded(t, 3)
	if n := c.AtHeight(10); n.HaveBlock() || !n.Linked() || !n.Active() || n.ChainTxCount() != 0 || c.Tip().ChainTxCount() != 22 {
		t.Fatal(n.Status(), c.Tip().ChainTxCount())
	}
	if got := c.Wanted(5); len(got) != 5 || got[0].Height() != 4 || got[4].Height() != 8 {
		t.Fatal(got)
	}
	storetest.Add(t, c, w.blocks[20:]...)
	storetest.Agree(t, c, w.blocks[25])
	if _, err := c.UpdatesSince(chain.Position{Hash: w.blocks[2].Hash(), Height: 3}, 9); !errors.Is(err, chain.ErrHistory) {
		t.Fatal(err)
	}
	if us, err := c.UpdatesSince(chain.Position{Hash: w.base.Hash(), Height: 20}, 9); len(us) != 6 || err != nil {
		t.Fatal(len(us), err)
	}
	for _, i := range []int{5, 4, 3, 6, 7, 19, 18, 8} { // in any order
		storetest.Add(t, c, w.blocks[i])
	}
	if us, err := c.UpdatesSince(chain.Position{Hash: w.blocks[2].Hash(), Height: 3}, 4); len(us) != 4 || err != nil {
		t.Fatal(len(us), err)
	}
	if states := c.Chainstates(); states[0].Tip.Height() != 9 || !states[0].Validated || states[1].Validated || *states[1].Base != w.base.Hash() {
		t.Fatalf("%+v", states)
	}
	if known, err := c.AddBlock(w.blocks[4].Block); !known || err != nil {
		t.Fatal(known, err)
	}
	storetest.Add(t, c, w.side...)
	storetest.Add(t, c, w.blocks[9:18]...)
	w.settled(t, c, w.blocks[25])
	storetest.Add(t, c, w.m.Block(w.blocks[25]))
}

// At every stage the process may end, cleanly or not, and go on.
func TestSnapshotRestarts(t *testing.T) {
	w := newSnapshotWorld(t)
	s, c := w.loaded(t, 3)
	restart := func(kill bool) {
		t.Helper()
		at := c.Tip().Hash()
		if !kill {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		s = s.Reopen()
		c = storetest.Open(t, w.config(s))
		if c.Tip().Hash() != at {
			t.Fatalf("tip %d after a restart", c.Tip().Height())
		}
	}
	for i, n := range slices.Concat(w.blocks[20:], w.blocks[3:20]) {
		restart(i%3 == 0)
		if base, ok := c.Assumed(); !ok || base.Height != 20 {
			t.Fatal("not assumed any more")
		}
		storetest.Add(t, c, n)
	}
	w.settled(t, c, w.blocks[25])
	for _, kill := range []bool{true, false, true} {
		restart(kill)
		w.settled(t, c, w.blocks[25])
	}
	n := 0
	for i, set := range []chain.CoinSet{s, s.Second()} {
		if err := set.EachCoin(t.Context(), nil, func(consensus.CoinEntry) error { n |= 1 << i; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Fatal("the old coins are still there", n)
	}
}

// Bad input 27 for a snapshot: killed at every single write of loading, of going on, of the history and its end, and in the start after it.
func TestKilledWithSnapshot(t *testing.T) {
	w := newSnapshotWorld(t)
	places := map[types.Hash]*consensustest.Node{w.m.Genesis().Hash(): w.m.Genesis()}
	for _, n := range w.blocks {
		places[n.Hash()] = n
	}
	play := func(s chain.Store) error {
		c, err := chain.Open(t.Context(), w.config(s))
		if err == nil {
			err = w.load(c, w.coins, 3)
		}
		for _, n := range slices.Concat(w.blocks[20:23], w.blocks[3:20], w.blocks[23:]) {
			if err == nil {
				_, err = c.AddBlock(n.Block)
			}
		}
		if err != nil {
			return err
		}
		return c.Close()
	}
	phases := map[chain.SnapshotPhase]int{}
	for n := 0; ; n++ {
		s := memdb.NewLimited(5, 1<<20)
		err := play(storetest.NewFaulty(s, n))
		if err != nil && !errors.Is(err, storetest.ErrKilled) {
			t.Fatal(err)
		}
		s = s.Reopen()
		if meta, merr := s.Meta(); merr != nil {
			t.Fatal(merr)
		} else if meta.Snapshot != nil {
			phases[meta.Snapshot.Phase]++
		}
		s = dieStarting(t, s, n%3, w.m.Params, places)
		c := storetest.Open(t, w.config(s))
		storetest.Agree(t, c, places[c.Tip().Hash()])
		storetest.Add(t, c, w.blocks...)
		w.settled(t, c, w.blocks[25])
		if err == nil {
			if n < 100 || phases[chain.SnapshotLoading] < 3 || phases[chain.SnapshotAssumed] < 30 || phases[chain.SnapshotValid] < 3 {
				t.Fatalf("%d writes, phases %v", n, phases)
			}
			return
		}
	}
}

// A set with a coin that nobody was paid passes for as long as the history takes; then the chain stops and begins again where it was sure.
func TestWrongSnapshot(t *testing.T) {
	w := newSnapshotWorld(t)
	forged := slices.Clone(w.coins)
	forged[4].Coin.Out.Value += 1000
	s := memdb.NewLimited(5, 1<<20)
	c := storetest.Open(t, w.config(s))
	if err := w.load(c, forged, 3); err != nil {
		t.Fatal(err)
	}
	storetest.Add(t, c, w.blocks[20:23]...)
	storetest.Add(t, c, w.blocks[3:19]...)
	_, err := c.AddBlock(w.base.Block)
	if err == nil || consensus.KindOf(err) != "" || !strings.Contains(err.Error(), "the snapshot of the coin set at height 20 is given up: the blocks up to it make") {
		t.Fatal(err)
	}
	if _, err := c.AddBlock(w.blocks[23].Block); err == nil {
		t.Fatal("it goes on")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s = s.Reopen()
	c = storetest.Open(t, w.config(s))
	storetest.Agree(t, c, w.blocks[22])
	storetest.Add(t, c, w.blocks[23:]...)
	w.settled(t, c, w.blocks[25])
}

// What was judged with wrong coins is judged again: a block that was refused for want of a coin is good.
func TestWrongSnapshotRefusesBlocks(t *testing.T) {
	w := newSnapshotWorld(t)
	spent := w.blocks[1].Block.Txs[0].ID() // by block 24
	less := slices.DeleteFunc(slices.Clone(w.coins), func(e consensus.CoinEntry) bool { return e.OutPoint.TxID == spent })
	s := memdb.NewLimited(5, 1<<20)
	c := storetest.Open(t, w.config(s))
	if err := w.load(c, less, 3); err != nil {
		t.Fatal(err)
	}
	storetest.Add(t, c, w.blocks[20:23]...)
	if _, err := c.AddBlock(w.blocks[23].Block); consensus.KindOf(err) != consensus.BadTxnsMissingOrSpent {
		t.Fatal(err)
	}
	for _, n := range w.blocks[3:20] {
		if _, err := c.AddBlock(n.Block); err != nil && n != w.base {
			t.Fatal(err)
		}
	}
	s = s.Reopen() // killed
	c = storetest.Open(t, w.config(s))
	storetest.Add(t, c, w.blocks[23:]...)
	w.settled(t, c, w.blocks[25])
}

// A block of the history that breaks the rules shows that the snapshot's chain is none.
func TestSnapshotOfInvalidChain(t *testing.T) {
	w := newSnapshotWorld(t)
	bad := w.m.Draft(w.blocks[4])
	bad.Txs[0].Out[0].Value++ // more than the subsidy
	first := w.m.Finish(w.blocks[4], bad)
	w.blocks = slices.Concat(w.blocks[:5], []*consensustest.Node{first}, w.m.Empty(first, 20))
	w.base = w.blocks[19]
	s := memdb.New()
	c := storetest.Open(t, w.config(s))
	if err := w.load(c, w.coins, 2); err != nil {
		t.Fatal(err)
	}
	storetest.Add(t, c, w.blocks[2:5]...)
	if _, err := c.AddBlock(first.Block); err == nil || !strings.Contains(err.Error(), "a block before it breaks the rules") {
		t.Fatal(err)
	}
	s = s.Reopen()
	c = storetest.Open(t, w.config(s))
	storetest.Agree(t, c, w.blocks[4])
}

// A branch with more work that leaves below the base: the snapshot is given up, and the next start follows the branch.
func TestReorgBelowSnapshot(t *testing.T) {
	w := newSnapshotWorld(t)
	s, c := w.loaded(t, 6)
	side := w.m.Empty(w.blocks[3], 18) // heights 5 to 22
	for i, n := range side {
		_, err := c.AddBlock(n.Block)
		if i < 16 != (err == nil) {
			t.Fatal(i, err)
		}
		if err != nil {
			if !strings.Contains(err.Error(), "leaves the chain below it") {
				t.Fatal(err)
			}
			break
		}
	}
	s = s.Reopen()
	c = storetest.Open(t, w.config(s))
	storetest.Add(t, c, side...)
	storetest.Agree(t, c, side[17])
	if err := c.Verify(t.Context(), 0, nil); err != nil {
		t.Fatal(err)
	}
	// Above the base a reorganization is like any other.
	w = newSnapshotWorld(t)
	_, c = w.loaded(t, 3)
	above := w.m.Empty(w.blocks[20], 7)
	storetest.Add(t, c, w.blocks[20:]...)
	storetest.Add(t, c, above...)
	storetest.Agree(t, c, above[6])
	storetest.Add(t, c, w.blocks[3:20]...)
	w.settled(t, c, above[6])
}

// The node's own chain may be another one than the snapshot's, as long as it has less work.
func TestSnapshotOfAnotherBranch(t *testing.T) {
	w := newSnapshotWorld(t)
	s := memdb.New()
	c := storetest.Open(t, w.config(s))
	storetest.Add(t, c, w.blocks[0])
	storetest.Add(t, c, w.side...)
	if err := w.load(c, w.coins, 0); err != nil {
		t.Fatal(err)
	}
	storetest.Agree(t, c, w.base)
	if got := c.Wanted(1); len(got) != 1 || got[0].Height() != 2 {
		t.Fatal(got)
	}
	storetest.Add(t, c, w.blocks[1:4]...)
	s = s.Reopen()
	c = storetest.Open(t, w.config(s))
	storetest.Add(t, c, w.blocks[4:]...)
	w.settled(t, c, w.blocks[25])
}

// Coins of the loaded set that are damaged cannot be made anew: the snapshot is given up at the start, and the chain goes on from what it has.
func TestDamagedSnapshot(t *testing.T) {
	w := newSnapshotWorld(t)
	s, c := w.loaded(t, 3)
	storetest.Add(t, c, slices.Concat(w.blocks[20:22], w.blocks[3:9])...)
	if err := s.Second().Commit(&chain.Batch{Coins: []chain.CoinChange{{OutPoint: w.coins[0].OutPoint}}}); err != nil {
		t.Fatal(err)
	}
	s = s.Reopen()
	c = storetest.Open(t, w.config(s))
	storetest.Agree(t, c, w.blocks[8])
	storetest.Add(t, c, w.blocks...)
	w.settled(t, c, w.blocks[25])
	// Coins of the history's set can.
	s, c = w.loaded(t, 3)
	storetest.Add(t, c, w.blocks[3:9]...)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	changeCoins(t, s, func(consensus.CoinEntry) *consensus.Coin { return nil })
	s = s.Reopen()
	c = storetest.Open(t, w.config(s))
	storetest.Agree(t, c, w.base)
	storetest.Add(t, c, w.blocks...)
	w.settled(t, c, w.blocks[25])
}

// What cannot be loaded is refused in Bitcoin Core's words, and a load that is given up leaves nothing.
func TestSnapshotRefused(t *testing.T) {
	w := newSnapshotWorld(t)
	s := memdb.NewLimited(5, 1<<20)
	c := storetest.Open(t, w.config(s))
	begin := func(h types.Hash, want string) *chain.SnapshotLoad {
		t.Helper()
		l, err := c.BeginSnapshot(h)
		var e *chain.SnapshotError
		if want == "" && err != nil || want != "" && (!errors.As(err, &e) || !strings.Contains(err.Error(), want)) {
			t.Fatalf("%v, not %q", err, want)
		}
		return l
	}
	begin(w.base.Hash(), "must appear in the headers chain")
	if _, err := c.AddHeaders(w.headers()); err != nil {
		t.Fatal(err)
	}
	l := begin(w.base.Hash(), "")
	begin(w.base.Hash(), "Another snapshot is being loaded")
	for _, e := range w.coins {
		if err := l.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(l.Wipe(t.Context()), c.EndSnapshot()); err != nil {
		t.Fatal(err)
	}
	if err := s.Second().EachCoin(t.Context(), nil, func(consensus.CoinEntry) error { return errors.New("a coin is left") }); err != nil {
		t.Fatal(err)
	}
	if err := c.Invalidate(w.blocks[10].Hash()); err != nil {
		t.Fatal(err)
	}
	begin(w.base.Hash(), "is part of an invalid chain")
	if err := c.Reconsider(w.blocks[10].Hash()); err != nil {
		t.Fatal(err)
	}
	storetest.Add(t, c, w.blocks[:20]...)
	begin(w.base.Hash(), "Work does not exceed active chainstate")
	_, c = w.loaded(t, 3)
	begin(w.blocks[21].Hash(), "more than once")
	other := w.m.Empty(w.blocks[10], 20)
	c = storetest.Open(t, w.config(memdb.New()))
	var hs []types.Header
	for _, n := range other {
		hs = append(hs, n.Header())
	}
	if _, err := c.AddHeaders(append(w.headers(), hs...)); err != nil {
		t.Fatal(err)
	}
	begin(w.base.Hash(), "A forked headers-chain with more work")
}
