package rpc

import (
	"context"
	"errors"

	"github.com/cairn-chain/cairn/types"
)

// ErrSnapshotExists: the file that a snapshot is to be written to is there already.
var ErrSnapshotExists = errors.New("the file exists")

// Dumped tells of a snapshot that was written.
type Dumped struct {
	Coins int64
	Path  string     // absolute
	Hash  types.Hash // hash_serialized_3
}

// Snapshots writes and reads files of the whole coin set.
type Snapshots interface {
	// Dump writes the coin set as of a block of the best chain to a new file; a path that is not absolute is under the data directory.
	// ErrSnapshotExists, ErrPruned if the way back to the block is not stored, or ours.
	Dump(ctx context.Context, path string, at Entry) (Dumped, error)
	// Declared are the heights of the snapshots that this node would load.
	Declared() []int32
}

func snapshotMethods() []Method {
	return []Method{
		{Name: "dumptxoutset", Topic: topicBlockchain, Help: "Write the serialized UTXO set to a file. This can be used in loadtxoutset afterwards if this snapshot height is supported in the chainparams as well, or given to the node by --assumeutxo. " +
			"Earlier sets are made by taking blocks off in memory; the node goes on meanwhile.",
			Params: []Param{required("path", TypeString, "Path to the output file. If relative, will be prefixed by datadir."),
				optional("type", TypeString, "", `The type of snapshot to create. Can be "latest" to create a snapshot of the current UTXO set or "rollback" to temporarily roll back the state of the node to a historical block before creating the snapshot of a historical UTXO set. This parameter can be omitted if a separate "rollback" named parameter is specified indicating the height or hash of a specific historical block. If "rollback" is specified and separate "rollback" named parameter is not specified, this will roll back to the latest valid snapshot block that can currently be loaded with loadtxoutset.`),
				optional("options", TypeObject, "", "rollback: height or hash of the block to roll back to before creating the snapshot"),
				optional("rollback", TypeAny, "", "The same, as a named parameter")},
			Result: "{...}    (json object) coins_written, base_hash, base_height, path, txoutset_hash, nchaintx", Example: "utxo.dat latest", run: dumpTxOutSet},
	}
}

func dumpTxOutSet(ctx context.Context, c *call) (any, error) {
	at, err := snapshotTarget(c)
	if err != nil {
		return nil, err
	}
	if !onBest(c, at) {
		return nil, fail(CodeInvalidParameter, "Block is not in main chain")
	}
	d, err := c.Snapshots.Dump(ctx, c.str(0), at)
	switch {
	case errors.Is(err, ErrSnapshotExists):
		return nil, fail(CodeInvalidParameter, "%s already exists. If you are sure this is what you want, move it out of the way first", d.Path)
	case errors.Is(err, ErrPruned):
		return nil, fail(CodeMisc, "Could not roll back to requested height: a block above it is not available (pruned data)")
	case err != nil:
		return nil, err
	}
	return obj("coins_written", d.Coins, "base_hash", at.Hash(), "base_height", at.Height(), "path", d.Path, "txoutset_hash", d.Hash, "nchaintx", at.ChainTxCount), nil
}

// snapshotTarget is the block whose coin set is asked for.
func snapshotTarget(c *call) (Entry, error) {
	kind := c.str(1)
	back := c.args[3]
	if o, ok := c.args[2].(*object); ok && back == nil {
		back = o.get("rollback")
	}
	switch {
	case back != nil && kind != "" && kind != "rollback":
		return Entry{}, fail(CodeInvalidParameter, `Invalid snapshot type "%s" specified with rollback option`, clip(kind))
	case back != nil:
		return c.hashOrHeightOf(back, "rollback")
	case kind == "latest":
		return c.Chain.Tip(), nil
	case kind != "rollback":
		return Entry{}, fail(CodeInvalidParameter, `Invalid snapshot type "%s" specified. Please specify "rollback" or "latest"`, clip(kind))
	}
	best := int32(-1)
	for _, h := range c.Snapshots.Declared() {
		if _, ok := c.Chain.AtHeight(h); ok {
			best = max(best, h)
		}
	}
	e, ok := c.Chain.AtHeight(best)
	if !ok {
		return Entry{}, fail(CodeMisc, "No snapshot that could be loaded lies on this chain. Name a block with the rollback option, or take the latest.")
	}
	return e, nil
}
