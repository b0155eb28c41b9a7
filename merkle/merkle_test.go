package merkle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/merkle"
)

type hash [32]byte

// leavesOf returns n different leaves.
func leavesOf(n int) []hash {
	leaves := make([]hash, n)
	for i := range leaves {
		binary.BigEndian.PutUint32(leaves[i][:], uint32(i+1))
	}
	return leaves
}

// reversed reads a hash as people write it.
func reversed(t *testing.T, s string) (h hash) {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		t.Fatalf("bad hash %q", s)
	}
	slices.Reverse(b)
	return hash(b)
}

// dumbRoot is the definition, written as a recursion.
func dumbRoot(leaves []hash) hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	var next []hash
	for i := 0; i < len(leaves); i += 2 {
		j := min(i+1, len(leaves)-1)
		first := sha256.Sum256(append(leaves[i][:], leaves[j][:]...))
		next = append(next, sha256.Sum256(first[:]))
	}
	return dumbRoot(next)
}

// Block 100,000 of Bitcoin: four transactions.
func TestRootOfKnownBlock(t *testing.T) {
	leaves := []hash{
		reversed(t, "8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87"),
		reversed(t, "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4"),
		reversed(t, "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4"),
		reversed(t, "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d"),
	}
	root, mutated := merkle.Root(leaves)
	if want := reversed(t, "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766"); root != want {
		t.Errorf("root %x, want %x", root, want)
	}
	if mutated {
		t.Error("mutated")
	}
}

func TestRootOfSmallTrees(t *testing.T) {
	if root, mutated := merkle.Root([]hash{}); root != (hash{}) || mutated {
		t.Errorf("no leaves: %x, %v", root, mutated)
	}
	for n := 1; n <= 70; n++ {
		leaves := leavesOf(n)
		before := slices.Clone(leaves)
		root, mutated := merkle.Root(leaves)
		if root != dumbRoot(leaves) || mutated {
			t.Errorf("%d leaves: root %x, want %x, mutated %v", n, root, dumbRoot(leaves), mutated)
		}
		if !slices.Equal(leaves, before) {
			t.Fatalf("%d leaves: the input was changed", n)
		}
	}
}

// TestRepeatedTail is CVE-2012-2459: every list that has a twin with a repeated tail and the same root is flagged in
// its longer form and not in its shorter one.
func TestRepeatedTail(t *testing.T) {
	for n := 1; n <= 33; n++ {
		for _, level := range []int{1, 2, 4, 8, 16} {
			// The tail of the last `level` leaves is what an odd node at that level stands for.
			if n == level || n%level != 0 || (n/level)%2 == 0 {
				continue
			}
			short := leavesOf(n)
			long := append(slices.Clone(short), short[n-level:]...)
			want, mutated := merkle.Root(short)
			if mutated {
				t.Errorf("%d leaves are called mutated", n)
			}
			got, mutated := merkle.Root(long)
			if got != want {
				t.Errorf("%d leaves and %d repeated: the roots differ, so the test tests nothing", n, level)
			}
			if !mutated {
				t.Errorf("%d leaves and %d repeated are not called mutated", n, level)
			}
		}
	}
}

func TestEqualPairInTheMiddle(t *testing.T) {
	leaves := leavesOf(8)
	leaves[3] = leaves[2]
	if _, mutated := merkle.Root(leaves); !mutated {
		t.Error("two equal siblings are not called mutated")
	}
	leaves = leavesOf(8)
	leaves[4] = leaves[3] // neighbours, but no siblings
	if _, mutated := merkle.Root(leaves); mutated {
		t.Error("equal cousins are called mutated")
	}
}

func TestBranch(t *testing.T) {
	for n := 1; n <= 40; n++ {
		leaves := leavesOf(n)
		root, _ := merkle.Root(leaves)
		for i := range leaves {
			branch := merkle.Branch(leaves, i)
			if len(branch) != merkle.Depth(n) {
				t.Errorf("%d leaves: a branch of %d, depth %d", n, len(branch), merkle.Depth(n))
			}
			if got := merkle.RootFromBranch(leaves[i], branch, uint32(i)); got != root {
				t.Errorf("%d leaves, index %d: root %x, want %x", n, i, got, root)
			}
			if n > 1 && merkle.RootFromBranch(leaves[i], branch, uint32(i)^1) == root && !lastAlone(n, i) {
				t.Errorf("%d leaves: the branch of %d proves its sibling's place too", n, i)
			}
		}
	}
	if merkle.Branch(leavesOf(3), 3) != nil || merkle.Branch(leavesOf(3), -1) != nil {
		t.Error("a branch for a leaf that is not there")
	}
}

