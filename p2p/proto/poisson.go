package proto

import (
	"math/bits"
	"time"
)

// poisson draws the time to the next event of a Poisson process with a mean: −ln(u)·mean for u in (0, 1]. It
// uses whole numbers only, so that it is the same on every machine.
func (m *Machine) poisson(mean time.Duration) time.Duration {
	const ln2 = 0xb17217f7d1cf79ac // · 2⁻⁶⁴
	hi, lo := bits.Mul64(uint64(max(mean, 0)), negLog2(m.cfg.Rand.Uint64()))
	hi, _ = bits.Mul64(hi<<32|lo>>32, ln2)
	return time.Duration(hi) + time.Microsecond
}

// negLog2 returns −log₂((r+1)/2⁶⁴) with 32 binary digits after the point.
func negLog2(r uint64) uint64 {
	if r++; r == 0 {
		return 0
	}
	zeros := bits.LeadingZeros64(r)
	x := r << zeros // [1, 2) with 63 digits after the point
	var frac uint64
	for range 32 {
		hi, lo := bits.Mul64(x, x)
		frac <<= 1
		if hi>>63 == 1 {
			frac |= 1
			x = hi
		} else {
			x = hi<<1 | lo>>63
		}
	}
	return uint64(zeros+1)<<32 - frac
}
