package script

import (
	"encoding/binary"
	"math/bits"
)

// field is an element of the field of secp256k1, the integers modulo p = 2²⁵⁶ − 2³² − 977: Σ nᵢ·2⁵²ⁱ in five limbs.
//
// The limbs may be larger than 52 bits (48 the last): a value of magnitude m has limbs of at most 2m·(2⁵²−1), the last of 2m·(2⁴⁸−1). Sums add
// magnitudes, and nothing is carried until a product is made: products take values of at most magnitude 8 and are of magnitude 1. So
// a product of limbs has at most 113 bits, and five of them, with a carry, fit in 128. Only Normalize makes the one form in which values can be
// compared. The representation and the order of the products are those of libsecp256k1's field_5x52.
//
// Nothing runs in constant time. Methods set and return their receiver, which may also be an argument.
type field struct{ n [5]uint64 }

const (
	limbMask = 1<<52 - 1
	topMask  = 1<<48 - 1
	// fold is 2²⁵⁶ modulo p, fold260 is 2²⁶⁰.
	fold    = 1<<32 + 977
	fold260 = fold << 4
	// prime0 is the lowest limb of p; the others are full.
	prime0 = limbMask + 1 - fold
)

// acc is a number of 128 bits.
type acc struct{ hi, lo uint64 }

// plus returns c + a·b.
func (c acc) plus(a, b uint64) acc {
	hi, lo := bits.Mul64(a, b)
	lo, carry := bits.Add64(c.lo, lo, 0)
	hi, _ = bits.Add64(c.hi, hi, carry)
	return acc{hi, lo}
}

// limb returns the lowest 52 bits, rest what is above them.
func (c acc) limb() uint64 { return c.lo & limbMask }
func (c acc) rest() acc    { return acc{c.hi >> 52, c.lo>>52 | c.hi<<12} }

// Mul2 sets f to a·b.
func (f *field) Mul2(a, b *field) *field {
	a0, a1, a2, a3, a4 := a.n[0], a.n[1], a.n[2], a.n[3], a.n[4]
	b0, b1, b2, b3, b4 := b.n[0], b.n[1], b.n[2], b.n[3], b.n[4]
	// c and d gather the products of weight 2⁵²ⁱ; those from 2²⁶⁰ on come back multiplied by fold260.
	var c, d acc
	d = d.plus(a0, b3)
	d = d.plus(a1, b2)
	d = d.plus(a2, b1)
	d = d.plus(a3, b0)
	c = c.plus(a4, b4)
	d = d.plus(fold260, c.lo)
	t3 := d.limb()
	d = d.rest()
	d = d.plus(a0, b4)
	d = d.plus(a1, b3)
	d = d.plus(a2, b2)
	d = d.plus(a3, b1)
	d = d.plus(a4, b0)
	d = d.plus(fold260<<12, c.hi)
	t4 := d.limb()
	d = d.rest()
	over := t4 >> 48
	t4 &= topMask
	c = acc{}
	c = c.plus(a0, b0)
	d = d.plus(a1, b4)
	d = d.plus(a2, b3)
	d = d.plus(a3, b2)
	d = d.plus(a4, b1)
	c = c.plus(d.limb()<<4|over, fold)
	d = d.rest()
	r0 := c.limb()
	c = c.rest()
	c = c.plus(a0, b1)
	c = c.plus(a1, b0)
	d = d.plus(a2, b4)
	d = d.plus(a3, b3)
	d = d.plus(a4, b2)
	c = c.plus(d.limb(), fold260)
	d = d.rest()
	r1 := c.limb()
	c = c.rest()
	c = c.plus(a0, b2)
	c = c.plus(a1, b1)
	c = c.plus(a2, b0)
	d = d.plus(a3, b4)
	d = d.plus(a4, b3)
	c = c.plus(fold260, d.lo)
	r2 := c.limb()
	c = c.rest()
	c = c.plus(fold260<<12, d.hi)
	c = c.plus(t3, 1)
	r3 := c.limb()
	c = c.rest()
	f.n = [5]uint64{r0, r1, r2, r3, c.lo + t4}
	return f
}

