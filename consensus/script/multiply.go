package script

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"sync"

	"github.com/btcsuite/btcd/btcec/v2"
)

// Verifying a signature is one computation of a·G + b·P, for ECDSA and Schnorr alike. btcec offers a·G and b·P; this file
// computes the sum at once, which takes fewer additions:
//
//   - Both products share their doublings (Strauss).
//   - With the endomorphism λ·(x, y) = (β·x, y) of the curve, b·P = b1·P + b2·λP for b1 and b2 of about 128 bits (GLV). G is not split
//     like this: its table has multiples of G and of 2¹²⁸·G. So there are half as many doublings.
//   - The scalars are written with few digits, odd and signed (wNAF): of w bits, one in w+1 is not zero on average. Multiples for
//     the digits come from tables: 8 of P for w = 5, made each time, and 512 of G and 2¹²⁸·G for w = 11, made once.
//   - The tables are affine, so that additions are cheap, and those of P are so without a division: all its points get the same Z, which is left
//     out and put back at the end. This is the same as computing on the curve y² = x³ + 7·Z⁶. Points of G are brought there as they are added.
//
// Nothing here is secret, and nothing runs in constant time. The magnitudes of field values must be kept in
// mind: products take values of at most 8 and are 1. Behind each line stands the magnitude of what it makes. The coordinates of a point are
// kept within X 6, Y 4, Z 2.
//
// No case is left to chance: equal and opposite points are found and dealt with, although only a made-up signature leads there.

// Digits of P and of G have so many bits. A table has the odd multiples 1, 3 … 2^(w−1)−1.
const (
	widthP, widthG = 5, 11
	tableP, tableG = 1 << (widthP - 2), 1 << (widthG - 2)
)

// affine is a point that is not infinity. Both coordinates are normalized or fresh products.
type affine struct{ x, y field }

// jacobian is the point (X/Z², Y/Z³).
type jacobian struct {
	x, y, z  field
	infinity bool
}

// double makes p twice p. There is no point of order two.
func (p *jacobian) double() {
	if p.infinity {
		return
	}
	var m, m2, yy, s, t field
	p.z.Mul(&p.y).MulInt(2)         // Z' = 2YZ          2
	m.SquareVal(&p.x).MulInt(3)     // M = 3X²           3
	m2.SquareVal(&m)                // M²                1
	yy.SquareVal(&p.y).MulInt(2)    // 2Y²               2
	s.Mul2(&p.x, &yy)               // S = 2XY²          1
	p.x.Set(&s).MulInt(4)           //                   4
	p.x.Negate(4).Add(&m2)          // X' = M² − 4S      6
	t.Set(&s).MulInt(6)             //                   6
	t.Add(m2.Negate(1))             // 2S − X' = 6S − M² 8
	p.y.Mul2(&m, &t)                //                   1
	yy.Square().MulInt(2).Negate(2) // −8Y⁴             3
	p.y.Add(&yy)                    // Y' = M(2S−X')−8Y⁴ 4
}

// add adds the affine point q, or with negate −q. q's own Z, if it has one that was left out, is 1/zinv; nil stands for 1. ratio, if not
// nil, gets Z' divided by Z; p must not be infinity, nor equal or opposite to q, for it to be of use.
func (p *jacobian) add(q *affine, negate bool, zinv, ratio *field) {
	var qy field
	if qy.Set(&q.y); negate {
		qy.Negate(1) // 2
	}
	if p.infinity {
		p.start(q, &qy, zinv)
		return
	}
	var az, zz, h, r, h2, h3, t field
	if az.Set(&p.z); zinv != nil {
		az.Mul(zinv)
	}
	zz.SquareVal(&az)                   // Z²                  1
	t.NegateVal(&p.x, 6)                //                     7
	h.Mul2(&q.x, &zz).Add(&t)           // H = xZ² − X         8
	t.NegateVal(&p.y, 4)                //                     5
	r.Mul2(&qy, &zz).Mul(&az).Add(&t)   // R = yZ³ − Y         6
	if t.Set(&h).Normalize().IsZero() { // the same x
		if t.Set(&r).Normalize().IsZero() {
			p.double()
		} else {
			p.infinity = true
		}
		return
	}
	if ratio != nil {
		ratio.Set(&h)
	}
	p.z.Mul(&h)                     // Z' = ZH             1
	h2.SquareVal(&h)                // H²                  1
	h3.Mul2(&h, &h2).Negate(1)      // −H³                 2
	t.Mul2(&p.x, &h2)               // XH²                 1
	p.x.Set(&t).MulInt(2).Negate(2) // −2XH²              3
	p.x.Add(&h3)                    //                     5
	zz.SquareVal(&r)                // R²                  1
	p.x.Add(&zz)                    // X' = R²−H³−2XH²     6
	zz.NegateVal(&p.x, 6)           //                     7
	t.Add(&zz)                      // XH² − X'            8
	p.y.Mul(&h3)                    // −YH³                1
	p.y.Add(r.Mul(&t))              // Y' = R(XH²−X')−YH³  2
}

