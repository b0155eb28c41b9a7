package node

import (
	"context"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// caller calls a node's RPC as a program would.
type caller struct {
	t      *testing.T
	ctx    context.Context
	client *client.Client
}

func call(t *testing.T, ctx context.Context, n *Node) *caller {
	t.Helper()
	client, err := client.Dial("http://"+n.RPCAddr(), n.CookiePath())
	must(t, err)
	t.Cleanup(client.Close)
	return &caller{t, ctx, client}
}

func (c *caller) do(method string, params ...any) {
	c.t.Helper()
	ask[any](c, method, params...)
}

func ask[T any](c *caller, method string, params ...any) (result T) {
	c.t.Helper()
	if err := c.client.Call(c.ctx, method, &result, params...); err != nil {
		c.t.Fatalf("%s: %v", method, err)
	}
	return result
}

// refused wants an error of a code.
func (c *caller) refused(code int, method string, params ...any) {
	c.t.Helper()
	var e *jsonrpc.Error
	if err := c.client.Call(c.ctx, method, nil, params...); !errors.As(err, &e) || e.Code != code {
		c.t.Errorf("%s: %v, not code %d", method, err, code)
	}
}

func testAddress(t *testing.T) string {
	t.Helper()
	a, ok := script.EncodeAddress(consensus.Regtest().Addresses(), consensustest.KeyLock())
	if !ok {
		t.Fatal("no address")
	}
	return a
}

func TestRPCMining(t *testing.T) {
	n, ctx := start(t, nil)
	c, to := call(t, ctx, n), testAddress(t)
	hashes := ask[[]string](c, "generatetoaddress", 101, to)
	if len(hashes) != 101 || n.chain.Tip().Height() != 101 {
		t.Fatalf("%d hashes, height %d", len(hashes), n.chain.Tip().Height())
	}
	tx := coinbaseSpend(t, n, 1, 2000)
	made := ask[struct {
		Hash string `json:"hash"`
	}](c, "generateblock", to, []string{hex.EncodeToString(tx.Bytes())})
	b, err := n.chain.Block(n.chain.Tip().Hash())
	must(t, err)
	if made.Hash != b.Hash().String() || len(b.Txs) != 2 || b.Txs[0].Out[0].Value != n.cfg.Params.SubsidyAt(102)+2000 {
		t.Errorf("the block that was made pays %d, %d transactions", b.Txs[0].Out[0].Value, len(b.Txs))
	}
	// The same transaction again spends what is spent.
	c.refused(jsonrpc.CodeVerify, "generateblock", to, []string{hex.EncodeToString(tx.Bytes())})

	// What getblocktemplate describes can be built by somebody else and handed in.
	tpl := ask[struct {
		Height   int32  `json:"height"`
		Previous string `json:"previousblockhash"`
		Value    int64  `json:"coinbasevalue"`
	}](c, "getblocktemplate", map[string]any{"rules": []string{"segwit"}})
	if tpl.Height != 103 || tpl.Previous != made.Hash {
		t.Errorf("the template is for %d on %s", tpl.Height, tpl.Previous)
	}
	own, err := miningRPC{n}.Template(ctx, n.cfg.MineTo)
	must(t, err)
	solved := &types.Block{Header: own.Block.Header, Txs: own.Block.Txs}
	consensustest.Solve(solved)
	raw := hex.EncodeToString(solved.Bytes())
	if v := ask[*string](c, "submitblock", raw); v != nil {
		t.Errorf("submitblock: %s", *v)
	}
	if v := ask[*string](c, "submitblock", raw); v == nil || *v != "duplicate" {
		t.Errorf("submitblock again: %v", v)
	}
	c.refused(jsonrpc.CodeVerify, "submitheader", hex.EncodeToString(func() []byte {
		h := types.Header{Version: 4, PrevHash: types.Hash{9}, Bits: 0x207fffff}
		return h.Append(nil)
	}()))
}

func TestRPCMempool(t *testing.T) {
	n, ctx := start(t, nil)
	c := call(t, ctx, n)
	generate(t, ctx, n, 103)
	first, second := coinbaseSpend(t, n, 1, 3000), coinbaseSpend(t, n, 2, 4000)
	raw := hex.EncodeToString(first.Bytes())
	verdicts := ask[[]struct {
		Allowed bool `json:"allowed"`
	}](c, "testmempoolaccept", []string{raw})
	if len(verdicts) != 1 || !verdicts[0].Allowed || n.pool.Have(first.ID()) {
		t.Errorf("testing: %+v", verdicts)
	}
	if id := ask[string](c, "sendrawtransaction", raw); id != first.ID().String() {
		t.Errorf("sent %s", id)
	}
	// A child, so that there are relatives.
	child := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: first.ID()}, Sequence: 0xffffffff}},
		Out: []types.TxOut{{Value: first.Out[0].Value - 5000, Script: first.Out[0].Script}}}
	child = consensustest.Sign(t, child, consensustest.CoinEntry(first, 0))
	must(t, n.SubmitTx(ctx, child))
	must(t, n.SubmitTx(ctx, second))
	entry := ask[struct {
		Descendants int      `json:"descendantcount"`
		SpentBy     []string `json:"spentby"`
		Replaceable bool     `json:"bip125-replaceable"`
	}](c, "getmempoolentry", first.ID().String())
	if entry.Descendants != 2 || len(entry.SpentBy) != 1 || !entry.Replaceable {
		t.Errorf("the parent's entry: %+v", entry)
	}
	if got := ask[[]string](c, "getmempoolancestors", child.ID().String()); len(got) != 1 || got[0] != first.ID().String() {
		t.Errorf("ancestors %v", got)
	}
	if got := ask[[]string](c, "getmempooldescendants", first.ID().String()); len(got) != 1 || got[0] != child.ID().String() {
		t.Errorf("descendants %v", got)
	}
	c.do("prioritisetransaction", second.ID().String(), 0, 100_000)
	if e, ok := n.pool.Entry(second.ID()); !ok || e.Delta != 100_000 {
		t.Errorf("prioritised by %d", e.Delta)
	}
	if got := ask[[]string](c, "getrawmempool"); len(got) != 3 {
		t.Errorf("%d transactions", len(got))
	}
	c.do("savemempool")
	c.refused(jsonrpc.CodeVerifyRejected, "sendrawtransaction", hex.EncodeToString(coinbaseSpend(t, n, 1, 3001).Bytes()))
	c.refused(jsonrpc.CodeVerify, "sendrawtransaction", hex.EncodeToString((&types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}}},
		Out: first.Out}).Bytes()))
	c.refused(jsonrpc.CodeDeserialization, "sendrawtransaction", "00")
}

