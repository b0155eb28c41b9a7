package blockchain

import (
	"context"
	"math/big"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// Methods returns the methods of this package, in no order.
func Methods() []chainjson.Method {
	return slices.Concat(blockchainMethods(), blockMethods(), filterMethods(), ledgerMethods(), proofMethods(), pruneMethods(), scanBlocksMethods(), scriptHashMethods(), snapshotMethods(), spendingMethods(), statsMethods(), steerMethods(), waitMethods())
}

func blockchainMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getblockcount", Topic: chainjson.TopicBlockchain, Help: "Returns the height of the tip of the most-work fully-validated chain. The genesis block has height 0.",
			Result: "n    (numeric) The current block count", Run: getBlockCount},
		{Name: "getbestblockhash", Topic: chainjson.TopicBlockchain, Help: "Returns the hash of the tip of the most-work fully-validated chain.",
			Result: `"hex"    (string) The block hash`, Run: getBestBlockHash},
		{Name: "getblockhash", Topic: chainjson.TopicBlockchain, Help: "Returns the hash of the block of the best chain at the given height.",
			Params: []jsonrpc.Param{jsonrpc.Required("height", jsonrpc.TypeNumber, "The height index")},
			Result: `"hex"    (string) The block hash`, Example: "1000", Run: getBlockHash},
		{Name: "getblockchaininfo", Topic: chainjson.TopicBlockchain, Help: "Returns the state of the chain: tip, headers, work, progress of the first download.",
			Result: "{...}    (json object) chain, blocks, headers, bestblockhash, bits, target, difficulty, time, mediantime, verificationprogress, initialblockdownload, chainwork, size_on_disk, pruned, with pruning pruneheight, automatic_pruning and prune_target_size, warnings",
			Run:    getBlockchainInfo},
		{Name: "getdifficulty", Topic: chainjson.TopicBlockchain, Help: "Returns the proof-of-work difficulty as a multiple of the minimum difficulty.",
			Result: "n    (numeric) The difficulty", Run: getDifficulty},
		{Name: "getchaintips", Topic: chainjson.TopicBlockchain, Help: "Returns the ends of all known branches of the block tree, the best chain's among them.",
			Result: "[{...}]    (json array) height, hash, branchlen (blocks off the best chain) and status: active, valid-fork, valid-headers, headers-only or invalid",
			Run:    getChainTips},
		{Name: "getdeploymentinfo", Topic: chainjson.TopicBlockchain, Help: "Returns an object containing various state info regarding deployments of consensus changes, as of a block.",
			Params: []jsonrpc.Param{jsonrpc.Optional("blockhash", jsonrpc.TypeHex, "hash of current chain tip", "The hash of the block at which to query")},
			Result: "{...}    (json object) hash, height, deployments", Run: getDeploymentInfo},
		{Name: "getindexinfo", Topic: chainjson.TopicUtil, Help: "Returns the state of one or all of the indexes that the node keeps.",
			Params: []jsonrpc.Param{jsonrpc.Optional("index_name", jsonrpc.TypeString, "", "Filter results for an index with a specific name")},
			Result: "{...}    (json object) by name: synced, best_block_height", Run: getIndexInfo},
	}
}

func getBlockCount(_ context.Context, c *chainjson.Call) (any, error) {
	return c.Chain.Tip().Height(), nil
}

func getBestBlockHash(_ context.Context, c *chainjson.Call) (any, error) {
	return c.Chain.Tip().Hash(), nil
}

func getBlockHash(_ context.Context, c *chainjson.Call) (any, error) {
	height, err := c.Num32(0, 0)
	if err != nil {
		return nil, err
	}
	e, ok := c.Chain.AtHeight(height)
	if !ok {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Block height out of range")
	}
	return e.Hash(), nil
}

func getDifficulty(_ context.Context, c *chainjson.Call) (any, error) {
	h := c.Chain.Tip().Header()
	return consensus.Difficulty(h.Bits), nil
}

func getBlockchainInfo(_ context.Context, c *chainjson.Call) (any, error) {
	tip, best := c.Chain.Tip(), c.Chain.BestHeader()
	h := tip.Header()
	info := jsonrpc.Obj(
		"chain", chainjson.ChainName(c.Node.Params()),
		"blocks", tip.Height(),
		"headers", best.Height(),
		"bestblockhash", tip.Hash(),
		"bits", chainjson.BitsHex(h.Bits),
		"target", chainjson.TargetHex(h.Bits),
		"difficulty", consensus.Difficulty(h.Bits),
		"time", chainjson.UnixSeconds(h.Time),
		"mediantime", tip.MedianTime(),
		"verificationprogress", progress(tip, best),
		"initialblockdownload", c.Chain.Syncing(),
		"chainwork", chainjson.WorkHex(tip.Work()),
		"size_on_disk", c.Blocks.DiskSize(),
	)
	addPruning(c, &info)
	info.Add("warnings", chainjson.Warnings(c))
	return info, nil
}

// progress is the share of the known work that is validated, 0 to 1.
func progress(tip, best backend.Entry) float64 {
	if best.Work().Cmp(tip.Work()) <= 0 {
		return 1
	}
	share, _ := new(big.Rat).SetFrac(tip.Work().Big(), best.Work().Big()).Float64()
	return share
}

func getChainTips(_ context.Context, c *chainjson.Call) (any, error) {
	tips := c.Chain.Tips()
	list := make([]jsonrpc.Fields, len(tips))
	for i, t := range tips {
		list[i] = jsonrpc.Obj("height", t.Height(), "hash", t.Hash(), "branchlen", t.Height()-forkHeight(c, t), "status", t.Status)
	}
	return list, nil
}

// forkHeight is the height of the last block of e's branch that is on the best chain. Whether an
// ancestor is on it changes once along the branch, so it is found by halving.
func forkHeight(c *chainjson.Call, e consensus.Ancestry) int32 {
	low, high := int32(0), e.Height()+1 // on, not on
	for high-low > 1 {
		mid := low + (high-low)/2
		if a := e.Ancestor(mid); a != nil && chainjson.OnBest(c, a) {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

func getIndexInfo(_ context.Context, c *chainjson.Call) (any, error) {
	name := c.Str(0)
	found := jsonrpc.Fields{}
	note := func(index string, height int32, synced bool) {
		if name == "" || name == index {
			found.Add(index, jsonrpc.Obj("synced", synced, "best_block_height", height))
		}
	}
	if c.TxIndex != nil {
		height, synced := c.TxIndex.Synced()
		note("txindex", height, synced)
	}
	if c.SpentIndex != nil {
		height, synced := c.SpentIndex.Synced()
		note("txospenderindex", height, synced)
	}
	if c.ScriptIndex != nil {
		height, synced := c.ScriptIndex.Synced()
		note("scripthashindex", height, synced)
	}
	if c.Filters != nil {
		height, synced := c.Filters.Synced()
		note("basic block filter index", height, synced)
	}
	return found, nil
}
