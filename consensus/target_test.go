package consensus_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func TestTargetFromBits(t *testing.T) {
	cases := []struct {
		bits   uint32
		target string // hexadecimal, empty if out of range
		back   uint32 // what the target encodes to
	}{
		{0x00000000, "", 0},
		{0x00123456, "", 0}, // shifted out
		{0x01003456, "", 0},
		{0x02000056, "", 0},
		{0x03000000, "", 0},
		{0x04000000, "", 0},
		{0x00923456, "", 0}, // negative
		{0x01803456, "", 0},
		{0x02800056, "", 0},
		{0x03800000, "", 0},
		{0x04800000, "", 0},
		{0x01fedcba, "", 0},
		{0x04923456, "", 0},
		{0x01123456, "12", 0x01120000},
		{0x02123456, "1234", 0x02123400},
		{0x02008000, "80", 0x02008000},
		{0x03123456, "123456", 0x03123456},
		{0x04123456, "12345600", 0x04123456},
		{0x05009234, "92340000", 0x05009234},
		{0x20123456, "1234560000000000000000000000000000000000000000000000000000000000", 0x20123456},
		{0x1d00ffff, "ffff0000000000000000000000000000000000000000000000000000", 0x1d00ffff},
		{0x207fffff, "7fffff0000000000000000000000000000000000000000000000000000000000", 0x207fffff},
		{0x21010000, "", 0}, // 2^256: one bit too many
		{0x2100ffff, "ffff000000000000000000000000000000000000000000000000000000000000", 0x2100ffff},
		{0x220000ff, "ff00000000000000000000000000000000000000000000000000000000000000", 0x2100ff00},
		{0x22000100, "", 0},
		{0x23000001, "", 0},
		{0xff123456, "", 0},
		{0xff7fffff, "", 0},
	}
	for _, c := range cases {
		target, ok := consensus.TargetFromBits(c.bits)
		if ok != (c.target != "") {
			t.Errorf("%08x: in range is %v", c.bits, ok)
			continue
		}
		if !ok {
			if w := consensus.WorkFromBits(c.bits); w != (consensus.Work{}) {
				t.Errorf("%08x has work %v", c.bits, w)
			}
			continue
		}
		if got := target.Text(16); got != c.target {
			t.Errorf("%08x: target %s, want %s", c.bits, got, c.target)
		}
		if got := consensus.BitsFromTarget(target); got != c.back {
			t.Errorf("%08x: encodes to %08x, want %08x", c.bits, got, c.back)
		}
	}
}

func TestBitsFromTargetOfZero(t *testing.T) {
	if got := consensus.BitsFromTarget(new(big.Int)); got != 0 {
		t.Errorf("zero encodes to %08x", got)
	}
}

// TestBitsKeepTheLeadingBits: encoding rounds down, by less than one part in 2^15, and is stable.
func TestBitsKeepTheLeadingBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), 1, 32).Draw(t, "target")
		target := new(big.Int).SetBytes(raw)
		if target.Sign() == 0 {
			return
		}
		bits := consensus.BitsFromTarget(target)
		back, ok := consensus.TargetFromBits(bits)
		if !ok || back.Cmp(target) > 0 {
			t.Fatalf("%x encodes to %08x, which is %x", target, bits, back)
		}
		lost := new(big.Int).Sub(target, back)
		if lost.Lsh(lost, 15).Cmp(target) >= 0 {
			t.Fatalf("%x lost too much as %08x", target, bits)
		}
		if again := consensus.BitsFromTarget(back); again != bits {
			t.Fatalf("%08x becomes %08x", bits, again)
		}
	})
}

func TestWorkFromBits(t *testing.T) {
	for bits, want := range map[uint32]int64{
		0x207fffff: 2,
		0x1f00ffff: 1<<16 + 1, // the limit of cairn
		0x1e03ffff: 4_194_320, // where its schedule starts
		0x1d00ffff: 4_295_032_833,
	} {
		if got := consensus.WorkFromBits(bits).Big(); got.Cmp(big.NewInt(want)) != 0 {
			t.Errorf("work of %08x is %v, want %d", bits, got, want)
		}
	}
	// The hardest target, 1, takes 2^255 hashes.
	if got := consensus.WorkFromBits(0x01010000).Big(); got.Cmp(new(big.Int).Lsh(big.NewInt(1), 255)) != 0 {
		t.Errorf("work of target 1 is %x", got)
	}
}

func TestWorkArithmetic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (consensus.Work, *big.Int) {
			n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, label))
			return consensus.WorkFromBig(n), n
		}
		a, x := draw("a")
		b, y := draw("b")
		if a.Big().Cmp(x) != 0 {
			t.Fatalf("%x became %x", x, a.Big())
		}
		mod := new(big.Int).Lsh(big.NewInt(1), 256)
		sum := new(big.Int).Add(x, y)
		if got := a.Add(b).Big(); got.Cmp(sum.Mod(sum, mod)) != 0 {
			t.Fatalf("%x + %x = %x", x, y, got)
		}
		if got := a.Add(b).Sub(b); got != a {
			t.Fatalf("%x + %x - %x = %x", x, y, y, got.Big())
		}
		if a.Cmp(b) != x.Cmp(y) {
			t.Fatalf("Cmp(%x, %x) = %d", x, y, a.Cmp(b))
		}
	})
}

func TestDifficulty(t *testing.T) {
	for bits, want := range map[uint32]float64{
		0x1d00ffff: 1,
		0x1b0404cb: 16307.420938523983, // block 100,800
		0x1c05a3f4: 45.38582234101263,
		0x1df88f6f: 0.004023,
		0x207fffff: 4.6565423739069247e-10,
		0x1f00ffff: 1.52587890625e-05,
		0x12345678: 5913134931067755359633408.0,
	} {
		if got := consensus.Difficulty(bits); math.Abs(got-want) > want*1e-4 {
			t.Errorf("difficulty of %08x is %g, want %g", bits, got, want)
		}
	}
	if got := consensus.Difficulty(0x1d000000); got != 0 {
		t.Errorf("difficulty of no target is %g", got)
	}
}

// TestHashEqualToTheTarget: equal is enough, one more is not.
func TestHashEqualToTheTarget(t *testing.T) {
	target, ok := consensus.TargetFromBits(0x1d00ffff)
	if !ok {
		t.Fatal("no target")
	}
	h, err := types.ParseHash("00000000ffff0000000000000000000000000000000000000000000000000000")
	if err != nil {
		t.Fatal(err)
	}
	if !consensus.MeetsTarget(h, target) {
		t.Error("a hash equal to the target is refused")
	}
	h[0]++ // the lowest byte of the number
	if consensus.MeetsTarget(h, target) {
		t.Error("a hash one over the target is accepted")
	}
	p := consensus.Cairn()
	head := types.Header{Bits: 0x1d00ffff}
	if err := consensus.CheckWork(p, &head, h); consensus.KindOf(err) != consensus.HighHash {
		t.Errorf("CheckWork one over: %v", err)
	}
	h[0]--
	if err := consensus.CheckWork(p, &head, h); err != nil {
		t.Errorf("CheckWork equal: %v", err)
	}
}

func TestBitsOutOfRangeAreNoWork(t *testing.T) {
	p := consensus.Cairn()
	for _, bits := range []uint32{0, 0x1f010000, 0x207fffff, 0x1d80ffff, 0xff00ffff, 0x01003456} {
		head := types.Header{Bits: bits}
		if err := consensus.CheckWork(p, &head, types.Hash{}); consensus.KindOf(err) != consensus.HighHash {
			t.Errorf("bits %08x with a zero hash: %v", bits, err)
		}
	}
}
