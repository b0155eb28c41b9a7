package rawtx

import (
	"bytes"
	"context"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

const maxPackage = 25 // transactions

// readPackage decodes the transactions of parameter i, at most maxPackage.
func readPackage(c *chainjson.Call, i int) ([]*types.Tx, error) {
	list := c.List(i)
	if len(list) < 1 || len(list) > maxPackage {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Array must contain between 1 and %d transactions.", maxPackage)
	}
	txs := make([]*types.Tx, len(list))
	for j, v := range list {
		s, err := jsonrpc.AsString(v)
		if err != nil {
			return nil, err
		}
		if txs[j], err = chainjson.AsTx(v, "TX decode failed: "+jsonrpc.Clip(s)+" Make sure the tx has at least one input."); err != nil {
			return nil, err
		}
	}
	return txs, nil
}

func testMempoolAccept(ctx context.Context, c *chainjson.Call) (any, error) {
	txs, err := readPackage(c, 0)
	if err != nil {
		return nil, err
	}
	rate, err := maxFeeRate(c, 1)
	if err != nil {
		return nil, err
	}
	results, err := c.Mempool.Test(ctx, txs)
	if err != nil {
		return nil, err
	}
	list := make([]jsonrpc.Fields, len(txs))
	blank := false // a fee was too high: what follows may depend on it
	for i, tx := range txs {
		f := jsonrpc.Obj("txid", tx.ID(), "wtxid", tx.WitnessID())
		if whole(&results) {
			f.Add("package-error", chainjson.RejectReason(results.Err))
		}
		if i < len(results.Txs) && results.Txs[i].Judged && !blank {
			f, blank = testFields(f, results.Txs[i], rate)
		}
		list[i] = f
	}
	return list, nil
}

// whole tells whether the transactions were refused as a package, and none for itself.
func whole(r *backend.PackageResult) bool {
	kind := consensus.KindOf(r.Err)
	return kind != "" && kind != consensus.PackageTxFailed && kind != consensus.PackageUnspentDust
}

func testFields(f jsonrpc.Fields, r backend.PackageTx, maxRate int64) (_ jsonrpc.Fields, tooDear bool) {
	switch {
	case isMissing(r.Err):
		return append(f, jsonrpc.Obj("allowed", false, "reject-reason", "missing-inputs")...), false
	case r.Err != nil:
		return append(f, jsonrpc.Obj("allowed", false, "reject-reason", chainjson.RejectReason(r.Err), "reject-details", chainjson.RejectText(r.Err))...), false
	case maxRate > 0 && r.Fee > (maxRate*r.VSize+999)/1000:
		return append(f, jsonrpc.Obj("allowed", false, "reject-reason", "max-fee-exceeded")...), true
	}
	return append(f, jsonrpc.Obj("allowed", true, "vsize", r.VSize, "fees", fees(&r))...), false
}

// fees shows what was paid, and at which rate if it was judged now.
func fees(r *backend.PackageTx) jsonrpc.Fields {
	f := jsonrpc.Obj("base", chainjson.Amount(r.Fee))
	if !r.Known {
		f = append(f, jsonrpc.Obj("effective-feerate", chainjson.PerKVByte(r.FeeRate), "effective-includes", chainjson.Hashes(r.Includes))...)
	}
	return f
}

func submitPackage(ctx context.Context, c *chainjson.Call) (any, error) {
	txs, err := readPackage(c, 0)
	if err != nil {
		return nil, err
	}
	rate, err := maxFeeRate(c, 1)
	if err != nil {
		return nil, err
	}
	for _, tx := range txs {
		if err := checkBurn(c, 2, tx); err != nil {
			return nil, err
		}
	}
	if !isPackage(txs) {
		return nil, jsonrpc.Fail(jsonrpc.CodeVerify, "package topology disallowed. not child-with-parents or parents depend on each other.")
	}
	res, err := c.Submit.Package(ctx, txs, rate)
	if err != nil {
		return nil, err
	}
	verdict := "success"
	if res.Err != nil {
		verdict = chainjson.RejectText(res.Err)
	}
	results := jsonrpc.Fields{}
	for i, tx := range txs {
		results.Add(tx.WitnessID().String(), submitFields(jsonrpc.Obj("txid", tx.ID()), &res.Txs[i]))
	}
	replaced := slices.Clone(res.Replaced)
	slices.SortFunc(replaced, func(a, b types.Hash) int { return bytes.Compare(a[:], b[:]) })
	return jsonrpc.Obj("package_msg", verdict, "tx-results", results, "replaced-transactions", chainjson.Hashes(slices.Compact(replaced))), nil
}

func submitFields(f jsonrpc.Fields, r *backend.PackageTx) jsonrpc.Fields {
	switch {
	case !r.Judged:
		f.Add("error", "package-not-validated")
	case isMissing(r.Err):
		f.Add("error", string(consensus.BadTxnsMissingOrSpent))
	case r.Err != nil:
		f.Add("error", chainjson.RejectText(r.Err))
	case !r.OtherWitness.IsZero():
		f.Add("other-wtxid", r.OtherWitness)
	default:
		f = append(f, jsonrpc.Obj("vsize", r.VSize, "fees", fees(r))...)
	}
	return f
}

// isPackage tells whether the last transaction spends an output of every other, and these do not depend
// on each other.
func isPackage(txs []*types.Tx) bool {
	child, parents := txs[len(txs)-1], map[types.Hash]bool{}
	for _, tx := range txs[:len(txs)-1] {
		parents[tx.ID()] = true
	}
	for _, tx := range txs[:len(txs)-1] {
		for i := range tx.In {
			if parents[tx.In[i].PrevOut.TxID] {
				return false
			}
		}
	}
	for i := range child.In {
		delete(parents, child.In[i].PrevOut.TxID)
	}
	return len(parents) == 0
}
