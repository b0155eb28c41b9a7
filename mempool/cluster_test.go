package mempool

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/types"
)

func TestCluster(t *testing.T) {
	w := newWorld(t, Config{}, 4)
	parent := w.spend(200, 2, w.coinbase(1)) // poor, with a rich child: one chunk
	child := w.spend(20_000, 1, out(parent, 0))
	late := w.spend(300, 1, out(child, 0)) // poor: a chunk of its own
	other := w.spend(5_000, 1, w.coinbase(2))
	for _, tx := range []*types.Tx{parent, child, late, other} {
		w.add(tx)
	}
	for _, tx := range []*types.Tx{parent, child, late} {
		got, ok := w.pool.Cluster(tx.ID())
		if !ok || len(got) != 2 || !slices.Equal(got[0].Txs, []types.Hash{parent.ID(), child.ID()}) || !slices.Equal(got[1].Txs, []types.Hash{late.ID()}) {
			t.Fatalf("cluster of %s: %+v", tx.ID(), got)
		}
		if got[0].Fee != 20_200 || got[0].Weight != int64(parent.Weight()+child.Weight()) {
			t.Errorf("first chunk: %+v", got[0])
		}
	}
	all := w.pool.Chunks()
	if len(all) != 3 || all[2].Fee != 300 {
		t.Errorf("chunks: %+v", all)
	}
	if _, ok := w.pool.Cluster(types.Hash{1}); ok {
		t.Error("a cluster of nothing")
	}
}

// Whatever is in the pool, chunks hold each transaction once, parents first, and pay less and less.
func TestChunkProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, unsigned(), 6)
		var have []*types.Tx
		for i := range rapid.IntRange(1, 20).Draw(rt, "transactions") {
			var from []types.OutPoint
			if i < 5 {
				from = append(from, w.coinbase(int32(i+1)))
			}
			for _, tx := range have {
				if _, spent := w.pool.Spends(out(tx, 0)); !spent && rapid.IntRange(0, 3).Draw(rt, "spend") == 0 {
					from = append(from, out(tx, 0))
				}
			}
			if len(from) == 0 {
				continue
			}
			tx := w.spend(rapid.Int64Range(200, 50_000).Draw(rt, "fee"), 2, from...)
			if _, err := w.addOpt(tx, AddOptions{}); err == nil {
				have = append(have, tx)
			}
		}
		at := map[types.Hash]int{}
		n := 0
		chunks := w.pool.Chunks()
		for i, c := range chunks {
			if i > 0 && cmpRate(c.Fee, c.Weight, chunks[i-1].Fee, chunks[i-1].Weight) > 0 {
				rt.Fatalf("chunk %d pays better than the one before", i)
			}
			for _, id := range c.Txs {
				at[id] = n
				n++
			}
		}
		if n == 0 || n != len(have) || n != len(w.pool.IDs()) || len(at) != n {
			rt.Fatalf("%d transactions in chunks, %d in the pool", n, len(w.pool.IDs()))
		}
		for _, e := range w.pool.Entries() {
			for _, parent := range e.Parents {
				if at[parent] > at[e.Tx.ID()] {
					rt.Fatal("a child stands before its parent")
				}
			}
		}
	})
}
