package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// fakeIndex is every index of a fake node: it walks over the blocks. err, if set, is what all questions get.
type fakeIndex struct {
	f   *fake
	err error
}

func (x *fakeIndex) Synced() (int32, bool) { return x.f.tip.Height(), x.err == nil }

func (x *fakeIndex) find(match func(*types.Tx) bool) (backend.FoundTx, error) {
	if x.err != nil {
		return backend.FoundTx{}, x.err
	}
	for n := x.f.tip; n.Parent != nil; n = n.Parent {
		for i, tx := range n.Block.Txs {
			if match(tx) {
				return backend.FoundTx{Tx: tx, Block: n.Hash(), Index: i}, nil
			}
		}
	}
	return backend.FoundTx{}, backend.ErrNotFound
}

type fakeTxIndex struct{ *fakeIndex }

func (x fakeTxIndex) Find(_ context.Context, id types.Hash) (backend.FoundTx, error) {
	return x.find(func(tx *types.Tx) bool { return tx.ID() == id })
}

type fakeSpentIndex struct{ *fakeIndex }

func (x fakeSpentIndex) Find(_ context.Context, op types.OutPoint) (backend.FoundTx, error) {
	return x.find(func(tx *types.Tx) bool { return tx.In[0].PrevOut == op })
}

// fakeScriptIndex knows the coinbases.
type fakeScriptIndex struct{ *fakeIndex }

func (x fakeScriptIndex) at() backend.At {
	return backend.At{Hash: x.f.tip.Hash(), Height: x.f.tip.Height()}
}

func (x fakeScriptIndex) History(_ context.Context, lock []byte, height int32, number, most int) (list []backend.ScriptEvent, at backend.At, err error) {
	for h := max(height, 1); h <= x.f.tip.Height() && len(list) < most; h++ {
		tx := x.f.chain.Lookup(x.f.tip.Ancestor(h).Hash()).Block.Txs[0]
		if string(tx.Out[0].Script) == string(lock) && (h > height || number == 0) {
			list = append(list, backend.ScriptEvent{Height: h, TxID: tx.ID(), Funding: true, Received: tx.Out[0].Value})
		}
	}
	return list, x.at(), x.err
}

func (x fakeScriptIndex) Coins(ctx context.Context, lock []byte, after *backend.ScriptCoin, most int) (list []backend.ScriptCoin, at backend.At, err error) {
	from := int32(0)
	if after != nil {
		from = after.Height + 1
	}
	events, _, err := x.History(ctx, lock, from, 0, most)
	for _, e := range events {
		list = append(list, backend.ScriptCoin{OutPoint: types.OutPoint{TxID: e.TxID}, Height: e.Height, Value: e.Received, Coinbase: true})
	}
	return list, x.at(), err
}

func (x fakeScriptIndex) Balance(ctx context.Context, lock []byte) (b backend.ScriptBalance, at backend.At, err error) {
	coins, at, err := x.Coins(ctx, lock, nil, 1000)
	for _, c := range coins {
		b.Coins, b.Value, b.Coinbase = b.Coins+1, b.Value+c.Value, b.Coinbase+c.Value
	}
	return b, at, err
}

// indexRig is a rig whose node keeps all indexes.
func indexRig(t *testing.T) (*rig, *fakeIndex) {
	r := newRig(t, 0)
	x := &fakeIndex{f: r.fake}
	b := r.backend()
	b.TxIndex, b.SpentIndex, b.ScriptIndex = fakeTxIndex{x}, fakeSpentIndex{x}, fakeScriptIndex{x}
	r.server.Ready(b)
	return r, x
}

