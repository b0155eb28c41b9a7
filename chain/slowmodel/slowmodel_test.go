package slowmodel

import (
	"bytes"
	"math/big"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// TestNumbers holds the model against numbers that everybody knows.
func TestNumbers(t *testing.T) {
	for bits, work := range map[uint32]int64{0x1d00ffff: 0x100010001, 0x207fffff: 2, 0x1f00ffff: 0x10001} {
		if got := Work(bits); got.Int64() != work {
			t.Errorf("work of %08x is %v, want %d", bits, got, work)
		}
		if got := Compact(Target(bits)); got != bits {
			t.Errorf("%08x comes back as %08x", bits, got)
		}
	}
	for _, bits := range []uint32{0, 0x1d80ffff, 0x23000001, 0x01000000, 0x00ffffff} {
		if got := Target(bits); got != nil {
			t.Errorf("%08x is a target: %v", bits, got)
		}
	}
	for n, want := range map[int]string{1: "\x51", 16: "\x60", 17: "\x01\x11", 128: "\x02\x80\x00", 256: "\x02\x00\x01", 40000: "\x03\x40\x9c\x00"} {
		if got := pushNumber(n); string(got) != want {
			t.Errorf("%d is pushed by %x, want %x", n, got, want)
		}
	}
	r := Rules{Subsidy: 50, Halving: 10}
	for height, want := range map[int]int64{1: 50, 9: 50, 10: 25, 19: 25, 20: 12, 60: 0, 1000: 0} {
		if got := r.SubsidyAt(height); got != want {
			t.Errorf("the subsidy at %d is %d, want %d", height, got, want)
		}
	}
}

// TestAsert: on time the anchor's target stays, a half-life late doubles it, one early halves it, and the ends are the limit and 1.
func TestAsert(t *testing.T) {
	anchor, limit := big.NewInt(1<<40), big.NewInt(1<<50)
	for _, c := range []struct{ late, want int64 }{{0, 1 << 40}, {300, 1 << 41}, {-300, 1 << 39}, {-600, 1 << 38}, {1 << 20, 1 << 50}, {-1 << 20, 1}} {
		for _, height := range []int64{0, 1, 7} {
			if got := asert(anchor, limit, 15*(height+1)+c.late, height, 15, 300); got.Int64() != c.want {
				t.Errorf("%d s late at %d: %v, want %d", c.late, height, got, c.want)
			}
		}
	}
}

// TestMerkle: three leaves and four of which the last repeats have one root, and only the four pair equals.
func TestMerkle(t *testing.T) {
	a, b, c := types.Hash{1}, types.Hash{2}, types.Hash{3}
	three, twice := merkleRoot([]types.Hash{a, b, c})
	four, tail := merkleRoot([]types.Hash{a, b, c, c})
	if three != four || twice || !tail {
		t.Errorf("roots %s (%v) and %s (%v)", three, twice, four, tail)
	}
	if one, _ := merkleRoot([]types.Hash{a}); one != a {
		t.Errorf("one leaf gives %s", one)
	}
}

// TestSigOps counts over pushes of every length, up to one that is cut off.
func TestSigOps(t *testing.T) {
	ops := []byte{0xac, 0xae}
	for _, push := range [][]byte{{0x01, 0xac}, {0x4c, 0x01, 0xac}, {0x4d, 0x01, 0x00, 0xac}, {0x4e, 0x01, 0x00, 0x00, 0x00, 0xac}} {
		if got := countSigOps(append(bytes.Clone(push), ops...)); got != 21 {
			t.Errorf("%x: %d", push, got)
		}
		if got := countSigOps(append(bytes.Clone(ops), push[:len(push)-1]...)); got != 21 {
			t.Errorf("%x cut off: %d", push, got)
		}
	}
}