func TestRPCSteering(t *testing.T) {
	n, ctx := start(t, nil)
	c := call(t, ctx, n)
	hashes := generate(t, ctx, n, 105)
	tx := coinbaseSpend(t, n, 1, 3000)
	must(t, n.SubmitTx(ctx, tx))
	tip := generate(t, ctx, n, 1)[0]
	if n.pool.Have(tx.ID()) {
		t.Fatal("the transaction is not in the block")
	}
	c.do("invalidateblock", tip.String())
	if n.chain.Tip().Hash() != hashes[104] || !n.pool.Have(tx.ID()) {
		t.Errorf("after invalidateblock: tip %s, transaction back %v", n.chain.Tip().Hash(), n.pool.Have(tx.ID()))
	}
	c.do("reconsiderblock", tip.String())
	if n.chain.Tip().Hash() != tip || n.pool.Have(tx.ID()) {
		t.Errorf("after reconsiderblock: tip %s", n.chain.Tip().Hash())
	}
	c.refused(jsonrpc.CodeNotFound, "invalidateblock", types.Hash{1}.String())
	tips := ask[[]struct {
		Status string `json:"status"`
	}](c, "getchaintips")
	if len(tips) != 1 || tips[0].Status != "active" {
		t.Errorf("tips %+v", tips)
	}
	if !ask[bool](c, "verifychain", 4, 0) {
		t.Error("verifychain finds a fault")
	}
	if s := n.Status(); s.Reorgs != 1 || s.Off != 1 || s.Returned != 1 {
		t.Errorf("status tells of %d reorganizations, %d off, %d returned", s.Reorgs, s.Off, s.Returned)
	}
}

