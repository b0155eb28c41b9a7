package node

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// start runs a node on loopback with ports from the system.
func start(t testing.TB, change func(*Config)) (*Node, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	cfg := Config{
		Params: consensus.Regtest(), DataDir: t.TempDir(), Listen: "127.0.0.1:0", RPCListen: "127.0.0.1:0", HTTPListen: "127.0.0.1:0",
		ConnectOnly: true, Snappy: true, MineTo: consensustest.KeyLock(),
	}
	if change != nil {
		change(&cfg)
	}
	n, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return n, ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// generate mines blocks that pay the test's key.
func generate(t testing.TB, ctx context.Context, n *Node, count int) []types.Hash {
	t.Helper()
	hashes, err := n.Generate(ctx, count, n.cfg.MineTo)
	must(t, err)
	if len(hashes) != count {
		t.Fatalf("%d blocks mined, not %d", len(hashes), count)
	}
	return hashes
}

// awaitTip waits until a node's tip is a block.
func awaitTip(t *testing.T, ctx context.Context, n *Node, tip types.Hash) {
	t.Helper()
	bell, cancel := n.chain.Subscribe()
	defer cancel()
	for n.chain.Tip().Hash() != tip {
		select {
		case <-bell:
		case <-ctx.Done():
			t.Fatalf("waiting for tip %s: the node is at %d %s, headers %d", tip, n.chain.Tip().Height(), n.chain.Tip().Hash(), n.chain.BestHeader().Height())
		}
	}
}

// coinbaseSpend spends the coinbase of the block at a height back to the test's key, less a fee.
func coinbaseSpend(t testing.TB, n *Node, height int32, fee int64) *types.Tx {
	t.Helper()
	b, err := n.chain.Block(n.chain.AtHeight(height).Hash())
	must(t, err)
	out := b.Txs[0].Out[0]
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: b.Txs[0].ID()}, Sequence: 0xfffffffd}},
		Out: []types.TxOut{{Value: out.Value - fee, Script: out.Script}}}
	sums := script.NewSigSums(tx, []types.TxOut{out})
	tx.In[0].ScriptSig, tx.In[0].Witness, err = script.SignInput(sums, 0, consensustest.Key, [32]byte{})
	must(t, err)
	return tx
}

func TestTwoNodesAgree(t *testing.T) {
	a, ctx := start(t, nil)
	b, _ := start(t, nil)
	hashes := generate(t, ctx, a, 120)
	b.AddPeer(a.P2PAddr())
	awaitTip(t, ctx, b, hashes[119])

	tx := coinbaseSpend(t, a, 1, 1000)
	pool, cancel := a.pool.Subscribe()
	defer cancel()
	must(t, b.SubmitTx(ctx, tx))
	for !a.pool.Have(tx.ID()) {
		select {
		case <-pool:
		case <-ctx.Done():
			t.Fatal("the transaction did not reach the other node")
		}
	}
	tip := generate(t, ctx, a, 1)[0]
	awaitTip(t, ctx, b, tip)
	must(t, nodeRPC{b}.Settle(ctx))
	if b.pool.Have(tx.ID()) {
		t.Error("a confirmed transaction is still in the mempool")
	}
	ia, err := a.chain.SetInfo(ctx)
	must(t, err)
	ib, err := b.chain.SetInfo(ctx)
	must(t, err)
	if ia.MuHash != ib.MuHash || ia.Coins != 121 {
		t.Errorf("coin sets: %d coins %s and %d coins %s", ia.Coins, ia.MuHash, ib.Coins, ib.MuHash)
	}
}

// awaitPool waits until a node's mempool has a transaction.
func awaitPool(t *testing.T, ctx context.Context, n *Node, tx *types.Tx) {
	t.Helper()
	bell, cancel := n.pool.Subscribe()
	defer cancel()
	for !n.pool.Have(tx.ID()) {
		select {
		case <-bell:
		case <-ctx.Done():
			t.Fatalf("transaction %s did not reach the node", tx.ID())
		}
	}
}

