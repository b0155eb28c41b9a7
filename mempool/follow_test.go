package mempool

import (
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

func TestApply(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	chain := w.chainOf(w.coinbase(1), 1000, 3)
	loser := w.chainOf(w.coinbase(2), 1000, 2)
	stays := w.spend(1000, 1, w.coinbase(3))
	w.add(stays)
	w.pool.Prioritise(loser[0].ID(), 1)
	w.pool.Prioritise(chain[0].ID(), 1)

	winner := w.spend(2000, 1, w.coinbase(2)) // never seen before the block
	w.mine(chain[0], chain[1], winner)
	w.check()
	if w.has(chain[0]) || w.has(chain[1]) || w.has(loser[0]) || w.has(loser[1]) || !w.has(chain[2], stays) {
		t.Errorf("left are %v", w.pool.IDs())
	}
	equalReasons(t, w.pool.Stats().Removed, map[Reason]uint64{ReasonBlock: 2, ReasonConflict: 2})
	if d := w.pool.Deltas(); len(d) != 0 {
		t.Errorf("deltas %v of what is settled", d)
	}
	if e, _ := w.pool.Entry(chain[2].ID()); e.AncestorCount != 1 || len(e.Parents) != 0 {
		t.Errorf("entry %+v still has ancestors", e)
	}
	w.mine(chain[2], stays)
	w.check()
	if n := w.pool.Info(w.now); n.Count != 0 || n.Usage != 0 || n.Fees != 0 || n.VBytes != 0 {
		t.Errorf("an empty pool counts %+v", n)
	}
}

// A copy with another witness in the block is the same transaction.
func TestApplyTwin(t *testing.T) {
	w := newWorld(t, unsigned(), 1)
	tx := w.spend(1000, 1, w.coinbase(1))
	w.add(tx)
	twin := tx.Clone()
	twin.In[0].Witness[0][0] ^= 1
	w.mine(twin)
	w.check()
	equalReasons(t, w.pool.Stats().Removed, map[Reason]uint64{ReasonBlock: 1})
}

func TestReorgReturnsTransactions(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	chain := w.chainOf(w.coinbase(1), 1000, 4)
	w.mine(chain[0], chain[1])
	w.mine(chain[2])
	dropped := w.reorg(2)
	if len(dropped) != 0 || !w.has(chain...) {
		t.Errorf("dropped %v, left are %v", dropped, w.pool.IDs())
	}
	if e, _ := w.pool.Entry(chain[3].ID()); e.AncestorCount != 4 {
		t.Errorf("the last of four has %d ancestors", e.AncestorCount)
	}
	if n := w.pool.Stats().Returned; n != 3 {
		t.Errorf("%d returned, want 3 and no coinbase", n)
	}
	w.mustConnect(w.pool.Select(4_000_000, 80_000, 0))
}

func TestReorgNeverReturnsCoinbases(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	tx := w.spend(1000, 1, w.coinbase(1))
	n := w.mine(tx)
	returned := w.pool.Revert(disconnect(n))
	if !slices.Equal(returned, []*types.Tx{tx}) {
		t.Errorf("returned %v", returned)
	}
}

// What spends a coinbase of the lost branch, or a transaction that lost to another, goes.
func TestReorgDropsWhatHangs(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	fork := w.chain.Tip()
	loser := w.spend(1000, 1, w.coinbase(1))
	w.mine(loser)
	w.mine()
	w.mine()
	w.mine()
	lost := w.coinbase(fork.Height() + 1)
	child := w.spend(1000, 1, out(loser, 0))
	grandchild := w.spend(1000, 1, out(child, 0))
	ofCoinbase := w.spend(1000, 1, lost)
	stays := w.spend(1000, 1, w.coinbase(2))
	for _, tx := range []*types.Tx{child, grandchild, ofCoinbase, stays} {
		w.add(tx)
	}
	dropped := w.reorg(4, w.spend(5000, 1, w.coinbase(1)))
	if len(dropped) != 3 || !w.has(stays) || w.has(child) || w.has(grandchild) || w.has(ofCoinbase) || w.has(loser) {
		t.Errorf("dropped %v, left are %v", dropped, w.pool.IDs())
	}
	equalReasons(t, w.pool.Stats().Removed, map[Reason]uint64{ReasonReorg: 3})
	w.mustConnect(w.pool.Select(4_000_000, 80_000, 0))
}

// A shorter branch of more work makes final transactions non-final and mature coinbases immature again.
func TestReorgToLowerHeight(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	tip := w.chain.Tip()
	locked := w.draft(1000, 1, w.coinbase(1))
	locked.LockTime, locked.In[0].Sequence = uint32(tip.Height()), 0
	locked = w.sign(locked)
	relative := w.draft(1000, 1, w.coinbase(2))
	relative.In[0].Sequence = uint32(tip.Height()) - 1
	relative = w.sign(relative)
	fresh := w.spend(1000, 1, w.coinbase(3))
	for _, tx := range []*types.Tx{locked, relative, fresh} {
		w.add(tx)
	}
	n := w.chain.Tip()
	w.pool.Revert(disconnect(n))
	if got := w.pool.Select(4_000_000, 80_000, 0); got != nil {
		t.Errorf("a template of %d in the middle of a reorganization", len(got))
	}
	w.chain.SetTip(n.Parent)
	dropped := w.pool.RemoveInvalid(n.Parent, w.now)
	w.check()
	if len(dropped) != 3 {
		t.Errorf("%d dropped: height locked %v, relative %v, immature %v are here", len(dropped), w.has(locked), w.has(relative), w.has(fresh))
	}
}

// A block returns a parent whose descendants then are too many: those over the limit go.
func TestReorgOverChainLimit(t *testing.T) {
	w := newWorld(t, Config{MaxAncestors: 3, MaxDescendants: 3}, 1)
	first := w.spend(1000, 1, w.coinbase(1))
	w.mine(first)
	chain := w.chainOf(out(first, 0), 1000, 3)
	w.reorg(1)
	if !w.has(first, chain[0], chain[1]) || w.has(chain[2]) {
		t.Errorf("left are %v", w.pool.IDs())
	}
	equalReasons(t, w.pool.Stats().Removed, map[Reason]uint64{ReasonSize: 1})
}

// A transaction that is in both branches: its child sees it move.
func TestReorgSameTransaction(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	parent := w.spend(1000, 1, w.coinbase(1))
	w.mine(parent)
	child := w.spend(1000, 1, out(parent, 0))
	w.add(child)
	if dropped := w.reorg(1, parent); len(dropped) != 0 || !w.has(child) || w.has(parent) {
		t.Errorf("dropped %v, left are %v", dropped, w.pool.IDs())
	}
}

func TestUpdatesInTheWrongDirection(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	for name, wrong := range map[string]func(){
		"Apply":  func() { w.pool.Apply(disconnect(w.chain.Tip()), w.now) },
		"Revert": func() { w.pool.Revert(w.chain.Tip().Update) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s took it", name)
				}
			}()
			wrong()
		}()
	}
}
