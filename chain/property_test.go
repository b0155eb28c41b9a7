package chain_test

import (
	"context"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// twin is the dumb twin of a chain: it knows which blocks were made, which of them are bad or disliked and which were handed over, and
// replays whole branches from genesis.
type twin struct {
	storetest.Maker
	t       *rapid.T
	store   *memdb.Store
	c       *chain.Chain
	nodes   []*consensustest.Node
	bad     map[*consensustest.Node]bool
	marked  map[*consensustest.Node]bool // by Invalidate
	given   map[*consensustest.Node]bool
	tip     *consensustest.Node
	pos     chain.Position
	coins   consensus.Coins // followed by UpdatesSince
	byHash  map[types.Hash]*consensustest.Node
	flushes int
}

func newTwin(t *rapid.T) *twin {
	w := &twin{
		Maker: storetest.Maker{T: t, Params: storetest.Params()}, t: t, store: memdb.NewLimited(rapid.IntRange(1, 30).Draw(t, "limit"), 1<<20),
		bad: map[*consensustest.Node]bool{}, marked: map[*consensustest.Node]bool{}, given: map[*consensustest.Node]bool{}, coins: consensus.Coins{},
		byHash: map[types.Hash]*consensustest.Node{},
	}
	w.flushes = rapid.IntRange(1, 12).Draw(t, "flush")
	w.tip = w.Genesis()
	w.note(w.tip)
	w.given[w.tip] = true
	w.open()
	return w
}

func (w *twin) open() {
	cfg := storetest.Config(w.Params, w.store)
	cfg.FlushBlocks = w.flushes
	w.c = storetest.Open(w.t, cfg)
}

func (w *twin) note(n *consensustest.Node) {
	w.nodes = append(w.nodes, n)
	w.byHash[n.Hash()] = n
}

// usable tells whether the whole branch was handed over and nothing in it is bad or disliked.
func (w *twin) usable(n *consensustest.Node) bool {
	for ; n != nil; n = n.Parent {
		if w.bad[n] || w.marked[n] || !w.given[n] {
			return false
		}
	}
	return true
}

// broken tells whether a bad block is in the branch.
func (w *twin) broken(n *consensustest.Node) bool {
	for ; n != nil; n = n.Parent {
		if w.bad[n] {
			return true
		}
	}
	return false
}

// draw picks a block, mostly one of the last.
func (w *twin) draw(label string) *consensustest.Node {
	i := rapid.IntRange(0, len(w.nodes)-1).Draw(w.t, label)
	if rapid.Bool().Draw(w.t, "late") {
		i = max(i, len(w.nodes)-4)
	}
	return w.nodes[i]
}

// grow makes a block somewhere, which spends some mature coins and may be bad, and tells its header. It is handed over now or later.
func (w *twin) grow() {
	parent := w.draw("parent")
	if w.broken(parent) || w.c.Lookup(parent.Hash()) == nil || w.c.Lookup(parent.Hash()).Invalid() {
		return
	}
	var txs []*types.Tx
	coins := storetest.Replay(parent)
	want := rapid.IntRange(0, 3).Draw(w.t, "spends")
	for _, op := range sortedOps(coins) {
		coin := coins[op]
		mature := !coin.Coinbase || parent.Height()+1-coin.Height >= w.Params.CoinbaseMaturity
		if !mature || want == 0 || coin.Out.Value < 8 {
			continue
		}
		want--
		tx := storetest.Spend(rapid.IntRange(1, 4).Draw(w.t, "outs"), consensus.CoinEntry{OutPoint: op, Coin: coin})
		txs = append(txs, tx)
		if rapid.Bool().Draw(w.t, "chained") {
			txs = append(txs, storetest.Spend(2, storetest.Output(tx, 0, 0, false)))
		}
	}
	bad := rapid.IntRange(0, 5).Draw(w.t, "bad") == 0 && len(txs) > 0
	if bad {
		txs = append(txs, badScript(consensus.CoinEntry{OutPoint: txs[0].In[0].PrevOut, Coin: consensus.Coin{Out: types.TxOut{Value: 50}}}))
	}
	n := w.Block(parent, txs...)
	w.note(n)
	w.bad[n] = bad
	if _, err := w.c.AddHeaders([]types.Header{n.Header()}); err != nil {
		w.t.Fatalf("header: %v", err)
	}
	if rapid.IntRange(0, 3).Draw(w.t, "now") > 0 {
		w.give(n)
	}
}

func sortedOps(coins consensus.Coins) []types.OutPoint {
	var b types.Block
	tx := &types.Tx{}
	for op := range coins {
		tx.In = append(tx.In, types.TxIn{PrevOut: op})
	}
	b.Txs = []*types.Tx{{}, tx}
	return consensus.SpentOutpoints(&b)
}

// give hands a block over. Only rule errors that the twin can explain may come back.
func (w *twin) give(n *consensustest.Node) {
	_, err := w.c.AddBlock(n.Block)
	if err != nil && consensus.KindOf(err) == "" {
		w.t.Fatalf("%v", err)
	}
	if err == nil || w.broken(n) {
		w.given[n] = true
		return
	}
	for m := n; m != nil; m = m.Parent {
		if w.marked[m] {
			return // refused because an ancestor is disliked
		}
	}
	w.t.Fatalf("a good block was refused: %v", err)
}

func (w *twin) giveOld() {
	if n := w.draw("block"); !w.given[n] {
		w.give(n)
	}
}

func (w *twin) invalidate() {
	n := w.draw("victim")
	if n.Parent == nil || w.c.Lookup(n.Hash()) == nil {
		return
	}
	if err := w.c.Invalidate(n.Hash()); err != nil {
		w.t.Fatalf("%v", err)
	}
	w.marked[n] = true
}

// reconsider clears the marks in the branch of a block and above it.
func (w *twin) reconsider() {
	n := w.draw("pardon")
	if w.c.Lookup(n.Hash()) == nil {
		return
	}
	if err := w.c.Reconsider(n.Hash()); err != nil {
		w.t.Fatalf("%v", err)
	}
	for m := range w.marked {
		if n.Ancestor(m.Height()) == consensus.Ancestry(m) || m.Ancestor(n.Height()) == consensus.Ancestry(n) {
			delete(w.marked, m)
		}
	}
	// Among equal work the block that was seen first wins, which may be one that was just pardoned; check compares the work.
	w.tip = w.byHash[w.c.Tip().Hash()]
}

func (w *twin) restart() {
	if rapid.Bool().Draw(w.t, "clean") {
		if err := w.c.Close(); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
	w.store = w.store.Reopen()
	w.open()
}

func (w *twin) best() *consensustest.Node {
	best := w.nodes[0]
	for _, n := range w.nodes {
		if n.Work().Cmp(best.Work()) > 0 && w.usable(n) {
			best = n
		}
	}
	return best
}

// check compares the chain with the twin.
func (w *twin) check() {
	got := w.byHash[w.c.Tip().Hash()]
	best := w.best()
	if !w.usable(got) || got.Work() != best.Work() {
		w.t.Fatalf("the tip is at height %d, usable %v; the best is at %d", got.Height(), w.usable(got), best.Height())
	}
	if w.usable(w.tip) && w.tip.Work() == best.Work() && got != w.tip {
		w.t.Fatalf("equal work changed the tip")
	}
	w.tip = got
	storetest.Agree(w.t, w.c, got)
	for {
		updates, err := w.c.UpdatesSince(w.pos, 3)
		if err != nil {
			w.t.Fatalf("%v", err)
		}
		if len(updates) == 0 {
			break
		}
		for _, u := range updates {
			consensustest.ApplyUpdate(w.coins, &u)
			w.pos = chain.After(&u)
		}
	}
	if storetest.Digest(w.coins) != storetest.Digest(storetest.Replay(got)) {
		w.t.Fatalf("the updates lead to another coin set")
	}
	if n := w.c.BestHeader(); n.Invalid() {
		w.t.Fatalf("the best header is invalid")
	}
	for _, n := range w.nodes {
		if m := w.c.Lookup(n.Hash()); m != nil && m.Active() != (got.Ancestor(n.Height()) == consensus.Ancestry(n)) {
			w.t.Fatalf("block %d: active %v", n.Height(), m.Active())
		}
	}
}

// TestRandomTrees plays random trees, orders of arrival, marks, stops and kills against the twin.
func TestRandomTrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newTwin(t)
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			switch k := rapid.IntRange(0, 19).Draw(t, "step"); {
			case k < 12:
				w.grow()
			case k < 15:
				w.giveOld()
			case k == 15:
				w.invalidate()
			case k == 16:
				w.reconsider()
			case k == 17:
				if err := w.c.Flush(); err != nil {
					t.Fatalf("%v", err)
				}
			default:
				w.restart()
			}
			w.check()
		}
		if err := w.c.Verify(context.Background(), 0, nil); err != nil {
			t.Fatalf("%v", err)
		}
		if err := w.c.Close(); err != nil {
			t.Fatalf("%v", err)
		}
		if err := w.c.Flush(); !errors.Is(err, chain.ErrClosed) {
			t.Fatalf("a closed chain takes a flush: %v", err)
		}
	})
}
