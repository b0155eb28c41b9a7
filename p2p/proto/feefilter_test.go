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
