package lab

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// testEnd ends a test that hangs. On a machine that does much else a test may take a minute or two.
const testEnd = 10 * time.Minute

// up starts a network on regtest, where blocks cost nothing, without miners of its own.
func up(t *testing.T, cfg Config) (*Net, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testEnd)
	t.Cleanup(cancel)
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	cfg.Network, cfg.NoServices = "regtest", true
	n, err := Up(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Down(); err != nil {
			t.Error(err)
		}
	})
	if err := n.AwaitWhole(ctx); err != nil {
		t.Fatal(err)
	}
	return n, ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (n *Net) setHash(t *testing.T, ctx context.Context, i int) types.Hash {
	t.Helper()
	info, err := n.Node(i).Chain().SetInfo(ctx)
	must(t, err)
	return info.MuHash
}

// A network is cut; both sides mine, and each confirms a payment of the same coin; the side with more work wins, and the
// loser's payment is gone while one that conflicts with nothing comes back.
//
//	110 ── A1 ── A2             nodes 0 and 1: pay, other
//	    └─ B1 ── B2 ── B3       nodes 2 and 3: rival
func TestPartitionAndHeal(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 4, Topology: Ring})
	base := n.Node(0).Chain().Tip().Height()
	if want := int32(110); base != want {
		t.Fatalf("the first blocks end at %d, not %d", base, want)
	}
	pay, other := n.payment(t, 0, 1_000_000, 1), n.payment(t, 1, 2_000_000, 1)
	rival := n.payment(t, 0, 3_000_000, 2)

	must(t, n.Partition([]int{0, 0, 1, 1}))
	must(t, n.Node(0).SubmitTx(ctx, pay))
	must(t, n.Node(0).SubmitTx(ctx, other))
	must(t, n.Node(2).SubmitTx(ctx, rival))
	_, err := n.Mine(ctx, 0, 2)
	must(t, err)
	_, err = n.Mine(ctx, 2, 3)
	must(t, err)
	if s := n.Status(); s.OneTip || s.Partition != "0,1/2,3" {
		t.Fatalf("the cut network: one tip %v, partition %q", s.OneTip, s.Partition)
	}
	n.Heal()
	must(t, n.AwaitOneTip(ctx, base+3))

	want := n.setHash(t, ctx, 0)
	for i := range 4 {
		if got := n.setHash(t, ctx, i); got != want {
			t.Errorf("node %d has another coin set: %s, not %s", i, got, want)
		}
	}
	if !n.Node(0).Pool().Have(other.ID()) {
		t.Error("the payment that conflicts with nothing did not come back")
	}
	if n.Node(0).Pool().Have(pay.ID()) {
		t.Error("a payment of a coin that is spent is in the mempool")
	}
	s := n.Status().Nodes[0]
	if s.LastReorg == nil || s.LastReorg.Off != 2 || s.LastReorg.On != 3 || s.LastReorg.Returned != 1 {
		t.Errorf("node 0 tells of the reorganization %+v", s.LastReorg)
	}
}

// payment spends the first coin of an account to another one.
func (n *Net) payment(t *testing.T, account int, amount int64, to int) *types.Tx {
	t.Helper()
	from := n.keys.accounts[account]
	var op types.OutPoint
	var coin consensus.Coin
	_, err := n.Node(0).Chain().EachCoin(context.Background(), func(e consensus.CoinEntry) error {
		if string(e.Coin.Out.Script) == string(from.script) {
			op, coin = e.OutPoint, e.Coin
		}
		return nil
	})
	must(t, err)
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: op, Sequence: 0xfffffffd}}, Out: []types.TxOut{
		{Value: amount, Script: n.keys.accounts[to].script}, {Value: coin.Out.Value - amount - 1000, Script: from.script}}}
	sums := script.NewSigSums(tx, []types.TxOut{coin.Out})
	tx.In[0].ScriptSig, tx.In[0].Witness, err = script.SignInput(sums, 0, from.secret, [32]byte{})
	must(t, err)
	return tx
}

func TestStopKillStart(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 3, Topology: Line})
	base := n.Node(0).Chain().Tip().Height()
	_, err := n.Mine(ctx, 0, 5)
	must(t, err)
	must(t, n.AwaitOneTip(ctx, base+5))
	must(t, n.Kill(1))
	if n.Node(1) != nil || n.Kill(1) == nil || n.Stop(7) == nil || n.Start(0) == nil {
		t.Error("a node that does not run, or does, is treated as if it did not")
	}
	_, err = n.Mine(ctx, 2, 3)
	must(t, err)
	must(t, n.Stop(0))
	must(t, n.Start(1))
	must(t, n.Start(0))
	must(t, n.AwaitOneTip(ctx, base+8))
	if n.setHash(t, ctx, 1) != n.setHash(t, ctx, 2) {
		t.Error("the killed node has another coin set")
	}
}

