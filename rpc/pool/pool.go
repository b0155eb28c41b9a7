package pool

import (
	"context"
	"slices"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

const exampleTxID = `"4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"`

// Methods returns the methods of this package, in no order.
func Methods() []chainjson.Method {
	return slices.Concat(mempoolMethods(), clusterMethods(), feeMethods())
}

func mempoolMethods() []chainjson.Method {
	txid := jsonrpc.Required("txid", jsonrpc.TypeHex, "The transaction id (must be in mempool)")
	verbose := jsonrpc.Optional("verbose", jsonrpc.TypeBool, "false", "True for a json object, false for array of transaction ids")
	const entry = "vsize, weight, time, height, descendantcount, descendantsize, ancestorcount, ancestorsize, wtxid, fees {base, modified, ancestor, descendant}, depends, spentby, bip125-replaceable, unbroadcast"
	return []chainjson.Method{
		{Name: "getmempoolinfo", Topic: chainjson.TopicBlockchain, Help: "Returns details on the active state of the transaction memory pool.",
			Result: "{...}    (json object) loaded, size, bytes, usage, total_fee, maxmempool, mempoolminfee, minrelaytxfee, incrementalrelayfee, unbroadcastcount, fullrbf", Run: getMempoolInfo},
		{Name: "getrawmempool", Topic: chainjson.TopicBlockchain, Help: "Returns all transaction ids in the memory pool.",
			Params: []jsonrpc.Param{verbose, jsonrpc.Optional("mempool_sequence", jsonrpc.TypeBool, "false", "If verbose=false, returns a json object with transaction list and mempool sequence number attached.")},
			Result: "[\"hex\",...] or {...}    ids; or by id: " + entry + "; or txids and mempool_sequence", Example: "true", Run: getRawMempool},
		{Name: "getmempoolentry", Topic: chainjson.TopicBlockchain, Help: "Returns mempool data for given transaction.",
			Params: []jsonrpc.Param{txid}, Result: "{...}    (json object) " + entry, Example: exampleTxID, Run: getMempoolEntry},
		{Name: "getmempoolancestors", Topic: chainjson.TopicBlockchain, Help: "If txid is in the mempool, returns all in-mempool ancestors.",
			Params: []jsonrpc.Param{txid, verbose}, Result: "[\"hex\",...] or {...}    ids, or by id: " + entry, Example: exampleTxID, Run: relatives(backend.Mempool.Ancestors)},
		{Name: "getmempooldescendants", Topic: chainjson.TopicBlockchain, Help: "If txid is in the mempool, returns all in-mempool descendants.",
			Params: []jsonrpc.Param{txid, verbose}, Result: "[\"hex\",...] or {...}    ids, or by id: " + entry, Example: exampleTxID, Run: relatives(backend.Mempool.Descendants)},
		{Name: "savemempool", Topic: chainjson.TopicBlockchain, Help: "Dumps the mempool to disk.", Result: "{...}    (json object) filename", Run: saveMempool},
		{Name: "importmempool", Topic: chainjson.TopicBlockchain, Help: "Import a file that savemempool, or the node at its end, has written, and attempt to add its contents to the mempool. The format is Cairn's own.",
			Params: []jsonrpc.Param{jsonrpc.Required("filepath", jsonrpc.TypeString, "The mempool file"), jsonrpc.Optional("options", jsonrpc.TypeObject, "", "use_current_time (default true), apply_fee_delta_priority and apply_unbroadcast_set (default false)")},
			Result: "{}    (json object) empty", Example: `"/path/to/mempool.dat"`, Run: importMempool},
		{Name: "prioritisetransaction", Topic: chainjson.TopicMining, Help: "Accepts the transaction into mined blocks at a higher (or lower) priority.",
			Params: []jsonrpc.Param{jsonrpc.Required("txid", jsonrpc.TypeHex, "The transaction id."), jsonrpc.Optional("dummy", jsonrpc.TypeNumber, "0", "API-Compatibility for previous API. Must be zero or null."),
				jsonrpc.Required("fee_delta", jsonrpc.TypeNumber, "The fee value (in satoshis) to add (or subtract, if negative). Note that this is not a feerate; the fee is not actually paid.")},
			Result: "true    (boolean) Returns true", Example: exampleTxID + " 0 10000", Run: prioritise},
		{Name: "getprioritisedtransactions", Topic: chainjson.TopicMining, Help: "Returns a map of all user-created fee deltas by txid, and whether the transaction is present in the mempool.",
			Result: "{...}    by id: fee_delta, in_mempool and, if it is there, modified_fee", Run: getPrioritised},
	}
}

func importMempool(ctx context.Context, c *chainjson.Call) (any, error) {
	opt := backend.ImportOptions{CurrentTime: true}
	if o, ok := c.Args[1].(*jsonrpc.Object); ok {
		for _, f := range []struct {
			name string
			to   *bool
		}{{"use_current_time", &opt.CurrentTime}, {"apply_fee_delta_priority", &opt.FeeDeltas}, {"apply_unbroadcast_set", &opt.Unbroadcast}} {
			if v := o.Get(f.name); v != nil {
				if *f.to, ok = v.(bool); !ok {
					return nil, jsonrpc.WrongType(v, "bool")
				}
			}
		}
	}
	if c.Chain.Syncing() {
		return nil, jsonrpc.Fail(jsonrpc.CodeInInitial, "Can only import the mempool after the block download and sync is done.")
	}
	if err := c.Mempool.Import(ctx, c.Str(0), opt); err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Unable to import mempool file: %s", err)
	}
	return jsonrpc.Fields{}, nil
}

