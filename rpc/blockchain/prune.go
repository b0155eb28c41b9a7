package blockchain

import (
	"context"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

const (
	pruneTimes  = 1_000_000_000 // larger numbers are times
	pruneWindow = 2 * 60 * 60   // seconds that block times may be wrong by
)

func pruneMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "pruneblockchain", Topic: chainjson.TopicBlockchain, Help: "Removes old blocks from the disk. Only with --prune. The last 288 blocks always stay.",
			Params: []jsonrpc.Param{jsonrpc.Required("height", jsonrpc.TypeNumber, "The block height to prune up to. May be set to a discrete height, or to a UNIX epoch time to prune blocks whose block time is at least 2 hours older than the provided timestamp.")},
			Result: "n    (numeric) Height of the last block pruned, -1 if none was", Example: "1000", Run: pruneBlockchain},
	}
}

func pruneBlockchain(ctx context.Context, c *chainjson.Call) (any, error) {
	if c.Pruning == nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Cannot prune blocks because node is not in prune mode.")
	}
	height, err := c.Num32(0, 0)
	if err != nil {
		return nil, err
	}
	if height < 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Negative block height.")
	}
	tip := c.Chain.Tip()
	if height > pruneTimes {
		if height, err = heightAtTime(c, tip, int64(height)-pruneWindow); err != nil {
			return nil, err
		}
	}
	switch {
	case tip.Height() < c.Pruning.After():
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Blockchain is too short for pruning.")
	case height > tip.Height():
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Blockchain is shorter than the attempted prune height.")
	}
	last, err := c.Pruning.Prune(ctx, min(height, tip.Height()-c.Pruning.Keep()))
	if err != nil {
		return nil, err
	}
	return lastPruned(last), nil
}

// lastPruned gives Core's −1 to nothing.
func lastPruned(height int32) int32 {
	if height <= 0 {
		return -1
	}
	return height
}

// heightAtTime finds the first block of the best chain whose time is at least t. Times go up and down, so all are looked at.
func heightAtTime(c *chainjson.Call, tip backend.Entry, t int64) (int32, error) {
	for h := range tip.Height() + 1 {
		if header := tip.Ancestor(h).Header(); int64(header.Time) >= t {
			return h, nil
		}
	}
	return 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Could not find block with at least the specified timestamp.")
}

// addPruning adds what getblockchaininfo says of pruning.
func addPruning(c *chainjson.Call, info *jsonrpc.Fields) {
	info.Add("pruned", c.Pruning != nil)
	if c.Pruning == nil {
		return
	}
	s := c.Pruning.State()
	height := int32(0)
	if s.Height > 0 {
		height = s.Height + 1
	}
	info.Add("pruneheight", height)
	info.Add("automatic_pruning", s.Automatic)
	if s.Automatic {
		info.Add("prune_target_size", s.Target)
	}
}
