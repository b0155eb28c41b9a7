package sim

import (
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// event is something that happens at a node, or, if node is noNode, to the world.
type event struct {
	at   int64  // nanoseconds since the start
	seq  uint64 // the order of what happens at one time
	node int32
	kind eventKind
	peer proto.PeerID // of evMessage
	msg  wire.Message // of evMessage
	do   func()       // of evCall
}

type eventKind uint8

const (
	evMessage eventKind = iota // msg arrives from peer
	evTick                     // the machine's timer
	evCall                     // do
)

const noNode = -1

func (e *event) before(f *event) bool {
	return e.at < f.at || (e.at == f.at && e.seq < f.seq)
}

// queue holds what is to happen, the next first: a heap of four children. Events of one time come in the order in which they
// were pushed. Push and pop are O(log n).
type queue struct {
	heap []event
	seq  uint64
}

func (q *queue) len() int { return len(q.heap) }

func (q *queue) push(e event) {
	q.seq++
	e.seq = q.seq
	h := append(q.heap, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(&h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = e
	q.heap = h
}

// pop takes the next event. The queue must not be empty.
func (q *queue) pop() event {
	h := q.heap
	top, last := h[0], h[len(h)-1]
	h[len(h)-1] = event{}
	h = h[:len(h)-1]
	q.heap = h
	if len(h) == 0 {
		return top
	}
	i := 0
	for {
		first := 4*i + 1
		if first >= len(h) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(h)); c++ {
			if h[c].before(&h[least]) {
				least = c
			}
		}
		if !h[least].before(&last) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = last
	return top
}
