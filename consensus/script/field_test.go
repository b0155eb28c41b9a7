package script

import (
	"encoding/hex"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
)

var primeP, _ = new(big.Int).SetString("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", 16)

// value is what limbs of any size stand for, modulo p.
func (f *field) value() *big.Int {
	v := new(big.Int)
	for i := 4; i >= 0; i-- {
		v.Lsh(v, 52).Add(v, new(big.Int).SetUint64(f.n[i]))
	}
	return v.Mod(v, primeP)
}

// edgeFields are values around those at which carries and the prime change something, up to magnitude 8 if large is set.
func edgeFields(rng *rand.Rand, large bool) (list []field) {
	limbs := []uint64{0, 1, 2, fold - 1, fold, prime0 - 1, prime0, limbMask - 1, limbMask}
	tops := []uint64{0, 1, topMask - 1, topMask}
	if large {
		limbs = append(limbs, limbMask+1, 16*limbMask)
		tops = append(tops, topMask+1, 16*topMask)
	}
	for range 300 {
		var f field
		for i := range 4 {
			f.n[i] = limbs[rng.IntN(len(limbs))]
			if rng.IntN(3) == 0 {
				f.n[i] = rng.Uint64N(limbs[len(limbs)-1] + 1)
			}
		}
		f.n[4] = tops[rng.IntN(len(tops))]
		list = append(list, f)
	}
	return append(list, field{}, field{[5]uint64{1}}, field{[5]uint64{prime0, limbMask, limbMask, limbMask, topMask}},
		field{[5]uint64{prime0 - 1, limbMask, limbMask, limbMask, topMask}}, field{[5]uint64{prime0 + 1, limbMask, limbMask, limbMask, topMask}},
		field{[5]uint64{limbMask, limbMask, limbMask, limbMask, topMask}})
}

func sameField(t *testing.T, what string, got *field, want *big.Int) {
	t.Helper()
	want = new(big.Int).Mod(want, primeP)
	if got.value().Cmp(want) != 0 {
		t.Fatalf("%s: %x, want %x", what, got.value(), want)
	}
	var norm field
	norm.Set(got).Normalize()
	for i, n := range norm.n {
		if n > limbMask || i == 4 && n > topMask {
			t.Fatalf("%s: normalized limbs %x", what, norm.n)
		}
	}
	b := norm.Bytes()
	if new(big.Int).SetBytes(b[:]).Cmp(want) != 0 {
		t.Fatalf("%s: bytes %x, want %x", what, b, want)
	}
}

// TestFieldTwin compares all operations with math/big.
func TestFieldTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	all := edgeFields(rng, true)
	for i := range all {
		a, b := &all[i], &all[rng.IntN(len(all))]
		va, vb := a.value(), b.value()
		sameField(t, "itself", a, va)
		var f field
		sameField(t, "product", f.Mul2(a, b), new(big.Int).Mul(va, vb))
		for j, n := range f.n {
			if n > limbMask || j == 4 && n > 2*topMask {
				t.Fatalf("a product has limbs %x", f.n)
			}
		}
		sameField(t, "square", f.SquareVal(a), new(big.Int).Mul(va, va))
		sameField(t, "square in place", f.Set(a).Square(), new(big.Int).Mul(va, va))
		sameField(t, "product in place", f.Set(a).Mul(&f), new(big.Int).Mul(va, va))
		sameField(t, "sum", f.Set(a).Add(b), new(big.Int).Add(va, vb))
		sameField(t, "multiple", f.Set(a).MulInt(7), new(big.Int).Mul(va, big.NewInt(7)))
		sameField(t, "negative", f.NegateVal(a, 8), new(big.Int).Neg(va))
	}
}

func TestFieldInverseAndRoot(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	roots := 0
	for _, a := range edgeFields(rng, false) {
		v := a.value()
		want := new(big.Int).ModInverse(v, primeP)
		if want == nil {
			want = new(big.Int)
		}
		var f field
		sameField(t, "inverse", f.Set(&a).Inverse(), want)
		is := f.squareRoot(&a)
		if has := new(big.Int).ModSqrt(v, primeP); (has != nil) != is {
			t.Fatalf("%x: a root %v", v, is)
		}
		if is {
			roots++
			sameField(t, "square of the root", f.Square(), v)
		}
	}
	if roots < 50 {
		t.Fatalf("only %d roots", roots)
	}
}

