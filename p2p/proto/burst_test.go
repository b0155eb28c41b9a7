package proto

import (
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// lacks returns how many of the transactions are missing somewhere.
func (w *world) lacks(txs []*types.Tx) (n int) {
	for _, r := range w.nodes {
		for _, x := range txs {
			if !r.pool.Have(x.ID()) {
				n++
			}
		}
	}
	return n
}

// More transactions at once than a peer may have with the mempool: none may be lost on the way, since nobody announces
// one twice.
func TestBurstReachesEverybody(t *testing.T) {
	w := newWorld(t, 3)
	w.link(0, 1)
	w.link(1, 2)
	w.run(5*time.Second, func() bool { return false })
	confirmed := types.Hash{1}
	for _, r := range w.nodes {
		r.pool.outs[confirmed] = true
	}
	var txs []*types.Tx
	for i := range 5 * maxPendingTxs {
		x := tx(uint32(i), confirmed)
		txs = append(txs, x)
		w.nodes[0].pool.put(x)
		w.push(0, 0, TxVerdict{Tx: x, FeeRate: 5000})
	}
	w.run(30*time.Second, func() bool { return w.lacks(txs) == 0 })
	if n := w.lacks(txs); n > 0 {
		t.Errorf("%d transactions did not arrive within 30 s", n)
	}
}

// Transactions that were asked for and come faster than the mempool judges by their bytes are asked for again.
func TestLargeTransactionsAreAskedAgain(t *testing.T) {
	r := newRig(t, func(c *Config) { c.TrickleScale = 0.1 })
	r.chain.adopt(block(rootNode, 1))
	r.step(TipChanged{})
	r.ready(1, Outbound)
	confirmed := types.Hash{1}
	r.pool.outs[confirmed] = true
	txs := map[types.Hash]*types.Tx{}
	var inv wire.InvMsg
	for i := range 30 {
		x := tx(uint32(i), confirmed)
		x.Out[0].Script = make([]byte, 100_000)
		txs[x.WitnessID()] = x
		inv.Items = append(inv.Items, wire.Inv{Type: wire.InvWTx, Hash: x.WitnessID()})
	}
	out := r.recv(1, inv)
	for range 5 {
		var submitted []Effect
		for _, h := range asked(out, 1) {
			submitted = append(submitted, r.recv(1, wire.TxMsg{Tx: txs[h]})...)
		}
		for _, eff := range submitted {
			for _, v := range r.judge(eff) {
				r.step(v)
			}
		}
		out = r.pass(txRetry)
	}
	for h := range txs {
		if !r.pool.Have(h) {
			t.Fatalf("%v never came", h)
		}
	}
}

// One peer is never asked for more than it has slots, and what waits for it is asked as soon as it answers, or of
// somebody else.
func TestTrackerBoundsRequests(t *testing.T) {
	tr := newTxTracker(hashKey{1, 2})
	hash := func(i int) types.Hash { return types.Hash{byte(i), byte(i >> 8), 1} }
	for i := range 3 * maxInRequest {
		tr.announce(1, hash(i), true, true, testStart)
	}
	step := func(want int) (out []txAsk) {
		t.Helper()
		out = tr.advance(testStart)
		if err := tr.check(); err != nil {
			t.Fatal(err)
		}
		if len(out) != want {
			t.Fatalf("%d asked, not %d", len(out), want)
		}
		return out
	}
	first := step(maxInRequest)
	step(0)
	if next := tr.next(); !next.After(testStart) {
		t.Fatalf("waiting for an answer is due at %v", next)
	}
	for _, a := range first[:10] {
		tr.forget(a.hash)
	}
	step(10)
	// The rest is asked of a second peer, although the first is preferred.
	for i := range 3 * maxInRequest {
		tr.announce(2, hash(i), true, false, testStart)
	}
	if out := step(maxInRequest); out[0].peer != 2 {
		t.Fatalf("asked %v", out[0])
	}
	tr.gone(2)
	step(0)
	tr.gone(1)
	if len(tr.txs)+len(tr.peers)+len(tr.queue) != 0 {
		t.Error("something is left of peers that are gone")
	}
}
