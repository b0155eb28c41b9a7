package rpc

import (
	"encoding/hex"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func hexOf(txs ...*types.Tx) (list []string) {
	for _, tx := range txs {
		list = append(list, hex.EncodeToString(tx.Bytes()))
	}
	return list
}

func TestSubmitPackage(t *testing.T) {
	r := newRig(t, 3)
	parent := r.tip.SignedSpend(t, 700)
	child := consensustest.Signed(t, 300, consensustest.CoinEntry(parent, 0))
	both := []types.Hash{parent.WitnessID(), child.WitnessID()}
	r.pack = &backend.PackageResult{Replaced: []types.Hash{{9}, {3}, {9}}, Txs: []backend.PackageTx{
		{Judged: true, VSize: 110, Fee: 0, FeeRate: 1500, Includes: both},
		{Judged: true, VSize: 100, Fee: 315, FeeRate: 1500, Includes: both}}}
	got := call2[m](t, r, "submitpackage", hexOf(parent, child), "0.5")
	first := got["tx-results"].(m)[parent.WitnessID().String()].(m)
	fees := first["fees"].(m)
	if got["package_msg"] != "success" || first["txid"] != parent.ID().String() || first["vsize"] != 110.0 || fees["base"] != 0.0 ||
		fees["effective-feerate"] != 0.000015 || len(fees["effective-includes"].([]any)) != 2 || first["error"] != nil {
		t.Errorf("success: %v", got)
	}
	if list := got["replaced-transactions"].([]any); len(list) != 2 || list[0] != (types.Hash{3}).String() {
		t.Errorf("replaced %v", list)
	}
	if r.packRate != consensus.CoinUnit/2 {
		t.Errorf("maxfeerate %d", r.packRate)
	}

	// Known ones: no rate is told. Another witness: nothing but that.
	r.pack = &backend.PackageResult{Txs: []backend.PackageTx{{Judged: true, VSize: 110, Fee: 5, Known: true}, {Judged: true, Known: true, OtherWitness: types.Hash{7}}}}
	got = call2[m](t, r, "submitpackage", hexOf(parent, child))["tx-results"].(m)
	if first := got[parent.WitnessID().String()].(m); first["fees"].(m)["effective-feerate"] != nil || first["fees"].(m)["base"] != 0.00000005 {
		t.Errorf("known: %v", first)
	}
	if second := got[child.WitnessID().String()].(m); second["other-wtxid"] != (types.Hash{7}).String() || second["vsize"] != nil {
		t.Errorf("another witness: %v", second)
	}

	r.pack = &backend.PackageResult{Err: consensus.Reject(consensus.PackageTxFailed, ""), Txs: []backend.PackageTx{
		{Judged: true, Err: consensus.Reject(consensus.MinRelayFeeNotMet, "0 < 110")}, {Judged: true, Err: backend.ErrMissingInputs}}}
	got = call2[m](t, r, "submitpackage", hexOf(parent, child))
	results := got["tx-results"].(m)
	if got["package_msg"] != "transaction failed" || results[parent.WitnessID().String()].(m)["error"] != "min relay fee not met, 0 < 110" ||
		results[child.WitnessID().String()].(m)["error"] != "bad-txns-inputs-missingorspent" {
		t.Errorf("failed: %v", got)
	}
	r.pack = &backend.PackageResult{Err: consensus.Reject(consensus.TRUCViolation, "tx x would have too many ancestors"), Txs: make([]backend.PackageTx, 2)}
	got = call2[m](t, r, "submitpackage", hexOf(parent, child))
	if got["package_msg"] != "TRUC-violation, tx x would have too many ancestors" || got["tx-results"].(m)[parent.WitnessID().String()].(m)["error"] != "package-not-validated" ||
		len(got["replaced-transactions"].([]any)) != 0 {
		t.Errorf("violation: %v", got)
	}
}

func TestSubmitPackageParams(t *testing.T) {
	r := newRig(t, 3)
	parent := r.tip.SignedSpend(t, 700)
	child := consensustest.Signed(t, 300, consensustest.CoinEntry(parent, 0))
	burning := child.Clone()
	burning.Out = append(burning.Out, types.TxOut{Value: 1000, Script: []byte{0x6a}})
	if got := call2[m](t, r, "submitpackage", hexOf(parent)); got["package_msg"] != "success" {
		t.Errorf("one transaction: %v", got)
	}
	wantError(t, r, jsonrpc.CodeVerify, "package topology disallowed", "submitpackage", hexOf(child, parent))
	wantError(t, r, jsonrpc.CodeVerify, "package topology disallowed", "submitpackage", hexOf(parent, r.tip.SignedSpend(t, 1)))
	wantError(t, r, jsonrpc.CodeVerify, "Unspendable output exceeds maximum configured by user (maxburnamount)", "submitpackage", hexOf(parent, burning))
	if got := call2[m](t, r, "submitpackage", hexOf(parent, burning), nil, "0.00001"); got["package_msg"] != "success" {
		t.Errorf("burning: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Fee rates larger than", "submitpackage", hexOf(parent, child), 2)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Array must contain between 1 and 25 transactions.", "submitpackage", []string{})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Array must contain between 1 and 25 transactions.", "submitpackage", make([]string, 26))
	wantError(t, r, jsonrpc.CodeDeserialization, "TX decode failed: 00 Make sure", "submitpackage", []string{"00"})
}

func TestTestSeveral(t *testing.T) {
	r := newRig(t, 3)
	parent := r.tip.SignedSpend(t, 700)
	child := consensustest.Signed(t, 300, consensustest.CoinEntry(parent, 0))
	raw := hexOf(parent, child)
	good := backend.PackageTx{Judged: true, VSize: 100, Fee: 1000, FeeRate: 10_000, Includes: []types.Hash{{1}}}
	for name, c := range map[string]struct {
		err    error
		txs    []backend.PackageTx
		rate   string
		whole  any
		first  any // allowed
		second any
		reason any // of the last that was refused
	}{
		"good":         {nil, []backend.PackageTx{good, good}, "0.1", nil, true, true, nil},
		"second fails": {consensus.Reject(consensus.PackageTxFailed, ""), []backend.PackageTx{good, {Judged: true, Err: consensus.Reject(consensus.Dust, "x")}}, "0.1", nil, true, false, "dust"},
		"first fails":  {consensus.Reject(consensus.PackageTxFailed, ""), []backend.PackageTx{{Judged: true, Err: backend.ErrMissingInputs}, {}}, "0.1", nil, false, nil, "missing-inputs"},
		"unspent dust": {consensus.Reject(consensus.PackageUnspentDust, ""), []backend.PackageTx{{}, {Judged: true, Err: consensus.Reject(consensus.MissingEphemeralSpends, "")}}, "0.1", nil, nil, false, "missing-ephemeral-spends"},
		"whole":        {consensus.Reject(consensus.PackageNotSorted, "detail"), []backend.PackageTx{{}, {}}, "0.1", "package-not-sorted", nil, nil, nil},
		"too dear":     {nil, []backend.PackageTx{good, good}, "0.00009990", nil, false, nil, "max-fee-exceeded"},
		"just so dear": {nil, []backend.PackageTx{good, good}, "0.00009991", nil, true, true, nil},
		"any fee":      {nil, []backend.PackageTx{good, good}, "0", nil, true, true, nil},
	} {
		r.pack = &backend.PackageResult{Err: c.err, Txs: c.txs}
		got := call2[[]m](t, r, "testmempoolaccept", raw, c.rate)
		if len(got) != 2 || got[0]["package-error"] != c.whole || got[1]["package-error"] != c.whole || got[0]["allowed"] != c.first || got[1]["allowed"] != c.second {
			t.Errorf("%s: %v", name, got)
		}
		var reason any
		for _, f := range got {
			if f["reject-reason"] != nil {
				reason = f["reject-reason"]
			}
		}
		if reason != c.reason {
			t.Errorf("%s: reason %v", name, reason)
		}
	}
}

func TestPrioritiseDust(t *testing.T) {
	r := newRig(t, 3)
	tx := r.tip.SignedSpend(t, 700).Clone()
	tx.Out = append(tx.Out, types.TxOut{Script: []byte{0x51, 0x02, 0x4e, 0x73}})
	r.put(tx, 0)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Priority is not supported for transactions with dust outputs.", "prioritisetransaction", tx.ID(), nil, 5)
	if !call2[bool](t, r, "prioritisetransaction", types.Hash{1}, nil, 5) {
		t.Error("a transaction that is not here")
	}
}
