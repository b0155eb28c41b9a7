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
