package node

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestScriptCacheMetrics: what the mempool has verified is found when its block comes, and the page counts it.
func TestScriptCacheMetrics(t *testing.T) {
	s := matured(t, 1, nil)
	tx := coinbaseSpend(t, s.node, 1, 1000)
	var id string
	s.call(&id, "sendrawtransaction", hex.EncodeToString(tx.Bytes()))
	page := scrape(t, s.node)
	for _, line := range []string{
		`cairn_script_cache_entries{kind="transaction"} `, `cairn_script_cache_entries{kind="signature"} 1`,
		`cairn_script_cache_hits_total{kind="transaction"} 0`, `cairn_script_cache_misses_total{kind="signature"} 1`,
	} {
		if !strings.Contains(page, "\n"+line) {
			t.Errorf("after the transaction came there is no %s", line)
		}
	}
	generate(t, s.ctx, s.node, 1)
	if page = scrape(t, s.node); strings.Contains(page, `cairn_script_cache_hits_total{kind="transaction"} 0`) {
		t.Error("the block's transaction was not found")
	}
	if !strings.Contains(page, `cairn_script_cache_misses_total{kind="signature"} 1`) {
		t.Error("its signature was looked for again")
	}
	if !strings.Contains(page, "\ncairn_script_cache_bytes ") {
		t.Error("the page does not tell the size")
	}
}
