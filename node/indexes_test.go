package node

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
	"github.com/cairn-chain/cairn/chain/index"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// withIndexes keeps every index.
func withIndexes(dir string) func(*Config) {
	return func(c *Config) {
		p := *consensus.Regtest()
		p.BlockFilterIndex = true
		c.Params, c.TxIndex, c.SpentIndex, c.ScriptHashIndex = &p, true, true, true
		if dir != "" {
			c.DataDir = dir
		}
	}
}

type indexAnswer struct {
	Synced bool  `json:"synced"`
	Height int32 `json:"best_block_height"`
}

type historyAnswer struct {
	Height  int32  `json:"height"`
	Best    string `json:"bestblock"`
	Synced  bool   `json:"synced"`
	Next    string `json:"next"`
	History []struct {
		TxID     string  `json:"txid"`
		Height   int32   `json:"height"`
		Block    string  `json:"blockhash"`
		Received float64 `json:"received"`
		Sent     float64 `json:"sent"`
	} `json:"history"`
	UTXOs []struct {
		TxID   string  `json:"txid"`
		Height int32   `json:"height"`
		Amount float64 `json:"amount"`
	} `json:"utxos"`
}

// spendOne mines a block with a transaction that spends the first coinbase.
func spendOne(t *testing.T, ctx context.Context, n *Node) (tx *types.Tx, block types.Hash) {
	t.Helper()
	generate(t, ctx, n, 101)
	tx = coinbaseSpend(t, n, 1, 2000)
	must(t, n.SubmitTx(ctx, tx))
	return tx, generate(t, ctx, n, 1)[0]
}

// Every index answers at once after a block, forgets what a reorganization takes off, and knows it again when it is back.
func TestIndexesOverRPC(t *testing.T) {
	n, ctx := start(t, withIndexes(""))
	c := call(t, ctx, n)
	tx, block := spendOne(t, ctx, n)
	c.do("syncwithvalidationinterfacequeue")
	for _, name := range []string{"txindex", "txospenderindex", "scripthashindex", "basic block filter index"} {
		if got := ask[map[string]indexAnswer](c, "getindexinfo", name); len(got) != 1 || got[name] != (indexAnswer{true, 102}) {
			t.Errorf("%s: %v", name, got)
		}
	}
	checkConfirmed(c, tx, block)
	c.do("invalidateblock", block.String())
	c.do("syncwithvalidationinterfacequeue")
	// The transaction is back in the mempool.
	got := ask[map[string]any](c, "getrawtransaction", tx.ID().String(), 1)
	if got["blockhash"] != nil {
		t.Errorf("taken off: %v", got)
	}
	spent := []any{map[string]any{"txid": tx.In[0].PrevOut.TxID.String(), "vout": 0}}
	if got := ask[[]map[string]any](c, "gettxspendingprevout", spent); got[0]["spendingtxid"] != tx.ID().String() || got[0]["blockhash"] != nil {
		t.Errorf("in the mempool: %v", got)
	}
	if got := ask[historyAnswer](c, "getaddresshistory", testAddress(t), 1000); len(got.History) != 101 || got.Height != 101 {
		t.Errorf("%d entries at %d", len(got.History), got.Height)
	}
	c.do("reconsiderblock", block.String())
	checkConfirmed(c, tx, block)
	c.refused(jsonrpc.CodeNotFound, "getrawtransaction", types.Hash{5}.String())
	if got := ask[[]map[string]any](c, "gettxspendingprevout", []any{map[string]any{"txid": tx.ID().String(), "vout": 0}}); got[0]["spendingtxid"] != nil {
		t.Errorf("unspent: %v", got)
	}
}

