package mempool

import (
	"slices"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Pool is a mempool. Its methods are safe for concurrent use.
type Pool struct {
	cfg Config

	mu     sync.RWMutex
	byID   map[types.Hash]*entry
	byWID  map[types.Hash]*entry // under witness ids that differ from the id
	spends map[types.OutPoint]spend
	order  order
	roster roster
	deltas map[types.Hash]int64 // of Prioritise, also for transactions that are not here

	total  sums // over all entries; fees with deltas
	fees   int64
	usage  int64
	locals int
	entry  uint64 // sequence of entries
	floor  floor
	oldest int64 // no entry is older than this, in seconds since 1970

	tip       types.Hash // zero until the first update or transaction
	unsettled bool       // a block was disconnected and RemoveInvalid not called since

	removed removed
	log     changeLog
	stats   Stats
}

// spend is the input that spends an outpoint.
type spend struct {
	by    *entry
	input int
}

// New makes an empty Pool.
func New(cfg Config) *Pool {
	p := &Pool{
		cfg:    cfg.complete(),
		byID:   make(map[types.Hash]*entry),
		byWID:  make(map[types.Hash]*entry),
		spends: make(map[types.OutPoint]spend),
		deltas: make(map[types.Hash]int64),
	}
	p.stats.Rejected = make(map[consensus.Kind]uint64)
	p.stats.Removed = make(map[Reason]uint64)
	return p
}

// Entry is what a reader sees of a transaction in the pool. Sizes are virtual bytes, adjusted for signature operations as Core's
// vsize is; fees are in the smallest unit. Sums include the transaction itself.
type Entry struct {
	Tx        *types.Tx
	Fee       int64
	Delta     int64 // of Prioritise
	VSize     int64
	Weight    int
	SigOpCost int
	Usage     int64 // bytes of memory
	Time      time.Time
	Height    int32  // of the tip when it entered
	Sequence  uint64 // counts entries
	Local     bool   // submitted here and not seen to be asked for by a peer (MarkBroadcast)

	AncestorCount, DescendantCount int64
	AncestorSize, DescendantSize   int64
	AncestorFees, DescendantFees   int64 // with deltas

	// Parents and Children are ids of transactions in the pool.
	Parents, Children []types.Hash
}

// FeeRate returns the modified fee per 1000 virtual bytes.
func (e *Entry) FeeRate() int64 { return rateOf(e.Fee+e.Delta, e.VSize) }

func ids(list []*entry) []types.Hash {
	out := make([]types.Hash, len(list))
	for i, e := range list {
		out[i] = e.id
	}
	return out
}

func (e *entry) view() Entry {
	return Entry{
		Tx: e.tx, Fee: e.fee, Delta: e.delta, VSize: e.vsize, Weight: e.weight, SigOpCost: e.sigops, Usage: e.usage,
		Time: time.Unix(e.time, 0).UTC(), Height: e.height, Sequence: e.seq, Local: e.local,
		AncestorCount: e.anc.count, AncestorSize: e.anc.size, AncestorFees: e.anc.fees,
		DescendantCount: e.desc.count, DescendantSize: e.desc.size, DescendantFees: e.desc.fees,
		Parents: ids(e.parents), Children: ids(e.children),
	}
}

// find looks an entry up by id or witness id.
func (p *Pool) find(h types.Hash) *entry {
	if e, ok := p.byID[h]; ok {
		return e
	}
	return p.byWID[h]
}

// Have tells whether a transaction with this id or witness id is in the pool.
func (p *Pool) Have(h types.Hash) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.find(h) != nil
}

// Get finds a transaction by id or witness id, and its modified fee per 1000 virtual bytes.
func (p *Pool) Get(h types.Hash) (tx *types.Tx, feeRate int64, ok bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e := p.find(h)
	if e == nil {
		return nil, 0, false
	}
	return e.tx, rateOf(e.modified(), e.vsize), true
}

// Entry returns all that is known of the transaction with this id.
func (p *Pool) Entry(id types.Hash) (Entry, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e, ok := p.byID[id]
	if !ok {
		return Entry{}, false
	}
	return e.view(), true
}

// Spends returns the id of the transaction in the pool that spends an outpoint.
func (p *Pool) Spends(op types.OutPoint) (types.Hash, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s, ok := p.spends[op]
	if !ok {
		return types.Hash{}, false
	}
	return s.by.id, true
}

// Output returns an output that a transaction in the pool makes and that none in the pool spends.
func (p *Pool) Output(op types.OutPoint) (types.TxOut, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e, ok := p.byID[op.TxID]
	if !ok || int64(op.Index) >= int64(len(e.tx.Out)) || p.spends[op].by != nil {
		return types.TxOut{}, false
	}
	return e.tx.Out[op.Index], true
}

