package node

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

func bareLedger(helpers int) *ledger {
	l := &ledger{bell: make(chan struct{}, 1), helpers: newHelpers()}
	l.most = helpers
	return l
}

// stopped is a job that is ahead only when it is let go.
func stopped(name string, did *[]string) (j *job, begun, let chan struct{}) {
	begun, let = make(chan struct{}), make(chan struct{})
	return &job{run: func() { *did = append(*did, name) }, ahead: func() { close(begun); <-let }}, begun, let
}

// A helper works in front of the ledger. While it has the ledger's next transaction in hand, the ledger does blocks and nothing else;
// while a block is being judged no helper begins.
func TestHelpersKeepTheOrder(t *testing.T) {
	l := bareLedger(1)
	var did []string
	take := func() bool {
		j, ok := l.next()
		if ok {
			j.run()
		}
		return ok
	}
	a, _, _ := stopped("a", &did)
	b, bBegun, bLet := stopped("b", &did)
	c, _, _ := stopped("c", &did)
	d, dBegun, dLet := stopped("d", &did)
	l.push(&l.queue, a)
	if l.now != 0 {
		t.Error("a helper begins for a single job")
	}
	l.push(&l.queue, b)
	<-bBegun
	if !take() || take() {
		t.Errorf("did %v: a job was taken out of a helper's hand", did)
	}
	l.push(&l.queue, c)
	l.push(&l.queue, d)
	l.submitFirst(0, func() { did = append(did, "block") })
	for len(l.bell) > 0 {
		<-l.bell
	}
	take()
	close(bLet)
	<-l.bell
	l.mu.Lock()
	if l.now != 0 || c.state != notAhead || d.state != notAhead {
		t.Error("a helper begins while a block is being judged")
	}
	l.mu.Unlock()
	take()
	<-dBegun
	if !take() || take() {
		t.Errorf("did %v", did)
	}
	close(dLet)
	<-l.bell
	take()
	if want := []string{"a", "block", "b", "c", "d"}; !slices.Equal(did, want) || l.seen != 0 || c.state != notAhead {
		t.Errorf("did %v, not %v; %d seen", did, want, l.seen)
	}
	l.dismiss()
}

// The ledger waits for its helpers when it ends, and none begins after that.
func TestHelpersEndWithTheLedger(t *testing.T) {
	l := bareLedger(1)
	var did []string
	a, _, _ := stopped("a", &did)
	b, begun, let := stopped("b", &did)
	l.push(&l.queue, a)
	l.push(&l.queue, b)
	<-begun
	ended := make(chan struct{})
	go func() { l.dismiss(); close(ended) }()
	select {
	case <-ended:
		t.Error("the ledger ends before its helper")
	default:
	}
	close(let)
	<-ended
	c, _, _ := stopped("c", &did)
	l.push(&l.queue, c)
	if l.now != 0 || len(did) != 0 || c.state != notAhead {
		t.Errorf("%d helpers, did %v", l.now, did)
	}
}

// Many jobs with any number of helpers are done once each, in order, each after its part ahead if that was begun.
func TestHelpersDoEachOnce(t *testing.T) {
	for _, helpers := range []int{0, 1, 3, maxHelpers} {
		l := bareLedger(helpers)
		const n = 500
		var mu sync.Mutex
		ahead := make([]int, n)
		var did []int
		for i := range n {
			l.push(&l.queue, &job{
				ahead: func() { mu.Lock(); ahead[i]++; mu.Unlock() },
				run:   func() { did = append(did, i) },
			})
			if i%7 == 0 {
				l.submitFirst(0, func() {})
			}
		}
		for len(did) < n {
			if j, ok := l.next(); ok {
				j.run()
			} else {
				<-l.bell
			}
		}
		l.dismiss()
		for i := range n {
			if did[i] != i || ahead[i] > 1 {
				t.Fatalf("%d helpers: job %d was done at %d, its part ahead %d times", helpers, did[i], i, ahead[i])
			}
		}
	}
}

// flood is a node with a coin for each of n transactions, which are not submitted.
func flood(t testing.TB, n int) (*Node, []*types.Tx) {
	nd, ctx := start(t, func(c *Config) { c.DataDir = "" })
	generate(t, ctx, nd, 101)
	coin := coinbaseOut(t, nd, 1)
	fan := &types.Tx{Version: 2, In: coinbaseSpend(t, nd, 1, 0).In, Out: slices.Repeat([]types.TxOut{{Value: coin.Value/int64(n) - 100, Script: coin.Script}}, n)}
	fan = consensustest.Sign(t, fan, consensus.CoinEntry{Coin: consensus.Coin{Out: coin}})
	must(t, nd.SubmitTx(ctx, fan))
	generate(t, ctx, nd, 1)
	txs := make([]*types.Tx, n)
	for i := range txs {
		txs[i] = consensustest.Signed(t, 1000, consensustest.CoinEntry(fan, i))
	}
	return nd, txs
}