// What a node took while it was alone reaches the others later: a submitted transaction with the next block, one that
// a reorganization gave back at once.
func TestTransactionsOfALonelyNode(t *testing.T) {
	a, ctx := start(t, nil)
	b, _ := start(t, nil)
	common := generate(t, ctx, a, 103)
	b.AddPeer(a.P2PAddr())
	awaitTip(t, ctx, b, common[102])
	must(t, a.Kill())

	back, waiting := coinbaseSpend(t, b, 1, 5000), coinbaseSpend(t, b, 2, 5000)
	must(t, b.SubmitTx(ctx, back))
	own := generate(t, ctx, b, 1)[0]
	must(t, b.SubmitTx(ctx, waiting))

	// A third node knows a longer branch.
	c, _ := start(t, nil)
	for _, h := range common {
		block, err := b.chain.Block(h)
		must(t, err)
		must(t, c.SubmitBlock(ctx, block))
	}
	tip := generate(t, ctx, c, 2)[1]
	b.AddPeer(c.P2PAddr())
	awaitTip(t, ctx, b, tip)
	awaitPool(t, ctx, c, back)
	awaitPool(t, ctx, c, waiting)
	if b.chain.Lookup(own).Active() || b.Status().Returned != 1 {
		t.Errorf("%+v", b.Status())
	}
}

func TestRestartKeepsChainAndMempool(t *testing.T) {
	dir := t.TempDir()
	n, ctx := start(t, func(c *Config) { c.DataDir = dir })
	generate(t, ctx, n, 101)
	tx := coinbaseSpend(t, n, 1, 5000)
	must(t, n.SubmitTx(ctx, tx))
	tip := n.chain.Tip().Hash()
	cookie := n.CookiePath()
	must(t, n.Close())
	if _, err := os.Stat(cookie); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cookie outlives the node: %v", err)
	}
	again, _ := start(t, func(c *Config) { c.DataDir = dir })
	if again.chain.Tip().Hash() != tip || !again.pool.Have(tx.ID()) {
		t.Errorf("after a restart: tip %s, mempool %d", again.chain.Tip().Hash(), again.pool.Info(time.Now()).Count)
	}
	must(t, again.Kill())
	third, _ := start(t, func(c *Config) { c.DataDir = dir })
	if third.chain.Tip().Hash() != tip {
		t.Errorf("after a kill: tip %s", third.chain.Tip().Hash())
	}
}

func TestDamagedSideFilesCostOnlyThemselves(t *testing.T) {
	dir := t.TempDir()
	n, ctx := start(t, func(c *Config) { c.DataDir = dir })
	tip := generate(t, ctx, n, 3)[2]
	must(t, n.Close())
	must(t, os.WriteFile(filepath.Join(dir, mempoolFile), []byte("nonsense"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, peersFile), []byte("nonsense"), 0o600))
	again, _ := start(t, func(c *Config) { c.DataDir = dir })
	if again.chain.Tip().Hash() != tip {
		t.Error("the chain is lost")
	}
}

func TestOneDirectoryOneNode(t *testing.T) {
	n, ctx := start(t, nil)
	tip := generate(t, ctx, n, 2)[1]
	cfg := n.cfg
	cfg.Listen, cfg.RPCListen, cfg.HTTPListen = "", "", ""
	if second, err := Start(ctx, cfg); err == nil {
		must(t, second.Close())
		t.Fatal("two nodes share a directory")
	}
	if n.chain.Tip().Hash() != tip {
		t.Error("the first node was harmed")
	}
	generate(t, ctx, n, 1)
}

