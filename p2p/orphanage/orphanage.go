// Package orphanage keeps transactions whose parents are not known yet, until these come.
//
// The attack (CVE-2012-3789, CVE-2024-52914): orphans cost nothing to make. Unbounded they fill memory; with a bound
// that all share, a flood pushes out the honest ones; retried all at once, they keep the node busy for minutes.
//
// The rules:
//   - An orphan belongs to the peers that announced it, and goes when the last of them has gone. A second peer that
//     announces it keeps it alive, so whoever sends it first cannot make it vanish by leaving.
//   - Each peer's orphans are bounded in number and weight. The orphan that goes over pushes out the oldest ones of the
//     same peer, never another's.
//   - All together are bounded in number and weight. Over that, the oldest orphan of the peer with the most weight
//     goes.
//   - When a transaction comes in, the orphans that spend its outputs are found by outpoint and wait to be tried again
//     (Wake). The caller takes them one after the other (Next), as many at a time as it has room for.
//   - A block drops the orphans that it contains or that spend what it spends, by outpoint again.
//
// Complexity: O(inputs) to add or drop, O(outputs) to find children; never all orphans, and never a pair of them.
// Memory: MaxWeight and the indexes of it.
//
// Invariants (Check): every orphan belongs to somebody and is found by each outpoint that it spends; the counts agree; no bound is
// exceeded.
package orphanage