func getMempoolInfo(_ context.Context, c *chainjson.Call) (any, error) {
	info := c.Mempool.Info()
	return jsonrpc.Obj("loaded", info.Loaded, "size", info.Count, "bytes", info.Bytes, "usage", info.Usage, "total_fee", chainjson.Amount(info.TotalFee),
		"maxmempool", info.MaxBytes, "mempoolminfee", chainjson.PerKVByte(max(info.FeeFloor, info.MinRelay)), "minrelaytxfee", chainjson.PerKVByte(info.MinRelay),
		"incrementalrelayfee", chainjson.PerKVByte(info.IncrementalRelay), "unbroadcastcount", info.Unbroadcast, "fullrbf", info.FullRBF), nil
}

func getRawMempool(_ context.Context, c *chainjson.Call) (any, error) {
	verbose, sequence := c.BoolOr(0, false), c.BoolOr(1, false)
	if verbose && sequence {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Verbose results cannot contain mempool sequence values.")
	}
	number := c.Mempool.Sequence()
	list := idsOrEntries(c, c.Mempool.IDs(), verbose)
	if sequence {
		return jsonrpc.Obj("txids", list, "mempool_sequence", number), nil
	}
	return list, nil
}

// idsOrEntries shows transactions of the pool. What has left it meanwhile is left out of entries.
func idsOrEntries(c *chainjson.Call, ids []types.Hash, verbose bool) any {
	if !verbose {
		return chainjson.Hashes(ids)
	}
	list := jsonrpc.Fields{}
	for _, id := range ids {
		if e, ok := c.Mempool.Entry(id); ok {
			list.Add(id.String(), chainjson.PoolEntry(e))
		}
	}
	return list
}

// poolEntry finds the transaction that parameter 0 names.
func poolEntry(c *chainjson.Call) (types.Hash, backend.MempoolEntry, error) {
	id, err := c.Hash(0)
	if err != nil {
		return id, backend.MempoolEntry{}, err
	}
	e, ok := c.Mempool.Entry(id)
	if !ok {
		return id, e, jsonrpc.Fail(jsonrpc.CodeNotFound, "Transaction not in mempool")
	}
	return id, e, nil
}

func getMempoolEntry(_ context.Context, c *chainjson.Call) (any, error) {
	_, e, err := poolEntry(c)
	if err != nil {
		return nil, err
	}
	return chainjson.PoolEntry(e), nil
}

func relatives(of func(backend.Mempool, types.Hash) []types.Hash) func(context.Context, *chainjson.Call) (any, error) {
	return func(_ context.Context, c *chainjson.Call) (any, error) {
		id, _, err := poolEntry(c)
		if err != nil {
			return nil, err
		}
		return idsOrEntries(c, of(c.Mempool, id), c.BoolOr(1, false)), nil
	}
}

func saveMempool(ctx context.Context, c *chainjson.Call) (any, error) {
	if !c.Mempool.Info().Loaded {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "The mempool was not loaded yet")
	}
	file, err := c.Mempool.Save(ctx)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Unable to dump mempool to disk: %s", err)
	}
	return jsonrpc.Obj("filename", file), nil
}

func prioritise(_ context.Context, c *chainjson.Call) (any, error) {
	id, err := c.Hash(0)
	if err != nil {
		return nil, err
	}
	if c.Given(1) {
		if n, ok := c.Args[1].(interface{ Float64() (float64, error) }); ok {
			if f, err := n.Float64(); err != nil || f != 0 {
				return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Priority is no longer supported, dummy argument to prioritisetransaction must be 0.")
			}
		}
	}
	delta, err := c.Num(2, 0)
	if err != nil {
		return nil, err
	}
	if c.Mempool.HasDust(id) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Priority is not supported for transactions with dust outputs.")
	}
	c.Mempool.Prioritise(id, delta)
	return true, nil
}

func getPrioritised(_ context.Context, c *chainjson.Call) (any, error) {
	all := slices.Clone(c.Mempool.Prioritised())
	slices.SortFunc(all, func(a, b backend.Prioritised) int { return a.ID.Compare(b.ID) })
	list := jsonrpc.Fields{}
	for _, p := range all {
		f := jsonrpc.Obj("fee_delta", p.Delta, "in_mempool", p.InMempool)
		if e, ok := c.Mempool.Entry(p.ID); ok {
			f.Add("modified_fee", e.ModifiedFee)
		}
		list.Add(p.ID.String(), f)
	}
	return list, nil
}
