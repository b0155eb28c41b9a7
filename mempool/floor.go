package mempool

import (
	"math/bits"
	"time"
)

// The floor decays by half in floorHalfLife seconds, twice as fast when the pool is below half of its bound, four times
// below a quarter.
const floorHalfLife = 12 * 3600

// maxFloorRate keeps the fixed-point arithmetic in range; it is over 10,000 coins per 1000 virtual bytes.
const maxFloorRate = 1 << 40

// floor is the rolling minimum feerate (Core's GetMinFee): raised by each eviction to just above what was evicted, so
// that the same space is not filled again for free; constant until the next block, then decaying. The arithmetic
// is of integers, so that all machines agree.
type floor struct {
	scaled uint64 // feerate per 1000 virtual bytes, times 2¹⁶
	since  int64  // seconds since 1970
	block  bool   // a block came since the last raise: it decays
}

// raise lifts the floor to rate.
func (f *floor) raise(rate int64) {
	rate = min(rate, maxFloorRate)
	if rate > 0 && uint64(rate)<<16 > f.scaled {
		f.scaled, f.block = uint64(rate)<<16, false
	}
}

// connected notes that a block came.
func (f *floor) connected(now time.Time) { f.since, f.block = now.Unix(), true }

// decayed returns f at a later time in a pool of usage bytes out of limit. Below half of the incremental rate it
// is nothing.
func (f floor) decayed(now time.Time, usage, limit, incremental int64) floor {
	elapsed := now.Unix() - f.since
	if f.scaled == 0 || !f.block || elapsed <= 10 {
		return f
	}
	half := int64(floorHalfLife)
	switch {
	case usage < limit/4:
		half /= 4
	case usage < limit/2:
		half /= 2
	}
	f.scaled = halved(f.scaled, elapsed, half)
	f.since = now.Unix()
	if int64(f.scaled>>16) < incremental/2 {
		f.scaled = 0
	}
	return f
}

// halved returns v·2^(−elapsed/half) for v below 2⁵⁶, by the polynomial of aserti3-2d, which errs by less than 0.013 %.
func halved(v uint64, elapsed, half int64) uint64 {
	whole := elapsed / half
	if whole >= 64 {
		return 0
	}
	x := uint64(elapsed%half) << 16 / uint64(half)
	factor := 65536 + (195766423245049*x+971821376*x*x+5127*x*x*x+1<<47)>>48
	hi, lo := bits.Mul64(v, 65536)
	q, _ := bits.Div64(hi, lo, factor)
	return q >> whole
}

// rate returns the feerate per 1000 virtual bytes, at least the incremental one if there is any.
func (f floor) rate(incremental int64) int64 {
	if f.scaled == 0 {
		return 0
	}
	return max(int64((f.scaled+1<<15)>>16), incremental)
}
