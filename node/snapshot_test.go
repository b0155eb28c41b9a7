package node

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

type dumped struct {
	Coins  int    `json:"coins_written"`
	Base   string `json:"base_hash"`
	Height int    `json:"base_height"`
	Path   string `json:"path"`
	Hash   string `json:"txoutset_hash"`
	Txs    int    `json:"nchaintx"`
}

// A dump of an earlier block is, byte for byte, the one that was made when that block was the tip.
func TestDumpTxOutSet(t *testing.T) {
	n, ctx := start(t, nil)
	c := call(t, ctx, n)
	generate(t, ctx, n, 110)
	must(t, n.SubmitTx(ctx, coinbaseSpend(t, n, 3, 5000)))
	generate(t, ctx, n, 1)
	first := ask[dumped](c, "dumptxoutset", "one.dat", "latest")
	if first.Height != 111 || first.Coins != 111 || first.Txs != 113 || first.Base != n.chain.Tip().Hash().String() || first.Path != filepath.Join(n.cfg.DataDir, "one.dat") {
		t.Fatalf("%+v", first)
	}
	if info := ask[map[string]any](c, "gettxoutsetinfo"); info["hash_serialized_3"] != first.Hash {
		t.Fatal(info["hash_serialized_3"], first.Hash)
	}
	must(t, n.SubmitTx(ctx, coinbaseSpend(t, n, 4, 5000)))
	generate(t, ctx, n, 20)
	one, err := os.ReadFile(first.Path)
	must(t, err)
	back := filepath.Join(t.TempDir(), "two.dat")
	for i, params := range [][]any{
		{back, "rollback", map[string]any{"rollback": 111}}, {back + "3", "", map[string]any{"rollback": first.Base}}, {back + "4", "", nil, 111},
	} {
		again := ask[dumped](c, "dumptxoutset", params...)
		two, err := os.ReadFile(again.Path)
		must(t, err)
		if !bytes.Equal(one, two) || again.Hash != first.Hash || again.Base != first.Base || again.Txs != first.Txs {
			t.Fatalf("%d: another file: %+v", i, again)
		}
	}
	if n.chain.Tip().Height() != 131 {
		t.Fatal("the tip moved")
	}
	if auto := ask[dumped](c, "dumptxoutset", "auto.dat", "rollback"); auto.Height != 110 {
		t.Fatalf("%+v", auto)
	}
	c.saying(jsonrpc.CodeInvalidParameter, "one.dat already exists. If you are sure this is what you want, move it out of the way first", "dumptxoutset", "one.dat", "latest")
	c.saying(jsonrpc.CodeInvalidParameter, `Invalid snapshot type "" specified. Please specify "rollback" or "latest"`, "dumptxoutset", "x.dat")
	c.saying(jsonrpc.CodeInvalidParameter, `Invalid snapshot type "latest" specified with rollback option`, "dumptxoutset", "x.dat", "latest", map[string]any{"rollback": 3})
	c.saying(jsonrpc.CodeInvalidParameter, "after current tip", "dumptxoutset", "x.dat", "", map[string]any{"rollback": 3000})
	c.refused(jsonrpc.CodeMisc, "dumptxoutset", "no/such/folder/x.dat", "latest")
	if left, err := filepath.Glob(filepath.Join(n.cfg.DataDir, "*.incomplete")); err != nil || len(left) > 0 {
		t.Fatal(left, err)
	}
}
