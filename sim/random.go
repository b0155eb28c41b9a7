package sim

import (
	"math/rand/v2"

	"github.com/cairn-chain/cairn/internal/exponential"
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

// wait draws from the exponential distribution with a mean.
func wait(r *rand.Rand, mean int64) int64 { return exponential.Draw(r.Uint64(), mean) }

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
