package blockchain

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// Parameters of the basic filter (BIP158).
const (
	filterP = 19
	filterM = 784931
)

func scanBlocksMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "scanblocks", Topic: chainjson.TopicBlockchain, Help: "Returns the hashes of blocks that may concern descriptors, by the index of compact block filters. The descriptors are those of scantxoutset. One scan runs at a time; abort ends it and status tells of it.",
			Params: []jsonrpc.Param{jsonrpc.Required("action", jsonrpc.TypeString, "start, abort or status"),
				jsonrpc.Optional("scanobjects", jsonrpc.TypeArray, "", "Descriptors, or objects with the key desc. Required for start"),
				jsonrpc.Optional("start_height", jsonrpc.TypeNumber, "0", "Height to start to scan from"), jsonrpc.Optional("stop_height", jsonrpc.TypeNumber, "chain tip", "Height to stop to scan"),
				jsonrpc.Optional("filtertype", jsonrpc.TypeString, "basic", "The type name of the filter"),
				jsonrpc.Optional("options", jsonrpc.TypeObject, "", "filter_false_positives (default false): whether to look into each block that a filter names. Else one script in 784,931 is a false positive")},
			Result:  "{...}    from_height, to_height, relevant_blocks, completed; true or false for abort; null or progress and current_height for status",
			Example: `start '["addr(bcrt1q4u4nsgk6ug0sqz7r3rj9tykjxrsl0yy4d0wwte)"]' 300`, Run: scanBlocks},
	}
}

// blockScan is a scanblocks under way.
type blockScan struct {
	from, to   int32
	at         atomic.Int32 // height
	locks      [][]byte
	lookInside bool
}

func (sc *blockScan) progress() int64 {
	return (int64(sc.at.Load()) - int64(sc.from)) * 100 / max(int64(sc.to)-int64(sc.from), 1)
}

func scanBlocks(ctx context.Context, c *chainjson.Call) (any, error) {
	running := c.BlockScan.Load()
	switch action := c.Str(0); {
	case action == "status" && running == nil:
		return nil, nil
	case action == "status":
		return running.Status(), nil
	case action == "abort" && running == nil:
		return false, nil
	case action == "abort":
		running.Cancel()
		return true, nil
	case action == "start":
		return startBlockScan(ctx, c)
	default:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid action '%s'", jsonrpc.Clip(action))
	}
}

func startBlockScan(ctx context.Context, c *chainjson.Call) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sc := &blockScan{}
	running := &chainjson.Scan{Cancel: cancel, Status: func() any { return jsonrpc.Obj("progress", sc.progress(), "current_height", sc.at.Load()) }}
	if !c.BlockScan.CompareAndSwap(nil, running) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Scan already in progress, use action \"abort\" or \"status\"")
	}
	defer c.BlockScan.Store(nil)
	stop, err := readBlockScan(c, sc)
	if err != nil {
		return nil, err
	}
	found := []types.Hash{}
	height := sc.from
	for ; height <= sc.to && ctx.Err() == nil; height++ {
		sc.at.Store(height)
		hash := stop.Ancestor(height).Hash()
		if ok, err := concerns(c, hash, sc); err != nil {
			return nil, err
		} else if ok {
			found = append(found, hash)
		}
	}
	return jsonrpc.Obj("from_height", sc.from, "to_height", max(height-1, sc.from), "relevant_blocks", chainjson.Hashes(found), "completed", height > sc.to), nil
}

// readBlockScan reads the parameters of a scan. It returns the last block.
func readBlockScan(c *chainjson.Call, sc *blockScan) (stop backend.Entry, err error) {
	if kind := c.StrOr(4, "basic"); kind != "basic" {
		return stop, jsonrpc.Fail(jsonrpc.CodeNotFound, "Unknown filtertype")
	}
	if o, ok := c.Args[5].(*jsonrpc.Object); ok {
		if v := o.Get("filter_false_positives"); v != nil {
			if sc.lookInside, ok = v.(bool); !ok {
				return stop, jsonrpc.WrongType(v, "bool")
			}
		}
	}
	if c.Filters == nil {
		return stop, jsonrpc.Fail(jsonrpc.CodeMisc, "Index is not enabled for filtertype basic")
	}
	if !c.Given(1) {
		return stop, jsonrpc.Fail(jsonrpc.CodeMisc, "scanobjects argument is required for the start action")
	}
	if stop, err = scanRange(c, sc); err != nil {
		return stop, err
	}
	wanted, err := scanObjects(c, c.List(1))
	for lock := range wanted {
		if lock != "" {
			sc.locks = append(sc.locks, []byte(lock))
		}
	}
	return stop, err
}

// scanRange reads the heights of a scan. It returns the last block.
func scanRange(c *chainjson.Call, sc *blockScan) (stop backend.Entry, err error) {
	tip := c.Chain.Tip().Height()
	if sc.from, err = c.Num32(2, 0); err == nil && (sc.from < 0 || sc.from > tip) {
		err = jsonrpc.Fail(jsonrpc.CodeMisc, "Invalid start_height")
	}
	if err != nil {
		return stop, err
	}
	if sc.to, err = c.Num32(3, tip); err != nil {
		return stop, err
	}
	stop, ok := c.Chain.AtHeight(sc.to)
	if !ok || sc.to < sc.from {
		return stop, jsonrpc.Fail(jsonrpc.CodeMisc, "Invalid stop_height")
	}
	return stop, nil
}

// concerns tells whether a block may pay to one of the scripts or spend from it; for sure if the scan looks inside.
func concerns(c *chainjson.Call, hash types.Hash, sc *blockScan) (bool, error) {
	raw, _, err := c.Filters.Filter(hash)
	switch {
	case errors.Is(err, backend.ErrNotSynced) || errors.Is(err, backend.ErrNotFound):
		return false, jsonrpc.Fail(jsonrpc.CodeMisc, "Filter not found. Block filters are still in the process of being indexed.")
	case err != nil || len(sc.locks) == 0:
		return false, err
	}
	filter, err := gcs.FromNBytes(filterP, filterM, raw)
	if err != nil {
		return false, jsonrpc.Fail(jsonrpc.CodeMisc, "The filter of block %s does not decode: %s", hash, err)
	}
	if filter.N() == 0 {
		return false, nil
	}
	ok, err := filter.MatchAny([gcs.KeySize]byte(hash[:gcs.KeySize]), sc.locks)
	if err != nil || !ok || !sc.lookInside {
		return ok, err
	}
	return inside(c, hash, sc.locks)
}

// inside looks for scripts in a block's outputs and in the outputs that it spends.
func inside(c *chainjson.Call, hash types.Hash, locks [][]byte) (bool, error) {
	e, ok := c.Chain.Lookup(hash)
	if !ok {
		return false, jsonrpc.Fail(jsonrpc.CodeNotFound, "Block not found")
	}
	b, err := c.Block(e)
	if err != nil {
		return false, err
	}
	undo, err := c.Undo(e)
	if err != nil {
		return false, err
	}
	wanted := map[string]bool{}
	for _, lock := range locks {
		wanted[string(lock)] = true
	}
	for _, tx := range b.Txs {
		for i := range tx.Out {
			if wanted[string(tx.Out[i].Script)] {
				return true, nil
			}
		}
	}
	for _, coins := range undo {
		for i := range coins {
			if wanted[string(coins[i].Out.Script)] {
				return true, nil
			}
		}
	}
	return false, nil
}