// start makes p the point that add would add to infinity.
func (p *jacobian) start(q *affine, qy, zinv *field) {
	p.infinity = false
	p.x.Set(&q.x)
	p.y.Set(qy)
	p.z.SetInt(1)
	if zinv == nil {
		return
	}
	// A Z of 1 here is zinv for q: (x, y) becomes (x·zinv², y·zinv³).
	var zz field
	zz.SquareVal(zinv)
	p.x.Mul(&zz)
	p.y.Mul(&zz).Mul(zinv)
}

// oddMultiples fills table with q, 3q, 5q …, all with the same Z, which it returns and leaves out.
func oddMultiples(table []affine, q *affine) (z field) {
	two := jacobian{x: q.x, y: q.y}
	two.z.SetInt(1)
	two.double()
	// On the curve on which the Z of 2q is left out, 2q is affine and q has to be brought there.
	step := affine{two.x, two.y}
	step.x.Normalize()
	step.y.Normalize()
	var zz field
	zz.SquareVal(&two.z)
	at := jacobian{}
	at.x.Mul2(&q.x, &zz)
	at.y.Mul2(&q.y, &zz).Mul(&two.z)
	at.z.SetInt(1)
	table[0] = affine{at.x, at.y}
	ratios := make([]field, len(table)) // of each Z to the one before
	for i := 1; i < len(table); i++ {
		at.add(&step, false, nil, &ratios[i])
		table[i] = affine{at.x, at.y}
	}
	// Bring all to the Z of the last.
	var up field
	up.SetInt(1)
	for i := len(table) - 1; i >= 0; i-- {
		zz.SquareVal(&up)
		table[i].x.Mul(&zz).Normalize()
		table[i].y.Mul(zz.Mul(&up)).Normalize()
		up.Mul(&ratios[i])
	}
	z.Mul2(&at.z, &two.z)
	return z
}

// baseTables are the odd multiples of G and of 2¹²⁸·G.
type baseTables [2][tableG]affine

var bases = sync.OnceValue(func() *baseTables {
	t := new(baseTables)
	var p btcec.JacobianPoint
	btcec.GeneratorJacobian(&p)
	for i := range t {
		if i == 1 {
			for range 128 {
				btcec.DoubleNonConst(&p, &p)
			}
			p.ToAffine()
		}
		var q affine
		q.x.SetBytes(p.X.Bytes())
		q.y.SetBytes(p.Y.Bytes())
		z := oddMultiples(t[i][:], &q)
		z.Inverse()
		var zz, zzz field
		zz.SquareVal(&z)
		zzz.Mul2(&zz, &z)
		for j := range t[i] {
			t[i][j].x.Mul(&zz).Normalize()
			t[i][j].y.Mul(&zzz).Normalize()
		}
	}
	return t
})

// digits are a scalar as signed odd digits, the lowest first: Σ dᵢ·2ⁱ.
type digits struct {
	d [260]int16
	n int
}

// limbs are a number of 256 bits, the lowest limb first.
type limbs [4]uint64

