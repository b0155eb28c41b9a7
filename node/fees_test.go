package node

import (
	"path/filepath"
	"testing"
)

// What was confirmed in the past decides what estimatesmartfee says; before that the mempool does.
func TestEstimates(t *testing.T) {
	n, ctx := start(t, nil)
	generate(t, ctx, n, 200)
	c := call(t, ctx, n)
	type estimate struct {
		FeeRate float64
		Blocks  int
		Errors  []string
	}
	if got := ask[estimate](c, "estimatesmartfee", 3); got.FeeRate != 0.00001 || got.Blocks != 3 {
		t.Errorf("out of nothing: %+v", got)
	}
	for i := range 45 {
		for j := range 2 {
			must(t, n.SubmitTx(ctx, coinbaseSpend(t, n, int32(1+2*i+j), 11_000))) // about 100 a vbyte
		}
		generate(t, ctx, n, 1)
	}
	if got := ask[estimate](c, "estimatesmartfee", 3); got.FeeRate < 0.0009 || got.FeeRate > 0.0012 || got.Blocks != 3 {
		t.Errorf("after 45 blocks: %+v", got)
	}
	raw := ask[map[string]map[string]any](c, "estimaterawfee", 3)
	if len(raw) != 3 || raw["short"]["feerate"] == nil || raw["short"]["pass"] == nil || raw["long"]["scale"] != 24.0 {
		t.Errorf("estimaterawfee: %v", raw)
	}
	c.refused(-8, "estimaterawfee", 3, 1.5)
}

// A saved mempool goes into another node.
func TestImportMempool(t *testing.T) {
	dir := t.TempDir()
	a, ctx := start(t, func(c *Config) { c.DataDir = dir })
	generate(t, ctx, a, 101)
	tx := coinbaseSpend(t, a, 1, 1000)
	must(t, a.SubmitTx(ctx, tx))
	file := ask[map[string]string](call(t, ctx, a), "savemempool")["filename"]

	b, _ := start(t, nil)
	b.AddPeer(a.P2PAddr())
	awaitTip(t, ctx, b, a.chain.Tip().Hash())
	c := call(t, ctx, b)
	c.do("importmempool", file, map[string]any{"apply_unbroadcast_set": true})
	if !b.pool.Have(tx.ID()) {
		t.Error("the transaction was not taken over")
	}
	c.refused(-1, "importmempool", filepath.Join(dir, "nothing"))
	c.refused(-3, "importmempool", file, map[string]any{"use_current_time": 1})
}