// checkConfirmed asks all indexes about a transaction in block 102 that spends the first coinbase.
func checkConfirmed(c *caller, tx *types.Tx, block types.Hash) {
	c.t.Helper()
	id := tx.ID().String()
	if got := ask[string](c, "getrawtransaction", id); got != hex.EncodeToString(tx.Bytes()) {
		c.t.Errorf("bytes %s", got)
	}
	got := ask[map[string]any](c, "getrawtransaction", id, 2)
	if got["blockhash"] != block.String() || got["confirmations"] != 1.0 || got["fee"] != 0.00002 || got["time"] != got["blocktime"] || got["in_active_chain"] != nil {
		c.t.Errorf("confirmed: %v", got)
	}
	if in := got["vin"].([]any)[0].(map[string]any); in["prevout"].(map[string]any)["height"] != 1.0 {
		c.t.Errorf("input %v", in)
	}
	spent := []any{map[string]any{"txid": tx.In[0].PrevOut.TxID.String(), "vout": 0}}
	one := ask[[]map[string]any](c, "gettxspendingprevout", spent, map[string]any{"return_spending_tx": true})[0]
	if one["spendingtxid"] != id || one["blockhash"] != block.String() || one["spendingtx"] != hex.EncodeToString(tx.Bytes()) {
		c.t.Errorf("spent by %v", one)
	}
	if got := ask[[]map[string]any](c, "gettxspendingprevout", spent, map[string]any{"mempool_only": true})[0]; got["spendingtxid"] != nil {
		c.t.Errorf("in the mempool only: %v", got)
	}
	if got := ask[string](c, "gettxoutproof", []string{tx.In[0].PrevOut.TxID.String()}); len(got) < 160 {
		c.t.Errorf("proof %s", got) // of a transaction whose outputs are all spent: only the index knows its block
	}
	checkAddress(c, tx, block)
	scan := ask[map[string]any](c, "scanblocks", "start", []string{"addr(" + testAddress(c.t) + ")"}, 102, 102, "basic", map[string]any{"filter_false_positives": true})
	if hits := scan["relevant_blocks"].([]any); len(hits) != 1 || hits[0] != block.String() || scan["completed"] != true || scan["to_height"] != 102.0 {
		c.t.Errorf("scanblocks %v", scan)
	}
}

// checkAddress reads history and coins of the test's address in pages, and compares them with the balance.
func checkAddress(c *caller, tx *types.Tx, block types.Hash) {
	c.t.Helper()
	to := testAddress(c.t)
	events, next := 0, ""
	var last historyAnswer
	for {
		last = ask[historyAnswer](c, "getaddresshistory", to, 40, next)
		events += len(last.History)
		if next = last.Next; next == "" {
			break
		}
	}
	e := last.History[len(last.History)-1]
	if events != 103 || e.TxID != tx.ID().String() || e.Block != block.String() || e.Received != 49.99998 || e.Sent != 50 || !last.Synced || last.Best != block.String() {
		c.t.Errorf("%d entries, the last %+v of %+v", events, e, last)
	}
	coins, sum := 0, 0.0
	for next = ""; ; {
		page := ask[historyAnswer](c, "getaddressutxos", to, 40, next)
		for _, u := range page.UTXOs {
			coins, sum = coins+1, sum+u.Amount
		}
		if next = page.Next; next == "" {
			break
		}
	}
	b := ask[map[string]any](c, "getaddressbalance", to)
	if coins != 102 || b["txouts"] != 102.0 || fmt.Sprintf("%.8f", sum) != fmt.Sprintf("%.8f", b["balance"]) || b["height"] != 102.0 {
		c.t.Errorf("%d coins of %v, balance %v", coins, sum, b)
	}
}

// An index that is switched on later is built from the stored blocks; one that was off for a while goes on where it stood; one that was
// killed is looked at first.
func TestIndexesSwitchedOn(t *testing.T) {
	dir := t.TempDir()
	n, ctx := start(t, func(c *Config) { c.DataDir = dir })
	tx, block := spendOne(t, ctx, n)
	must(t, n.Close())

	n, ctx = start(t, withIndexes(dir))
	awaitIndexes(t, ctx, n)
	checkConfirmed(call(t, ctx, n), tx, block)
	must(t, n.Close())

	n, ctx = start(t, func(c *Config) { withIndexes(dir)(c); c.TxIndex, c.SpentIndex = false, false })
	more := generate(t, ctx, n, 3)
	c := call(t, ctx, n)
	c.refused(jsonrpc.CodeNotFound, "getrawtransaction", tx.ID().String())
	must(t, n.Kill())

	n, ctx = start(t, withIndexes(dir))
	c = call(t, ctx, n)
	c.do("invalidateblock", more[0].String())
	c.do("syncwithvalidationinterfacequeue")
	checkConfirmed(c, tx, block)
}

