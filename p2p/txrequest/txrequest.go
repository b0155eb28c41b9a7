// Package txrequest decides of which peer a transaction is asked that several announced. It knows nothing of messages: it is told what was
// announced and answered, and says whom to ask for what. It belongs to one goroutine.
//
// The specification follows Bitcoin Core's txrequest.h. An announcement says that a peer has a transaction; it is
//
//	waiting    until its time has come: some peers are asked only after a delay
//	ready      it may be asked
//	parked     it may be asked, but its peer has enough to answer
//	asked      the request is out, or answered and not judged yet; it expires after Expiry
//	done       it was answered, expired, or can be of no more use
//
// The rules, and the attack that each stops:
//   - At most one announcement of a transaction is asked at a time: bandwidth.
//   - When none is asked and some are ready, one is chosen: preferred peers (those that we dialled) before others,
//     among equals by a salted order. An attacker who connects to us cannot make himself the chosen one by being fast
//     or by connecting often while an honest outbound peer announces too (CVE-2018-17145, CVE-2024-52913).
//   - A request expires, and one that was answered by notfound or a bad transaction is done: the next is asked.
//     A silent peer delays a transaction by Expiry at most, and only once: done announcements stay, so it cannot
//     announce the same one again, until all are done and the transaction is forgotten.
//   - The delays, which the caller chooses (Announce, at), give preferred peers a head start and slow down who has much to answer.
//   - At most MaxInRequest announcements of a peer are asked at a time. So a burst comes no faster than the mempool judges
//     it: what comes too fast would have to be dropped, and nobody announces a transaction twice. What is parked is
//     asked in the order of its parking as the peer answers, or of another peer that has fewer requests to answer.
//   - A peer has at most MaxAnnounced announcements: memory.
//
// Complexity: O(log n) an operation, with n transactions, plus the announcements of that one transaction (at most
// one a peer). Next deadline in O(1): a heap by due time.
//
// Invariants (Check): each transaction has at most one asked announcement, at least one that is not done, no
// two of one peer; its due time is in the past exactly while Advance has something to do for it; after Advance nothing is
// parked for a peer that could be asked, unless somebody else is asked; counts agree.
package txrequest

import (
	"container/heap"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/types"
)

// The bounds.
const (
	Expiry       = 60 * time.Second // of a request
	MaxAnnounced = 5000             // announcements of one peer that are kept
	MaxInRequest = 100              // requests to one peer that are out
)

// never is the due time of a transaction that waits for nothing but the answers of busy peers.
var never = time.Unix(1<<40, 0)

type annState uint8

const (
	annWaiting annState = iota // or ready, if at has come
	annParked
	annAsked
	annDone
)

// announcement is one peer's of one transaction.
type announcement[P ~uint64] struct {
	peer      P
	preferred bool
	witnessID bool // the hash is a witness id
	state     annState
	at        time.Time // waiting, parked: when it is or was ready; asked: when it expires
}

// wanted is a transaction that was announced.
type wanted[P ~uint64] struct {
	hash  types.Hash
	seq   uint64 // breaks ties of due
	anns  []announcement[P]
	due   time.Time
	index int // in the heap
}

// Ask is a request to be sent.
type Ask[P ~uint64] struct {
	Peer      P
	Hash      types.Hash
	WitnessID bool // Hash is a witness id, else a txid
}

// Tracker holds the announcements. P is how its owner names peers; 0 is nobody.
type Tracker[P ~uint64] struct {
	key   salted.Key
	txs   map[types.Hash]*wanted[P]
	queue wantedHeap[P]
	peers map[P]*peerAsks[P]
	seq   uint64
}

type peerAsks[P ~uint64] struct {
	peer   P
	hashes map[types.Hash]struct{}
	asked  int
	parked []types.Hash // in the order of parking; those that are not parked any more among them
}

// busy tells whether the peer has enough to answer.
func (pa *peerAsks[P]) busy() bool { return pa.asked >= MaxInRequest }

// New returns one with nothing announced. key is the salt of the order among equals.
func New[P ~uint64](key salted.Key) *Tracker[P] {
	return &Tracker[P]{key: key, txs: map[types.Hash]*wanted[P]{}, peers: map[P]*peerAsks[P]{}}
}

