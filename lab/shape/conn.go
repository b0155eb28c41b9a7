package shape

import (
	"net"
	"os"
	"sync"
	"time"
)

// Conn is a connection whose writes take the way through a Direction; reads are those of the connection itself.
type Conn struct {
	net.Conn
	find func() *Direction // nil when dir is known
	dir  *Direction        // nil: a connection without a shape for ever

	mu       sync.Mutex
	active   bool    // the carrier runs: all writes go through the queue
	queue    []piece // on the way, in order
	queued   int     // bytes in it
	last     time.Time
	deadline time.Time
	err      error         // of the carrier
	more     chan struct{} // capacity 1: the queue has grown
	room     chan struct{} // capacity 1: the queue has shrunk, the deadline or an error was set
	closed   chan struct{}
	once     sync.Once
}

// piece is a part of the stream and when it arrives.
type piece struct {
	due   time.Time
	bytes []byte
}

// NewConn lets what is written to c go through dir.
func NewConn(c net.Conn, dir *Direction) *Conn { return &Conn{Conn: c, dir: dir} }

// NewLateConn is NewConn for an end that learns only when it first writes who is at the other: find tells then, once. It may return nil: this
// connection is never shaped.
func NewLateConn(c net.Conn, find func() *Direction) *Conn { return &Conn{Conn: c, find: find} }

// Write sends b. It returns when b is on its way, not when it has arrived; it blocks while too much is.
func (c *Conn) Write(b []byte) (n int, err error) {
	for {
		if !c.begin() {
			k, err := c.Conn.Write(b)
			return n + k, err
		}
		size := min(len(b), pieceBytes)
		state, deadline, err := c.put(b[:size])
		if err == nil && state == full {
			err = c.awaitRoom(deadline)
		}
		if err != nil {
			return n, err
		}
		if state == taken {
			n += size
			b = b[size:]
		}
		if len(b) == 0 {
			return n, nil
		}
	}
}

// begin tells whether writes go through the queue, and starts the carrier if it does not run.
func (c *Conn) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.find != nil {
		c.dir, c.find = c.find(), nil
	}
	if c.dir == nil {
		return false
	}
	shaped := c.dir.Shape() != (Shape{})
	if c.active || !shaped {
		return c.active
	}
	c.bells()
	// The deadline is for the one who writes; the carrier has none.
	if c.err != nil || c.Conn.SetWriteDeadline(time.Time{}) != nil {
		return false
	}
	c.active = true
	go c.carry()
	return true
}

// bells makes the channels when they are first needed. It is called with the lock held.
func (c *Conn) bells() {
	if c.closed == nil {
		c.more, c.room, c.closed = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	}
}

// What came of put.
const (
	taken = iota // the piece is on its way
	full         // there is no room
	plain        // the carrier has ended: writes go straight through again
)

// put puts one piece on its way.
func (c *Conn) put(b []byte) (state int, deadline time.Time, err error) {
	room := c.dir.Shape().room()
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	switch {
	case c.err != nil:
		return 0, c.deadline, c.err
	case !c.active:
		return plain, c.deadline, nil
	case !c.deadline.IsZero() && !now.Before(c.deadline):
		return 0, c.deadline, os.ErrDeadlineExceeded
	case c.queued > 0 && c.queued+len(b) > room:
		return full, c.deadline, nil
	}
	if due := c.dir.arrival(now, len(b)); due.After(c.last) {
		c.last = due
	}
	c.queue = append(c.queue, piece{c.last, append([]byte(nil), b...)})
	c.queued += len(b)
	ring(c.more)
	return taken, c.deadline, nil
}

func (c *Conn) awaitRoom(deadline time.Time) error {
	var expired <-chan time.Time
	if !deadline.IsZero() {
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-c.room:
	case <-expired:
	case <-c.closed:
		return net.ErrClosed
	}
	return nil
}

// carry delivers pieces when they are due, until the connection is closed or fails, or has no shape and nothing on its
// way any more.
func (c *Conn) carry() {
	for {
		p, ok := c.next()
		if !ok {
			return
		}
		if p.bytes == nil {
			continue
		}
		_, err := c.Conn.Write(p.bytes)
		if !c.delivered(p, err) {
			return
		}
	}
}

// delivered takes the first piece off the queue; false if the connection is closed or has failed.
func (c *Conn) delivered(p piece, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		c.queue[0] = piece{}
		c.queue = c.queue[1:]
		c.queued -= len(p.bytes)
	}
	ring(c.room)
	return c.err == nil
}

// next waits for the first piece to be due. It returns no bytes if there is to be looked again, and false at the end.
func (c *Conn) next() (piece, bool) {
	changed, shape := c.dir.change()
	c.mu.Lock()
	if len(c.queue) == 0 && shape == (Shape{}) {
		defer c.mu.Unlock()
		c.active, c.queue, c.last = false, nil, time.Time{}
		// A connection that refuses the deadline is closed; the next write says so.
		_ = c.Conn.SetWriteDeadline(c.deadline)
		return piece{}, false
	}
	var first piece
	var wait time.Duration
	if len(c.queue) > 0 {
		first = c.queue[0]
		wait = time.Until(first.due)
	}
	c.mu.Unlock()
	if first.bytes != nil && wait <= 0 && !shape.Blocked {
		return first, true
	}
	return piece{}, c.rest(changed, first.bytes != nil && !shape.Blocked, wait)
}

// rest waits until there is something to look at again, or for a time if timed; false at the end.
func (c *Conn) rest(changed <-chan struct{}, timed bool, wait time.Duration) bool {
	var due <-chan time.Time
	if timed {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-changed:
		ring(c.room) // the new shape may have more room
	case <-c.more:
	case <-c.closed:
		return false
	}
	return true
}

// SetWriteDeadline bounds how long Write waits for room.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.active {
		ring(c.room)
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline bounds reads and writes.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.Conn.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// Close ends the connection; what is on its way is gone.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.bells()
		c.err = net.ErrClosed
		c.queue, c.queued = nil, 0
		close(c.closed)
	})
	return c.Conn.Close()
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}
