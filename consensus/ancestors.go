package consensus

import (
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// medianSpan is over how many blocks the median time past goes (BIP113).
const medianSpan = 11

// MedianTimeOf returns the median time past of a block from the times of the block and of up to ten
// before it, in any order: the middle one, the later of two. times is not changed; none give 0.
func MedianTimeOf(times []uint32) int64 {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Clone(times)
	slices.Sort(sorted)
	return int64(sorted[len(sorted)/2])
}

// MedianTimeAfter returns the median time past that a block with header h has as child of parent. A nil
// parent stands before genesis.
func MedianTimeAfter(parent Ancestry, h *types.Header) int64 {
	times := make([]uint32, 1, medianSpan)
	times[0] = h.Time
	for parent != nil && len(times) < medianSpan {
		head := parent.Header()
		times = append(times, head.Time)
		if parent.Height() == 0 {
			break
		}
		parent = parent.Ancestor(parent.Height() - 1)
	}
	return MedianTimeOf(times)
}

// A block tree whose nodes hold, beside their parent, one pointer to the ancestor at SkipHeight can find
// any ancestor in O(log n) steps: walk back, and at each node take the skip pointer if UseSkip says so,
// the parent otherwise. The heights are chosen so that from most nodes a far jump is near; this is the skip
// list of Bitcoin Core's CBlockIndex.

// SkipHeight returns the height of the ancestor to which a node of that height should point.
func SkipHeight(height int32) int32 {
	if height < 2 {
		return 0
	}
	if height&1 == 1 {
		return clearLowestBit(clearLowestBit(height-1)) + 1
	}
	return clearLowestBit(height)
}

// UseSkip tells whether someone at height at, on the way back to height to, should take the skip
// pointer: it must not overshoot, and the parent's own pointer must not lead closer.
func UseSkip(at, to int32) bool {
	skip, parentSkip := SkipHeight(at), SkipHeight(at-1)
	return skip == to || (skip > to && (parentSkip >= skip-2 || parentSkip < to))
}

func clearLowestBit(n int32) int32 { return n & (n - 1) }
