package mempool

import (
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// fill makes n transactions, in chains of up to 8, that spend coins which only the returned map knows.
func fill(b *testing.B, cfg Config, n int) (*world, []*types.Tx, consensus.Coins) {
	b.Helper()
	cfg.MaxBytes = 1 << 32
	w := newWorld(b, cfg, 1)
	coins := consensus.Coins{}
	var txs []*types.Tx
	for len(txs) < n {
		op := types.OutPoint{TxID: types.Hash{1, byte(len(txs)), byte(len(txs) >> 8), byte(len(txs) >> 16)}}
		w.outs[op] = types.TxOut{Value: 10_000_000, Script: w.lock}
		coins[op] = consensus.Coin{Out: w.outs[op], Height: 1}
		for i := 0; i <= len(txs)%8 && len(txs) < n; i++ {
			tx := w.spend(int64(200+len(txs)*7919%20_000), 1, op)
			txs = append(txs, tx)
			op = out(tx, 0)
		}
	}
	return w, txs, coins
}

func benchmarkAdd(b *testing.B, cfg Config) {
	w, txs, coins := fill(b, cfg, 2000)
	tip := w.chain.Tip()
	done := 0
	b.ResetTimer()
	for done < b.N {
		pool := New(w.pool.cfg)
		for _, tx := range txs[:min(len(txs), b.N-done)] {
			if _, err := pool.Add(tx, coins, tip, w.now, AddOptions{}); err != nil {
				b.Fatal(err)
			}
			done++
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
}

// BenchmarkAdd is one transaction with one signature.
func BenchmarkAdd(b *testing.B) {
	b.Run("signatures", func(b *testing.B) {
		real := Config{}
		real.Params = testParams()
		benchmarkAdd(b, real)
	})
	b.Run("policy alone", func(b *testing.B) { benchmarkAdd(b, unsigned()) })
}

// BenchmarkSelect is a full block from 25,000 entries.
func BenchmarkSelect(b *testing.B) {
	w, txs, coins := fill(b, unsigned(), 25_000)
	tip := w.chain.Tip()
	for _, tx := range txs {
		if _, err := w.pool.Add(tx, coins, tip, w.now, AddOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if got := w.pool.Select(types.MaxBlockWeight-4000, consensus.MaxBlockSigOpCost, 0); len(got) < 5000 {
			b.Fatalf("%d picked", len(got))
		}
	}
}