// A node may also end by itself: by RPC, or when its storage fails. The network notices, and can start it again.
func TestNodeThatStopsItself(t *testing.T) {
	stopped := make(chan Event, 10)
	n, ctx := up(t, Config{Nodes: 2, OnEvent: func(e Event) {
		if e.Kind == "stop" {
			stopped <- e
		}
	}})
	n.Node(1).Stop()
	select {
	case e := <-stopped:
		if e.Node != 1 || e.Detail != "by itself" {
			t.Errorf("%+v", e)
		}
	case <-ctx.Done():
		t.Fatal("nobody noticed")
	}
	s := n.Status().Nodes[1]
	if s.Running || s.State != "stopped itself" || n.Node(1) != nil || n.Stop(1) == nil || n.Status().Nodes[1].State != s.State {
		t.Errorf("%+v", s)
	}
	must(t, n.Start(1))
	_, err := n.Mine(ctx, 1, 1)
	must(t, err)
	must(t, n.Stop(1))
	if e := <-stopped; e.Detail != "" {
		t.Errorf("%+v", e)
	}
}

func TestFaucet(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 2})
	address := n.Accounts()[3].Address
	if _, err := n.Faucet(ctx, 0, address, 1000*consensus.CoinUnit, false); err == nil || !strings.Contains(err.Error(), "faucet has") {
		t.Errorf("too much: %v", err)
	}
	if _, err := n.Faucet(ctx, 0, "crn1nonsense", 1000, false); err == nil {
		t.Error("an address that is none")
	}
	// A faucet that is asked for more than is mature waits for blocks.
	done := make(chan error, 1)
	go func() {
		_, err := n.Faucet(ctx, 0, address, 120*consensus.CoinUnit, true)
		done <- err
	}()
	for running := true; running; {
		select {
		case err := <-done:
			must(t, err)
			running = false
		default:
			_, err := n.Mine(ctx, 0, 1)
			must(t, err)
		}
	}
	// The mempool of the last block's node knows what the faucet has spent: it never spends a coin twice.
	for range 3 {
		_, err := n.Faucet(ctx, 0, address, consensus.CoinUnit, false)
		must(t, err)
	}
	if got := n.Node(0).Pool().Info(time.Now()).Count; got != 3 {
		t.Errorf("%d payments are waiting, not 3", got)
	}
}

func TestResume(t *testing.T) {
	dir := t.TempDir()
	first, ctx := up(t, Config{Nodes: 2, DataDir: dir, Seed: 7})
	_, err := first.Mine(ctx, 0, 4)
	must(t, err)
	must(t, first.AwaitOneTip(ctx, 114))
	tip := first.Node(0).Chain().Tip().Hash()
	must(t, first.Down())

	again, _ := up(t, Config{DataDir: dir, Miners: -1})
	if got := again.Node(1).Chain().Tip().Hash(); got != tip || len(again.nodes) != 2 {
		t.Errorf("resumed %d nodes at %s, not 2 at %s", len(again.nodes), got, tip)
	}
	if again.Accounts()[0].Address != first.Accounts()[0].Address {
		t.Error("resumed with other accounts")
	}
	must(t, again.Down())
	if _, err := Up(ctx, Config{DataDir: dir, Seed: 8, NoServices: true}); err == nil || !strings.Contains(err.Error(), "seed 7") {
		t.Errorf("resuming with another seed: %v", err)
	}
}

// The sheet holds the token of the control address: only the user may read it, and it is gone when the network is down.
// Orders without the token are refused.
func TestSheet(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), testEnd)
	defer cancel()
	n, err := Up(ctx, Config{Nodes: 1, Network: "regtest", DataDir: dir})
	must(t, err)
	path := filepath.Join(dir, SheetFile)
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the sheet has mode %v", info.Mode())
	}
	client, err := Find(dir, "")
	must(t, err)
	if s, err := client.Status(ctx); err != nil || len(s.Nodes) != 1 || !s.OneTip {
		t.Errorf("status: %+v, %v", s, err)
	}
	if a, err := client.Do(ctx, Order{What: "mine", Node: -1, Count: 2}); err != nil || len(a.Hashes) != 2 {
		t.Errorf("mine: %+v, %v", a, err)
	}
	for _, o := range []Order{{What: "dance"}, {What: "mine", Count: 0}, {What: "stop", Node: 7}, {What: "partition", Groups: "0"}, {What: "faucet", Address: "nobody"}} {
		if _, err := client.Do(ctx, o); err == nil {
			t.Errorf("the order %+v was carried out", o)
		}
	}
	stranger := &Client{url: n.ctl.URL(), token: "guess"}
	if _, err := stranger.Do(ctx, Order{What: "down"}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("an order without the token: %v", err)
	}
	if _, err := Up(ctx, Config{DataDir: dir, Miners: -1}); err == nil || !strings.Contains(err.Error(), "runs already") {
		t.Errorf("a second start: %v", err)
	}
	must(t, n.Down())
	if _, err := os.Stat(path); err == nil {
		t.Error("the sheet outlives the network")
	}
}
