package blockchain

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func ledgerMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "gettxout", Topic: chainjson.TopicBlockchain, Help: "Returns details about an unspent transaction output, null if there is none such.",
			Params: []jsonrpc.Param{jsonrpc.Required("txid", jsonrpc.TypeHex, "The transaction id"), jsonrpc.Required("n", jsonrpc.TypeNumber, "vout number"),
				jsonrpc.Optional("include_mempool", jsonrpc.TypeBool, "true", "Whether to include the mempool. An output that is spent in the mempool is then not shown.")},
			Result:  "null or {...}    bestblock, confirmations, value, scriptPubKey, coinbase",
			Example: `"4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b" 1`, Run: getTxOut},
		{Name: "gettxoutsetinfo", Topic: chainjson.TopicBlockchain, Help: "Returns statistics about the set of unspent outputs. It reads the whole set, so it may take some time.",
			Params: []jsonrpc.Param{jsonrpc.Optional("hash_type", jsonrpc.TypeString, "hash_serialized_3", "Which checksum to compute: hash_serialized_3, muhash or none"),
				jsonrpc.Optional("hash_or_height", jsonrpc.TypeAny, "the current best block", "Only the tip is known here; another block is an error"),
				jsonrpc.Optional("use_index", jsonrpc.TypeBool, "true", "Accepted and of no effect")},
			Result: "{...}    (json object) height, bestblock, txouts, bogosize, hash_serialized_3 or muhash, total_amount, transactions, disk_size", Example: `"muhash"`, Run: getTxOutSetInfo},
		{Name: "scantxoutset", Topic: chainjson.TopicBlockchain, Help: "Scans the set of unspent outputs for those that match descriptors: addr(), raw(), pk(), pkh(), wpkh(), sh(), wsh(), tr(), rawtr() and combo() with public keys in hexadecimal. " +
			"One scan runs at a time; abort ends it and status tells of it.",
			Params: []jsonrpc.Param{jsonrpc.Required("action", jsonrpc.TypeString, "start, abort or status"),
				jsonrpc.Optional("scanobjects", jsonrpc.TypeArray, "", "Descriptors, or objects with the key desc. Required for start")},
			Result:  "{...}    success, txouts, height, bestblock, unspents [txid, vout, scriptPubKey, desc, amount, coinbase, height, blockhash, confirmations], total_amount; true or false for abort; null or progress for status",
			Example: `start '["raw(76a91411b366edfc0a8b66feebae5c2e25a7b6a5d1cf3188ac)"]'`, Run: scanTxOutSet},
	}
}

func getTxOut(_ context.Context, c *chainjson.Call) (any, error) {
	id, err := c.Hash(0)
	if err != nil {
		return nil, err
	}
	n, err := c.Num(1, 0)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > 1<<32-1 {
		return nil, nil
	}
	op := types.OutPoint{TxID: id, Index: uint32(n)}
	tip := c.Chain.Tip()
	var found *consensus.Coin
	confirmed := int32(0)
	if c.BoolOr(2, true) {
		if _, spent := c.Mempool.Spends(op); spent {
			return nil, nil
		}
		if e, ok := c.Mempool.Entry(id); ok && int(n) < len(e.Tx.Out) {
			found = &consensus.Coin{Out: e.Tx.Out[n]}
		}
	}
	if found == nil {
		coins, err := c.Ledger.Coins([]types.OutPoint{op})
		if err != nil {
			return nil, err
		}
		coin, ok := coins[op]
		if !ok {
			return nil, nil
		}
		found, confirmed = &coin, max(tip.Height()-coin.Height, 0)+1
	}
	return jsonrpc.Obj("bestblock", tip.Hash(), "confirmations", confirmed, "value", chainjson.Amount(found.Out.Value),
		"scriptPubKey", chainjson.Lock(c, found.Out.Script), "coinbase", found.Coinbase), nil
}

func getTxOutSetInfo(ctx context.Context, c *chainjson.Call) (any, error) {
	kind := backend.SetKind(c.StrOr(0, string(backend.SetSerialized)))
	if kind != backend.SetSerialized && kind != backend.SetMuHash && kind != backend.SetNone {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "'%s' is not a valid hash_type", jsonrpc.Clip(string(kind)))
	}
	if c.Given(1) {
		at, err := hashOrHeight(c, 1)
		if err != nil {
			return nil, err
		}
		if at.Hash() != c.Chain.Tip().Hash() {
			return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Querying specific block heights requires coinstatsindex")
		}
	}
	info, err := c.Ledger.SetInfo(ctx, kind)
	if err != nil {
		return nil, err
	}
	f := jsonrpc.Obj("height", info.Height, "bestblock", info.Best, "txouts", info.Coins, "bogosize", info.Bogo)
	if kind != backend.SetNone {
		f.Add(string(kind), info.Hash)
	}
	f.Add("total_amount", chainjson.Amount(info.Amount))
	f.Add("transactions", info.Txs)
	f.Add("disk_size", info.Disk)
	return f, nil
}