func awaitIndexes(t *testing.T, ctx context.Context, n *Node) {
	t.Helper()
	for _, x := range n.indexes.list() {
		must(t, n.reaches(ctx, x.Position, n.chain.Tip()))
	}
	if n.filters != nil {
		must(t, n.reaches(ctx, n.filters.Position, n.chain.Tip()))
	}
}

// Bad input 30: a node does not start on an index of a newer format, and says so.
func TestIndexOfNewerFormat(t *testing.T) {
	dir := t.TempDir()
	n, _ := start(t, withIndexes(dir))
	must(t, n.Close())
	kv, err := badgerdb.OpenKV(dir, badgerdb.Options{})
	must(t, err)
	newer, err := index.Open(kv, index.Kind{Name: "transaction index", Prefix: "t/", Version: 7, Change: func(*consensus.Update) (ch index.Change) { return ch }})
	must(t, err)
	must(t, newer.Sync(t.Context(), n.chain, nil))
	must(t, kv.Close())
	cfg := Config{Params: consensus.Regtest(), DataDir: dir, ConnectOnly: true, TxIndex: true}
	if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "format 7, this version reads format 1") {
		t.Fatal(err)
	}
}

// Indexes that read blocks for their answers refuse pruning, in Bitcoin Core's words. The one by scripts does not; it keeps the blocks that it
// has not reached.
func TestIndexesAndPruning(t *testing.T) {
	for want, cfg := range map[string]Config{
		"prune mode is incompatible with -txindex":         {Params: consensus.Regtest(), Prune: 1, TxIndex: true},
		"prune mode is incompatible with -txospenderindex": {Params: consensus.Regtest(), Prune: 1, SpentIndex: true},
	} {
		if err := cfg.Validate(); err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	dir := t.TempDir()
	prune := func(c *Config) { c.DataDir, c.Prune, c.FastPrune = dir, 1, true }
	n, ctx := start(t, func(c *Config) { prune(c); c.ScriptHashIndex = true })
	generate(t, ctx, n, 300)
	awaitIndexes(t, ctx, n)
	c := call(t, ctx, n)
	if last := ask[int32](c, "pruneblockchain", 10); last != 10 {
		t.Fatalf("pruned up to %d", last)
	}
	if got := ask[historyAnswer](c, "getaddresshistory", testAddress(t), 1000); len(got.History) != 300 {
		t.Errorf("%d entries", len(got.History))
	}
	must(t, n.Close())
	// With the index, nothing is missing; without its entries, the blocks for them are.
	n, _ = start(t, func(c *Config) { prune(c); c.ScriptHashIndex = true })
	must(t, n.Close())
	kv, err := badgerdb.OpenKV(dir, badgerdb.Options{})
	must(t, err)
	older, err := index.Open(kv, index.Kind{Name: "script-hash index", Prefix: "a/", Version: 2, Change: func(*consensus.Update) (ch index.Change) { return ch }})
	must(t, err)
	if older.Position().Height != 0 {
		t.Fatal("an index of another format stands somewhere")
	}
	must(t, kv.Write([]chain.Pair{{Key: []byte("st/a/")}}))
	must(t, kv.Close())
	cfg := Config{Params: consensus.Regtest(), ConnectOnly: true, ScriptHashIndex: true}
	prune(&cfg)
	if _, err := Start(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "the script-hash index ends at height 0 and cannot go on: the blocks up to height 10 were pruned") {
		t.Fatal(err)
	}
}