// lastAlone tells whether leaf i is paired with itself.
func lastAlone(n, i int) bool { return i == n-1 && n%2 == 1 }

// TestInnerNodeIsNoLeaf is CVE-2017-12842: an inner node verifies as a leaf, and only the depth tells.
func TestInnerNodeIsNoLeaf(t *testing.T) {
	leaves := leavesOf(8)
	root, _ := merkle.Root(leaves)
	inner, _ := merkle.Root(leaves[:2])
	branch := merkle.Branch(leaves, 0)[1:]
	if merkle.RootFromBranch(inner, branch, 0) != root {
		t.Fatal("the attack does not work, so the test tests nothing")
	}
	if len(branch) == merkle.Depth(len(leaves)) {
		t.Error("the depth does not tell the inner node from a leaf")
	}
}

func TestDepth(t *testing.T) {
	for n, want := range map[int]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 2, 5: 3, 8: 3, 9: 4, 16: 4, 17: 5, 16666: 15} {
		if got := merkle.Depth(n); got != want {
			t.Errorf("depth of %d leaves is %d, want %d", n, got, want)
		}
	}
}

func TestWitnessCommitment(t *testing.T) {
	// A block with nothing but a coinbase: the witness root is zero and so is the reserved value.
	got := merkle.WitnessCommitment(hash{}, [32]byte{})
	if want := "e2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9"; hex.EncodeToString(got[:]) != want {
		t.Errorf("commitment %x, want %s", got, want)
	}
}

func TestPartialProvesWhatItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := leavesOf(rapid.IntRange(1, 80).Draw(t, "leaves"))
		match := rapid.SliceOfN(rapid.Bool(), len(leaves), len(leaves)).Draw(t, "match")
		p := merkle.BuildPartial(leaves, match)
		again, err := merkle.DecodePartial[hash](p.Append(nil))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if !bytes.Equal(again.Append(nil), p.Append(nil)) {
			t.Fatal("encodes differently")
		}
		root, matches, indexes, err := again.Extract()
		if err != nil {
			t.Fatalf("extract: %v", err)
		}
		if root != dumbRoot(leaves) {
			t.Fatalf("root %x, want %x", root, dumbRoot(leaves))
		}
		var wantIndexes []uint32
		var wantMatches []hash
		for i, m := range match {
			if m {
				wantIndexes, wantMatches = append(wantIndexes, uint32(i)), append(wantMatches, leaves[i])
			}
		}
		if !slices.Equal(indexes, wantIndexes) || !slices.Equal(matches, wantMatches) {
			t.Fatalf("indexes %v, want %v", indexes, wantIndexes)
		}
	})
}

