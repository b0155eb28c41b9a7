package script

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"
)

// dumbMulAdd is btcec's way to what mulAdd does.
func dumbMulAdd(a, b *btcec.ModNScalar, p *affine) (sum btcec.JacobianPoint) {
	var aG, bP btcec.JacobianPoint
	q := btcec.JacobianPoint{X: theirs(&p.x), Y: theirs(&p.y)}
	q.Z.SetInt(1)
	btcec.ScalarBaseMultNonConst(a, &aG)
	btcec.ScalarMultNonConst(b, &q, &bP)
	btcec.AddNonConst(&aG, &bP, &sum)
	sum.ToAffine()
	return sum
}

// pointOf returns k·G.
func pointOf(k *btcec.ModNScalar) *affine {
	var p btcec.JacobianPoint
	btcec.ScalarBaseMultNonConst(k, &p)
	p.ToAffine()
	return &affine{ours(&p.X), ours(&p.Y)}
}

// theirs and ours bring values from this field to btcec's and back.
func theirs(f *field) (v btcec.FieldVal) {
	b := new(field).Set(f).Normalize().Bytes()
	v.SetBytes(&b)
	return v
}

func ours(v *btcec.FieldVal) (f field) {
	f.SetBytes(new(btcec.FieldVal).Set(v).Normalize().Bytes())
	return f
}

// ourKey brings a public key here.
func ourKey(key *btcec.PublicKey) *affine {
	p, ok := parsePoint(key.SerializeUncompressed())
	if !ok {
		panic("btcec's key is none")
	}
	return &p
}

// twinMulAdd compares a·G + b·key·G with btcec's.
func twinMulAdd(t *testing.T, a, b, key *btcec.ModNScalar) {
	t.Helper()
	p := pointOf(key)
	want, got := dumbMulAdd(a, b, p), mulAdd(a, b, p)
	if infinity := want.X.IsZero() && want.Y.IsZero(); got.infinity != infinity {
		t.Fatalf("a %v, b %v, key %v: infinity is %v", a, b, key, got.infinity)
	}
	if got.infinity {
		return
	}
	j := btcec.JacobianPoint{X: theirs(&got.x), Y: theirs(&got.y), Z: theirs(&got.z)}
	j.ToAffine()
	if !j.X.Equals(&want.X) || !j.Y.Equals(&want.Y) {
		t.Fatalf("a %v, b %v, key %v: another point", a, b, key)
	}
}

func randomScalar(rng *rand.Rand) *btcec.ModNScalar {
	var b [32]byte
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	k := new(btcec.ModNScalar)
	k.SetBytes(&b)
	return k
}

// edgeScalars are those at which digits, halves and the endomorphism change, and their negatives.
func edgeScalars() (list []*btcec.ModNScalar) {
	for _, s := range []string{
		"00", "01", "02", "03", "0f", "10", "11", "03ff", "0400", "0401",
		"7fffffffffffffffffffffffffffffff", "80000000000000000000000000000000",
		"ffffffffffffffffffffffffffffffff", "0100000000000000000000000000000000", "0100000000000000000000000000000001",
		"7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0",
		"5363ad4cc05c30e0a5261c028812645a122e22ea20816678df02967c1b23bd72",
		"5555555555555555555555555555555555555555555555555555555555555555",
		"e4437ed6010e88286f547fa90abfe4c3", "3086d221a7d46bcde86c90e49284eb15",
	} {
		k := scalarOf(s)
		list = append(list, k, new(btcec.ModNScalar).NegateVal(k))
	}
	return list
}

// TestMulAddTwin compares with btcec at all edges, where points also meet equal and opposite ones and the sum is infinity, and at random
// places.
func TestMulAddTwin(t *testing.T) {
	edges := edgeScalars()
	rng := rand.New(rand.NewPCG(1, 2))
	keys := []*btcec.ModNScalar{scalarOf("01"), scalarOf("02"), endoLambda, scalarOf("0100000000000000000000000000000000"), randomScalar(rng)}
	for i, key := range keys {
		for j, b := range edges {
			for k, a := range edges {
				if i == 0 || (i+j+k)%3 == 0 {
					twinMulAdd(t, a, b, key)
				}
			}
			minus := new(btcec.ModNScalar).Mul2(b, key)
			twinMulAdd(t, minus.Negate(), b, key) // nothing is left
			twinMulAdd(t, minus.Negate(), b, key) // twice the same
		}
	}
	for range 200 {
		twinMulAdd(t, randomScalar(rng), randomScalar(rng), randomScalar(rng))
	}
}

func FuzzMulAdd(f *testing.F) {
	for i, k := range edgeScalars() {
		b := k.Bytes()
		f.Add(b[:], b[:], []byte{byte(i + 1)})
	}
	f.Fuzz(func(t *testing.T, a, b, key []byte) {
		var ks [3]btcec.ModNScalar
		for i, bytes := range [][]byte{a, b, key} {
			ks[i].SetByteSlice(bytes[:min(len(bytes), 32)])
		}
		if !ks[2].IsZero() {
			twinMulAdd(t, &ks[0], &ks[1], &ks[2])
		}
	})
}

// TestAddComplete meets the cases that a sum of random points never has.
func TestAddComplete(t *testing.T) {
	g := pointOf(scalarOf("01"))
	var z field
	z.SetInt(7)
	for name, zinv := range map[string]*field{"affine": nil, "another Z": &z} {
		for _, negate := range []bool{false, true} {
			p := jacobian{infinity: true}
			p.add(g, negate, zinv, nil)
			p.add(g, negate, zinv, nil) // equal
			p.add(g, !negate, zinv, nil)
			p.add(g, !negate, zinv, nil) // opposite
			if !p.infinity {
				t.Errorf("%s, %v: 1 + 1 − 1 − 1 is not infinity", name, negate)
			}
			if p.double(); !p.infinity {
				t.Errorf("%s: twice infinity is something", name)
			}
		}
	}
}