func TestRPCPeers(t *testing.T) {
	a, ctx := start(t, nil)
	b, _ := start(t, nil)
	c := call(t, ctx, b)
	addr := a.P2PAddr().String()
	c.do("addnode", addr, "add")
	c.refused(jsonrpc.CodeNodeAlreadyAdded, "addnode", addr, "add")
	type peer struct {
		ID   int    `json:"id"`
		Type string `json:"connection_type"`
		Ver  int    `json:"version"`
	}
	var peers []peer
	until(t, ctx, "a peer that has said its version", func() bool {
		peers = ask[[]peer](c, "getpeerinfo")
		return len(peers) == 1 && peers[0].Ver > 0
	})
	if peers[0].Type != "manual" || ask[int](c, "getconnectioncount") != 1 {
		t.Errorf("peers %+v", peers)
	}
	c.do("ping")
	totals := ask[struct {
		Sent uint64 `json:"totalbytessent"`
		Recv uint64 `json:"totalbytesrecv"`
	}](c, "getnettotals")
	if totals.Sent == 0 || totals.Recv == 0 {
		t.Errorf("totals %+v", totals)
	}
	c.do("setnetworkactive", false)
	until(t, ctx, "no peers", func() bool { return ask[int](c, "getconnectioncount") == 0 })
	c.do("setnetworkactive", true)
	b.Redial()
	until(t, ctx, "the peer again", func() bool { return ask[int](c, "getconnectioncount") == 1 })
	c.do("addnode", addr, "remove")
	c.refused(jsonrpc.CodeNodeNotAdded, "addnode", addr, "remove")
	c.do("disconnectnode", addr)
	until(t, ctx, "no peers", func() bool { return ask[int](c, "getconnectioncount") == 0 })
	c.refused(jsonrpc.CodeNotConnectedNode, "disconnectnode", addr)
}

// until looks at a condition until it holds.
func until(t *testing.T, ctx context.Context, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v", what, ctx.Err())
		}
	}
}

func TestRPCFiltersAndCoins(t *testing.T) {
	n, ctx := start(t, func(c *Config) {
		p := *consensus.Regtest()
		p.BlockFilterIndex = true
		c.Params = &p
	})
	c := call(t, ctx, n)
	hashes := generate(t, ctx, n, 10)
	c.do("syncwithvalidationinterfacequeue")
	f := ask[struct {
		Filter string `json:"filter"`
		Header string `json:"header"`
	}](c, "getblockfilter", hashes[9].String())
	if len(f.Filter) == 0 || len(f.Header) != 64 {
		t.Errorf("filter %+v", f)
	}
	c.refused(jsonrpc.CodeNotFound, "getblockfilter", types.Hash{1}.String())
	found := ask[struct {
		Total   float64 `json:"total_amount"`
		Unspent []any   `json:"unspents"`
	}](c, "scantxoutset", "start", []string{"addr(" + testAddress(t) + ")"})
	if found.Total != 500 || len(found.Unspent) != 10 {
		t.Errorf("found %d coins of %v", len(found.Unspent), found.Total)
	}
	b, err := n.chain.Block(hashes[0])
	must(t, err)
	out := ask[struct {
		Value         float64 `json:"value"`
		Confirmations int     `json:"confirmations"`
	}](c, "gettxout", b.Txs[0].ID().String(), 0)
	if out.Value != 50 || out.Confirmations != 10 {
		t.Errorf("gettxout %+v", out)
	}
}

func TestRPCClock(t *testing.T) {
	n, ctx := start(t, nil)
	c := call(t, ctx, n)
	then := time.Now().Add(time.Hour)
	c.do("setmocktime", then.Unix())
	tip := generate(t, ctx, n, 1)[0]
	if h := n.chain.Lookup(tip).Header(); int64(h.Time) != then.Unix() {
		t.Errorf("a block of %d, not %d", h.Time, then.Unix())
	}
	c.do("setmocktime", 0)
	if d := time.Since(n.clock.now()).Abs(); d > time.Minute {
		t.Errorf("the clock is %v off after the mock time ended", d)
	}
	waited := make(chan error, 1)
	go func() { waited <- c.client.Call(ctx, "waitfornewblock", nil, 60_000) }()
	until(t, ctx, "a new block that the waiting call sees", func() bool {
		select {
		case err := <-waited:
			must(t, err)
			return true
		default:
			generate(t, ctx, n, 1)
			return false
		}
	})
}
