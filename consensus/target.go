package consensus

import (
	"math"
	"math/big"

	"github.com/cairn-chain/cairn/types"
)

// TargetFromBits expands the compact form of a target: the top byte is a length in bytes, the lower
// three its leading bytes, of which the highest bit is a sign. ok is false for a target that is
// negative, zero or over 256 bits; no hash may meet such a one.
func TargetFromBits(bits uint32) (target *big.Int, ok bool) {
	size, word := bits>>24, bits&0x007fffff
	if word == 0 || bits&0x00800000 != 0 {
		return new(big.Int), false
	}
	target = new(big.Int).SetUint64(uint64(word))
	if size <= 3 {
		target.Rsh(target, uint(8*(3-size)))
	} else {
		if size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32) {
			return new(big.Int), false
		}
		target.Lsh(target, uint(8*(size-3)))
	}
	return target, target.Sign() > 0
}

// BitsFromTarget returns the compact form of a target, which keeps its 15 to 23 leading bits and
// drops the rest. target must not be negative.
func BitsFromTarget(target *big.Int) uint32 {
	size := (target.BitLen() + 7) / 8
	var word uint32
	if size <= 3 {
		word = uint32(target.Uint64() << (8 * (3 - size)))
	} else {
		word = uint32(new(big.Int).Rsh(target, uint(8*(size-3))).Uint64())
	}
	if word&0x00800000 != 0 { // would read as the sign
		word >>= 8
		size++
	}
	return uint32(size)<<24 | word
}

// WorkFromBits returns the hashes that it takes on average to meet a target, 2²⁵⁶ / (target+1), or 0
// for bits that are out of range.
func WorkFromBits(bits uint32) Work {
	target, ok := TargetFromBits(bits)
	if !ok {
		return Work{}
	}
	n := new(big.Int).Lsh(big.NewInt(1), 256)
	return WorkFromBig(n.Div(n, target.Add(target, big.NewInt(1))))
}

// Difficulty returns by what factor the target is harder than 0x1d00ffff, as getdifficulty shows it.
// It is for people and decides nothing. 0 for bits without a target.
func Difficulty(bits uint32) float64 {
	word := bits & 0x00ffffff
	if word == 0 {
		return 0
	}
	return math.Ldexp(0xffff/float64(word), 8*(29-int(bits>>24)))
}

// MeetsTarget tells whether a hash, read as a number, is not over the target.
func MeetsTarget(hash types.Hash, target *big.Int) bool {
	return hashNumber(hash).Cmp(target) <= 0
}

// hashNumber reads a hash as the 256-bit number that it prints as.
func hashNumber(hash types.Hash) *big.Int {
	var be [types.HashSize]byte
	for i, b := range hash {
		be[types.HashSize-1-i] = b
	}
	return new(big.Int).SetBytes(be[:])
}
