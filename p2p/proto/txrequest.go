package proto

import (
	"container/heap"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// Requests for transactions: of whom is a transaction asked that several peers announced?
//
// The specification follows Bitcoin Core's txrequest.h. An announcement says that a peer has a transaction; it is
//
//	waiting    until its time has come: some peers are asked only after a delay
//	ready      it may be asked
//	parked     it may be asked, but its peer has enough to answer
//	asked      the request is out, or answered and not judged yet; it expires after txExpiry
//	done       it was answered, expired, or can be of no more use
//
// The rules, and the attack that each stops:
//   - At most one announcement of a transaction is asked at a time: bandwidth.
//   - When none is asked and some are ready, one is chosen: preferred peers (those that we dialled) before others,
//     among equals by a salted order. An attacker who connects to us cannot make himself the chosen one by being fast
//     or by connecting often while an honest outbound peer announces too (CVE-2018-17145, CVE-2024-52913).
//   - A request expires, and one that was answered by notfound or a bad transaction is done: the next is asked.
//     A silent peer delays a transaction by txExpiry at most, and only once: done announcements stay, so it cannot
//     announce the same one again, until all are done and the transaction is forgotten.
//   - The delays (transactions.go) give preferred peers a head start and slow down who has much to answer.
//   - At most maxInRequest announcements of a peer are asked at a time. So a burst comes no faster than the mempool judges
//     it: what comes too fast would have to be dropped, and nobody announces a transaction twice. What is parked is
//     asked in the order of its parking as the peer answers, or of another peer that has fewer requests to answer.
//   - A peer has at most maxAnnounced announcements: memory.
//
// Complexity: O(log n) an operation, with n transactions, plus the announcements of that one transaction (at most
// one a peer). Next deadline in O(1): a heap by due time.
//
// Invariants (check): each transaction has at most one asked announcement, at least one that is not done, no
// two of one peer; its due time is in the past exactly while advance has something to do for it; after advance nothing is
// parked for a peer that could be asked, unless somebody else is asked; counts agree.
const (
	txExpiry     = 60 * time.Second
	maxAnnounced = 5000
	maxInRequest = 100
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
type announcement struct {
	peer      PeerID
	preferred bool
	witnessID bool // the hash is a witness id
	state     annState
	at        time.Time // waiting, parked: when it is or was ready; asked: when it expires
}

// wanted is a transaction that was announced.
type wanted struct {
	hash  types.Hash
	seq   uint64 // breaks ties of due
	anns  []announcement
	due   time.Time
	index int // in the heap
}

// txAsk is a request to be sent.
type txAsk struct {
	peer      PeerID
	hash      types.Hash
	witnessID bool
}

// txTracker is the whole of it. It knows nothing of messages.
type txTracker struct {
	key   hashKey
	txs   map[types.Hash]*wanted
	queue wantedHeap
	peers map[PeerID]*peerAsks
	seq   uint64
}

type peerAsks struct {
	peer   PeerID
	hashes map[types.Hash]struct{}
	asked  int
	parked []types.Hash // in the order of parking; those that are not parked any more among them
}

// busy tells whether the peer has enough to answer.
func (pa *peerAsks) busy() bool { return pa.asked >= maxInRequest }

func newTxTracker(key hashKey) *txTracker {
	return &txTracker{key: key, txs: map[types.Hash]*wanted{}, peers: map[PeerID]*peerAsks{}}
}

// announce notes that a peer has a transaction and may be asked from at on.
func (t *txTracker) announce(peer PeerID, h types.Hash, witnessID, preferred bool, at time.Time) {
	pa := t.peers[peer]
	if pa == nil {
		pa = &peerAsks{peer: peer, hashes: map[types.Hash]struct{}{}}
		t.peers[peer] = pa
	}
	if _, again := pa.hashes[h]; again || len(pa.hashes) >= maxAnnounced {
		return
	}
	pa.hashes[h] = struct{}{}
	w := t.txs[h]
	if w == nil {
		t.seq++
		w = &wanted{hash: h, seq: t.seq, due: at}
		t.txs[h] = w
		heap.Push(&t.queue, w)
	}
	w.anns = append(w.anns, announcement{peer: peer, preferred: preferred, witnessID: witnessID, at: at})
	t.reschedule(w)
}

// advance asks for all that may be asked for now.
func (t *txTracker) advance(now time.Time) (out []txAsk) {
	for {
		for len(t.queue) > 0 && !now.Before(t.queue[0].due) {
			out = t.ask(t.queue[0], now, out)
		}
		// What left its parking may have been asked of others, and its place be free again.
		again := false
		for _, pa := range t.peers { // the order cannot be seen: what is unparked is asked in the order of the queue
			again = t.unpark(pa, maxInRequest-pa.asked) || again
		}
		if !again {
			return out
		}
	}
}

// ask does what is due for one transaction.
func (t *txTracker) ask(w *wanted, now time.Time, out []txAsk) []txAsk {
	for i := range w.anns {
		if a := &w.anns[i]; a.state == annAsked && !now.Before(a.at) {
			t.finish(a)
		}
	}
	if !w.asked() {
		if a := t.choose(w, now); a != nil {
			a.state, a.at = annAsked, now.Add(txExpiry)
			t.peers[a.peer].asked++
			out = append(out, txAsk{a.peer, w.hash, a.witnessID})
		}
	}
	t.reschedule(w)
	return out
}

// choose picks the best ready announcement, or nil. Those of busy peers are parked.
func (t *txTracker) choose(w *wanted, now time.Time) (best *announcement) {
	rank := func(a *announcement) uint64 { return t.key.with(t.key.short(w.hash), uint64(a.peer)) }
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
func (t *txTracker) park(pa *peerAsks, w *wanted, a *announcement) {
	if len(pa.parked) >= 2*maxAnnounced {
		pa.parked = slices.DeleteFunc(pa.parked, func(h types.Hash) bool { return t.parked(a.peer, h) == nil })
	}
	a.state = annParked
	pa.parked = append(pa.parked, w.hash)
}

// parked finds a transaction of which the peer's announcement is parked.
func (t *txTracker) parked(peer PeerID, h types.Hash) *announcement {
	if w := t.txs[h]; w != nil {
		if a := w.of(peer); a != nil && a.state == annParked {
			return a
		}
	}
	return nil
}

// unpark makes n parked announcements of a peer ready, and tells whether one of them is to be seen to.
func (t *txTracker) unpark(pa *peerAsks, n int) (some bool) {
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

// postpone: the peer's answer could not be taken. It is asked again from at on.
func (t *txTracker) postpone(peer PeerID, h types.Hash, at time.Time) {
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

// answered: the peer was asked and has answered, or it turned out that it never will.
func (t *txTracker) answered(peer PeerID, h types.Hash) {
	if w := t.txs[h]; w != nil {
		if a := w.of(peer); a != nil {
			t.finish(a)
			t.reschedule(w)
		}
	}
}

// forget drops a transaction: it is here, or not wanted.
func (t *txTracker) forget(h types.Hash) {
	w := t.txs[h]
	if w == nil {
		return
	}
	for i := range w.anns {
		t.finish(&w.anns[i])
	}
	t.reschedule(w)
}

// gone drops all that a peer announced.
func (t *txTracker) gone(peer PeerID) {
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

func (t *txTracker) finish(a *announcement) {
	was := a.state
	a.state = annDone
	if pa := t.peers[a.peer]; was == annAsked && pa != nil {
		pa.asked--
		t.unpark(pa, 1)
	}
}

// reschedule computes when something is to be done for w, and forgets it if that is never.
func (t *txTracker) reschedule(w *wanted) {
	var e earliest
	asked := w.asked()
	for i := range w.anns {
		switch a := &w.anns[i]; {
		case a.state == annAsked, a.state == annWaiting && !asked:
			e.add(a.at)
		case a.state == annParked:
			e.add(never)
		}
	}
	if e.at.IsZero() {
		t.remove(w)
		return
	}
	w.due = e.at
	heap.Fix(&t.queue, w.index)
}

func (t *txTracker) remove(w *wanted) {
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

// next is when advance has something to do; the zero time if never.
func (t *txTracker) next() time.Time {
	if len(t.queue) == 0 {
		return time.Time{}
	}
	return t.queue[0].due
}

// overfull tells whether the peer's further announcements would not be kept.
func (t *txTracker) overfull(peer PeerID) bool {
	pa := t.peers[peer]
	return pa != nil && len(pa.hashes) >= maxAnnounced
}

// load is how many requests to the peer are out.
func (t *txTracker) load(peer PeerID) int {
	if pa := t.peers[peer]; pa != nil {
		return pa.asked
	}
	return 0
}

func (w *wanted) of(peer PeerID) *announcement {
	for i := range w.anns {
		if w.anns[i].peer == peer {
			return &w.anns[i]
		}
	}
	return nil
}

func (w *wanted) asked() bool {
	for i := range w.anns {
		if w.anns[i].state == annAsked {
			return true
		}
	}
	return false
}

func (w *wanted) drop(peer PeerID) {
	for i := range w.anns {
		if w.anns[i].peer == peer {
			w.anns = append(w.anns[:i], w.anns[i+1:]...)
			return
		}
	}
}

// wantedHeap is a heap by due, then by seq: a total order, so what comes out first never depends on how it
// was put in.
type wantedHeap []*wanted

func (q wantedHeap) Len() int { return len(q) }
func (q wantedHeap) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].seq < q[j].seq
	}
	return q[i].due.Before(q[j].due)
}
func (q wantedHeap) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *wantedHeap) Push(x any) {
	w := x.(*wanted)
	w.index = len(*q)
	*q = append(*q, w)
}
func (q *wantedHeap) Pop() any {
	last := (*q)[len(*q)-1]
	(*q)[len(*q)-1] = nil
	*q = (*q)[:len(*q)-1]
	return last
}