// TestSplit: the halves make up the whole and are half as long.
func TestSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	list := edgeScalars()
	for range 1000 {
		list = append(list, randomScalar(rng))
	}
	for _, k := range list {
		k1, k2, minus1, minus2 := split(k)
		if k1.bitLen() > 129 || k2.bitLen() > 129 {
			t.Fatalf("%v: halves of %d and %d bits", k, k1.bitLen(), k2.bitLen())
		}
		s1, s2 := scalarOfLimbs(&k1), scalarOfLimbs(&k2)
		if minus1 {
			s1.Negate()
		}
		if minus2 {
			s2.Negate()
		}
		if !s2.Mul(endoLambda).Add(s1).Equals(k) {
			t.Fatalf("%v: the halves make %v", k, s2)
		}
	}
}

func scalarOfLimbs(l *limbs) *btcec.ModNScalar {
	return scalarOf(fmt.Sprintf("%016x%016x%016x%016x", l[3], l[2], l[1], l[0]))
}

// TestDigits: digits add up to the number, are odd and small, and stand apart.
func TestDigits(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	list := edgeScalars()
	for range 500 {
		list = append(list, randomScalar(rng))
	}
	for _, k := range list {
		l := limbsOf(k)
		for _, w := range []int{2, widthP, widthG} {
			for _, minus := range []bool{false, true} {
				var g digits
				g.recode(&l, w, minus)
				var sum btcec.ModNScalar
				last := 2 * len(g.d)
				for i := len(g.d) - 1; i >= 0; i-- {
					sum.Add(new(btcec.ModNScalar).Set(&sum))
					d := int(g.d[i])
					if d == 0 {
						continue
					}
					if size := max(d, -d); size%2 == 0 || bits.Len(uint(size)) > w-1 || i >= g.n || last-i < w {
						t.Fatalf("%v, width %d: digit %d at %d, the next at %d", k, w, d, i, last)
					}
					last = i
					digit := new(btcec.ModNScalar).SetInt(uint32(max(d, -d)))
					if d < 0 {
						digit.Negate()
					}
					sum.Add(digit)
				}
				if minus {
					sum.Negate()
				}
				if !sum.Equals(k) {
					t.Fatalf("%v, width %d: digits of %v", k, w, &sum)
				}
			}
		}
	}
}

// TestECDSATwin compares with btcec's verification: good signatures, and each number of one changed.
func TestECDSATwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	v := NewVerifier()
	for range 40 {
		d := randomScalar(rng)
		hash := randomScalar(rng).Bytes()
		key := btcec.PrivKeyFromScalar(d)
		sig := ecdsa.Sign(key, hash[:])
		for i := range 4 {
			r, s, h := sig.R(), sig.S(), hash
			switch i {
			case 1:
				r = *randomScalar(rng)
			case 2:
				s.Negate() // high, and good
			case 3:
				h[rng.IntN(32)] ^= 1
			}
			changed := ecdsa.NewSignature(&r, &s)
			want := changed.Verify(h[:], key.PubKey())
			if got := verifyECDSA(&h, &r, &s, ourKey(key.PubKey())); got != want || want != (i%2 == 0) {
				t.Fatalf("change %d: %v, want %v", i, got, want)
			}
		}
		if !v.ECDSA(&hash, sig.Serialize(), key.PubKey().SerializeUncompressed()) {
			t.Fatal("uncompressed")
		}
	}
}

// TestECDSAReducedX: a nonce point whose x is over the order. No one meets it by chance, so the key is made to fit: for R and any s, e the
// key (s·R − e·G)/r has the signature (x(R) mod n, s) of e.
func TestECDSAReducedX(t *testing.T) {
	found := 0
	for k := uint32(1); k < 50; k++ {
		r := new(btcec.ModNScalar).SetInt(k)
		var x, y field
		x.SetInt(uint16(k)).Add(groupOrder).Normalize()
		if !y.curveY(&x, false) {
			continue
		}
		found++
		s, e := scalarOf("1234567890abcdef"), scalarOf("deadbeef")
		inverse := new(btcec.ModNScalar).InverseValNonConst(r)
		a := new(btcec.ModNScalar).Mul2(e, inverse)
		key := dumbMulAdd(a.Negate(), new(btcec.ModNScalar).Mul2(s, inverse), &affine{x, y})
		hash := e.Bytes()
		pub := btcec.NewPublicKey(&key.X, &key.Y)
		if !ecdsa.NewSignature(r, s).Verify(hash[:], pub) {
			t.Fatalf("r %d: btcec does not find the signature good", k)
		}
		if !verifyECDSA(&hash, r, s, ourKey(pub)) {
			t.Errorf("r %d: x is r plus the order", k)
		}
		if wrong := new(btcec.ModNScalar).SetInt(k + 1); verifyECDSA(&hash, wrong, s, ourKey(pub)) {
			t.Errorf("r %d: good for another r", k)
		}
	}
	if found < 10 {
		t.Fatalf("only %d points", found)
	}
}

func BenchmarkMulAdd(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y, p := randomScalar(rng), randomScalar(rng), pointOf(randomScalar(rng))
	b.Run("btcec", func(b *testing.B) {
		for b.Loop() {
			dumbMulAdd(x, y, p)
		}
	})
	b.Run("here", func(b *testing.B) {
		for b.Loop() {
			mulAdd(x, y, p)
		}
	})
}
