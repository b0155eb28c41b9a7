package mempool

import (
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// Clusters and chunks, as Bitcoin Core 31 shows them: a cluster is all that is connected by spending, in either direction; a chunk
// is what a miner takes at once, since what follows pays no better. Here the order within a cluster is that of Select.

// Chunk is a piece of a cluster. Fee is with deltas.
type Chunk struct {
	Fee    int64
	Weight int64
	Txs    []types.Hash // parents before children
}

// Cluster returns the chunks of the cluster of a transaction, best first, and false if it is not in the pool. It
// takes O(n log n) for n entries in the whole pool.
func (p *Pool) Cluster(id types.Hash) ([]Chunk, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e, ok := p.byID[id]
	if !ok {
		return nil, false
	}
	in := map[*entry]bool{}
	for todo := []*entry{e}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !in[next] {
			in[next] = true
			todo = append(append(todo, next.parents...), next.children...)
		}
	}
	return chunks(slices.DeleteFunc(p.picked(), func(e *entry) bool { return !in[e] })), true
}

// Chunks returns the chunks of all clusters, best first. It takes O(n log n) for n entries.
func (p *Pool) Chunks() []Chunk {
	p.mu.RLock()
	defer p.mu.RUnlock()
	cluster := map[*entry]*entry{} // to its representative, by the first that was picked
	members := map[*entry][]*entry{}
	var firsts []*entry
	for _, e := range p.picked() {
		first, ok := cluster[e]
		if !ok {
			first = e
			firsts = append(firsts, e)
			mark(e, first, cluster)
		}
		members[first] = append(members[first], e)
	}
	var all []Chunk
	for _, first := range firsts {
		all = append(all, chunks(members[first])...)
	}
	slices.SortStableFunc(all, func(a, b Chunk) int { return cmpRate(b.Fee, b.Weight, a.Fee, a.Weight) })
	return all
}

// mark notes first as the representative of all that e is connected with.
func mark(e, first *entry, cluster map[*entry]*entry) {
	for todo := []*entry{e}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if cluster[next] == nil {
			cluster[next] = first
			todo = append(append(todo, next.parents...), next.children...)
		}
	}
}

// picked returns all entries in the order in which Select would take them if blocks had no bound.
func (p *Pool) picked() []*entry {
	all := make([]*entry, 0, len(p.order))
	k := newPicker(p.order)
	for len(k.heap) > 0 {
		for _, e := range k.packageOf(k.all[k.heap[0]]) {
			all = append(all, e)
			k.choose(e)
		}
	}
	return all
}

// chunks cuts an order into pieces of falling feerate: each is joined to the one before while it pays better.
func chunks(order []*entry) []Chunk {
	var list []Chunk
	for _, e := range order {
		list = append(list, Chunk{Fee: e.modified(), Weight: int64(e.weight), Txs: []types.Hash{e.id}})
		for n := len(list); n > 1 && cmpRate(list[n-1].Fee, list[n-1].Weight, list[n-2].Fee, list[n-2].Weight) > 0; n-- {
			last := list[n-1]
			list = list[:n-1]
			list[n-2].Fee += last.Fee
			list[n-2].Weight += last.Weight
			list[n-2].Txs = append(list[n-2].Txs, last.Txs...)
		}
	}
	return list
}
