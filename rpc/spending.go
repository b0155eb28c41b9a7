package rpc

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/cairn-chain/cairn/types"
)

func spendingMethods() []apiMethod {
	return []apiMethod{
		{Name: "gettxspendingprevout", Topic: topicBlockchain, Help: "Scans the mempool (and the txospenderindex, if available) to find transactions spending any of the given outputs.",
			Params: []Param{required("outputs", TypeArray, "The transaction outputs that we want to check: objects with txid and vout"),
				optional("options", TypeObject, "", "mempool_only (default: true without txospenderindex, else false): whether to look in the mempool only; return_spending_tx (default false): whether to return the spending transaction too")},
			Result:  "[{...}]    (json array) txid, vout and, if it is spent, spendingtxid, spendingtx if asked for, blockhash if it is spent in a block",
			Example: `'[{"txid":"a08e6907dbbd3d809776dbfc5d82e371b764ed838b5655e72f463568df1aadf0","vout":3}]'`, Run: getTxSpendingPrevout},
	}
}

// spendOptions are the options of gettxspendingprevout.
type spendOptions struct{ mempoolOnly, returnTx bool }

func (c *call) spendOptions(i int) (opt spendOptions, err error) {
	opt.mempoolOnly = c.SpentIndex == nil
	o, ok := c.args[i].(*object)
	if !ok {
		return opt, nil
	}
	for _, key := range o.keys {
		var to *bool
		switch key {
		case "mempool_only":
			to = &opt.mempoolOnly
		case "return_spending_tx":
			to = &opt.returnTx
		default:
			return opt, fail(CodeType, "Unexpected key %s", clip(key))
		}
		if *to, ok = o.get(key).(bool); !ok {
			return opt, typeError(o.get(key), "bool")
		}
	}
	return opt, nil
}

func getTxSpendingPrevout(ctx context.Context, c *call) (any, error) {
	outputs := c.list(0)
	if len(outputs) == 0 {
		return nil, fail(CodeInvalidParameter, "Invalid parameter, outputs are missing")
	}
	opt, err := c.spendOptions(1)
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(outputs))
	for i, v := range outputs {
		op, err := asOutPoint(v)
		if err != nil {
			return nil, err
		}
		if list[i], err = c.spending(ctx, op, opt); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// spending describes what spends an output: in the mempool, else in a block.
func (c *call) spending(ctx context.Context, op types.OutPoint, opt spendOptions) (fields, error) {
	f := obj("txid", op.TxID, "vout", op.Index)
	if by, ok := c.Mempool.Spends(op); ok {
		f.add("spendingtxid", by)
		if e, ok := c.Mempool.Entry(by); ok && opt.returnTx {
			f.add("spendingtx", hex.EncodeToString(e.Tx.Bytes()))
		}
		return f, nil
	}
	if opt.mempoolOnly {
		return f, nil
	}
	if c.SpentIndex == nil {
		return nil, fail(CodeMisc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
	}
	found, err := c.SpentIndex.Find(ctx, op)
	switch {
	case errors.Is(err, ErrNotFound):
		return f, nil
	case errors.Is(err, ErrNotSynced):
		return nil, fail(CodeMisc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.")
	case err != nil:
		return nil, blockError(err)
	}
	f.add("spendingtxid", found.Tx.ID())
	if opt.returnTx {
		f.add("spendingtx", hex.EncodeToString(found.Tx.Bytes()))
	}
	f.add("blockhash", found.Block)
	return f, nil
}
