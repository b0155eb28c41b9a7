package rpc

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"

	"github.com/cairn-chain/cairn/types"
)

// Parameters of the basic filter (BIP158).
const (
	filterP = 19
	filterM = 784931
)

func scanBlocksMethods() []apiMethod {
	return []apiMethod{
		{Name: "scanblocks", Topic: topicBlockchain, Help: "Returns the hashes of blocks that may concern descriptors, by the index of compact block filters. The descriptors are those of scantxoutset. One scan runs at a time; abort ends it and status tells of it.",
			Params: []Param{required("action", TypeString, "start, abort or status"),
				optional("scanobjects", TypeArray, "", "Descriptors, or objects with the key desc. Required for start"),
				optional("start_height", TypeNumber, "0", "Height to start to scan from"), optional("stop_height", TypeNumber, "chain tip", "Height to stop to scan"),
				optional("filtertype", TypeString, "basic", "The type name of the filter"),
				optional("options", TypeObject, "", "filter_false_positives (default false): whether to look into each block that a filter names. Else one script in 784,931 is a false positive")},
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

func scanBlocks(ctx context.Context, c *call) (any, error) {
	running := c.BlockScan.Load()
	switch action := c.str(0); {
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
		return nil, fail(CodeInvalidParameter, "Invalid action '%s'", clip(action))
	}
}

func startBlockScan(ctx context.Context, c *call) (any, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sc := &blockScan{}
	running := &Scan{Cancel: cancel, Status: func() any { return obj("progress", sc.progress(), "current_height", sc.at.Load()) }}
	if !c.BlockScan.CompareAndSwap(nil, running) {
		return nil, fail(CodeInvalidParameter, "Scan already in progress, use action \"abort\" or \"status\"")
	}
	defer c.BlockScan.Store(nil)
	stop, err := c.readBlockScan(sc)
	if err != nil {
		return nil, err
	}
	found := []types.Hash{}
	height := sc.from
	for ; height <= sc.to && ctx.Err() == nil; height++ {
		sc.at.Store(height)
		hash := stop.Ancestor(height).Hash()
		if ok, err := c.concerns(hash, sc); err != nil {
			return nil, err
		} else if ok {
			found = append(found, hash)
		}
	}
	return obj("from_height", sc.from, "to_height", max(height-1, sc.from), "relevant_blocks", hashes(found), "completed", height > sc.to), nil
}

// readBlockScan reads the parameters of a scan. It returns the last block.
func (c *call) readBlockScan(sc *blockScan) (stop Entry, err error) {
	if kind := c.strOr(4, "basic"); kind != "basic" {
		return stop, fail(CodeNotFound, "Unknown filtertype")
	}
	if o, ok := c.args[5].(*object); ok {
		if v := o.get("filter_false_positives"); v != nil {
			if sc.lookInside, ok = v.(bool); !ok {
				return stop, typeError(v, "bool")
			}
		}
	}
	if c.Filters == nil {
		return stop, fail(CodeMisc, "Index is not enabled for filtertype basic")
	}
	if !c.given(1) {
		return stop, fail(CodeMisc, "scanobjects argument is required for the start action")
	}
	if stop, err = c.scanRange(sc); err != nil {
		return stop, err
	}
	wanted, err := scanObjects(c, c.list(1))
	for lock := range wanted {
		if lock != "" {
			sc.locks = append(sc.locks, []byte(lock))
		}
	}
	return stop, err
}

// scanRange reads the heights of a scan. It returns the last block.
func (c *call) scanRange(sc *blockScan) (stop Entry, err error) {
	tip := c.Chain.Tip().Height()
	if sc.from, err = c.num32(2, 0); err == nil && (sc.from < 0 || sc.from > tip) {
		err = fail(CodeMisc, "Invalid start_height")
	}
	if err != nil {
		return stop, err
	}
	if sc.to, err = c.num32(3, tip); err != nil {
		return stop, err
	}
	stop, ok := c.Chain.AtHeight(sc.to)
	if !ok || sc.to < sc.from {
		return stop, fail(CodeMisc, "Invalid stop_height")
	}
	return stop, nil
}

// concerns tells whether a block may pay to one of the scripts or spend from it; for sure if the scan looks inside.
func (c *call) concerns(hash types.Hash, sc *blockScan) (bool, error) {
	raw, _, err := c.Filters.Filter(hash)
	switch {
	case errors.Is(err, ErrNotSynced) || errors.Is(err, ErrNotFound):
		return false, fail(CodeMisc, "Filter not found. Block filters are still in the process of being indexed.")
	case err != nil || len(sc.locks) == 0:
		return false, err
	}
	filter, err := gcs.FromNBytes(filterP, filterM, raw)
	if err != nil {
		return false, fail(CodeMisc, "The filter of block %s does not decode: %s", hash, err)
	}
	if filter.N() == 0 {
		return false, nil
	}
	ok, err := filter.MatchAny([gcs.KeySize]byte(hash[:gcs.KeySize]), sc.locks)
	if err != nil || !ok || !sc.lookInside {
		return ok, err
	}
	return c.inside(hash, sc.locks)
}

// inside looks for scripts in a block's outputs and in the outputs that it spends.
func (c *call) inside(hash types.Hash, locks [][]byte) (bool, error) {
	e, ok := c.Chain.Lookup(hash)
	if !ok {
		return false, fail(CodeNotFound, "Block not found")
	}
	b, err := c.block(e)
	if err != nil {
		return false, err
	}
	undo, err := c.undo(e)
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