// bySequence sorts entries so that parents come before children, otherwise by entry.
func bySequence(list []*entry) {
	slices.SortFunc(list, func(a, b *entry) int {
		if a.anc.count != b.anc.count {
			return int(a.anc.count - b.anc.count)
		}
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
}

func views(list []*entry) []Entry {
	bySequence(list)
	out := make([]Entry, len(list))
	for i, e := range list {
		out[i] = e.view()
	}
	return out
}

// IDs returns the ids of all entries, parents before children.
func (p *Pool) IDs() []types.Hash {
	p.mu.RLock()
	defer p.mu.RUnlock()
	list := slices.Clone([]*entry(p.order))
	bySequence(list)
	return ids(list)
}

// Entries returns all entries, parents before children.
func (p *Pool) Entries() []Entry {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return views(slices.Clone([]*entry(p.order)))
}

// Ancestors returns the entries on which the transaction depends, parents before children, without itself; ok is false
// if the transaction is not here.
func (p *Pool) Ancestors(id types.Hash) (list []Entry, ok bool) { return p.relatives(id, ancestorsOf) }

// Descendants returns the entries that depend on the transaction, parents before children, without itself; ok is false
// if the transaction is not here.
func (p *Pool) Descendants(id types.Hash) (list []Entry, ok bool) {
	return p.relatives(id, descendantsOf)
}

func (p *Pool) relatives(id types.Hash, of func(*entry) []*entry) ([]Entry, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	e, ok := p.byID[id]
	if !ok {
		return nil, false
	}
	return views(of(e)), true
}

// Info is the state of the pool in numbers.
type Info struct {
	Count    int
	VBytes   int64 // sum of virtual sizes
	Usage    int64 // bytes of memory
	MaxBytes int64
	Fees     int64 // without deltas
	Local    int   // entries of this node that no peer has asked for yet
	FeeFloor int64 // least feerate that is taken now, smallest unit per 1000 virtual bytes
	// The bounds that it was made with, per 1000 virtual bytes.
	MinRelayFeeRate, IncrementalFeeRate int64
	Seq                                 uint64 // of the last change
	Tip                                 types.Hash
}

// Info returns the state of the pool in numbers.
func (p *Pool) Info(now time.Time) Info {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return Info{
		Count: len(p.order), VBytes: p.total.size, Usage: p.usage, MaxBytes: p.cfg.MaxBytes, Fees: p.fees, Local: p.locals,
		FeeFloor: p.feeFloor(now), MinRelayFeeRate: p.cfg.MinRelayFeeRate, IncrementalFeeRate: p.cfg.IncrementalFeeRate,
		Seq: p.log.last, Tip: p.tip,
	}
}

// FeeFloor returns the least feerate that is taken now, in the smallest unit per 1000 virtual bytes.
func (p *Pool) FeeFloor(now time.Time) int64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.feeFloor(now)
}

func (p *Pool) rollingFloor(now time.Time) int64 {
	f := p.floor.decayed(now, p.usage, p.cfg.MaxBytes, p.cfg.IncrementalFeeRate)
	return f.rate(p.cfg.IncrementalFeeRate)
}

func (p *Pool) feeFloor(now time.Time) int64 {
	return max(p.rollingFloor(now), p.cfg.MinRelayFeeRate)
}

// MarkBroadcast notes that a peer asked for the transaction, so it need not be announced again by us.
func (p *Pool) MarkBroadcast(h types.Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.find(h); e != nil && e.local {
		e.local = false
		p.locals--
	}
}

// LocalTxs returns the transactions of this node that no peer has asked for yet, parents before children.
func (p *Pool) LocalTxs() []*types.Tx {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.locals == 0 {
		return nil
	}
	list := make([]*entry, 0, p.locals)
	for _, e := range p.order {
		if e.local {
			list = append(list, e)
		}
	}
	bySequence(list)
	txs := make([]*types.Tx, len(list))
	for i, e := range list {
		txs[i] = e.tx
	}
	return txs
}

// Limits of Prioritise.
const (
	maxDelta  = consensus.MaxMoney / 100
	maxDeltas = 100_000
)

// Prioritise adds delta to the fee with which the transaction is counted, here and when it comes. What it really pays does
// not change. The sum of a transaction's deltas stays within 210,000 coins. It returns false if deltas for 100,000
// transactions are kept already.
func (p *Pool) Prioritise(id types.Hash, delta int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, known := p.deltas[id]
	if !known && len(p.deltas) >= maxDeltas {
		return false
	}
	sum := min(max(old+min(max(delta, -2*maxDelta), 2*maxDelta), -maxDelta), maxDelta)
	if sum == 0 {
		delete(p.deltas, id)
	} else {
		p.deltas[id] = sum
	}
	if e, ok := p.byID[id]; ok {
		p.setDelta(e, sum)
	}
	return true
}

// setDelta changes e's delta and all sums that contain it.
func (p *Pool) setDelta(e *entry, delta int64) {
	change := sums{fees: delta - e.delta}
	e.delta = delta
	e.anc.add(change)
	e.desc.add(change)
	p.total.add(change)
	p.order.fix(e)
	for _, a := range ancestorsOf(e) {
		a.desc.add(change)
		p.order.fix(a)
	}
	for _, d := range descendantsOf(e) {
		d.anc.add(change)
	}
}

// Delta is a change of fee by Prioritise.
type Delta struct {
	ID        types.Hash
	Fee       int64
	InMempool bool
}

// Deltas returns all changes of fees, ordered by id.
func (p *Pool) Deltas() []Delta {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.sortedDeltas()
}

func (p *Pool) sortedDeltas() []Delta {
	list := make([]Delta, 0, len(p.deltas))
	for id, fee := range p.deltas {
		list = append(list, Delta{ID: id, Fee: fee, InMempool: p.byID[id] != nil})
	}
	slices.SortFunc(list, func(a, b Delta) int { return a.ID.Compare(b.ID) })
	return list
}
