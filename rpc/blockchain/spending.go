package blockchain

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func spendingMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "gettxspendingprevout", Topic: chainjson.TopicBlockchain, Help: "Scans the mempool (and the txospenderindex, if available) to find transactions spending any of the given outputs.",
			Params: []jsonrpc.Param{jsonrpc.Required("outputs", jsonrpc.TypeArray, "The transaction outputs that we want to check: objects with txid and vout"),
				jsonrpc.Optional("options", jsonrpc.TypeObject, "", "mempool_only (default: true without txospenderindex, else false): whether to look in the mempool only; return_spending_tx (default false): whether to return the spending transaction too")},
			Result:  "[{...}]    (json array) txid, vout and, if it is spent, spendingtxid, spendingtx if asked for, blockhash if it is spent in a block",
			Example: `'[{"txid":"a08e6907dbbd3d809776dbfc5d82e371b764ed838b5655e72f463568df1aadf0","vout":3}]'`, Run: getTxSpendingPrevout},
	}
}

// spendOptions are the options of gettxspendingprevout.
type spendOptions struct{ mempoolOnly, returnTx bool }

func readSpendOptions(c *chainjson.Call, i int) (opt spendOptions, err error) {
	opt.mempoolOnly = c.SpentIndex == nil
	o, ok := c.Args[i].(*jsonrpc.Object)
	if !ok {
		return opt, nil
	}
	for _, key := range o.Keys {
		var to *bool
		switch key {
		case "mempool_only":
			to = &opt.mempoolOnly
		case "return_spending_tx":
			to = &opt.returnTx
		default:
			return opt, jsonrpc.Fail(jsonrpc.CodeType, "Unexpected key %s", jsonrpc.Clip(key))
		}
		if *to, ok = o.Get(key).(bool); !ok {
			return opt, jsonrpc.WrongType(o.Get(key), "bool")
		}
	}
	return opt, nil
}

func getTxSpendingPrevout(ctx context.Context, c *chainjson.Call) (any, error) {
	outputs := c.List(0)
	if len(outputs) == 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, outputs are missing")
	}
	opt, err := readSpendOptions(c, 1)
	if err != nil {
		return nil, err
	}
	list := make([]jsonrpc.Fields, len(outputs))
	for i, v := range outputs {
		op, err := chainjson.AsOutPoint(v)
		if err != nil {
			return nil, err
		}
		if list[i], err = spending(ctx, c, op, opt); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// spending describes what spends an output: in the mempool, else in a block.
func spending(ctx context.Context, c *chainjson.Call, op types.OutPoint, opt spendOptions) (jsonrpc.Fields, error) {
	f := jsonrpc.Obj("txid", op.TxID, "vout", op.Index)
	if by, ok := c.Mempool.Spends(op); ok {
		f.Add("spendingtxid", by)
		if e, ok := c.Mempool.Entry(by); ok && opt.returnTx {
			f.Add("spendingtx", hex.EncodeToString(e.Tx.Bytes()))
		}
		return f, nil
	}
	if opt.mempoolOnly {
		return f, nil
	}
	if c.SpentIndex == nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
	}
	found, err := c.SpentIndex.Find(ctx, op)
	switch {
	case errors.Is(err, backend.ErrNotFound):
		return f, nil
	case errors.Is(err, backend.ErrNotSynced):
		return nil, jsonrpc.Fail(jsonrpc.CodeMisc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
	case err != nil:
		return nil, chainjson.BlockError(err)
	}
	f.Add("spendingtxid", found.Tx.ID())
	if opt.returnTx {
		f.Add("spendingtx", hex.EncodeToString(found.Tx.Bytes()))
	}
	f.Add("blockhash", found.Block)
	return f, nil
}
