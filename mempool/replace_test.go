package mempool

import (
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func TestReplacement(t *testing.T) {
	w := newWorld(t, Config{}, 3)
	chain := w.chainOf(w.coinbase(1), 1000, 3) // three entries that pay 3000
	size := int64(chain[0].VSize())

	w.refuse(w.spend(1000, 2, w.coinbase(1)), consensus.InsufficientFee)        // feerate not higher
	w.refuse(w.spend(2999, 1, w.coinbase(1)), consensus.InsufficientFee)        // less than all together
	w.refuse(w.spend(3000+size-1, 1, w.coinbase(1)), consensus.InsufficientFee) // nothing for its own size
	w.refuse(w.spend(20_000, 1, w.coinbase(1), out(chain[0], 0)), consensus.SpendsConflicting)

	unconfirmed := w.spend(1000, 1, w.coinbase(2))
	w.add(unconfirmed)
	w.refuse(w.spend(50_000, 1, w.coinbase(1), out(unconfirmed, 0)), consensus.ReplacementUnconfirmed)

	better := w.spend(3000+size, 1, w.coinbase(1)) // not signalled, and exactly enough
	res := w.add(better)
	if len(res.Replaced) != 3 || w.has(chain[0]) || w.has(chain[1]) || w.has(chain[2]) || !w.has(better, unconfirmed) {
		t.Errorf("replaced %v", res.Replaced)
	}
	equalReasons(t, w.pool.Stats().Removed, map[Reason]uint64{ReasonReplaced: 3})

	// A replacement of two at once, which keeps the parent of one of them.
	child := w.spend(2000, 1, out(better, 0))
	w.add(child)
	both := w.spend(9000, 1, out(better, 0), w.coinbase(2))
	if res := w.add(both); len(res.Replaced) != 2 || !w.has(better, both) || w.has(unconfirmed) {
		t.Errorf("replaced %v", res.Replaced)
	}
}

func TestReplacementCountsPrioritised(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	old := w.spend(1000, 1, w.coinbase(1))
	w.add(old)
	w.pool.Prioritise(old.ID(), 100_000)
	w.refuse(w.spend(50_000, 1, w.coinbase(1)), consensus.InsufficientFee)
	w.add(w.spend(150_000, 1, w.coinbase(1)))
}

func TestReplacementTestOnly(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	old := w.spend(1000, 1, w.coinbase(1))
	w.add(old)
	res, err := w.addOpt(w.spend(5000, 1, w.coinbase(1)), AddOptions{TestOnly: true})
	if err != nil || len(res.Replaced) != 1 || !w.has(old) {
		t.Errorf("%+v, %v, the old one is here: %v", res, err, w.has(old))
	}
}

func TestTooManyReplacements(t *testing.T) {
	w := newWorld(t, unsigned(), 5)
	ins := make([]types.OutPoint, 0, 5)
	for i := range 5 {
		from := w.coinbase(int32(i + 1))
		ins = append(ins, from)
		fan := w.spend(10_000, 20, from)
		w.add(fan)
		for j := range 20 {
			w.add(w.spend(1000, 1, out(fan, j)))
		}
	}
	w.refuse(w.spend(10_000_000, 1, ins...), consensus.TooManyReplacements)
	w.add(w.spend(10_000_000, 1, ins[:4]...))
}

// The same outpoint twice in two transactions of the pool: one of them at most is ever here.
func TestDoubleSpendNeverStays(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	for fee := int64(1000); fee < 20_000; fee += 1000 {
		w.add(w.spend(fee, 1, w.coinbase(1)))
		if n := w.pool.Info(w.now).Count; n != 1 {
			t.Fatalf("%d entries spend one coin", n)
		}
	}
}

// A higher fee at the same feerate is no better block.
func TestReplacementNeedsHigherFeerate(t *testing.T) {
	w := newWorld(t, Config{}, 2)
	const rate = 10
	old := w.spend(0, 1, w.coinbase(1))
	old = w.spend(rate*int64(old.VSize()), 1, w.coinbase(1))
	w.add(old)
	big := w.spend(0, 3, w.coinbase(1), w.coinbase(2))
	fee := rate * int64(big.VSize())
	w.refuse(w.spend(fee, 3, w.coinbase(1), w.coinbase(2)), consensus.InsufficientFee)
	w.add(w.spend(fee+int64(big.VSize()), 3, w.coinbase(1), w.coinbase(2)))
}
