package mempool

import (
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

func picked(list []Selected) (txs []*types.Tx) {
	for _, s := range list {
		txs = append(txs, s.Tx)
	}
	return txs
}

func equalTxs(t *testing.T, got []Selected, want ...*types.Tx) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d picked, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Tx != want[i] {
			t.Errorf("at %d stands %s, want %s", i, got[i].Tx.ID(), want[i].ID())
		}
	}
}

func TestSelectByAncestorFeerate(t *testing.T) {
	w := newWorld(t, Config{}, 4)
	parent := w.spend(200, 1, w.coinbase(1)) // poor, with a rich child
	child := w.spend(20_000, 1, out(parent, 0))
	middle := w.spend(5_000, 1, w.coinbase(2))
	rich := w.spend(50_000, 1, w.coinbase(3)) // with a poor child
	late := w.spend(300, 1, out(rich, 0))
	for _, tx := range []*types.Tx{parent, middle, child, rich, late} {
		w.add(tx)
	}
	all := w.pool.Select(4_000_000, 80_000, 0)
	equalTxs(t, all, rich, parent, child, middle, late)
	w.mustConnect(all)

	equalTxs(t, w.pool.Select(4_000_000, 80_000, 10_000), rich, parent, child, middle)
	one := rich.Weight()
	equalTxs(t, w.pool.Select(one, 80_000, 0), rich)
	if got := w.pool.Select(one-1, 80_000, 0); len(got) > 1 {
		t.Errorf("%d picked into less than one", len(got))
	}
	equalTxs(t, w.pool.Select(4_000_000, 2, 0), rich, middle) // a signature operation each; the package of two fits no more
	if got := w.pool.Select(4_000_000, 0, 0); len(got) != 0 {
		t.Errorf("%d picked without signature operations", len(got))
	}
	w.pool.Prioritise(late.ID(), 1_000_000)
	w.pool.Prioritise(rich.ID(), 1_000_000)
	got := w.pool.Select(4_000_000, 80_000, 0)
	equalTxs(t, got, rich, late, parent, child, middle)
	if got[1].Fee != 300 {
		t.Errorf("fee %d, want what it really pays", got[1].Fee)
	}
}

// Weight is exact: what fits is taken, what doesn't is not.
func TestSelectFillsExactly(t *testing.T) {
	w := newWorld(t, unsigned(), 10)
	total := 0
	for i := range 10 {
		tx := w.spend(int64(1000+i), 1, w.coinbase(int32(i+1)))
		w.add(tx)
		total += tx.Weight()
	}
	if n := len(w.pool.Select(total, 80_000, 0)); n != 10 {
		t.Errorf("%d of 10 in exactly their weight", n)
	}
	if n := len(w.pool.Select(total-1, 80_000, 0)); n != 9 {
		t.Errorf("%d of 10 in a unit less", n)
	}
}

func TestSelectOfNothing(t *testing.T) {
	w := newWorld(t, Config{}, 1)
	if got := w.pool.Select(4_000_000, 80_000, 0); len(picked(got)) != 0 {
		t.Errorf("%d picked of nothing", len(got))
	}
}

// dumbSelect is Select without any cleverness: it looks at all packages anew before each step.
func dumbSelect(p *Pool, maxWeight, maxSigOps int, minFeeRate int64) (out []*types.Tx) {
	done, failed := make(map[*entry]bool), make(map[*entry]bool)
	rest := func(e *entry) []*entry {
		return slices.DeleteFunc(closure(parentsOf, e).list, func(x *entry) bool { return done[x] })
	}
	for {
		var best *entry
		var bestScore score
		for _, e := range p.order {
			if done[e] || failed[e] {
				continue
			}
			s := total(rest(e))
			own := score{s.fees, s.size}
			if cmpRate(e.modified(), e.vsize, s.fees, s.size) < 0 {
				own = score{e.modified(), e.vsize}
			}
			if best != nil {
				c := cmpRate(own.fee, own.size, bestScore.fee, bestScore.size)
				if c < 0 || c == 0 && e.seq > best.seq {
					continue
				}
			}
			best, bestScore = e, own
		}
		if best == nil {
			return out
		}
		pack := rest(best)
		if s := total(pack); minFeeRate > 0 && s.fees < feeFor(minFeeRate, s.size) {
			return out
		}
		weight, sigops := 0, 0
		for _, e := range pack {
			weight, sigops = weight+e.weight, sigops+e.sigops
		}
		if weight > maxWeight || sigops > maxSigOps {
			failed[best] = true
			continue
		}
		maxWeight, maxSigOps = maxWeight-weight, maxSigOps-sigops
		bySequence(pack)
		for _, e := range pack {
			done[e] = true
			out = append(out, e.tx)
		}
	}
}