func TestPortTaken(t *testing.T) {
	n, ctx := start(t, nil)
	for _, set := range []func(*Config){
		func(c *Config) { c.Listen = n.P2PAddr().String() },
		func(c *Config) { c.RPCListen = n.RPCAddr() },
		func(c *Config) { c.HTTPListen = n.HTTPAddr() },
	} {
		cfg := Config{Params: consensus.Regtest(), DataDir: t.TempDir()}
		set(&cfg)
		second, err := Start(ctx, cfg)
		if err == nil {
			must(t, second.Close())
			t.Fatal("two nodes share a port")
		}
		if !strings.Contains(err.Error(), "is taken") {
			t.Errorf("%v", err)
		}
		// Nothing of it is left: the directory can be used.
		cfg.Listen, cfg.RPCListen, cfg.HTTPListen = "", "", ""
		third, err := Start(ctx, cfg)
		must(t, err)
		must(t, third.Close())
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(body)
}

func TestPages(t *testing.T) {
	n, ctx := start(t, nil)
	generate(t, ctx, n, 7)
	base := "http://" + n.HTTPAddr()
	for path, want := range map[string]string{
		"/healthz": "ok", "/readyz": "ready", "/metrics": "cairn_height 7\n",
	} {
		if status, body := get(t, base+path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q", path, status, want)
		}
	}
	_, body := get(t, base+"/metrics")
	for _, name := range []string{"cairn_headers 7", "cairn_tip_age_seconds", "cairn_difficulty", "cairn_block_phase_seconds_bucket", "cairn_mempool_transactions 0",
		`cairn_peers{direction="inbound"} 0`, "cairn_block_propagation_seconds_count", "cairn_store_bytes", "go_goroutines", "cairn_blocks_found_total 7"} {
		if !strings.Contains(body, name) {
			t.Errorf("/metrics has no %s", name)
		}
	}
}

// After hours of standing still the next block's time follows the tip's, not the wall, so that the schedule does not call
// for easy blocks; see mining.
func TestBlockClockAfterPause(t *testing.T) {
	p, err := consensus.ParseParams([]byte("base = \"cairn\"\nname = \"pause\"\nasert_anchor_height = 2\nasert_anchor_bits = \"1f00ffff\"\n"))
	must(t, err)
	var ahead atomic.Int64
	dir := t.TempDir()
	run := func() (*Node, context.Context) {
		return start(t, func(c *Config) {
			c.Params, c.DataDir = p, dir
			c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
	}
	n, ctx := run()
	generate(t, ctx, n, 12)
	before := n.chain.Tip().Header()
	must(t, n.Close())

	ahead.Store(int64(5 * time.Hour))
	n, ctx = run()
	n.mining.settleClock()
	generate(t, ctx, n, 3)
	tip := n.chain.Tip()
	if gap := tip.Header().Time - before.Time; gap > 120 {
		t.Errorf("three blocks after the pause claim %d seconds", gap)
	}
	// A block from a peer whose clock did not stand still brings the block clock back to the wall.
	b, _, err := n.mining.template(n.cfg.MineTo)
	must(t, err)
	b = &types.Block{Header: b.Header, Txs: b.Txs}
	b.Header.Time = uint32(n.clock.now().Unix())
	consensustest.Solve(b)
	must(t, n.SubmitBlock(ctx, b))
	if now := n.mining.blockTime(n.chain.Tip()); now.Unix() < int64(b.Header.Time) {
		t.Errorf("the block clock is %d seconds behind the tip", int64(b.Header.Time)-now.Unix())
	}
}

func TestMiningSwitch(t *testing.T) {
	n, _ := start(t, func(c *Config) { c.Mine, c.MineInterval = true, time.Millisecond })
	bell, cancel := n.chain.Subscribe()
	defer cancel()
	for n.chain.Tip().Height() < 5 {
		<-bell
	}
	must(t, n.SetMining(false))
	if on, rate := n.mining.state(); on || rate != 0 {
		t.Errorf("the miner is off, but %v, %v", on, rate)
	}
	must(t, n.SetMining(true))
	for h := n.chain.Tip().Height(); n.chain.Tip().Height() < h+3; {
		<-bell
	}
}

// What a peer, a program and a person can ask of a node that is going down gets an answer.
func TestAfterTheEnd(t *testing.T) {
	n, ctx := start(t, nil)
	must(t, n.Close())
	if err := n.SubmitBlock(ctx, n.cfg.Params.Genesis); !errors.Is(err, errStopped) {
		t.Errorf("a block for a stopped node: %v", err)
	}
	n.Redial()
	n.AddPeer(netip.MustParseAddrPort("127.0.0.1:1"))
	if infos := n.machinePeers(); len(infos) != 0 {
		t.Errorf("a stopped node has peers: %v", infos)
	}
}

func TestConfigRefuses(t *testing.T) {
	p := consensus.Regtest()
	for want, cfg := range map[string]Config{
		"no network":       {},
		"address to pay":   {Params: p, Mine: true},
		"share of a core":  {Params: p, Share: 1.5},
		"threads are":      {Params: p, Threads: -1},
		"connections are":  {Params: p, MaxConnections: -3},
		"are not negative": {Params: p, CacheBytes: -1},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestRPCAnswers(t *testing.T) {
	n, ctx := start(t, nil)
	generate(t, ctx, n, 3)
	client, err := client.Dial("http://"+n.RPCAddr(), n.CookiePath())
	must(t, err)
	var height int
	must(t, client.Call(ctx, "getblockcount", &height))
	var info struct {
		Coins int    `json:"txouts"`
		Hash  string `json:"muhash"`
	}
	must(t, client.Call(ctx, "gettxoutsetinfo", &info, "muhash"))
	if height != 3 || info.Coins != 3 || len(info.Hash) != 64 {
		t.Errorf("height %d, coins %+v", height, info)
	}
	var rpcErr *jsonrpc.Error
	if err := client.Call(ctx, "getblockhash", nil, 99); !errors.As(err, &rpcErr) || rpcErr.Code != -8 {
		t.Errorf("a height that is not there: %v", err)
	}
	var stopping string
	must(t, client.Call(ctx, "stop", &stopping))
	<-n.Done()
}
