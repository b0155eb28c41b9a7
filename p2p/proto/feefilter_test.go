package proto

import "testing"

// The fee filter never asks for more than the mempool does: a transaction of exactly the least fee rate is what wallets
// send when there is no competition.
func TestFeeFilterWithholdsNothing(t *testing.T) {
	pool := newFakePool()
	m := &Machine{settled: true, cfg: Config{Pool: pool}}
	for _, floor := range []int64{0, 1, 2, 10, 999, 1000, 1001, 1069, 5000, 123_456_789, 1 << 62} {
		pool.feeFloor = floor
		fee := m.feeFilter()
		if fee > floor || (floor < 1<<50 && fee < floor*9/10-1) {
			t.Errorf("floor %d: the filter is %d", floor, fee)
		}
	}
}

// A floor that rises is told soon, also if everybody was told of this very rate once, and of a lower one since.
func TestFeeFilterRisesAgain(t *testing.T) {
	pool, p := newFakePool(), &peer{}
	p.hs.done = true
	m := &Machine{settled: true, now: testStart, cfg: Config{Pool: pool, Quiet: true}, order: []*peer{p}}
	for _, floor := range []int64{5000, 1000} {
		pool.feeFloor, p.inv.feeCheck = floor, m.now
		m.tellFeeFilter(p)
		if told := p.inv.toldFee; told > floor || told < floor*9/10-1 || !p.inv.feeCheck.IsZero() {
			t.Fatalf("floor %d: told %d", floor, told)
		}
		if floor == 5000 {
			m.hastenFeeFilter()
		}
	}
	pool.feeFloor = 5000
	if m.hastenFeeFilter(); !p.inv.feeCheck.Equal(m.now.Add(feeFilterSoon)) {
		t.Errorf("the next filter is due at %v", p.inv.feeCheck)
	}
}
