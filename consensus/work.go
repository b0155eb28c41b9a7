package consensus

import (
	"math/big"
	"math/bits"
)

// Work is an amount of expected hashes, a 256-bit number in little-endian limbs. It is a value
// and may be compared with ==. Sums are of blocks' work along a branch.
type Work [4]uint64

// Add returns w + x.
func (w Work) Add(x Work) (sum Work) {
	var carry uint64
	for i := range w {
		sum[i], carry = bits.Add64(w[i], x[i], carry)
	}
	return sum
}

// Sub returns w − x.
func (w Work) Sub(x Work) (diff Work) {
	var borrow uint64
	for i := range w {
		diff[i], borrow = bits.Sub64(w[i], x[i], borrow)
	}
	return diff
}

// Cmp returns −1, 0 or 1.
func (w Work) Cmp(x Work) int {
	for i := len(w) - 1; i >= 0; i-- {
		if w[i] != x[i] {
			if w[i] < x[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

// Big returns w as a new big.Int.
func (w Work) Big() *big.Int {
	n := new(big.Int)
	for i := len(w) - 1; i >= 0; i-- {
		n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(w[i]))
	}
	return n
}

// WorkFromBig returns n modulo 2²⁵⁶; n must not be negative.
func WorkFromBig(n *big.Int) (w Work) {
	rest, limb := new(big.Int).Set(n), new(big.Int)
	mask := new(big.Int).SetUint64(^uint64(0))
	for i := range w {
		w[i] = limb.And(rest, mask).Uint64()
		rest.Rsh(rest, 64)
	}
	return w
}