// SquareVal sets f to a².
func (f *field) SquareVal(a *field) *field {
	a0, a1, a2, a3, a4 := a.n[0], a.n[1], a.n[2], a.n[3], a.n[4]
	var c, d acc
	d = d.plus(2*a0, a3)
	d = d.plus(2*a1, a2)
	c = c.plus(a4, a4)
	d = d.plus(fold260, c.lo)
	t3 := d.limb()
	d = d.rest()
	a4 *= 2
	d = d.plus(a0, a4)
	d = d.plus(2*a1, a3)
	d = d.plus(a2, a2)
	d = d.plus(fold260<<12, c.hi)
	t4 := d.limb()
	d = d.rest()
	over := t4 >> 48
	t4 &= topMask
	c = acc{}
	c = c.plus(a0, a0)
	d = d.plus(a1, a4)
	d = d.plus(2*a2, a3)
	c = c.plus(d.limb()<<4|over, fold)
	d = d.rest()
	r0 := c.limb()
	c = c.rest()
	a0 *= 2
	c = c.plus(a0, a1)
	d = d.plus(a2, a4)
	d = d.plus(a3, a3)
	c = c.plus(d.limb(), fold260)
	d = d.rest()
	r1 := c.limb()
	c = c.rest()
	c = c.plus(a0, a2)
	c = c.plus(a1, a1)
	d = d.plus(a3, a4)
	c = c.plus(fold260, d.lo)
	r2 := c.limb()
	c = c.rest()
	c = c.plus(fold260<<12, d.hi)
	c = c.plus(t3, 1)
	r3 := c.limb()
	c = c.rest()
	f.n = [5]uint64{r0, r1, r2, r3, c.lo + t4}
	return f
}

// Mul multiplies f by a.
func (f *field) Mul(a *field) *field { return f.Mul2(f, a) }

// Square squares f.
func (f *field) Square() *field { return f.SquareVal(f) }

// squareTimes squares f n times.
func (f *field) squareTimes(n int) *field {
	for range n {
		f.SquareVal(f)
	}
	return f
}

// Set copies a.
func (f *field) Set(a *field) *field {
	*f = *a
	return f
}

// SetInt sets f to a small number.
func (f *field) SetInt(n uint16) *field {
	f.n = [5]uint64{uint64(n)}
	return f
}

// SetBytes sets f to 32 bytes, big-endian, and tells whether they are p or more; f is then their value all the same.
func (f *field) SetBytes(b *[32]byte) (over bool) {
	w0, w1, w2, w3 := binary.BigEndian.Uint64(b[24:]), binary.BigEndian.Uint64(b[16:]), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[:])
	f.n = [5]uint64{w0 & limbMask, (w0>>52 | w1<<12) & limbMask, (w1>>40 | w2<<24) & limbMask, (w2>>28 | w3<<36) & limbMask, w3 >> 16}
	return f.notBelowPrime()
}

// notBelowPrime looks at limbs that are carried.
func (f *field) notBelowPrime() bool {
	return f.n[4] == topMask && f.n[3]&f.n[2]&f.n[1] == limbMask && f.n[0] >= prime0
}

// Bytes returns a normalized f as 32 bytes, big-endian.
func (f *field) Bytes() (b [32]byte) {
	n := &f.n
	binary.BigEndian.PutUint64(b[24:], n[0]|n[1]<<52)
	binary.BigEndian.PutUint64(b[16:], n[1]>>12|n[2]<<40)
	binary.BigEndian.PutUint64(b[8:], n[2]>>24|n[3]<<28)
	binary.BigEndian.PutUint64(b[:], n[3]>>36|n[4]<<16)
	return b
}

// Add adds a; the magnitudes add up.
func (f *field) Add(a *field) *field {
	for i := range f.n {
		f.n[i] += a.n[i]
	}
	return f
}

// MulInt multiplies f, and its magnitude, by n.
func (f *field) MulInt(n uint64) *field {
	for i := range f.n {
		f.n[i] *= n
	}
	return f
}