import (
	"cmp"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// The bounds, in orphans and weight units.
const (
	MaxOrphans    = 1000
	MaxWeight     = 8_000_000
	MaxOfPeer     = 100
	MaxPeerWeight = 800_000
	// MaxTxWeight is the most that one may weigh: what is standard, so that the mempool could take it.
	MaxTxWeight = 400_000
)

// Orphan is one of them. It is read only.
type Orphan[P cmp.Ordered] struct {
	Tx    *types.Tx
	Peers []P // who announced it, the first one first; none once it was dropped

	seq    uint64
	queued bool // to be tried again
}

// Orphanage holds them. Everything is named by witness id, peers as its owner names them; the zero value of P is nobody.
// It belongs to one goroutine.
type Orphanage[P cmp.Ordered] struct {
	byID   map[types.Hash]*Orphan[P]
	byPrev map[types.OutPoint][]*Orphan[P]
	users  map[P]*share
	weight int
	seq    uint64
	queue  []*Orphan[P] // to be tried again; some of them may be gone
}

// share is one peer's.
type share struct {
	ids    []types.Hash // oldest first
	weight int
}

// New returns an empty one.
func New[P cmp.Ordered]() *Orphanage[P] {
	return &Orphanage[P]{byID: map[types.Hash]*Orphan[P]{}, byPrev: map[types.OutPoint][]*Orphan[P]{}, users: map[P]*share{}}
}

// Has tells whether an orphan is kept.
func (o *Orphanage[P]) Has(wid types.Hash) bool { return o.byID[wid] != nil }

// Add keeps a transaction for a peer, perhaps at the price of older ones. It tells whether it is kept. tx must not be changed any more.
func (o *Orphanage[P]) Add(tx *types.Tx, peer P) bool {
	wid := tx.WitnessID()
	if tx.Weight() > MaxTxWeight {
		return false
	}
	if o.byID[wid] == nil {
		o.seq++
		n := &Orphan[P]{Tx: tx, seq: o.seq}
		o.byID[wid] = n
		o.weight += tx.Weight()
		for _, op := range prevOuts(tx) {
			o.byPrev[op] = append(o.byPrev[op], n)
		}
	}
	o.Announce(wid, peer)
	for len(o.byID) > MaxOrphans || o.weight > MaxWeight {
		o.leave(o.users[o.heaviest()].ids[0], o.heaviest())
	}
	return o.byID[wid] != nil
}

// Announce notes that a further peer has the orphan.
func (o *Orphanage[P]) Announce(wid types.Hash, peer P) {
	n := o.byID[wid]
	if n == nil || slices.Contains(n.Peers, peer) {
		return
	}
	u := o.users[peer]
	if u == nil {
		u = &share{}
		o.users[peer] = u
	}
	n.Peers = append(n.Peers, peer)
	u.ids = append(u.ids, wid)
	u.weight += n.Tx.Weight()
	for len(u.ids) > MaxOfPeer || u.weight > MaxPeerWeight {
		o.leave(u.ids[0], peer)
	}
}

// heaviest is the peer with the most weight, the one with the lowest id among equals.
func (o *Orphanage[P]) heaviest() (worst P) {
	for id, u := range o.users {
		w := o.users[worst]
		if w == nil || u.weight > w.weight || (u.weight == w.weight && id < worst) {
			worst = id
		}
	}
	return worst
}

// leave ends a peer's share in an orphan; the last one to leave takes it along.
func (o *Orphanage[P]) leave(wid types.Hash, peer P) {
	n := o.byID[wid]
	o.unuse(n, wid, peer)
	if n.Peers = slices.DeleteFunc(n.Peers, func(p P) bool { return p == peer }); len(n.Peers) == 0 {
		o.Erase(wid)
	}
}

func (o *Orphanage[P]) unuse(n *Orphan[P], wid types.Hash, peer P) {
	u := o.users[peer]
	u.ids = slices.DeleteFunc(u.ids, func(h types.Hash) bool { return h == wid })
	u.weight -= n.Tx.Weight()
	if len(u.ids) == 0 {
		delete(o.users, peer)
	}
}

// Erase drops an orphan, if it is there.
func (o *Orphanage[P]) Erase(wid types.Hash) {
	n := o.byID[wid]
	if n == nil {
		return
	}
	for _, p := range n.Peers {
		o.unuse(n, wid, p)
	}
	n.Peers = nil
	for _, op := range prevOuts(n.Tx) {
		rest := slices.DeleteFunc(o.byPrev[op], func(x *Orphan[P]) bool { return x == n })
		if o.byPrev[op] = rest; len(rest) == 0 {
			delete(o.byPrev, op)
		}
	}
	o.weight -= n.Tx.Weight()
	delete(o.byID, wid)
}

// Gone drops a peer's share in everything.
func (o *Orphanage[P]) Gone(peer P) {
	for o.users[peer] != nil {
		o.leave(o.users[peer].ids[0], peer)
	}
}

// Children returns the orphans that spend outputs of a transaction, oldest first.
func (o *Orphanage[P]) Children(tx *types.Tx) (out []*Orphan[P]) {
	if len(o.byPrev) == 0 {
		return nil
	}
	id := tx.ID()
	for i := range tx.Out {
		out = append(out, o.byPrev[types.OutPoint{TxID: id, Index: uint32(i)}]...)
	}
	slices.SortFunc(out, func(a, b *Orphan[P]) int { return cmp.Compare(a.seq, b.seq) })
	return slices.Compact(out)
}

// Wake notes that the orphans that spend outputs of a transaction are to be tried again.
func (o *Orphanage[P]) Wake(parent *types.Tx) {
	for _, n := range o.Children(parent) {
		if !n.queued {
			n.queued = true
			o.queue = append(o.queue, n)
		}
	}
	if len(o.queue) > MaxOrphans {
		o.queue = slices.DeleteFunc(o.queue, func(n *Orphan[P]) bool { return len(n.Peers) == 0 })
	}
}

// Next takes the next orphan that is to be tried again, nil: there is none. It stays an orphan until it is erased. Those that were
// dropped while they waited are passed over.
func (o *Orphanage[P]) Next() *Orphan[P] {
	for len(o.queue) > 0 {
		n := o.queue[0]
		o.queue = o.queue[1:]
		n.queued = false
		if len(n.Peers) > 0 {
			return n
		}
	}
	return nil
}

// Confirmed drops the orphans that a transaction of a block is or makes impossible.
func (o *Orphanage[P]) Confirmed(tx *types.Tx) {
	if len(o.byPrev) == 0 {
		return
	}
	for _, op := range prevOuts(tx) {
		for len(o.byPrev[op]) > 0 {
			o.Erase(o.byPrev[op][0].Tx.WitnessID())
		}
	}
}

// All returns the orphans, oldest first.
func (o *Orphanage[P]) All() []*Orphan[P] {
	all := make([]*Orphan[P], 0, len(o.byID))
	for _, n := range o.byID {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *Orphan[P]) int { return cmp.Compare(a.seq, b.seq) })
	return all
}

// Size is how many orphans there are, and their weight.
func (o *Orphanage[P]) Size() (n, weight int) { return len(o.byID), o.weight }

// Share is how many of them a peer announced, and their weight.
func (o *Orphanage[P]) Share(peer P) (n, weight int) {
	if u := o.users[peer]; u != nil {
		return len(u.ids), u.weight
	}
	return 0, 0
}

// prevOuts are the outpoints that a transaction spends, each once.
func prevOuts(tx *types.Tx) []types.OutPoint {
	out := make([]types.OutPoint, len(tx.In))
	for i := range tx.In {
		out[i] = tx.In[i].PrevOut
	}
	slices.SortFunc(out, types.OutPoint.Compare)
	return slices.Compact(out)
}
