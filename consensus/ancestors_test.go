package consensus_test

import (
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func TestMedianTimeOf(t *testing.T) {
	cases := []struct {
		times []uint32
		want  int64
	}{
		{nil, 0},
		{[]uint32{5}, 5},
		{[]uint32{9, 5}, 9},
		{[]uint32{9, 5, 7}, 7},
		{[]uint32{1, 2, 3, 4}, 3},
		{[]uint32{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, 6},
		{[]uint32{0xffffffff, 0xffffffff, 0}, 0xffffffff},
	}
	for _, c := range cases {
		before := slices.Clone(c.times)
		if got := consensus.MedianTimeOf(c.times); got != c.want {
			t.Errorf("%v: %d, want %d", c.times, got, c.want)
		}
		if !slices.Equal(before, c.times) {
			t.Error("the argument was changed")
		}
	}
}

// TestSkipHeights: every pointer leads strictly back, and any walk takes few steps.
func TestSkipHeights(t *testing.T) {
	for h := int32(1); h < 100_000; h++ {
		if skip := consensus.SkipHeight(h); skip < 0 || skip >= h {
			t.Fatalf("height %d points to %d", h, skip)
		}
	}
	if consensus.SkipHeight(0) != 0 || consensus.SkipHeight(-5) != 0 {
		t.Error("nothing lies before genesis")
	}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int32Range(0, 1<<31-1).Draw(t, "from")
		to := rapid.Int32Range(0, from).Draw(t, "to")
		at, steps := from, 0
		for ; at > to; steps++ {
			if consensus.UseSkip(at, to) {
				at = consensus.SkipHeight(at)
			} else {
				at--
			}
		}
		if at != to {
			t.Fatalf("walked from %d past %d to %d", from, to, at)
		}
		limit := bits.Len32(uint32(from)) * bits.Len32(uint32(from))
		if from < 1<<18 {
			limit = 110 // what Bitcoin Core says of its own
		}
		if steps > limit {
			t.Fatalf("%d steps from %d to %d", steps, from, to)
		}
	})
}

func TestOutPointOrderAndHashOrder(t *testing.T) {
	a := types.OutPoint{TxID: types.Hash{1}}
	b := types.OutPoint{TxID: types.Hash{1}, Index: 1}
	c := types.OutPoint{TxID: types.Hash{2}}
	ops := []types.OutPoint{c, b, a}
	slices.SortFunc(ops, types.OutPoint.Compare)
	if !slices.Equal(ops, []types.OutPoint{a, b, c}) {
		t.Errorf("sorted %v", ops)
	}
}