// hashOrHeight finds the block that parameter i names by its hash or by its height on the best chain.
func hashOrHeight(c *chainjson.Call, i int) (backend.Entry, error) {
	return hashOrHeightOf(c, c.Args[i], c.ParamName(i))
}

// hashOrHeightOf is hashOrHeight of a value that may stand elsewhere.
func hashOrHeightOf(c *chainjson.Call, v any, name string) (backend.Entry, error) {
	switch v.(type) {
	case string:
		h, err := chainjson.AsHash(v, name)
		if err != nil {
			return backend.Entry{}, err
		}
		e, ok := c.Chain.Lookup(h)
		if !ok {
			return backend.Entry{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "Block not found")
		}
		return e, nil
	case nil:
		return backend.Entry{}, jsonrpc.WrongType(nil, "number")
	}
	n, err := jsonrpc.AsInt(v)
	if err != nil {
		return backend.Entry{}, err
	}
	if n != int64(int32(n)) {
		return backend.Entry{}, jsonrpc.ErrIntRange
	}
	height := int32(n)
	tip := c.Chain.Tip()
	if height < 0 {
		return backend.Entry{}, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Target block height %d is negative", height)
	}
	e, ok := c.Chain.AtHeight(height)
	if !ok {
		return backend.Entry{}, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Target block height %d after current tip %d", height, tip.Height())
	}
	return e, nil
}

// errScanAborted ends a scan by scantxoutset abort.
var errScanAborted = errors.New("scan aborted")

func scanTxOutSet(ctx context.Context, c *chainjson.Call) (any, error) {
	switch action := c.Str(0); action {
	case "status":
		if running := c.CoinScan.Load(); running != nil {
			return running.Status(), nil
		}
		return nil, nil
	case "abort":
		if running := c.CoinScan.Load(); running != nil {
			running.Cancel()
			return true, nil
		}
		return false, nil
	case "start":
		return startScan(ctx, c)
	default:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid action '%s'", jsonrpc.Clip(action))
	}
}

func startScan(ctx context.Context, c *chainjson.Call) (any, error) {
	if !c.Given(1) {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "scanobjects argument is required for the start action")
	}
	wanted, err := scanObjects(c, c.List(1))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var seen atomic.Int64
	sc := &chainjson.Scan{Cancel: cancel, Status: func() any { return jsonrpc.Obj("progress", 0, "txouts", seen.Load()) }}
	if !c.CoinScan.CompareAndSwap(nil, sc) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Scan already in progress, use action \"abort\" or \"status\"")
	}
	defer c.CoinScan.Store(nil)
	var found []consensus.CoinEntry
	at, err := c.Ledger.Scan(ctx, func(e consensus.CoinEntry) error {
		seen.Add(1)
		if _, ok := wanted[string(e.Coin.Out.Script)]; ok {
			found = append(found, e)
		}
		if ctx.Err() != nil {
			return errScanAborted
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		return nil, err
	}
	if err != nil {
		return jsonrpc.Obj("success", false, "txouts", seen.Load()), nil
	}
	return scanResult(c, at, seen.Load(), found, wanted), nil
}

// scanObjects returns the scripts to look for, each with the descriptor that it came from.
func scanObjects(c *chainjson.Call, list []any) (map[string]string, error) {
	wanted := map[string]string{}
	for _, v := range list {
		d, outs, err := c.ScanObject(v)
		if err != nil {
			return nil, err
		}
		for _, out := range outs {
			name := d.Text()
			if !d.Solvable() || d.Ranged() || len(outs) > 1 {
				name = chainjson.InferDescriptor(c.Node.Params().Addresses(), out.Script)
			}
			wanted[string(out.Script)] = name
		}
	}
	return wanted, nil
}

func scanResult(c *chainjson.Call, at backend.Entry, seen int64, found []consensus.CoinEntry, wanted map[string]string) any {
	slices.SortFunc(found, func(a, b consensus.CoinEntry) int {
		return cmp.Or(cmp.Compare(a.Coin.Height, b.Coin.Height), bytes.Compare(a.OutPoint.TxID[:], b.OutPoint.TxID[:]), cmp.Compare(a.OutPoint.Index, b.OutPoint.Index))
	})
	unspents := make([]jsonrpc.Fields, len(found))
	var total int64
	for i, e := range found {
		total += e.Coin.Out.Value
		f := jsonrpc.Obj("txid", e.OutPoint.TxID, "vout", e.OutPoint.Index, "scriptPubKey", hex.EncodeToString(e.Coin.Out.Script),
			"desc", wanted[string(e.Coin.Out.Script)], "amount", chainjson.Amount(e.Coin.Out.Value), "coinbase", e.Coin.Coinbase, "height", e.Coin.Height)
		if a := at.Ancestor(e.Coin.Height); a != nil {
			f.Add("blockhash", a.Hash())
		}
		f.Add("confirmations", at.Height()-e.Coin.Height+1)
		unspents[i] = f
	}
	return jsonrpc.Obj("success", true, "txouts", seen, "height", at.Height(), "bestblock", at.Hash(), "unspents", unspents, "total_amount", chainjson.Amount(total))
}
