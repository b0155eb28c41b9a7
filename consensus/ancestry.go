package consensus

import "github.com/cairn-chain/cairn/types"

// Ancestry is one place in the block tree and the way back from it. Rules that depend on where a
// block stands read nothing else. Implementations are immutable and safe for several goroutines.
type Ancestry interface {
	Height() int32
	Hash() types.Hash
	Header() types.Header
	// Work is the sum of the work of all blocks from genesis to this one.
	Work() Work
	// MedianTime is the median of the times of this block and the ten before it (BIP113).
	MedianTime() int64
	// Ancestor returns the block at height h on the way back, itself if h is its own height, nil
	// if h is negative or above it. O(log n).
	Ancestor(h int32) Ancestry
}