// Announce notes that a peer has a transaction, named h, and may be asked from at on. A second announcement of the same peer changes nothing, nor
// does one over MaxAnnounced.
func (t *Tracker[P]) Announce(peer P, h types.Hash, witnessID, preferred bool, at time.Time) {
	pa := t.peers[peer]
	if pa == nil {
		pa = &peerAsks[P]{peer: peer, hashes: map[types.Hash]struct{}{}}
		t.peers[peer] = pa
	}
	if _, again := pa.hashes[h]; again || len(pa.hashes) >= MaxAnnounced {
		return
	}
	pa.hashes[h] = struct{}{}
	w := t.txs[h]
	if w == nil {
		t.seq++
		w = &wanted[P]{hash: h, seq: t.seq, due: at}
		t.txs[h] = w
		heap.Push(&t.queue, w)
	}
	w.anns = append(w.anns, announcement[P]{peer: peer, preferred: preferred, witnessID: witnessID, at: at})
	t.reschedule(w)
}

// Advance asks for all that may be asked for now: the requests are to be sent, each counts as out. Transactions come in no order that is
// promised, but in the same one for the same calls.
func (t *Tracker[P]) Advance(now time.Time) (out []Ask[P]) {
	for {
		for len(t.queue) > 0 && !now.Before(t.queue[0].due) {
			out = t.ask(t.queue[0], now, out)
		}
		// What left its parking may have been asked of others, and its place be free again.
		again := false
		for _, pa := range t.peers { // the order cannot be seen: what is unparked is asked in the order of the queue
			again = t.unpark(pa, MaxInRequest-pa.asked) || again
		}
		if !again {
			return out
		}
	}
}

// ask does what is due for one transaction.
func (t *Tracker[P]) ask(w *wanted[P], now time.Time, out []Ask[P]) []Ask[P] {
	for i := range w.anns {
		if a := &w.anns[i]; a.state == annAsked && !now.Before(a.at) {
			t.finish(a)
		}
	}
	if !w.asked() {
		if a := t.choose(w, now); a != nil {
			a.state, a.at = annAsked, now.Add(Expiry)
			t.peers[a.peer].asked++
			out = append(out, Ask[P]{a.peer, w.hash, a.witnessID})
		}
	}
	t.reschedule(w)
	return out
}

// choose picks the best ready announcement, or nil. Those of busy peers are parked.
func (t *Tracker[P]) choose(w *wanted[P], now time.Time) (best *announcement[P]) {
	rank := func(a *announcement[P]) uint64 { return t.key.With(t.key.Short(w.hash), uint64(a.peer)) }
	for i := range w.anns {
		a := &w.anns[i]
		if a.state != annWaiting || now.Before(a.at) {
			continue
		}
		if pa := t.peers[a.peer]; pa.busy() {
			t.park(pa, w, a)
			continue
		}
		if best == nil || (a.preferred && !best.preferred) || (a.preferred == best.preferred && rank(a) > rank(best)) {
			best = a
		}
	}
	return best
}

// park lets an announcement wait until its peer is not busy.
func (t *Tracker[P]) park(pa *peerAsks[P], w *wanted[P], a *announcement[P]) {
	if len(pa.parked) >= 2*MaxAnnounced {
		pa.parked = slices.DeleteFunc(pa.parked, func(h types.Hash) bool { return t.parked(a.peer, h) == nil })
	}
	a.state = annParked
	pa.parked = append(pa.parked, w.hash)
}

// parked finds a transaction of which the peer's announcement is parked.
func (t *Tracker[P]) parked(peer P, h types.Hash) *announcement[P] {
	if w := t.txs[h]; w != nil {
		if a := w.of(peer); a != nil && a.state == annParked {
			return a
		}
	}
	return nil
}

// unpark makes n parked announcements of a peer ready, and tells whether one of them is to be seen to.
func (t *Tracker[P]) unpark(pa *peerAsks[P], n int) (some bool) {
	for n > 0 && len(pa.parked) > 0 {
		h := pa.parked[0]
		if pa.parked = pa.parked[1:]; len(pa.parked) == 0 {
			pa.parked = nil
		}
		a := t.parked(pa.peer, h)
		if a == nil {
			continue
		}
		a.state = annWaiting
		if w := t.txs[h]; !w.asked() {
			t.reschedule(w)
			n--
			some = true
		}
	}
	return some
}

// Postpone: the peer's answer could not be taken. It is asked again from at on.
func (t *Tracker[P]) Postpone(peer P, h types.Hash, at time.Time) {
	w := t.txs[h]
	if w == nil {
		return
	}
	if a := w.of(peer); a != nil && a.state == annAsked {
		t.finish(a)
		a.state, a.at = annWaiting, at
		t.reschedule(w)
	}
}