// intake lets a fresh ledger with that many helpers judge transactions as if peers had sent them, and returns what it took.
func intake(nd *Node, txs []*types.Tx, helpers int) (taken int) {
	runner := &script.Runner{Verifier: script.NewVerifier(), Cache: script.NewCache(4<<20, [32]byte{1})}
	pool := mempool.New(mempool.Config{Params: nd.cfg.Params, Verify: runner})
	l := newLedger(nd.chain, pool, nd.clock, nd.cfg.Log)
	l.most = helpers
	ctx, stop := context.WithCancel(context.Background())
	judged := 0
	l.out = func(ev proto.Event) {
		if v, ok := ev.(proto.TxVerdict); ok {
			if judged++; v.Err == nil {
				taken++
			}
			if judged == len(txs) {
				stop()
			}
		}
	}
	for _, tx := range txs {
		l.submitTx(1, tx)
	}
	l.run(ctx)
	return taken
}

func TestHelpersChangeNothing(t *testing.T) {
	nd, txs := flood(t, 200)
	for i := range 20 {
		bad := txs[10*i].Clone()
		bad.In[0].Witness[0][9] ^= 1
		txs = append(txs, bad.Clone(), txs[10*i+1])
	}
	for _, helpers := range []int{0, 1, 4} {
		if taken := intake(nd, txs, helpers); taken != 200 {
			t.Errorf("%d helpers: %d of 200 were taken", helpers, taken)
		}
	}
}

func BenchmarkIntake(b *testing.B) {
	nd, txs := flood(b, 2000)
	for _, c := range []struct {
		name    string
		helpers int
	}{{"alone", 0}, {"one helper", 1}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				intake(nd, txs, c.helpers)
			}
			b.ReportMetric(float64(len(txs))*float64(b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}

// BenchmarkBlockInFlood is how long a block of 1,000 transactions, whose scripts are known, takes while dear transactions that turn
// out to be wrong fill the queue.
func BenchmarkBlockInFlood(b *testing.B) {
	nd, txs := flood(b, 1000)
	lock := payToKey(b)
	coin := coinbaseOut(b, nd, 2)
	const inputs = 850
	fan := &types.Tx{Version: 2, In: coinbaseSpend(b, nd, 2, 0).In, Out: slices.Repeat([]types.TxOut{{Value: coin.Value/inputs - 100, Script: lock}}, inputs)}
	fan = consensustest.Sign(b, fan, consensus.CoinEntry{Coin: consensus.Coin{Out: coin}})
	ctx := context.Background()
	must(b, nd.SubmitTx(ctx, fan))
	generate(b, ctx, nd, 1)
	dear := make([]*types.Tx, 40)
	for i := range dear {
		if i == 0 {
			dear[0] = dearTx(b, fan, lock)
		}
		dear[i] = dear[0].Clone()
		sig := dear[i].In[inputs-1].ScriptSig
		sig[len(sig)-5] ^= byte(i + 1)
	}
	block, err := nd.mining.generateBlock(ctx, lock, txs, false)
	must(b, err)
	for _, c := range []struct {
		name    string
		helpers int
	}{{"alone", 0}, {"one helper", 1}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				pool := mempool.New(mempool.Config{Params: nd.cfg.Params, Verify: &script.Runner{Verifier: script.NewVerifier()}})
				l := newLedger(nd.chain, pool, nd.clock, nd.cfg.Log)
				l.most = c.helpers
				refused := make(chan struct{}, len(dear))
				l.out = func(proto.Event) { refused <- struct{}{} }
				ctx, stop := context.WithCancel(context.Background())
				for _, tx := range dear {
					l.submitTx(1, tx)
				}
				ended := make(chan struct{})
				go func() { l.run(ctx); close(ended) }()
				<-refused // the flood is being judged
				b.StartTimer()
				done := make(chan error)
				l.submitFirst(0, func() { done <- nd.chain.TestBlock(block) })
				if err := <-done; err != nil {
					b.Error(err)
				}
				b.StopTimer()
				stop()
				<-ended
				b.StartTimer()
			}
		})
	}
}
