package fees

import (
	"slices"
	"sort"
	"sync"

	"github.com/cairn-chain/cairn/types"
)

// Shares of transactions that must have been confirmed within half of the target, the target, and twice the target.
const (
	halfShare   = 0.6
	wholeShare  = 0.85
	doubleShare = 0.95
)

// Transactions a block that a group of buckets must have, on average.
const (
	sufficient      = 0.1
	sufficientShort = 0.5
)

// MaxTracked bounds the transactions that are waited for; further ones are not counted.
const MaxTracked = 500_000

// Horizon is one of the three memories.
type Horizon uint8

// The horizons, with their longest targets in blocks: 12, 48 and 1,008.
const (
	Short Horizon = iota
	Medium
	Long
)

// String returns the name that estimaterawfee gives it.
func (h Horizon) String() string { return [...]string{"short", "medium", "long"}[h] }

// MaxTarget is the longest target for which there can be an estimate, in blocks.
const MaxTarget = 1008

// Estimator learns from what enters the mempool and what blocks confirm. Its methods are safe for several goroutines.
type Estimator struct {
	mu       sync.Mutex
	ends     []float64
	horizons [3]*horizon
	tracked  map[types.Hash]tracked
	best     int32 // height of the last block
	first    int32 // the first height at which one of ours was confirmed, 0 while there is none
}

// tracked is a transaction that is waited for.
type tracked struct {
	height int32 // of the tip when it entered
	bucket int
	rate   float64
}

// New returns an estimator that knows nothing. best is the height of the tip.
func New(best int32) *Estimator {
	ends := boundaries()
	return &Estimator{
		ends: ends, best: best, tracked: map[types.Hash]tracked{},
		horizons: [3]*horizon{newHorizon(ends, 12, 1, .962), newHorizon(ends, 24, 2, .9952), newHorizon(ends, 42, 24, .99931)},
	}
}

// Enter notes a transaction that entered the mempool at the tip of a height, with its feerate per 1000 vbytes. Those that
// depend on others in the mempool, or entered while the node was catching up, say nothing about fees: the caller leaves them out. One
// that did not enter at the height of the last block is not counted.
func (e *Estimator) Enter(id types.Hash, height int32, rate int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, known := e.tracked[id]; known || height != e.best || len(e.tracked) >= MaxTracked {
		return
	}
	t := tracked{height: height, bucket: sort.SearchFloat64s(e.ends, float64(rate)), rate: float64(rate)}
	e.tracked[id] = t
	for _, h := range e.horizons {
		h.enter(height, t.bucket)
	}
}

// Leave notes that a transaction left the mempool, and not by a block.
func (e *Estimator) Leave(id types.Hash) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leave(id, false)
}

func (e *Estimator) leave(id types.Hash, inBlock bool) (tracked, bool) {
	t, ok := e.tracked[id]
	if !ok {
		return t, false
	}
	delete(e.tracked, id)
	for _, h := range e.horizons {
		h.leave(t.height, e.best, t.bucket, inBlock)
	}
	return t, true
}

// Block notes a block that was put on the chain. Blocks that are not higher than all before, as after a reorganization, are not
// counted: what they confirm had been confirmed before.
func (e *Estimator) Block(height int32, ids []types.Hash) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if height <= e.best {
		return
	}
	e.best = height
	for _, h := range e.horizons {
		h.nextBlock(height)
	}
	for _, id := range ids {
		t, ok := e.leave(id, true)
		if blocks := int(height - t.height); ok && blocks > 0 {
			if e.first == 0 {
				e.first = height
			}
			for _, h := range e.horizons {
				h.confirm(blocks, t.rate, t.bucket)
			}
		}
	}
}

// Smart estimates the feerate per 1000 vbytes at which a transaction is confirmed within target blocks (1 to MaxTarget). blocks
// is the target that the estimate is for, at least 2: less if there is not enough history for the one that was asked for. ok
// is false if too little is known. A conservative estimate also heeds longer memories, and falls slower.
func (e *Estimator) Smart(target int, conservative bool) (rate int64, blocks int, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	target = min(max(target, 2), e.usable())
	if target <= 1 {
		return 0, target, false
	}
	best := slices.Max([]float64{
		e.combined(target/2, halfShare, true), e.combined(target, wholeShare, true), e.combined(2*target, doubleShare, !conservative),
	})
	if conservative || best < 0 {
		best = max(best, e.conservative(2*target))
	}
	return int64(best), target, best >= 0
}

// usable is the longest target for which there is history: half of the blocks since the first confirmation.
func (e *Estimator) usable() int {
	if e.first == 0 {
		return 0
	}
	return min(MaxTarget, int(e.best-e.first)/2)
}

// combined asks the shortest horizon that knows the target, and if shorter is set does not pay more than a shorter one says
// for its own longest target.
func (e *Estimator) combined(target int, share float64, shorter bool) float64 {
	if target < 1 || target > MaxTarget {
		return -1
	}
	at := Short
	for target > e.horizons[at].most() {
		at++
	}
	best := e.ask(at, target, share).FeeRate
	if !shorter {
		return best
	}
	for at > Short {
		at--
		if rate := e.ask(at, e.horizons[at].most(), share).FeeRate; rate > 0 && (best < 0 || rate < best) {
			best = rate
		}
	}
	return best
}

// conservative asks the horizons after the one that the target belongs to.
func (e *Estimator) conservative(target int) float64 {
	best := -1.0
	if target <= e.horizons[Short].most() {
		best = e.ask(Medium, target, doubleShare).FeeRate
	}
	if target <= e.horizons[Medium].most() {
		best = max(best, e.ask(Long, target, doubleShare).FeeRate)
	}
	return best
}

func (e *Estimator) ask(at Horizon, target int, share float64) Raw {
	enough := sufficient
	if at == Short {
		enough = sufficientShort
	}
	return e.horizons[at].estimate(target, enough, share, e.best)
}

// Raw asks one horizon, with a share of transactions that must have been confirmed in time, 0 to 1. ok is false if the target
// is not within 1 and the horizon's longest.
func (e *Estimator) Raw(at Horizon, target int, share float64) (r Raw, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if target < 1 || target > e.horizons[at].most() {
		return Raw{}, false
	}
	return e.ask(at, target, share), true
}