func TestTxIndexMethods(t *testing.T) {
	r, x := indexRig(t)
	tx, n := spendBlock(t, r)
	r.extend()
	id := tx.ID()
	if got := call2[string](t, r, "getrawtransaction", id); got != hex.EncodeToString(tx.Bytes()) {
		t.Errorf("bytes %s", got)
	}
	one := call2[m](t, r, "getrawtransaction", id, true)
	if one["blockhash"] != n.Hash().String() || one["confirmations"] != 2.0 || one["time"] != float64(n.Block.Header.Time) || one["blocktime"] != one["time"] ||
		one["in_active_chain"] != nil || one["fee"] != nil {
		t.Errorf("verbosity 1: %v", one)
	}
	two := call2[m](t, r, "getrawtransaction", id, 2)
	if two["fee"] != 0.00001 || two["vin"].([]any)[0].(m)["prevout"].(m)["height"] != 1.0 {
		t.Errorf("verbosity 2: %v", two)
	}
	if got := call2[string](t, r, "gettxoutproof", []any{tx.In[0].PrevOut.TxID}); len(got) < 160 {
		t.Errorf("proof %s", got)
	}
	for _, name := range []string{"txindex", "txospenderindex", "scripthashindex"} {
		if got := call2[m](t, r, "getindexinfo", name); len(got) != 1 || got[name].(m)["synced"] != true || got[name].(m)["best_block_height"] != 103.0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	wantError(t, r, jsonrpc.CodeNotFound, "No such mempool or blockchain transaction. Use gettransaction for wallet transactions.", "getrawtransaction", types.Hash{5})
	x.err = backend.ErrNotSynced
	wantError(t, r, jsonrpc.CodeNotFound, "No such mempool transaction. Blockchain transactions are still in the process of being indexed. Use gettransaction for wallet transactions.", "getrawtransaction", id)
	x.err = backend.ErrPruned
	wantError(t, r, jsonrpc.CodeMisc, "Block not available", "getrawtransaction", id)
}

func TestSpentIndexMethods(t *testing.T) {
	r, x := indexRig(t)
	tx, n := spendBlock(t, r)
	old := tx.In[0].PrevOut
	child := consensustest.Signed(t, 300, consensustest.CoinEntry(tx, 0))
	r.put(child, 300)
	ask := func(op types.OutPoint, options ...any) m {
		return call2[[]m](t, r, "gettxspendingprevout", append([]any{[]any{m{"txid": op.TxID, "vout": op.Index}}}, options...)...)[0]
	}
	if got := ask(old); got["spendingtxid"] != tx.ID().String() || got["blockhash"] != n.Hash().String() || got["spendingtx"] != nil {
		t.Errorf("in a block: %v", got)
	}
	if got := ask(old, m{"return_spending_tx": true, "mempool_only": false}); got["spendingtx"] != hex.EncodeToString(tx.Bytes()) {
		t.Errorf("with its bytes: %v", got)
	}
	if got := ask(child.In[0].PrevOut, m{"return_spending_tx": true}); got["spendingtxid"] != child.ID().String() || got["blockhash"] != nil || got["spendingtx"] != hex.EncodeToString(child.Bytes()) {
		t.Errorf("in the mempool: %v", got)
	}
	if got := ask(old, m{"mempool_only": true}); got["spendingtxid"] != nil {
		t.Errorf("in the mempool only: %v", got)
	}
	if got := ask(types.OutPoint{TxID: types.Hash{8}}); len(got) != 2 {
		t.Errorf("unspent: %v", got)
	}
	outputs := []any{m{"txid": old.TxID, "vout": 0}}
	wantError(t, r, jsonrpc.CodeType, "Unexpected key nonsense", "gettxspendingprevout", outputs, m{"nonsense": true})
	wantError(t, r, jsonrpc.CodeType, "not of expected type bool", "gettxspendingprevout", outputs, m{"mempool_only": 1})
	x.err = backend.ErrNotSynced
	wantError(t, r, jsonrpc.CodeMisc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.", "gettxspendingprevout", outputs)
	b := r.backend()
	r.server.Ready(b)
	if got := ask(old); got["spendingtxid"] != nil {
		t.Errorf("without an index: %v", got)
	}
	wantError(t, r, jsonrpc.CodeMisc, "Mempool lacks a relevant spend, and txospenderindex is unavailable.", "gettxspendingprevout", outputs, m{"mempool_only": false})
}

func TestScriptHashMethods(t *testing.T) {
	r, x := indexRig(t)
	for range 7 {
		r.extend()
	}
	address, _ := script.EncodeAddress(r.params.Addresses(), consensustest.KeyLock())
	raw := "raw(" + hex.EncodeToString(consensustest.KeyLock()) + ")"
	var ids []string
	for next := ""; ; {
		page := call2[m](t, r, "getaddresshistory", address, 3, next)
		for _, e := range page["history"].([]any) {
			e := e.(m)
			if e["confirmations"] != 8-e["height"].(float64) || e["received"] != 50.0 || e["sent"] != 0.0 || len(e["blockhash"].(string)) != 64 {
				t.Errorf("event %v", e)
			}
			ids = append(ids, e["txid"].(string))
		}
		if next, _ = page["next"].(string); next == "" {
			break
		}
	}
	coins := call2[m](t, r, "getaddressutxos", raw)
	if len(ids) != 7 || len(coins["utxos"].([]any)) != 7 || coins["utxos"].([]any)[6].(m)["txid"] != ids[6] || coins["synced"] != true || coins["scriptPubKey"] != raw[4:len(raw)-1] {
		t.Errorf("%d events, coins %v", len(ids), coins)
	}
	first := call2[m](t, r, "getaddressutxos", address, 2)
	if second := call2[m](t, r, "getaddressutxos", address, 2, first["next"]); second["utxos"].([]any)[0].(m)["txid"] != ids[2] {
		t.Errorf("after %v: %v", first["next"], second)
	}
	if b := call2[m](t, r, "getaddressbalance", address); b["balance"] != 350.0 || b["coinbase"] != 350.0 || b["txouts"] != 7.0 || b["bestblock"] != r.tip.Hash().String() {
		t.Errorf("balance %v", b)
	}
	for _, bad := range []string{"x", "1:2:3", ":", "-1:0", "1:99999999999", "a:b"} {
		wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid after", "getaddresshistory", address, 3, bad)
		wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid after", "getaddressutxos", address, 3, bad+":")
	}
	for _, count := range []any{0, -1, 1001} {
		wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid count", "getaddresshistory", address, count)
	}
	wantError(t, r, jsonrpc.CodeMisc, "out of range", "getaddressutxos", address, 1.5)
	wantError(t, r, jsonrpc.CodeNotFound, "Invalid address or descriptor", "getaddressbalance", "nonsense")
	wantError(t, r, jsonrpc.CodeInvalidParameter, "stands for 4 scripts", "getaddressbalance", "combo(0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798)")
	x.err = backend.ErrNotSynced
	wantError(t, r, jsonrpc.CodeMisc, "being checked or repaired", "getaddressutxos", address)
	x.err = backend.ErrTooMany
	wantError(t, r, jsonrpc.CodeMisc, "too many unspent outputs", "getaddressbalance", address)
	x.err = errors.New("disk")
	wantError(t, r, jsonrpc.CodeMisc, "disk", "getaddresshistory", address)
	r.server.Ready(r.backend())
	for _, method := range []string{"getaddresshistory", "getaddressbalance", "getaddressutxos"} {
		wantError(t, r, jsonrpc.CodeMisc, "Start it with --scripthashindex", method, address)
	}
}

// filterAll gives the fake the filters of its blocks, of outputs only.
func (f *fake) filterAll(t *testing.T) {
	t.Helper()
	for n := f.tip; n != nil; n = n.Parent {
		var locks [][]byte
		for _, tx := range n.Block.Txs {
			for i := range tx.Out {
				if s := tx.Out[i].Script; len(s) > 0 && s[0] != 0x6a {
					locks = append(locks, s)
				}
			}
		}
		hash := n.Hash()
		filter, err := gcs.BuildGCSFilter(19, 784931, [gcs.KeySize]byte(hash[:gcs.KeySize]), locks)
		if err != nil {
			t.Fatal(err)
		}
		if f.filters[hash], err = filter.NBytes(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestScanBlocks(t *testing.T) {
	r := newRig(t, 4)
	r.chain.PayTo = []byte{0x51}
	odd := r.extend()
	r.chain.PayTo = consensustest.KeyLock()
	r.extend()
	r.filterAll(t)
	find := []string{"raw(51)"}
	for _, params := range [][]any{{"start", find}, {"start", []any{m{"desc": "raw(51)"}}, 5, 5}, {"start", find, 0, 6, "basic", m{"filter_false_positives": true}}} {
		got := call2[m](t, r, "scanblocks", params...)
		if hits := got["relevant_blocks"].([]any); len(hits) != 1 || hits[0] != odd.Hash().String() || got["completed"] != true {
			t.Errorf("%v: %v", params, got)
		}
	}
	if got := call2[m](t, r, "scanblocks", "start", find, 1, 4); got["from_height"] != 1.0 || got["to_height"] != 4.0 || len(got["relevant_blocks"].([]any)) != 0 {
		t.Errorf("without it: %v", got)
	}
	// A filter that names a script which the block does not have: a false positive, which is found out only by looking inside.
	r.filters[r.tip.Hash()] = lyingFilter(t, r.tip.Hash())
	if got := call2[m](t, r, "scanblocks", "start", find, 6); len(got["relevant_blocks"].([]any)) != 1 {
		t.Errorf("a false positive: %v", got)
	}
	if got := call2[m](t, r, "scanblocks", "start", find, 6, 6, "basic", m{"filter_false_positives": true}); len(got["relevant_blocks"].([]any)) != 0 {
		t.Errorf("looked inside: %v", got)
	}
	if got := call2[any](t, r, "scanblocks", "status"); got != nil {
		t.Errorf("status %v", got)
	}
	if call2[bool](t, r, "scanblocks", "abort") {
		t.Error("nothing was aborted")
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Invalid action 'dance'", "scanblocks", "dance")
	wantError(t, r, jsonrpc.CodeMisc, "scanobjects argument is required", "scanblocks", "start")
	wantError(t, r, jsonrpc.CodeMisc, "Invalid start_height", "scanblocks", "start", find, 7)
	wantError(t, r, jsonrpc.CodeMisc, "Invalid start_height", "scanblocks", "start", find, -1)
	wantError(t, r, jsonrpc.CodeMisc, "Invalid stop_height", "scanblocks", "start", find, 3, 2)
	wantError(t, r, jsonrpc.CodeMisc, "Invalid stop_height", "scanblocks", "start", find, 3, 7)
	wantError(t, r, jsonrpc.CodeNotFound, "Unknown filtertype", "scanblocks", "start", find, 0, 1, "fancy")
	delete(r.filters, odd.Hash())
	wantError(t, r, jsonrpc.CodeMisc, "still in the process of being indexed", "scanblocks", "start", find)
	r.server.state.Load().BlockScan.Store(&chainjson.Scan{Cancel: func() {}, Status: func() any { return map[string]any{"progress": 50, "current_height": 15} }})
	if got := call2[m](t, r, "scanblocks", "status"); got["progress"] != 50.0 || got["current_height"] != 15.0 {
		t.Errorf("status %v", got)
	}
	if !call2[bool](t, r, "scanblocks", "abort") {
		t.Error("not aborted")
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Scan already in progress", "scanblocks", "start", find)
}

func lyingFilter(t *testing.T, hash types.Hash) []byte {
	t.Helper()
	filter, err := gcs.BuildGCSFilter(19, 784931, [gcs.KeySize]byte(hash[:gcs.KeySize]), [][]byte{{0x51}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := filter.NBytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
