package mempool

import (
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// The witness ids come in pieces, each once, and follow what comes and goes.
func TestWitnessIDs(t *testing.T) {
	w := newWorld(t, Config{}, 4)
	var want []types.Hash
	for i := range 4 {
		tx := w.spend(1000, 1, w.coinbase(int32(i)+1))
		w.add(tx)
		want = append(want, tx.WitnessID())
	}
	better := w.spend(50_000, 1, w.coinbase(2))
	w.add(better)
	want[1] = better.WitnessID()
	var got []types.Hash
	buf := make([]types.Hash, 3)
	for n := w.pool.WitnessIDs(0, buf); n > 0; n = w.pool.WitnessIDs(len(got), buf) {
		got = append(got, buf[:n]...)
	}
	slices.SortFunc(got, types.Hash.Compare)
	slices.SortFunc(want, types.Hash.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if w.pool.WitnessIDs(-1, buf)+w.pool.WitnessIDs(4, buf)+w.pool.WitnessIDs(0, nil) != 0 {
		t.Error("ids from outside of the roster")
	}
}

// What left the pool is handed out once, within its bounds.
func TestTakeRemoved(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	old := w.spend(1000, 1, w.coinbase(1))
	w.add(old)
	w.add(w.spend(50_000, 1, w.coinbase(1)))
	if got := w.pool.TakeRemoved(); len(got) != 1 || got[0] != old {
		t.Errorf("%d taken", len(got))
	}
	if got := w.pool.TakeRemoved(); len(got) != 0 {
		t.Errorf("%d taken twice", len(got))
	}
	var r removed
	for range 3 * maxRemoved {
		r.add(old)
	}
	if len(r.txs) != maxRemoved || r.bytes != maxRemoved*old.Size() {
		t.Errorf("%d transactions of %d bytes", len(r.txs), r.bytes)
	}
	big := &types.Tx{Out: []types.TxOut{{Script: make([]byte, maxRemovedBytes/2)}}}
	r.add(big)
	r.add(big)
	if len(r.txs) != 1 || r.bytes != big.Size() {
		t.Errorf("%d transactions of %d bytes", len(r.txs), r.bytes)
	}
}
