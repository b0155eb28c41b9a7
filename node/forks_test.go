package node

import (
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// TestMiningBeforeSegwit: transactions with witnesses wait in the pool until blocks may hold them.
func TestMiningBeforeSegwit(t *testing.T) {
	n, ctx := start(t, func(c *Config) { must(t, c.Params.SetActivation("segwit", 105)) })
	first := generate(t, ctx, n, 102)[0]
	b, err := n.chain.Block(first)
	must(t, err)
	tx := consensustest.Signed(t, 5000, consensustest.CoinEntry(b.Txs[0], 0))
	must(t, n.SubmitTx(ctx, tx))
	must(t, n.SubmitTx(ctx, consensustest.Signed(t, 5000, consensustest.CoinEntry(tx, 0))))
	for _, want := range []int{1, 1, 3} { // blocks 103, 104, 105
		hash := generate(t, ctx, n, 1)[0]
		b, err := n.chain.Block(hash)
		must(t, err)
		if len(b.Txs) != want || b.Txs[0].HasWitness() != (want == 3) {
			t.Errorf("block %d has %d transactions, want %d", n.chain.Tip().Height(), len(b.Txs), want)
		}
	}
}

// TestMinersSignal: the node's own blocks signal for regtest's dummy.
func TestMinersSignal(t *testing.T) {
	n, ctx := start(t, nil)
	generate(t, ctx, n, 144)
	for h, want := range map[int32]int32{143: 0x20000000, 144: 0x30000000} {
		if got := n.chain.AtHeight(h).Header().Version; got != want {
			t.Errorf("block %d has version %08x, want %08x", h, got, want)
		}
	}
}

// TestNothingIsMinedForOthers: on networks of others a node runs and validates, and does not mine.
func TestNothingIsMinedForOthers(t *testing.T) {
	refused := func(err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "validation only") {
			t.Errorf("%v", err)
		}
	}
	cfg := Config{Params: consensus.Signet(), Mine: true, MineTo: []byte{0x51}}
	refused(cfg.Validate())
	n, ctx := start(t, func(c *Config) { c.Params = consensus.Testnet4() })
	refused(n.SetMining(true))
	_, err := n.Generate(ctx, 1, []byte{0x51})
	refused(err)
	_, err = n.mining.generateBlock(ctx, []byte{0x51}, nil, true)
	refused(err)
	if got := ask[map[string]any](call(t, ctx, n), "getblockchaininfo"); got["chain"] != "testnet4" || got["blocks"] != 0.0 {
		t.Errorf("%v", got)
	}
}

// TestUnknownRulesAreTold: when miners activate something unknown, the node says so and goes on.
func TestUnknownRulesAreTold(t *testing.T) {
	n, ctx := start(t, nil)
	rpc := nodeRPC{n}
	generate(t, ctx, n, 143)
	for range 2 * 144 {
		b, _, err := n.mining.template(n.cfg.MineTo)
		must(t, err)
		b = &types.Block{Header: b.Header, Txs: b.Txs}
		b.Header.Version = 0x20000000 | 1<<7
		consensustest.Solve(b)
		must(t, n.SubmitBlock(ctx, b))
		if got := rpc.Warnings(); n.chain.Tip().Height() < 431 && got != nil {
			t.Fatalf("height %d: %q", n.chain.Tip().Height(), got)
		}
	}
	if got := rpc.Warnings(); len(got) != 1 || !strings.Contains(got[0], "versionbit 7") {
		t.Errorf("%q", got)
	}
}
