package proto

import (
	"cmp"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// Orphans: transactions whose parents are not known yet.
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
//   - When a transaction comes in, the orphans that spend its outputs are found by outpoint, and tried again one
//     after the other, a bounded number at a time (transactions.go).
//   - A block drops the orphans that it contains or that spend what it spends, by outpoint again.
//
// Complexity: O(inputs) to add or drop, O(outputs) to find children; never all orphans, and never a pair of them.
// Memory: maxOrphanWeight and the indexes of it.
const (
	maxOrphans          = 1000
	maxOrphanWeight     = 8_000_000 // weight units
	maxPeerOrphans      = 100
	maxPeerOrphanWeight = 800_000
	// maxOrphanSize is the most that one may weigh: what is standard, so that the mempool could take it.
	maxOrphanSize = 400_000
)

// orphan is one of them.
type orphan struct {
	tx     *types.Tx
	seq    uint64
	peers  []PeerID // who announced it, the first one first
	queued bool     // to be tried again
}

// orphanage holds them. Everything is named by witness id.
type orphanage struct {
	byID   map[types.Hash]*orphan
	byPrev map[types.OutPoint][]*orphan
	users  map[PeerID]*orphanUse
	weight int
	seq    uint64
}

// orphanUse is one peer's share.
type orphanUse struct {
	ids    []types.Hash // oldest first
	weight int
}

func newOrphanage() *orphanage {
	return &orphanage{byID: map[types.Hash]*orphan{}, byPrev: map[types.OutPoint][]*orphan{}, users: map[PeerID]*orphanUse{}}
}

func (o *orphanage) has(wid types.Hash) bool { return o.byID[wid] != nil }

// add keeps a transaction for a peer. It tells whether it is kept.
func (o *orphanage) add(tx *types.Tx, peer PeerID) bool {
	wid := tx.WitnessID()
	if tx.Weight() > maxOrphanSize {
		return false
	}
	if o.byID[wid] == nil {
		o.seq++
		n := &orphan{tx: tx, seq: o.seq}
		o.byID[wid] = n
		o.weight += tx.Weight()
		for _, op := range prevOuts(tx) {
			o.byPrev[op] = append(o.byPrev[op], n)
		}
	}
	o.announce(wid, peer)
	for len(o.byID) > maxOrphans || o.weight > maxOrphanWeight {
		o.leave(o.users[o.heaviest()].ids[0], o.heaviest())
	}
	return o.byID[wid] != nil
}

// announce notes that a further peer has the orphan.
func (o *orphanage) announce(wid types.Hash, peer PeerID) {
	n := o.byID[wid]
	if n == nil || slices.Contains(n.peers, peer) {
		return
	}
	u := o.users[peer]
	if u == nil {
		u = &orphanUse{}
		o.users[peer] = u
	}
	n.peers = append(n.peers, peer)
	u.ids = append(u.ids, wid)
	u.weight += n.tx.Weight()
	for len(u.ids) > maxPeerOrphans || u.weight > maxPeerOrphanWeight {
		o.leave(u.ids[0], peer)
	}
}

// heaviest is the peer with the most weight, the one with the lowest id among equals.
func (o *orphanage) heaviest() (worst PeerID) {
	for id, u := range o.users {
		w := o.users[worst]
		if w == nil || u.weight > w.weight || (u.weight == w.weight && id < worst) {
			worst = id
		}
	}
	return worst
}

// leave ends a peer's share in an orphan; the last one to leave takes it along.
func (o *orphanage) leave(wid types.Hash, peer PeerID) {
	n := o.byID[wid]
	o.unuse(n, wid, peer)
	if n.peers = slices.DeleteFunc(n.peers, func(p PeerID) bool { return p == peer }); len(n.peers) == 0 {
		o.erase(wid)
	}
}

func (o *orphanage) unuse(n *orphan, wid types.Hash, peer PeerID) {
	u := o.users[peer]
	u.ids = slices.DeleteFunc(u.ids, func(h types.Hash) bool { return h == wid })
	u.weight -= n.tx.Weight()
	if len(u.ids) == 0 {
		delete(o.users, peer)
	}
}

// erase drops an orphan, if it is there.
func (o *orphanage) erase(wid types.Hash) {
	n := o.byID[wid]
	if n == nil {
		return
	}
	for _, p := range n.peers {
		o.unuse(n, wid, p)
	}
	n.peers = nil
	for _, op := range prevOuts(n.tx) {
		rest := slices.DeleteFunc(o.byPrev[op], func(x *orphan) bool { return x == n })
		if o.byPrev[op] = rest; len(rest) == 0 {
			delete(o.byPrev, op)
		}
	}
	o.weight -= n.tx.Weight()
	delete(o.byID, wid)
}

// gone drops a peer's share in everything.
func (o *orphanage) gone(peer PeerID) {
	for o.users[peer] != nil {
		o.leave(o.users[peer].ids[0], peer)
	}
}

// children returns the orphans that spend outputs of a transaction, oldest first.
func (o *orphanage) children(tx *types.Tx) (out []*orphan) {
	if len(o.byPrev) == 0 {
		return nil
	}
	id := tx.ID()
	for i := range tx.Out {
		out = append(out, o.byPrev[types.OutPoint{TxID: id, Index: uint32(i)}]...)
	}
	slices.SortFunc(out, func(a, b *orphan) int { return cmp.Compare(a.seq, b.seq) })
	return slices.Compact(out)
}

// confirmed drops the orphans that a transaction of a block is or makes impossible.
func (o *orphanage) confirmed(tx *types.Tx) {
	if len(o.byPrev) == 0 {
		return
	}
	for _, op := range prevOuts(tx) {
		for len(o.byPrev[op]) > 0 {
			o.erase(o.byPrev[op][0].tx.WitnessID())
		}
	}
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
