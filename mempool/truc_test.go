package mempool

import (
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// truc is spend with version 3.
func (w *world) truc(fee int64, n int, ops ...types.OutPoint) *types.Tx {
	w.t.Helper()
	tx := w.draft(fee, n, ops...)
	tx.Version = trucVersion
	return w.sign(tx)
}

// padded is truc with one more output, of size bytes in all.
func (w *world) padded(version uint32, size int, fee int64, ops ...types.OutPoint) *types.Tx {
	w.t.Helper()
	tx := w.draft(fee, 1, ops...)
	tx.Version = version
	for range (size - w.sign(tx).VSize() - 34) / 43 {
		tx.Out = append(tx.Out, types.TxOut{Value: 1000, Script: script.PayToTaproot([32]byte{byte(len(tx.Out))})})
		tx.Out[0].Value -= 1000
	}
	rest := size - w.sign(tx).VSize() - 9
	tx.Out = append(tx.Out, types.TxOut{Script: script.NullDataScript(make([]byte, rest-2))})
	if tx = w.sign(tx); tx.VSize() != size {
		w.t.Fatalf("%d virtual bytes, not %d", tx.VSize(), size)
	}
	return tx
}

// violates expects a refusal by BIP431 with a text.
func (w *world) violates(tx *types.Tx, text string) {
	w.t.Helper()
	if err := w.refuse(tx, consensus.TRUCViolation); !strings.Contains(err.Error(), text) {
		w.t.Fatalf("%v does not say %q", err, text)
	}
}

func TestTRUCFamily(t *testing.T) {
	w := newWorld(t, Config{}, 4)
	parent := w.truc(1000, 3, w.coinbase(1))
	w.add(parent)
	w.violates(w.spend(1000, 1, out(parent, 0)), "non-version=3 tx")
	child := w.truc(1000, 2, out(parent, 0))
	w.add(child)
	w.violates(w.truc(1000, 1, out(child, 0)), "would have too many ancestors")
	w.violates(w.spend(1000, 1, out(child, 0)), "cannot spend from version=3 tx "+child.ID().String())

	plain := w.spend(1000, 1, w.coinbase(2))
	w.add(plain)
	w.violates(w.truc(1000, 1, out(plain, 0)), "cannot spend from non-version=3 tx "+plain.ID().String())

	// Two parents are one ancestor too many.
	other := w.truc(1000, 1, w.coinbase(3))
	w.add(other)
	w.violates(w.truc(1000, 1, out(parent, 1), out(other, 0)), "would have too many ancestors")

	// When the parent is in a block the child may have a child of its own, and anybody may spend the parent.
	w.mine(parent)
	w.check()
	w.add(w.truc(1000, 1, out(child, 0)))
	w.add(w.spend(1000, 1, out(parent, 1)))
}

func TestTRUCSizes(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	w.violates(w.padded(3, 10_001, 50_000, w.coinbase(1)), "is too big: 10001 > 10000 virtual bytes")
	w.add(w.padded(2, 10_001, 50_000, w.coinbase(2)))
	parent := w.padded(3, 10_000, 50_000, w.coinbase(1))
	w.add(parent)
	w.violates(w.padded(3, 1001, 50_000, out(parent, 0)), "is too big: 1001 > 1000 virtual bytes")
	w.add(w.padded(3, 1000, 50_000, out(parent, 0)))
}

func TestTRUCSiblingEviction(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	parent := w.truc(1000, 3, w.coinbase(1))
	w.add(parent)
	first := w.truc(2000, 1, out(parent, 0))
	w.add(first)
	size := int64(first.VSize())
	w.refuse(w.truc(2000, 1, out(parent, 1)), consensus.SiblingInsufficientFee)
	w.refuse(w.truc(2000+size-1, 1, out(parent, 1)), consensus.SiblingInsufficientFee)
	second := w.truc(2000+size, 1, out(parent, 1))
	if res := w.add(second); len(res.Replaced) != 1 || res.Replaced[0] != first.ID() || w.has(first) {
		t.Errorf("replaced %v", res.Replaced)
	}
	equalReasons(t, w.pool.Stats().Removed, map[Reason]uint64{ReasonReplaced: 1})
	// What spends the same output replaces as ever, with the ordinary words.
	w.refuse(w.truc(2000+size, 2, out(parent, 1)), consensus.InsufficientFee)
	w.add(w.truc(9000, 1, out(parent, 1)))
	// A sibling is evicted together with what is replaced by conflict.
	w.add(w.spend(1000, 1, w.coinbase(2)))
	both := w.truc(20_000, 1, out(parent, 0), w.coinbase(2))
	if res := w.add(both); len(res.Replaced) != 2 {
		t.Errorf("replaced %v", res.Replaced)
	}
	// A test tells the same and changes nothing.
	if _, err := w.addOpt(w.truc(100, 1, out(parent, 2)), AddOptions{TestOnly: true}); !Reconsiderable(err) {
		t.Errorf("%v may not be reconsidered", err)
	}
}

// A reorganization may leave a parent with two children: then there is no sibling that could go.
func TestTRUCAfterReorg(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	parent := w.truc(1000, 3, w.coinbase(1))
	w.mine(parent)
	a, b := w.truc(1000, 1, out(parent, 0)), w.truc(1000, 1, out(parent, 1))
	w.add(a)
	w.add(b)
	w.reorg(1)
	if !w.has(parent, a, b) {
		t.Fatal("something did not come back")
	}
	w.violates(w.truc(9000, 1, out(parent, 2)), "would exceed descendant count limit")
	w.add(w.truc(9000, 1, out(parent, 0))) // it replaces a
}

// A transaction of version 3 may be under the minimum, but not by itself.
func TestTRUCBelowMinimum(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	if err := w.refuse(w.truc(0, 1, w.coinbase(1)), consensus.MinRelayFeeNotMet); !Reconsiderable(err) || !IsPolicy(err) {
		t.Errorf("%v: a child could not help it", err)
	}
	if err := w.refuse(w.spend(0, 1, w.coinbase(1)), consensus.MinRelayFeeNotMet); Reconsiderable(err) {
		t.Errorf("%v: a child could help it", err)
	}
}
