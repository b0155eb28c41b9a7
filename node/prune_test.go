package node

import (
	"errors"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

type pruneInfo struct {
	Pruned    bool   `json:"pruned"`
	Height    *int   `json:"pruneheight"`
	Automatic *bool  `json:"automatic_pruning"`
	Target    *int64 `json:"prune_target_size"`
}

// saying wants an error of a code with a sentence.
func (c *caller) saying(code int, sentence, method string, params ...any) {
	c.t.Helper()
	var e *jsonrpc.Error
	if err := c.client.Call(c.ctx, method, nil, params...); !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, sentence) {
		c.t.Errorf("%s %v: %v, not %q with code %d", method, params, err, sentence, code)
	}
}

// A node prunes when it is told to, says so as Bitcoin Core does, tells its peers, and does not start again as if nothing were missing.
func TestPruneByHand(t *testing.T) {
	dir := t.TempDir()
	n, ctx := start(t, func(c *Config) { c.DataDir, c.Prune, c.FastPrune = dir, 1, true })
	c := call(t, ctx, n)
	hashes := generate(t, ctx, n, 99)
	c.saying(jsonrpc.CodeMisc, "Blockchain is too short for pruning.", "pruneblockchain", 10)
	c.saying(jsonrpc.CodeInvalidParameter, "Negative block height.", "pruneblockchain", -1)
	hashes = append(hashes, generate(t, ctx, n, 301)...)
	c.saying(jsonrpc.CodeInvalidParameter, "Blockchain is shorter than the attempted prune height.", "pruneblockchain", 401)
	if got := ask[pruneInfo](c, "getblockchaininfo"); !got.Pruned || *got.Height != 0 || *got.Automatic || got.Target != nil {
		t.Errorf("%+v", got)
	}
	must(t, n.do(ctx, n.chain.Flush))
	c.do("syncwithvalidationinterfacequeue")
	for _, step := range []struct{ ask, want int }{{50, 50}, {20, 50}, {400, 112}} {
		if got := ask[int](c, "pruneblockchain", step.ask); got != step.want {
			t.Fatalf("pruneblockchain %d: %d, not %d", step.ask, got, step.want)
		}
	}
	if got := ask[pruneInfo](c, "getblockchaininfo"); *got.Height != 113 {
		t.Errorf("pruneheight %d", *got.Height)
	}
	c.saying(jsonrpc.CodeMisc, "Block not available (pruned data)", "getblock", hashes[111])
	c.saying(jsonrpc.CodeMisc, "Block not available (pruned data)", "getblock", hashes[0], 0)
	c.do("getblock", hashes[112])
	c.do("getblockheader", hashes[3])
	c.saying(jsonrpc.CodeMisc, "was pruned", "invalidateblock", hashes[50])
	services := n.services
	if services != wire.NodeNetworkLimited|wire.NodeWitness|wire.NodeP2PV2 {
		t.Errorf("services %d", services)
	}
	must(t, n.Close())
	cfg := n.cfg
	cfg.Prune = 0
	if _, err := Start(ctx, cfg); err == nil || !strings.Contains(err.Error(), "start with --prune") {
		t.Fatal(err)
	}
	again, _ := start(t, func(c *Config) { c.DataDir, c.Prune, c.FastPrune = dir, 1, true })
	if again.chain.PruneHeight() != 112 || again.chain.Tip().Height() != 400 {
		t.Error(again.chain.PruneHeight(), again.chain.Tip().Height())
	}
}

// pruneblockchain takes a time, too; without --prune it says so.
func TestPruneByTime(t *testing.T) {
	n, ctx := start(t, func(c *Config) { c.DataDir, c.RPCAuth, c.Prune, c.FastPrune = t.TempDir(), nil, 20, true })
	c := call(t, ctx, n)
	generate(t, ctx, n, 390)
	c.do("syncwithvalidationinterfacequeue")
	if got := ask[pruneInfo](c, "getblockchaininfo"); !*got.Automatic || *got.Target != 20<<20 {
		t.Errorf("%+v", got)
	}
	c.saying(jsonrpc.CodeInvalidParameter, "Could not find block with at least the specified timestamp.", "pruneblockchain", int64(2_000_000_000))
	h := n.chain.AtHeight(77).Header()
	first := 0
	for first = 1; n.chain.AtHeight(int32(first)).Header().Time < h.Time; first++ {
	}
	if got := ask[int](c, "pruneblockchain", int64(h.Time)+7200); got != first {
		t.Errorf("pruned up to %d, not %d", got, first)
	}
	plain, ctx := start(t, nil)
	call(t, ctx, plain).saying(jsonrpc.CodeMisc, "node is not in prune mode", "pruneblockchain", 1)
	if got := ask[pruneInfo](call(t, ctx, plain), "getblockchaininfo"); got.Pruned || got.Height != nil || got.Automatic != nil {
		t.Errorf("%+v", got)
	}
}

// The filter index is a follower of the chain: one that was off while blocks were pruned cannot go on.
func TestPruneWithoutIndex(t *testing.T) {
	dir := t.TempDir()
	with := func(noIndex bool) func(*Config) {
		return func(c *Config) {
			c.DataDir, c.Prune, c.FastPrune, c.NoFilterIndex = dir, 1, true, noIndex
			p := *c.Params
			p.BlockFilterIndex = true
			c.Params = &p
		}
	}
	n, ctx := start(t, with(true))
	generate(t, ctx, n, 300)
	if got := ask[int](call(t, ctx, n), "pruneblockchain", 5); got != 5 {
		t.Fatal(got)
	}
	must(t, n.Close())
	cfg := n.cfg
	cfg.NoFilterIndex = false
	if _, err := Start(ctx, cfg); err == nil || !strings.Contains(err.Error(), "basic block filter index ends at height 0") {
		t.Fatal(err)
	}
}

func TestPruneConfig(t *testing.T) {
	for mib, want := range map[int64]string{-1: "negative", 2: "below the minimum of 550 MiB", 549: "is configured below the minimum", 1 << 50: "no disk"} {
		cfg := Config{Prune: mib}
		if err := cfg.checkPrune(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v", mib, err)
		}
	}
	for _, mib := range []int64{0, 1, 550, 1 << 20} {
		if err := (&Config{Prune: mib}).checkPrune(); err != nil {
			t.Error(err)
		}
	}
}
