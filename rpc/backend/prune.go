package backend

import (
	"context"
)

// PruneState is what a node that removes old blocks says of it.
type PruneState struct {
	Automatic bool
	Target    int64 // bytes, if Automatic
	Height    int32 // of the last block that was removed, 0 if none was
}

// Pruning removes old blocks.
type Pruning interface {
	State() PruneState
	// Prune removes blocks up to a height, as far as they are not needed, and returns the height of the last one that was ever removed,
	// 0 if none was.
	Prune(ctx context.Context, height int32) (last int32, err error)
	// After is how high the chain must be before anything is removed, Keep how many blocks below its tip stay.
	After() int32
	Keep() int32
}
