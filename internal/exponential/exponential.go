// Package exponential draws the times between events of a Poisson process. It reckons in whole numbers only, so that a draw is the
// same on every machine.
package exponential

import "math/bits"

// Draw returns −ln(u)·mean for u = (random+1)/2⁶⁴, which is in (0, 1]: with uniformly distributed random, a value of the
// exponential distribution with that mean, in the unit of mean. It is rounded down and is 0 for a mean of 0 or less.
func Draw(random uint64, mean int64) int64 {
	const ln2 = 0xb17217f7d1cf79ac // · 2⁻⁶⁴
	hi, lo := bits.Mul64(uint64(max(mean, 0)), negLog2(random))
	hi, _ = bits.Mul64(hi<<32|lo>>32, ln2)
	return int64(hi)
}

// negLog2 returns −log₂((r+1)/2⁶⁴) with 32 binary digits after the point. Each squaring of a number in [1, 2) gives one more.
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
