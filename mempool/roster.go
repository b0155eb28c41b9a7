package mempool

import "github.com/cairn-chain/cairn/types"

// roster holds the witness ids of all entries side by side, in no order, so that a compact block can be matched against
// all of them without a walk from entry to entry, each of which is a miss of the processor's cache. Each entry knows
// its seat.
type roster struct {
	wids []types.Hash
	by   []*entry
}

func (r *roster) add(e *entry) {
	e.seat = len(r.by)
	r.wids, r.by = append(r.wids, e.wid), append(r.by, e)
}

// remove gives e's seat to the last one.
func (r *roster) remove(e *entry) {
	last := len(r.by) - 1
	r.wids[e.seat], r.by[e.seat] = r.wids[last], r.by[last]
	r.by[e.seat].seat = e.seat
	r.by[last] = nil
	r.wids, r.by = r.wids[:last], r.by[:last]
}

// WitnessIDs copies witness ids of entries to buf, from a place in a roster of all on, and returns how many. 0 says that
// there are no more. Between two calls the roster may change: then some may be missed and some come twice.
func (p *Pool) WitnessIDs(from int, buf []types.Hash) int {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if from < 0 || from >= len(p.roster.wids) {
		return 0
	}
	return copy(buf, p.roster.wids[from:])
}

// How much of what left the pool is kept for TakeRemoved.
const (
	maxRemoved      = 100
	maxRemovedBytes = 1_000_000
)

// removed are the latest transactions that left for another reason than a block that holds them, oldest first.
type removed struct {
	txs   []*types.Tx
	bytes int
}

func (r *removed) add(tx *types.Tx) {
	r.txs = append(r.txs, tx)
	r.bytes += tx.Size()
	for len(r.txs) > maxRemoved || r.bytes > maxRemovedBytes {
		r.bytes -= r.txs[0].Size()
		r.txs[0] = nil
		r.txs = r.txs[1:]
	}
}

// TakeRemoved returns the transactions that left since the last call for another reason than a block that holds them,
// oldest first: of more than 100, or 1,000,000 bytes, the latest.
func (p *Pool) TakeRemoved() []*types.Tx {
	p.mu.Lock()
	defer p.mu.Unlock()
	txs := p.removed.txs
	p.removed = removed{}
	return txs
}
