package p2p

import (
	"errors"
	"sync"

	"github.com/cairn-chain/cairn/p2p/wire"
)

var (
	errQueueFull   = errors.New("send queue is full")
	errQueueClosed = errors.New("connection is closed")
)

// item is a message that waits to be sent, or a function that makes some when its turn has come.
type item struct {
	msg  wire.Message
	make func() []wire.Message
	size int // bytes that it is counted with
}

// messages are those of the item, made now if they are not yet.
func (it item) messages() []wire.Message {
	if it.make != nil {
		return it.make()
	}
	return []wire.Message{it.msg}
}

// queue holds what waits to be sent to one peer, bounded in items and bytes. Bytes count until they
// were written. One message always fits into an empty queue.
type queue struct {
	maxItems, maxBytes int
	bell               chan struct{} // capacity 1: something was pushed

	mu     sync.Mutex
	items  []item
	bytes  int
	closed bool
}

func newQueue(maxItems, maxBytes int) *queue {
	return &queue{maxItems: maxItems, maxBytes: maxBytes, bell: make(chan struct{}, 1)}
}

// push adds an item, or returns errQueueFull or errQueueClosed.
func (q *queue) push(it item) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return errQueueClosed
	case len(q.items) >= q.maxItems, q.bytes > 0 && q.bytes+it.size > q.maxBytes:
		return errQueueFull
	}
	q.items = append(q.items, it)
	q.bytes += it.size
	select {
	case q.bell <- struct{}{}:
	default:
	}
	return nil
}

// pop takes the oldest item; ok is false if there is none. Its bytes count until release.
func (q *queue) pop() (it item, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) == 0 {
		return item{}, false
	}
	it, q.items[0] = q.items[0], item{}
	q.items = q.items[1:]
	if len(q.items) == 0 {
		q.items = nil
	}
	return it, true
}

// release gives back the bytes of items that were written.
func (q *queue) release(bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= bytes
}

// close drops what waits and refuses what comes.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items, q.closed = nil, true
}

// load returns how many items and bytes wait.
func (q *queue) load() (items, bytes int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items), q.bytes
}