// NegateVal sets f to −a, for an a of at most magnitude m; f is of m+1.
func (f *field) NegateVal(a *field, m uint64) *field {
	k := 2 * (m + 1)
	f.n = [5]uint64{k*prime0 - a.n[0], k*limbMask - a.n[1], k*limbMask - a.n[2], k*limbMask - a.n[3], k*topMask - a.n[4]}
	return f
}

// Negate negates f, of at most magnitude m.
func (f *field) Negate(m uint64) *field { return f.NegateVal(f, m) }

// Normalize brings f into the one form below p.
func (f *field) Normalize() *field {
	f.carry(f.n[4] >> 48)
	if f.n[4]>>48 != 0 || f.notBelowPrime() {
		f.carry(1)
		f.n[4] &= topMask // 2²⁵⁶ was just subtracted with p
	}
	return f
}

// carry folds over·2²⁵⁶ back and carries all limbs. Afterwards f is below 2·p.
func (f *field) carry(over uint64) {
	n := &f.n
	t := n[0] + over*fold
	n[0] = t & limbMask
	t = n[1] + t>>52
	n[1] = t & limbMask
	t = n[2] + t>>52
	n[2] = t & limbMask
	t = n[3] + t>>52
	n[3] = t & limbMask
	n[4] = n[4]&topMask + t>>52
}

// IsZero tells whether a normalized f is zero.
func (f *field) IsZero() bool { return f.n[0]|f.n[1]|f.n[2]|f.n[3]|f.n[4] == 0 }

// IsOdd tells whether a normalized f is odd.
func (f *field) IsOdd() bool { return f.n[0]&1 == 1 }

// Equals compares normalized values.
func (f *field) Equals(a *field) bool { return f.n == a.n }

// powerChain returns a^(2ⁿ−1) for n of 2, 22 and 223, of which p−2 and (p+1)/4 are made.
func (f *field) powerChain() (x2, x22, x223 field) {
	var x3, x6, x9, x11, x44, x88, x176, x220 field
	x2.SquareVal(f).Mul(f)
	x3.SquareVal(&x2).Mul(f)
	x6.Set(&x3).squareTimes(3).Mul(&x3)
	x9.Set(&x6).squareTimes(3).Mul(&x3)
	x11.Set(&x9).squareTimes(2).Mul(&x2)
	x22.Set(&x11).squareTimes(11).Mul(&x11)
	x44.Set(&x22).squareTimes(22).Mul(&x22)
	x88.Set(&x44).squareTimes(44).Mul(&x44)
	x176.Set(&x88).squareTimes(88).Mul(&x88)
	x220.Set(&x176).squareTimes(44).Mul(&x44)
	x223.Set(&x220).squareTimes(3).Mul(&x3)
	return x2, x22, x223
}

// Inverse sets f to 1/f = f^(p−2), and zero to zero.
func (f *field) Inverse() *field {
	a := *f
	x2, x22, x223 := a.powerChain()
	return f.Set(&x223).squareTimes(23).Mul(&x22).squareTimes(5).Mul(&a).squareTimes(3).Mul(&x2).squareTimes(2).Mul(&a)
}

// squareRoot sets f to a^((p+1)/4), of magnitude 1, which is a root of a if a has one, and tells whether it is. a is of magnitude 1 at most.
func (f *field) squareRoot(a *field) bool {
	x2, x22, x223 := a.powerChain()
	f.Set(&x223).squareTimes(23).Mul(&x22).squareTimes(6).Mul(&x2).squareTimes(2)
	var back, want field
	want.Set(a).Normalize()
	return back.SquareVal(f).Normalize().Equals(&want)
}

// curveY sets f to the y of the point with this x whose y is odd or even, and tells whether there is such a point. x is of
// magnitude 1; f is normalized.
func (f *field) curveY(x *field, odd bool) bool {
	var right, seven field
	right.SquareVal(x).Mul(x).Add(seven.SetInt(7)).Normalize()
	if !f.squareRoot(&right) {
		return false
	}
	if f.Normalize(); f.IsOdd() != odd {
		f.Negate(1).Normalize()
	}
	return true
}