func TestFieldBytes(t *testing.T) {
	for _, c := range []struct {
		digits string
		over   bool
	}{
		{"0000000000000000000000000000000000000000000000000000000000000000", false},
		{"0123456789abcdef0f1e2d3c4b5a69780123456789abcdef0f1e2d3c4b5a6978", false},
		{"fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2e", false},
		{"fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", true},
		{"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", true},
	} {
		b, err := hex.DecodeString(c.digits)
		if err != nil {
			t.Fatal(err)
		}
		var f field
		if over := f.SetBytes((*[32]byte)(b)); over != c.over {
			t.Errorf("%s: over the prime %v", c.digits, over)
		}
		sameField(t, c.digits, &f, new(big.Int).SetBytes(b))
		if back := f.Bytes(); hex.EncodeToString(back[:]) != c.digits {
			t.Errorf("%s comes back as %x", c.digits, back)
		}
	}
}

// checkPoint compares the reading of a public key with btcec's.
func checkPoint(t *testing.T, key []byte) {
	t.Helper()
	want, err := btcec.ParsePubKey(key)
	got, ok := parsePoint(key)
	if ok != (err == nil) {
		t.Fatalf("%x is a key: %v, btcec says %v", key, ok, err)
	}
	if !ok {
		return
	}
	x, y := got.x.Bytes(), got.y.Bytes()
	if raw := want.SerializeUncompressed(); string(raw[1:33]) != string(x[:]) || string(raw[33:]) != string(y[:]) {
		t.Fatalf("%x: %x %x, btcec has %x", key, x, y, raw)
	}
}

func FuzzParsePoint(f *testing.F) {
	rng := rand.New(rand.NewPCG(15, 16))
	for range 4 {
		key := btcec.PrivKeyFromScalar(randomScalar(rng)).PubKey()
		f.Add(key.SerializeCompressed())
		for _, prefix := range []byte{4, 6, 7} {
			raw := key.SerializeUncompressed()
			raw[0] = prefix
			f.Add(raw)
		}
	}
	for _, s := range []string{"", "02", "02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f", "030000000000000000000000000000000000000000000000000000000000000000",
		"02fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2c", "0500000000000000000000000000000000000000000000000000000000000000ff"} {
		b, err := hex.DecodeString(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, key []byte) {
		checkPoint(t, key)
		for x := range byte(4) { // near ones
			if len(key) > 40 {
				near := append([]byte(nil), key...)
				near[x%2*32+1] ^= x
				checkPoint(t, near)
			}
		}
	})
}

func TestParsePointTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	for range 500 {
		b := randomScalar(rng).Bytes()
		checkPoint(t, append([]byte{2 + byte(rng.IntN(2))}, b[:]...))
		key := btcec.PrivKeyFromScalar(randomScalar(rng)).PubKey().SerializeUncompressed()
		key[0] = byte(rng.IntN(9))
		checkPoint(t, key)
		key[rng.IntN(len(key))] ^= 1 << rng.IntN(8)
		checkPoint(t, key)
	}
}

func BenchmarkField(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := pointOf(randomScalar(rng)).x, pointOf(randomScalar(rng)).x
	u, v := theirs(&x), theirs(&y)
	b.Run("mul", func(b *testing.B) {
		for b.Loop() {
			x.Mul2(&x, &y)
		}
	})
	b.Run("btcec mul", func(b *testing.B) {
		for b.Loop() {
			u.Mul2(&u, &v)
		}
	})
	b.Run("square", func(b *testing.B) {
		for b.Loop() {
			x.SquareVal(&x)
		}
	})
	b.Run("btcec square", func(b *testing.B) {
		for b.Loop() {
			u.SquareVal(&u)
		}
	})
	b.Run("inverse", func(b *testing.B) {
		for b.Loop() {
			x.Inverse()
		}
	})
}
