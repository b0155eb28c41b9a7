package rpc

import (
	"bytes"
	"context"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

const maxPackage = 25 // transactions

// readPackage decodes the transactions of parameter i, at most maxPackage.
func (c *call) readPackage(i int) ([]*types.Tx, error) {
	list := c.list(i)
	if len(list) < 1 || len(list) > maxPackage {
		return nil, fail(CodeInvalidParameter, "Array must contain between 1 and %d transactions.", maxPackage)
	}
	txs := make([]*types.Tx, len(list))
	for j, v := range list {
		s, err := asString(v)
		if err != nil {
			return nil, err
		}
		if txs[j], err = asTx(v, "TX decode failed: "+clip(s)+" Make sure the tx has at least one input."); err != nil {
			return nil, err
		}
	}
	return txs, nil
}

func testMempoolAccept(ctx context.Context, c *call) (any, error) {
	txs, err := c.readPackage(0)
	if err != nil {
		return nil, err
	}
	rate, err := c.maxFeeRate(1)
	if err != nil {
		return nil, err
	}
	results, err := c.Mempool.Test(ctx, txs)
	if err != nil {
		return nil, err
	}
	list := make([]fields, len(txs))
	blank := false // a fee was too high: what follows may depend on it
	for i, tx := range txs {
		f := obj("txid", tx.ID(), "wtxid", tx.WitnessID())
		if results.whole() {
			f.add("package-error", reasonOf(results.Err))
		}
		if i < len(results.Txs) && results.Txs[i].Judged && !blank {
			f, blank = testFields(f, results.Txs[i], rate)
		}
		list[i] = f
	}
	return list, nil
}

// whole tells whether the transactions were refused as a package, and none for itself.
func (r *PackageResult) whole() bool {
	kind := consensus.KindOf(r.Err)
	return kind != "" && kind != consensus.PackageTxFailed && kind != consensus.PackageUnspentDust
}

func testFields(f fields, r PackageTx, maxRate int64) (_ fields, tooDear bool) {
	switch {
	case isMissing(r.Err):
		return append(f, obj("allowed", false, "reject-reason", "missing-inputs")...), false
	case r.Err != nil:
		return append(f, obj("allowed", false, "reject-reason", reasonOf(r.Err), "reject-details", rejectText(r.Err))...), false
	case maxRate > 0 && r.Fee > (maxRate*r.VSize+999)/1000:
		return append(f, obj("allowed", false, "reject-reason", "max-fee-exceeded")...), true
	}
	return append(f, obj("allowed", true, "vsize", r.VSize, "fees", r.fees())...), false
}

// fees shows what was paid, and at which rate if it was judged now.
func (r *PackageTx) fees() fields {
	f := obj("base", Amount(r.Fee))
	if !r.Known {
		f = append(f, obj("effective-feerate", perKVByte(r.FeeRate), "effective-includes", hashes(r.Includes))...)
	}
	return f
}

func submitPackage(ctx context.Context, c *call) (any, error) {
	txs, err := c.readPackage(0)
	if err != nil {
		return nil, err
	}
	rate, err := c.maxFeeRate(1)
	if err != nil {
		return nil, err
	}
	for _, tx := range txs {
		if err := c.checkBurn(2, tx); err != nil {
			return nil, err
		}
	}
	if !isPackage(txs) {
		return nil, fail(CodeVerify, "package topology disallowed. not child-with-parents or parents depend on each other.")
	}
	res, err := c.Submit.Package(ctx, txs, rate)
	if err != nil {
		return nil, err
	}
	verdict := "success"
	if res.Err != nil {
		verdict = rejectText(res.Err)
	}
	results := fields{}
	for i, tx := range txs {
		results.add(tx.WitnessID().String(), submitFields(obj("txid", tx.ID()), &res.Txs[i]))
	}
	replaced := slices.Clone(res.Replaced)
	slices.SortFunc(replaced, func(a, b types.Hash) int { return bytes.Compare(a[:], b[:]) })
	return obj("package_msg", verdict, "tx-results", results, "replaced-transactions", hashes(slices.Compact(replaced))), nil
}

func submitFields(f fields, r *PackageTx) fields {
	switch {
	case !r.Judged:
		f.add("error", "package-not-validated")
	case isMissing(r.Err):
		f.add("error", string(consensus.BadTxnsMissingOrSpent))
	case r.Err != nil:
		f.add("error", rejectText(r.Err))
	case !r.OtherWitness.IsZero():
		f.add("other-wtxid", r.OtherWitness)
	default:
		f = append(f, obj("vsize", r.VSize, "fees", r.fees())...)
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