func limbsOf(k *btcec.ModNScalar) (l limbs) {
	b := k.Bytes()
	for i := range l {
		l[i] = binary.BigEndian.Uint64(b[24-8*i:])
	}
	return l
}

func (l *limbs) bitLen() int {
	for i := 3; i >= 0; i-- {
		if l[i] != 0 {
			return 64*i + bits.Len64(l[i])
		}
	}
	return 0
}

// at returns n bits from bit i on; beyond the end there are zeros.
func (l *limbs) at(i, n int) uint64 {
	if i >= 256 {
		return 0
	}
	v := l[i/64] >> (i % 64)
	if i/64 < 3 {
		v |= l[i/64+1] << 1 << (63 - i%64)
	}
	return v & (1<<n - 1)
}

// recode writes k with digits of w bits, and all of them negated if minus is set.
func (g *digits) recode(k *limbs, w int, minus bool) {
	end := k.bitLen() + 1 // the last digit may carry
	carry := uint64(0)
	for i := 0; i < end; {
		if k.at(i, 1) == carry {
			i++
			continue
		}
		v := int(k.at(i, w) + carry)
		carry = uint64(v >> (w - 1))
		v -= int(carry) << w
		if minus {
			v = -v
		}
		g.d[i], g.n = int16(v), i+1
		i += w
	}
}

// Constants of the endomorphism: β and λ, and the lattice that splits a scalar (Guide to Elliptic Curve Cryptography, 3.74).
var (
	endoBeta    = fieldOf("7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee")
	endoLambda  = scalarOf("5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72")
	endoMinusB1 = scalarOf("00000000000000000000000000000000e4437ed6010e88286f547fa90abfe4c3")
	endoMinusB2 = scalarOf("fffffffffffffffffffffffffffffffe8a280ac50774346dd765cda83db1562c")
	endoG1      = limbs{0xe893209a45dbb031, 0x3daa8a1471e8ca7f, 0xe86c90e49284eb15, 0x3086d221a7d46bcd}
	endoG2      = limbs{0x1571b4ae8ac47f71, 0x221208ac9df506c6, 0x6f547fa90abfe4c4, 0xe4437ed6010e8828}
)

// split returns k1 and k2 of about 128 bits with k = k1 + λ·k2, each as magnitude and sign.
func split(k *btcec.ModNScalar) (k1, k2 limbs, minus1, minus2 bool) {
	l := limbsOf(k)
	c1, c2 := mulShift384(&l, &endoG1), mulShift384(&l, &endoG2)
	var r1, r2 btcec.ModNScalar
	r2.Add2(c1.Mul(endoMinusB1), c2.Mul(endoMinusB2))
	r1.Mul2(&r2, endoLambda).Negate().Add(k)
	if minus1 = r1.IsOverHalfOrder(); minus1 {
		r1.Negate()
	}
	if minus2 = r2.IsOverHalfOrder(); minus2 {
		r2.Negate()
	}
	return limbsOf(&r1), limbsOf(&r2), minus1, minus2
}

// mulShift384 returns a·b / 2³⁸⁴, rounded to the nearest.
func mulShift384(a, b *limbs) *btcec.ModNScalar {
	var p [8]uint64
	for i := range a {
		var carry uint64
		for j := range b {
			hi, lo := bits.Mul64(a[i], b[j])
			var c uint64
			lo, c = bits.Add64(lo, p[i+j], 0)
			hi += c
			p[i+j], c = bits.Add64(lo, carry, 0)
			carry = hi + c
		}
		p[i+4] = carry
	}
	low, c := bits.Add64(p[6], p[5]>>63, 0)
	high, c := bits.Add64(p[7], 0, c)
	var be [32]byte
	be[15] = byte(c)
	binary.BigEndian.PutUint64(be[16:], high)
	binary.BigEndian.PutUint64(be[24:], low)
	k := new(btcec.ModNScalar)
	k.SetBytes(&be)
	return k
}

