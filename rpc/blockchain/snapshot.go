package blockchain

import (
	"context"
	"errors"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func snapshotMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "dumptxoutset", Topic: chainjson.TopicBlockchain, Help: "Write the serialized UTXO set to a file. This can be used in loadtxoutset afterwards if this snapshot height is supported in the chainparams as well, or given to the node by --assumeutxo. " +
			"Earlier sets are made by taking blocks off in memory; the node goes on meanwhile.",
			Params: []jsonrpc.Param{jsonrpc.Required("path", jsonrpc.TypeString, "Path to the output file. If relative, will be prefixed by datadir."),
				jsonrpc.Optional("type", jsonrpc.TypeString, "", `The type of snapshot to create. Can be "latest" to create a snapshot of the current UTXO set or "rollback" to temporarily roll back the state of the node to a historical block before creating the snapshot of a historical UTXO set. This parameter can be omitted if a separate "rollback" named parameter is specified indicating the height or hash of a specific historical block. If "rollback" is specified and separate "rollback" named parameter is not specified, this will roll back to the latest valid snapshot block that can currently be loaded with loadtxoutset.`),
				jsonrpc.Optional("options", jsonrpc.TypeObject, "", "rollback: height or hash of the block to roll back to before creating the snapshot"),
				jsonrpc.Optional("rollback", jsonrpc.TypeAny, "", "The same, as a named parameter")},
			Result: "{...}    (json object) coins_written, base_hash, base_height, path, txoutset_hash, nchaintx", Example: "utxo.dat latest", Run: dumpTxOutSet},
		{Name: "loadtxoutset", Topic: chainjson.TopicBlockchain, Help: "Load the serialized UTXO set from a file. Once this snapshot is loaded, its contents will be deserialized into a second chainstate data structure, which is then used to sync to the network's tip. " +
			"Meanwhile, the original chainstate will complete the initial block download process in the background, eventually validating up to the block that the snapshot is based upon. " +
			"The file is only believed if its hash is declared for the network or was given to the node with --assumeutxo.",
			Params: []jsonrpc.Param{jsonrpc.Required("path", jsonrpc.TypeString, "path to the snapshot file. If relative, will be prefixed by datadir.")},
			Result: "{...}    (json object) coins_loaded, tip_hash, base_height, path", Example: "utxo.dat", Run: loadTxOutSet},
		{Name: "getchainstates", Topic: chainjson.TopicBlockchain, Help: "Return information about chainstates.",
			Result: "{...}    (json object) headers, chainstates [blocks, bestblockhash, bits, target, difficulty, verificationprogress, snapshot_blockhash, coins_db_cache_bytes, coins_tip_cache_bytes, validated]", Run: getChainStates},
	}
}

func dumpTxOutSet(ctx context.Context, c *chainjson.Call) (any, error) {
	at, err := snapshotTarget(c)
	if err != nil {
		return nil, err
	}
	if !chainjson.OnBest(c, at) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Block is not in main chain")
	}
	d, err := c.Snapshots.Dump(ctx, c.Str(0), at)
	switch {
	case errors.Is(err, backend.ErrSnapshotExists):
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "%s already exists. If you are sure this is what you want, move it out of the way first", d.Path)
	case errors.Is(err, backend.ErrPruned):
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Could not roll back to requested height: a block above it is not available (pruned data)")
	case err != nil:
		return nil, err
	}
	return jsonrpc.Obj("coins_written", d.Coins, "base_hash", at.Hash(), "base_height", at.Height(), "path", d.Path, "txoutset_hash", d.Hash, "nchaintx", at.ChainTxCount), nil
}

// snapshotTarget is the block whose coin set is asked for.
func snapshotTarget(c *chainjson.Call) (backend.Entry, error) {
	kind := c.Str(1)
	back := c.Args[3]
	if o, ok := c.Args[2].(*jsonrpc.Object); ok && back == nil {
		back = o.Get("rollback")
	}
	switch {
	case back != nil && kind != "" && kind != "rollback":
		return backend.Entry{}, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, `Invalid snapshot type "%s" specified with rollback option`, jsonrpc.Clip(kind))
	case back != nil:
		return hashOrHeightOf(c, back, "rollback")
	case kind == "latest":
		return c.Chain.Tip(), nil
	case kind != "rollback":
		return backend.Entry{}, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, `Invalid snapshot type "%s" specified. Please specify "rollback" or "latest"`, jsonrpc.Clip(kind))
	}
	best := int32(-1)
	for _, h := range c.Snapshots.Declared() {
		if _, ok := c.Chain.AtHeight(h); ok {
			best = max(best, h)
		}
	}
	e, ok := c.Chain.AtHeight(best)
	if !ok {
		return backend.Entry{}, jsonrpc.Fail(jsonrpc.CodeMisc, "No snapshot that could be loaded lies on this chain. Name a block with the rollback option, or take the latest.")
	}
	return e, nil
}

func loadTxOutSet(ctx context.Context, c *chainjson.Call) (any, error) {
	l, err := c.Snapshots.Load(ctx, c.Str(0))
	switch {
	case errors.Is(err, backend.ErrSnapshotFile):
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Couldn't open file %s for reading.", l.Path)
	case errors.Is(err, backend.ErrSnapshotMetadata):
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "%s", err)
	case errors.Is(err, backend.ErrSnapshotRefused):
		return nil, jsonrpc.Fail(jsonrpc.CodeInternal, "%s. (%s)", err, l.Path)
	case err != nil:
		return nil, err
	}
	return jsonrpc.Obj("coins_loaded", l.Coins, "tip_hash", l.Base.Hash(), "base_height", l.Base.Height(), "path", l.Path), nil
}

func getChainStates(_ context.Context, c *chainjson.Call) (any, error) {
	best := c.Chain.BestHeader()
	var list []jsonrpc.Fields
	for _, s := range c.Snapshots.Chainstates() {
		h := s.Tip.Header()
		f := jsonrpc.Obj("blocks", s.Tip.Height(), "bestblockhash", s.Tip.Hash(), "bits", chainjson.BitsHex(h.Bits), "target", chainjson.TargetHex(h.Bits), "difficulty", consensus.Difficulty(h.Bits),
			"verificationprogress", progress(s.Tip, best))
		if s.Base != nil {
			f.Add("snapshot_blockhash", *s.Base)
		}
		f.Add("coins_db_cache_bytes", 0)
		f.Add("coins_tip_cache_bytes", s.CacheBytes)
		f.Add("validated", s.Validated)
		list = append(list, f)
	}
	return jsonrpc.Obj("headers", best.Height(), "chainstates", list), nil
}
