package rpc

import (
	"context"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

const exampleTxID = `"4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"`

// poolTable returns the methods of this package, in no order.
func poolTable() []apiMethod {
	return slices.Concat(mempoolMethods(), clusterMethods(), feeMethods())
}

func mempoolMethods() []apiMethod {
	txid := required("txid", TypeHex, "The transaction id (must be in mempool)")
	verbose := optional("verbose", TypeBool, "false", "True for a json object, false for array of transaction ids")
	const entry = "vsize, weight, time, height, descendantcount, descendantsize, ancestorcount, ancestorsize, wtxid, fees {base, modified, ancestor, descendant}, depends, spentby, bip125-replaceable, unbroadcast"
	return []apiMethod{
		{Name: "getmempoolinfo", Topic: topicBlockchain, Help: "Returns details on the active state of the transaction memory pool.",
			Result: "{...}    (json object) loaded, size, bytes, usage, total_fee, maxmempool, mempoolminfee, minrelaytxfee, incrementalrelayfee, unbroadcastcount, fullrbf", Run: getMempoolInfo},
		{Name: "getrawmempool", Topic: topicBlockchain, Help: "Returns all transaction ids in the memory pool.",
			Params: []Param{verbose, optional("mempool_sequence", TypeBool, "false", "If verbose=false, returns a json object with transaction list and mempool sequence number attached.")},
			Result: "[\"hex\",...] or {...}    ids; or by id: " + entry + "; or txids and mempool_sequence", Example: "true", Run: getRawMempool},
		{Name: "getmempoolentry", Topic: topicBlockchain, Help: "Returns mempool data for given transaction.",
			Params: []Param{txid}, Result: "{...}    (json object) " + entry, Example: exampleTxID, Run: getMempoolEntry},
		{Name: "getmempoolancestors", Topic: topicBlockchain, Help: "If txid is in the mempool, returns all in-mempool ancestors.",
			Params: []Param{txid, verbose}, Result: "[\"hex\",...] or {...}    ids, or by id: " + entry, Example: exampleTxID, Run: relatives(Mempool.Ancestors)},
		{Name: "getmempooldescendants", Topic: topicBlockchain, Help: "If txid is in the mempool, returns all in-mempool descendants.",
			Params: []Param{txid, verbose}, Result: "[\"hex\",...] or {...}    ids, or by id: " + entry, Example: exampleTxID, Run: relatives(Mempool.Descendants)},
		{Name: "savemempool", Topic: topicBlockchain, Help: "Dumps the mempool to disk.", Result: "{...}    (json object) filename", Run: saveMempool},
		{Name: "importmempool", Topic: topicBlockchain, Help: "Import a file that savemempool, or the node at its end, has written, and attempt to add its contents to the mempool. The format is Cairn's own.",
			Params: []Param{required("filepath", TypeString, "The mempool file"), optional("options", TypeObject, "", "use_current_time (default true), apply_fee_delta_priority and apply_unbroadcast_set (default false)")},
			Result: "{}    (json object) empty", Example: `"/path/to/mempool.dat"`, Run: importMempool},
		{Name: "prioritisetransaction", Topic: topicMining, Help: "Accepts the transaction into mined blocks at a higher (or lower) priority.",
			Params: []Param{required("txid", TypeHex, "The transaction id."), optional("dummy", TypeNumber, "0", "API-Compatibility for previous API. Must be zero or null."),
				required("fee_delta", TypeNumber, "The fee value (in satoshis) to add (or subtract, if negative). Note that this is not a feerate; the fee is not actually paid.")},
			Result: "true    (boolean) Returns true", Example: exampleTxID + " 0 10000", Run: prioritise},
		{Name: "getprioritisedtransactions", Topic: topicMining, Help: "Returns a map of all user-created fee deltas by txid, and whether the transaction is present in the mempool.",
			Result: "{...}    by id: fee_delta, in_mempool and, if it is there, modified_fee", Run: getPrioritised},
	}
}

func importMempool(ctx context.Context, c *call) (any, error) {
	opt := ImportOptions{CurrentTime: true}
	if o, ok := c.args[1].(*object); ok {
		for _, f := range []struct {
			name string
			to   *bool
		}{{"use_current_time", &opt.CurrentTime}, {"apply_fee_delta_priority", &opt.FeeDeltas}, {"apply_unbroadcast_set", &opt.Unbroadcast}} {
			if v := o.get(f.name); v != nil {
				if *f.to, ok = v.(bool); !ok {
					return nil, typeError(v, "bool")
				}
			}
		}
	}
	if c.Chain.Syncing() {
		return nil, fail(CodeInInitial, "Can only import the mempool after the block download and sync is done.")
	}
	if err := c.Mempool.Import(ctx, c.str(0), opt); err != nil {
		return nil, fail(CodeMisc, "Unable to import mempool file: %s", err)
	}
	return fields{}, nil
}

func getMempoolInfo(_ context.Context, c *call) (any, error) {
	info := c.Mempool.Info()
	return obj("loaded", info.Loaded, "size", info.Count, "bytes", info.Bytes, "usage", info.Usage, "total_fee", Amount(info.TotalFee),
		"maxmempool", info.MaxBytes, "mempoolminfee", perKVByte(max(info.FeeFloor, info.MinRelay)), "minrelaytxfee", perKVByte(info.MinRelay),
		"incrementalrelayfee", perKVByte(info.IncrementalRelay), "unbroadcastcount", info.Unbroadcast, "fullrbf", info.FullRBF), nil
}

func getRawMempool(_ context.Context, c *call) (any, error) {
	verbose, sequence := c.boolOr(0, false), c.boolOr(1, false)
	if verbose && sequence {
		return nil, fail(CodeInvalidParameter, "Verbose results cannot contain mempool sequence values.")
	}
	number := c.Mempool.Sequence()
	list := idsOrEntries(c, c.Mempool.IDs(), verbose)
	if sequence {
		return obj("txids", list, "mempool_sequence", number), nil
	}
	return list, nil
}

// idsOrEntries shows transactions of the pool. What has left it meanwhile is left out of entries.
func idsOrEntries(c *call, ids []types.Hash, verbose bool) any {
	if !verbose {
		return hashes(ids)
	}
	list := fields{}
	for _, id := range ids {
		if e, ok := c.Mempool.Entry(id); ok {
			list.add(id.String(), entryFields(e))
		}
	}
	return list
}

// poolEntry finds the transaction that parameter 0 names.
func (c *call) poolEntry() (types.Hash, MempoolEntry, error) {
	id, err := c.hash(0)
	if err != nil {
		return id, MempoolEntry{}, err
	}
	e, ok := c.Mempool.Entry(id)
	if !ok {
		return id, e, fail(CodeNotFound, "Transaction not in mempool")
	}
	return id, e, nil
}

func getMempoolEntry(_ context.Context, c *call) (any, error) {
	_, e, err := c.poolEntry()
	if err != nil {
		return nil, err
	}
	return entryFields(e), nil
}

func relatives(of func(Mempool, types.Hash) []types.Hash) func(context.Context, *call) (any, error) {
	return func(_ context.Context, c *call) (any, error) {
		id, _, err := c.poolEntry()
		if err != nil {
			return nil, err
		}
		return idsOrEntries(c, of(c.Mempool, id), c.boolOr(1, false)), nil
	}
}

func saveMempool(ctx context.Context, c *call) (any, error) {
	if !c.Mempool.Info().Loaded {
		return nil, fail(CodeMisc, "The mempool was not loaded yet")
	}
	file, err := c.Mempool.Save(ctx)
	if err != nil {
		return nil, fail(CodeMisc, "Unable to dump mempool to disk: %s", err)
	}
	return obj("filename", file), nil
}

func prioritise(_ context.Context, c *call) (any, error) {
	id, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	if c.given(1) {
		if n, ok := c.args[1].(interface{ Float64() (float64, error) }); ok {
			if f, err := n.Float64(); err != nil || f != 0 {
				return nil, fail(CodeInvalidParameter, "Priority is no longer supported, dummy argument to prioritisetransaction must be 0.")
			}
		}
	}
	delta, err := c.num(2, 0)
	if err != nil {
		return nil, err
	}
	if c.Mempool.HasDust(id) {
		return nil, fail(CodeInvalidParameter, "Priority is not supported for transactions with dust outputs.")
	}
	c.Mempool.Prioritise(id, delta)
	return true, nil
}

func getPrioritised(_ context.Context, c *call) (any, error) {
	all := slices.Clone(c.Mempool.Prioritised())
	slices.SortFunc(all, func(a, b Prioritised) int { return a.ID.Compare(b.ID) })
	list := fields{}
	for _, p := range all {
		f := obj("fee_delta", p.Delta, "in_mempool", p.InMempool)
		if e, ok := c.Mempool.Entry(p.ID); ok {
			f.add("modified_fee", e.ModifiedFee)
		}
		list.add(p.ID.String(), f)
	}
	return list, nil
}