// mulAdd returns a·G + b·P. P must be on the curve.
func mulAdd(a, b *btcec.ModNScalar, p *affine) (sum jacobian) {
	var of [4]digits // P, λP, G, 2¹²⁸·G
	k1, k2, minus1, minus2 := split(b)
	of[0].recode(&k1, widthP, minus1)
	of[1].recode(&k2, widthP, minus2)
	l := limbsOf(a)
	of[2].recode(&limbs{l[0], l[1]}, widthG, false)
	of[3].recode(&limbs{l[2], l[3]}, widthG, false)

	var tables [2][tableP]affine
	z := oddMultiples(tables[0][:], p)
	for i := range tables[0] {
		tables[1][i].x.Mul2(&tables[0][i].x, endoBeta)
		tables[1][i].y = tables[0][i].y
	}
	base := bases()
	sum.infinity = true
	for i := max(of[0].n, of[1].n, of[2].n, of[3].n) - 1; i >= 0; i-- {
		sum.double()
		for j := range of {
			switch d := int(of[j].d[i]); {
			case d == 0:
			case j < 2:
				sum.add(&tables[j][max(d, -d)/2], d < 0, nil, nil)
			default:
				sum.add(&base[j-2][max(d, -d)/2], d < 0, &z, nil)
			}
		}
	}
	sum.z.Mul(&z)
	return sum
}

// hasX tells whether p's x, modulo the order of the group, is r. p must not be infinity.
func (p *jacobian) hasX(r *btcec.ModNScalar) bool {
	var x, zz, want field
	b := r.Bytes()
	x.SetBytes(&b)
	zz.SquareVal(&p.z)
	p.x.Normalize()
	if want.Mul2(&x, &zz).Normalize().Equals(&p.x) {
		return true
	}
	// An x from the order up to the prime was reduced once.
	if bytes.Compare(b[:], primeMinusOrder[:]) >= 0 {
		return false
	}
	x.Add(groupOrder)
	return want.Mul2(&x, &zz).Normalize().Equals(&p.x)
}

// groupOrder is the order of the group as an element of the field.
var groupOrder = fieldOf("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")

// primeMinusOrder is how many values of x below the prime are not below the order.
var primeMinusOrder = [32]byte{15: 1, 16: 0x45, 0x51, 0x23, 0x19, 0x50, 0xb7, 0x5f, 0xc4, 0x40, 0x2d, 0xa1, 0x72, 0x2f, 0xc9, 0xba, 0xee}

func fieldOf(digits string) *field {
	f := new(field)
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != 32 || f.SetBytes((*[32]byte)(b)) {
		panic("not a field value: " + digits) // a constant
	}
	return f
}

func scalarOf(digits string) *btcec.ModNScalar {
	k := new(btcec.ModNScalar)
	b, err := hex.DecodeString(digits)
	if err != nil || k.SetByteSlice(b) {
		panic("not a scalar: " + digits) // a constant
	}
	return k
}

// parsePoint reads a public key: compressed, uncompressed or hybrid.
func parsePoint(key []byte) (p affine, ok bool) {
	const compressed, uncompressed, hybrid = 2, 4, 6 // without the bit that says whether y is odd
	switch {
	case len(key) == 33 && key[0]&^1 == compressed:
		return p, !p.x.SetBytes((*[32]byte)(key[1:])) && p.y.curveY(&p.x, key[0]&1 == 1)
	case len(key) != 65 || key[0] != uncompressed && key[0]&^1 != hybrid:
		return p, false
	case p.x.SetBytes((*[32]byte)(key[1:33])) || p.y.SetBytes((*[32]byte)(key[33:])):
		return p, false
	case key[0] != uncompressed && p.y.IsOdd() != (key[0]&1 == 1):
		return p, false
	}
	return p, p.onCurve()
}

// onCurve tells whether y² = x³ + 7.
func (p *affine) onCurve() bool {
	var left, right, seven field
	left.SquareVal(&p.y).Normalize()
	right.SquareVal(&p.x).Mul(&p.x).Add(seven.SetInt(7)).Normalize()
	return left.Equals(&right)
}

// lift returns the point with x and an even y.
func lift(x *[32]byte) (p affine, ok bool) {
	return p, !p.x.SetBytes(x) && p.y.curveY(&p.x, false)
}