// Answered: the peer was asked and has answered, or it turned out that it never will.
func (t *Tracker[P]) Answered(peer P, h types.Hash) {
	if w := t.txs[h]; w != nil {
		if a := w.of(peer); a != nil {
			t.finish(a)
			t.reschedule(w)
		}
	}
}

// Forget drops a transaction: it is here, or not wanted.
func (t *Tracker[P]) Forget(h types.Hash) {
	w := t.txs[h]
	if w == nil {
		return
	}
	for i := range w.anns {
		t.finish(&w.anns[i])
	}
	t.reschedule(w)
}

// Gone drops all that a peer announced.
func (t *Tracker[P]) Gone(peer P) {
	pa := t.peers[peer]
	if pa == nil {
		return
	}
	pa.parked = nil
	for h := range pa.hashes { // the order cannot be seen: each drops one announcement of its own transaction
		w := t.txs[h]
		a := w.of(peer)
		t.finish(a)
		a.peer = 0
		t.reschedule(w)
		if t.txs[h] != nil {
			w.drop(0)
		}
	}
	delete(t.peers, peer)
}

func (t *Tracker[P]) finish(a *announcement[P]) {
	was := a.state
	a.state = annDone
	if pa := t.peers[a.peer]; was == annAsked && pa != nil {
		pa.asked--
		t.unpark(pa, 1)
	}
}

// reschedule computes when something is to be done for w, and forgets it if that is never.
func (t *Tracker[P]) reschedule(w *wanted[P]) {
	var due time.Time
	sooner := func(at time.Time) {
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	out := w.asked()
	for i := range w.anns {
		switch a := &w.anns[i]; {
		case a.state == annAsked, a.state == annWaiting && !out:
			sooner(a.at)
		case a.state == annParked:
			sooner(never)
		}
	}
	if due.IsZero() {
		t.remove(w)
		return
	}
	w.due = due
	heap.Fix(&t.queue, w.index)
}

func (t *Tracker[P]) remove(w *wanted[P]) {
	heap.Remove(&t.queue, w.index)
	delete(t.txs, w.hash)
	for i := range w.anns {
		if pa := t.peers[w.anns[i].peer]; pa != nil {
			delete(pa.hashes, w.hash)
			if len(pa.hashes) == 0 {
				delete(t.peers, w.anns[i].peer)
			}
		}
	}
}

// Next is when Advance has something to do; the zero time if never.
func (t *Tracker[P]) Next() time.Time {
	if len(t.queue) == 0 {
		return time.Time{}
	}
	return t.queue[0].due
}

// Full tells whether the peer's further announcements would not be kept.
func (t *Tracker[P]) Full(peer P) bool {
	pa := t.peers[peer]
	return pa != nil && len(pa.hashes) >= MaxAnnounced
}

// Load is how many requests to the peer are out.
func (t *Tracker[P]) Load(peer P) int {
	if pa := t.peers[peer]; pa != nil {
		return pa.asked
	}
	return 0
}

// Len is how many transactions are wanted.
func (t *Tracker[P]) Len() int { return len(t.txs) }

// Announced is how many announcements of a peer are kept.
func (t *Tracker[P]) Announced(peer P) int {
	if pa := t.peers[peer]; pa != nil {
		return len(pa.hashes)
	}
	return 0
}

func (w *wanted[P]) of(peer P) *announcement[P] {
	for i := range w.anns {
		if w.anns[i].peer == peer {
			return &w.anns[i]
		}
	}
	return nil
}

func (w *wanted[P]) asked() bool {
	for i := range w.anns {
		if w.anns[i].state == annAsked {
			return true
		}
	}
	return false
}

func (w *wanted[P]) drop(peer P) {
	for i := range w.anns {
		if w.anns[i].peer == peer {
			w.anns = append(w.anns[:i], w.anns[i+1:]...)
			return
		}
	}
}

// wantedHeap is a heap by due, then by seq: a total order, so what comes out first never depends on how it
// was put in.
type wantedHeap[P ~uint64] []*wanted[P]

func (q wantedHeap[P]) Len() int { return len(q) }
func (q wantedHeap[P]) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].seq < q[j].seq
	}
	return q[i].due.Before(q[j].due)
}
func (q wantedHeap[P]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *wantedHeap[P]) Push(x any) {
	w := x.(*wanted[P])
	w.index = len(*q)
	*q = append(*q, w)
}
func (q *wantedHeap[P]) Pop() any {
	last := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = nil
	*q = (*q)[:len(*q)-1]
	return last
}
