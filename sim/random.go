package sim

import (
	"math/bits"
	"math/rand/v2"
)

// Numbers are drawn with whole numbers only, so that they are the same on every machine.

// Each purpose has a stream of its own, so that one more draw for one of them changes nothing for the others.
const (
	streamTopology = 1 + iota
	streamJitter
	streamWork
	streamTraffic
	streamStrategy
	streamMachines // and one for each node from here on
)

// stream returns the random numbers of one purpose.
func stream(seed, purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }

// exponential draws from the exponential distribution with a mean: −ln(u)·mean for u in (0, 1].
func exponential(r *rand.Rand, mean int64) int64 {
	const ln2 = 0xb17217f7d1cf79ac // · 2⁻⁶⁴
	hi, lo := bits.Mul64(uint64(max(mean, 0)), negLog2(r.Uint64()))
	hi, _ = bits.Mul64(hi<<32|lo>>32, ln2)
	return int64(hi)
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

// feeRates are sixteen quantiles, equally likely, of a log-normal distribution with median 10 and σ = 1 of its logarithm, in the
// smallest unit per 1000 vbytes.
var feeRates = [16]int64{
	1550, 2680, 3640, 4600, 5600, 6690, 7890, 9250, 10_810, 12_680, 14_950, 17_850, 21_730, 27_450, 37_300, 64_400,
}

// pick draws an index in proportion to weights, of which one must be positive.
func pick(r *rand.Rand, weights []int64) int {
	var sum int64
	for _, w := range weights {
		sum += w
	}
	x := r.Int64N(sum)
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}
