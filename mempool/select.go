package mempool

import "github.com/cairn-chain/cairn/types"

// Selected is a transaction for a block.
type Selected struct {
	Tx     *types.Tx
	Fee    int64 // what it really pays, without deltas
	SigOps int   // cost, in the units of BIP141
}

// Select picks transactions for the block after the pool's tip, parents before children, by the feerate of each with the ancestors
// that it still needs (Core's addPackageTxs). They fit in maxWeight and maxSigOps together; the caller leaves room
// for the header, the count and the coinbase. It stops at packages under minFeeRate per 1000 virtual bytes; 0
// takes everything.
//
// Entries are final and mature in the next block because Add and RemoveInvalid let no others be; between a Revert and RemoveInvalid
// that is not sure, and Select returns nothing.
//
// It takes O(n log n) for n entries, with chains bounded by the pool's limits.
func (p *Pool) Select(maxWeight, maxSigOps int, minFeeRate int64) []Selected {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.unsettled || len(p.order) == 0 {
		return nil
	}
	k := newPicker(p.order)
	k.weightLeft, k.sigopsLeft = maxWeight, maxSigOps
	return k.run(minFeeRate)
}

// States of an entry while picking.
const (
	waiting uint8 = iota
	chosen
	failed
)

// After this many packages that did not fit, a block within this weight of its limit is full enough.
const (
	maxFailures = 1000
	fullEnough  = 4000
)

// score is a feerate as a fraction.
type score struct{ fee, size int64 }

// picker works on copies of the ancestors' sums, numbered by an entry's place in the pool's order. They always exclude what is chosen.
type picker struct {
	all   []*entry
	rest  []score // of each entry with its ancestors that are not chosen yet
	score []score // rest, or the entry's own if that is lower: a rich parent doesn't carry its child
	state []uint8
	heap  []int32 // of waiting entries, the best at the top
	at    []int32 // place in heap, −1 if not in it
	seen  []int32 // marks of the walk numbered walk
	walk  int32

	weightLeft, sigopsLeft int
}

func newPicker(all []*entry) *picker {
	n := len(all)
	k := &picker{
		all: all, rest: make([]score, n), score: make([]score, n), state: make([]uint8, n),
		heap: make([]int32, n), at: make([]int32, n), seen: make([]int32, n),
	}
	for i, e := range all {
		k.rest[i] = score{e.anc.fees, e.anc.size}
		k.rescore(int32(i))
		k.heap[i], k.at[i] = int32(i), int32(i)
	}
	for i := n/2 - 1; i >= 0; i-- {
		k.down(i)
	}
	return k
}

func (k *picker) rescore(i int32) {
	e, rest := k.all[i], k.rest[i]
	k.score[i] = rest
	if cmpRate(e.modified(), e.vsize, rest.fee, rest.size) < 0 {
		k.score[i] = score{e.modified(), e.vsize}
	}
}

// before says that a is picked before b; among equals the one that came first.
func (k *picker) before(a, b int32) bool {
	x, y := k.score[a], k.score[b]
	if c := cmpRate(x.fee, x.size, y.fee, y.size); c != 0 {
		return c > 0
	}
	return k.all[a].seq < k.all[b].seq
}

func (k *picker) swap(i, j int) {
	h := k.heap
	h[i], h[j] = h[j], h[i]
	k.at[h[i]], k.at[h[j]] = int32(i), int32(j)
}

func (k *picker) up(i int) bool {
	start := i
	for i > 0 && k.before(k.heap[i], k.heap[(i-1)/2]) {
		k.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i != start
}

func (k *picker) down(i int) {
	for {
		best := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(k.heap); child++ {
			if k.before(k.heap[child], k.heap[best]) {
				best = child
			}
		}
		if best == i {
			return
		}
		k.swap(i, best)
		i = best
	}
}

func (k *picker) fix(i int32) {
	if at := int(k.at[i]); at >= 0 && !k.up(at) {
		k.down(at)
	}
}

func (k *picker) take(i int32) {
	at, last := int(k.at[i]), len(k.heap)-1
	if at < 0 {
		return
	}
	if at != last {
		k.swap(at, last)
	}
	k.at[i] = -1
	k.heap = k.heap[:last]
	if at != last && !k.up(at) {
		k.down(at)
	}
}

func (k *picker) run(minFeeRate int64) (out []Selected) {
	failures := 0
	for len(k.heap) > 0 {
		top := k.heap[0]
		if rest := k.rest[top]; minFeeRate > 0 && rest.fee < feeFor(minFeeRate, rest.size) {
			return out
		}
		pack := k.packageOf(k.all[top])
		weight, sigops := 0, 0
		for _, e := range pack {
			weight += e.weight
			sigops += e.sigops
		}
		if weight > k.weightLeft || sigops > k.sigopsLeft {
			k.take(top)
			k.state[top] = failed
			if failures++; failures > maxFailures && k.weightLeft < fullEnough {
				return out
			}
			continue
		}
		failures = 0
		k.weightLeft -= weight
		k.sigopsLeft -= sigops
		for _, e := range pack {
			out = append(out, Selected{Tx: e.tx, Fee: e.fee, SigOps: e.sigops})
			k.choose(e)
		}
	}
	return out
}

// packageOf returns e and its ancestors that are not chosen, parents before children.
func (k *picker) packageOf(e *entry) []*entry {
	k.walk++
	pack := []*entry{e}
	k.seen[e.pos] = k.walk
	for i := 0; i < len(pack); i++ {
		for _, parent := range pack[i].parents {
			if k.state[parent.pos] != chosen && k.seen[parent.pos] != k.walk {
				k.seen[parent.pos] = k.walk
				pack = append(pack, parent)
			}
		}
	}
	bySequence(pack)
	return pack
}

// choose puts e in the block: its descendants do not have to pay for it any more.
func (k *picker) choose(e *entry) {
	k.take(int32(e.pos))
	k.state[e.pos] = chosen
	k.walk++
	queue := append([]*entry(nil), e.children...)
	for i := 0; i < len(queue); i++ {
		d := queue[i]
		if k.seen[d.pos] == k.walk {
			continue
		}
		k.seen[d.pos] = k.walk
		at := int32(d.pos)
		k.rest[at].fee -= e.modified()
		k.rest[at].size -= e.vsize
		if k.state[at] == waiting {
			k.rescore(at)
			k.fix(at)
		}
		queue = append(queue, d.children...)
	}
}
