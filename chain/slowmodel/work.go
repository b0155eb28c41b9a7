package slowmodel

import (
	"math/big"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// Target expands compact bits: mantissa · 256^(exponent−3). It is nil for what is no target: negative, zero, over 256 bits.
func Target(bits uint32) *big.Int {
	exponent, mantissa := int64(bits>>24), int64(bits&0x7fffff)
	if bits&0x800000 != 0 {
		return nil
	}
	t := big.NewInt(mantissa)
	for ; exponent > 3; exponent-- {
		t.Mul(t, big.NewInt(256))
	}
	for ; exponent < 3; exponent++ {
		t.Div(t, big.NewInt(256))
	}
	if t.Sign() == 0 || t.BitLen() > 256 {
		return nil
	}
	return t
}

// Compact is the inverse of Target, rounded down to three bytes, of which the first may not look like a sign.
func Compact(t *big.Int) uint32 {
	b := t.Bytes()
	if len(b) > 0 && b[0] >= 0x80 {
		b = append([]byte{0}, b...)
	}
	size := len(b)
	b = append(b, 0, 0, 0)
	return uint32(size)<<24 | uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}

// Work is 2²⁵⁶ / (target + 1).
func Work(bits uint32) *big.Int {
	t := Target(bits)
	if t == nil {
		return new(big.Int)
	}
	all := new(big.Int).Exp(big.NewInt(2), big.NewInt(256), nil)
	return all.Div(all, t.Add(t, big.NewInt(1)))
}

func number(h types.Hash) *big.Int {
	be := h
	slices.Reverse(be[:])
	return new(big.Int).SetBytes(be[:])
}

// Median returns the median time past after the last of headers, of which the first is genesis.
func (r *Rules) Median(headers []types.Header) int64 {
	var times []int64
	for _, h := range headers[max(0, len(headers)-r.MedianSpan):] {
		times = append(times, int64(h.Time))
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// NextBits returns the bits of the block after the last of headers, of which the first is genesis.
func (r *Rules) NextBits(headers []types.Header) uint32 {
	height := len(headers) - 1 // of the parent
	if r.Asert == nil || height < r.Asert.AnchorHeight {
		return r.PowLimitBits
	}
	a := r.Asert
	timeDiff := int64(headers[height].Time) - int64(headers[max(a.AnchorHeight-1, 0)].Time)
	heightDiff := int64(height - a.AnchorHeight)
	return Compact(asert(Target(a.AnchorBits), Target(r.PowLimitBits), timeDiff, heightDiff, a.Spacing, a.HalfLife))
}

// asert follows the text of the specification, all in unbounded integers:
//
//	exponent   := ((time_diff − spacing·(height_diff+1)) · 65536) / half_life     (toward zero)
//	num_shifts := exponent >> 16
//	exponent   := exponent − num_shifts·65536
//	factor     := ((195766423245049·e + 971821376·e² + 5127·e³ + 2⁴⁷) >> 48) + 65536
//	target     := (anchor · factor) · 2^num_shifts / 65536                        (down), at least 1, at most the limit
func asert(anchor, limit *big.Int, timeDiff, heightDiff, spacing, halfLife int64) *big.Int {
	n := big.NewInt
	e := n(0).Mul(n(spacing), n(heightDiff+1))
	e.Sub(n(timeDiff), e).Mul(e, n(65536)).Quo(e, n(halfLife))
	shifts := n(0).Div(e, n(65536)) // Euclid's division: rounds down, since 65536 is positive
	e.Sub(e, n(0).Mul(shifts, n(65536)))

	e2 := n(0).Mul(e, e)
	e3 := n(0).Mul(e2, e)
	factor := n(0).Mul(n(195766423245049), e)
	factor.Add(factor, e2.Mul(e2, n(971821376)))
	factor.Add(factor, e3.Mul(e3, n(5127)))
	factor.Add(factor, n(1<<47))
	factor.Div(factor, n(1<<48)).Add(factor, n(65536))

	t := n(0).Mul(anchor, factor)
	power := n(0).Exp(n(2), n(0).Abs(shifts), nil)
	if shifts.Sign() >= 0 {
		t.Mul(t, power).Div(t, n(65536))
	} else {
		t.Div(t, power.Mul(power, n(65536)))
	}
	switch {
	case t.Sign() == 0:
		return n(1)
	case t.Cmp(limit) > 0:
		return limit
	}
	return t
}

// merkleRoot hashes pairs level by level; an odd level pairs its last with itself. twice tells that a pair of two equal hashes
// stood in a level.
func merkleRoot(level []types.Hash) (root types.Hash, twice bool) {
	if len(level) == 0 {
		return types.Hash{}, false
	}
	for len(level) > 1 {
		var above []types.Hash
		for len(level) > 0 {
			left, right := level[0], level[0]
			if len(level) > 1 {
				right = level[1]
				twice = twice || left == right
			}
			above = append(above, types.DoubleSHA256(append(left[:], right[:]...)))
			level = level[min(2, len(level)):]
		}
		level = above
	}
	return level[0], twice
}