// TestPartialDamaged flips every bit of a proof: what still extracts under the same root and total proves only leaves
// that are really there. (The flags of leaves are not hashed: they say which of the leaves shown are meant.)
func TestPartialDamaged(t *testing.T) {
	leaves := leavesOf(11)
	match := make([]bool, 11)
	match[0], match[7], match[10] = true, true, true
	whole := merkle.BuildPartial(leaves, match).Append(nil)
	root := dumbRoot(leaves)
	for bit := range 8 * len(whole) {
		b := slices.Clone(whole)
		b[bit/8] ^= 1 << (bit % 8)
		p, err := merkle.DecodePartial[hash](b)
		if err != nil || p.Total != 11 {
			continue
		}
		got, matches, indexes, err := p.Extract()
		if err != nil || got != root {
			continue
		}
		for i, at := range indexes {
			if matches[i] != leaves[at] {
				t.Errorf("with bit %d flipped it proves %x at %d", bit, matches[i], at)
			}
		}
	}
	for n := range whole {
		if _, err := merkle.DecodePartial[hash](whole[:n]); !errors.Is(err, merkle.ErrPartial) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := merkle.DecodePartial[hash](append(whole, 0)); !errors.Is(err, merkle.ErrPartial) {
		t.Errorf("with a byte more: %v", err)
	}
}

func TestPartialRefused(t *testing.T) {
	a, b := leavesOf(2)[0], leavesOf(2)[1]
	cases := []struct {
		name string
		p    merkle.Partial[hash]
	}{
		{"no leaves", merkle.Partial[hash]{}},
		{"too many leaves", merkle.Partial[hash]{Total: merkle.MaxLeaves + 1, Hashes: []hash{a}, Flags: []byte{0}}},
		{"largest total", merkle.Partial[hash]{Total: 0xffffffff, Hashes: []hash{a}, Flags: []byte{0}}},
		{"more hashes than leaves", merkle.Partial[hash]{Total: 1, Hashes: []hash{a, b}, Flags: []byte{1}}},
		{"no flags", merkle.Partial[hash]{Total: 1, Hashes: []hash{a}}},
		{"no hashes", merkle.Partial[hash]{Total: 1, Flags: []byte{1}}},
		{"too few hashes", merkle.Partial[hash]{Total: 2, Hashes: []hash{a}, Flags: []byte{7}}},
		{"unused hash", merkle.Partial[hash]{Total: 2, Hashes: []hash{a, b}, Flags: []byte{0}}},
		{"unused flag byte", merkle.Partial[hash]{Total: 1, Hashes: []hash{a}, Flags: []byte{1, 0}}},
		{"equal siblings", merkle.Partial[hash]{Total: 2, Hashes: []hash{a, a}, Flags: []byte{7}}},
		{"flags end", merkle.Partial[hash]{Total: 64, Hashes: make([]hash, 8), Flags: []byte{0xff}}},
	}
	for _, c := range cases {
		if _, _, _, err := c.p.Extract(); !errors.Is(err, merkle.ErrPartial) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestPartialCountsAreChecked(t *testing.T) {
	for _, s := range []string{
		"01000000" + "feffffffff",         // 4 billion hashes
		"01000000" + "ffffffffffffffff7f", // far more
		"01000000" + "fd0100" + "00",      // not the shortest form
		"01000000" + "00" + "fe00000001",  // 16 million flag bytes
		"01000000" + "fe01000000",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := merkle.DecodePartial[hash](b); !errors.Is(err, merkle.ErrPartial) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestPartialOfManyLeaves(t *testing.T) {
	leaves := leavesOf(merkle.MaxLeaves)
	match := make([]bool, len(leaves))
	for i := range match {
		match[i] = i%3 == 0
	}
	p, err := merkle.DecodePartial[hash](merkle.BuildPartial(leaves, match).Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	root, matches, _, err := p.Extract()
	if err != nil || root != dumbRoot(leaves) || len(matches) != (len(leaves)+2)/3 {
		t.Errorf("root %x, %d matches, %v", root, len(matches), err)
	}
	if empty := merkle.BuildPartial([]hash{}, nil); empty.Total != 0 || len(empty.Hashes) != 0 {
		t.Error("a partial tree of nothing has something in it")
	}
}

func FuzzDecodePartial(f *testing.F) {
	f.Add(merkle.BuildPartial(leavesOf(7), []bool{true, false, true}).Append(nil))
	f.Add(merkle.BuildPartial(leavesOf(1), nil).Append(nil))
	f.Add([]byte{1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := merkle.DecodePartial[hash](b)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Append(nil), b) {
			t.Fatal("decodes and encodes differently")
		}
		_, matches, indexes, err := p.Extract()
		if err == nil && (len(matches) != len(indexes) || len(matches) > len(p.Hashes)) {
			t.Fatalf("%d matches, %d indexes, %d hashes", len(matches), len(indexes), len(p.Hashes))
		}
	})
}

func BenchmarkRoot(b *testing.B) {
	leaves := leavesOf(2000)
	for b.Loop() {
		merkle.Root(leaves)
	}
}

func ExampleRootFromBranch() {
	leaves := [][32]byte{{1}, {2}, {3}}
	root, _ := merkle.Root(leaves)
	branch := merkle.Branch(leaves, 2)
	fmt.Println(merkle.RootFromBranch(leaves[2], branch, 2) == root && len(branch) == merkle.Depth(3))
	// Output: true
}
