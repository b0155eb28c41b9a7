package proto

import (
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// forkOf returns the last block that two branches have in common. O(log² n).
func forkOf(a, b consensus.Ancestry) consensus.Ancestry {
	lo, hi := int32(0), min(a.Height(), b.Height()) // lo is in common
	switch {                                        // mostly one stands on the other's branch
	case a.Height() == hi && inBestChain(b, a):
		return a
	case b.Height() == hi && inBestChain(a, b):
		return b
	}
	for lo < hi {
		mid := lo + (hi-lo+1)/2
		if a.Ancestor(mid).Hash() == b.Ancestor(mid).Hash() {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return a.Ancestor(lo)
}

// inBestChain tells whether a block is an ancestor of tip, or tip itself.
func inBestChain(tip, n consensus.Ancestry) bool {
	a := tip.Ancestor(n.Height())
	return a != nil && a.Hash() == n.Hash()
}

// locator names a branch from n back: the last ten blocks, then ever larger steps, genesis at the end; at
// most 10 + log₂ of the height.
func locator(n consensus.Ancestry) []types.Hash {
	var out []types.Hash
	step := int32(1)
	for h := n.Height(); h > 0; h -= step {
		out = append(out, n.Ancestor(h).Hash())
		if len(out) > 10 {
			step *= 2
		}
	}
	return append(out, n.Ancestor(0).Hash())
}
