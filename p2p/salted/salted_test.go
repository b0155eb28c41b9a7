package salted

import (
	"math/rand/v2"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

func TestRolling(t *testing.T) {
	r := NewRolling(100, Key{1, 2})
	h := func(i int) types.Hash { return types.Hash{byte(i), byte(i >> 8)} }
	for i := range 1000 {
		r.Add(h(i))
		for j := max(i-99, 0); j <= i; j++ {
			if !r.Has(h(j)) {
				t.Fatalf("%d forgotten after %d", j, i)
			}
		}
		if r.Size() > 200 {
			t.Fatalf("size %d", r.Size())
		}
	}
	if r.Has(h(0)) || r.Has(h(5000)) {
		t.Error("knows what it never saw, or saw long ago")
	}
}

// After a reset, and before anything was added, nothing is known and nothing lies in memory.
func TestReset(t *testing.T) {
	r := NewRolling(3, Key{1, 2})
	for i := range 7 {
		r.Add(types.Hash{byte(i)})
		r.Add(types.Hash{byte(i)})
	}
	if r.Size() != 4 || !r.Has(types.Hash{3}) || r.Has(types.Hash{2}) {
		t.Errorf("%d in memory", r.Size())
	}
	if r.Reset(); r.Size() != 0 || r.Has(types.Hash{6}) {
		t.Error("something is left")
	}
}

// A hash that differs in one bit, or is salted by another key, has another short form.
func TestShortFormsDiffer(t *testing.T) {
	k := Key{0x1234, 0x5678}
	for _, h := range []types.Hash{{}, {1, 2, 3}, types.DoubleSHA256(nil)} {
		seen := map[uint64]bool{k.Short(h): true, Key{0x1234, 0x5679}.Short(h): true}
		for bit := range 8 * types.HashSize {
			x := h
			x[bit/8] ^= 1 << (bit % 8)
			seen[k.Short(x)] = true
		}
		if len(seen) != 2+8*types.HashSize {
			t.Errorf("%v: %d different short forms", h, len(seen))
		}
	}
	if k.With(1, 2) == k.With(2, 1) || k.With(1, 2) == k.With(1, 3) || k.Text("a") == k.Text("b") {
		t.Error("short forms of different things are equal")
	}
}

// The table says what a map says; rare and equal low bits, and 0, are among what is added.
func TestShortSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, spread := range []uint64{1, 7, 1 << 20} {
		var set shortSet
		twin := map[uint64]bool{}
		for i := range 3000 {
			s := rng.Uint64N(4000) * spread
			if s == 1 {
				continue // looks like 0
			}
			if set.has(s) != twin[s] {
				t.Fatalf("spread %d, step %d: has(%d) is %v", spread, i, s, !twin[s])
			}
			if !twin[s] {
				set.add(s)
				twin[s] = true
			}
			if set.len != len(twin) || 5*set.len > 4*len(set.table) {
				t.Fatalf("spread %d, step %d: %d of %d in %d places", spread, i, set.len, len(twin), len(set.table))
			}
		}
		for s := range twin {
			if !set.has(s) {
				t.Fatalf("spread %d: %d was forgotten", spread, s)
			}
		}
	}
}
