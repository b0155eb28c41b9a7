package node

import (
	"sync/atomic"
	"time"
)

// clock is the node's time: the one given, unless it is mocked (setmocktime).
type clock struct {
	base func() time.Time
	mock atomic.Int64 // unix seconds; 0: not mocked
}

func (c *clock) now() time.Time {
	if s := c.mock.Load(); s != 0 {
		return time.Unix(s, 0)
	}
	return c.base()
}

func (c *clock) set(t time.Time) {
	if t.IsZero() {
		c.mock.Store(0)
		return
	}
	c.mock.Store(t.Unix())
}
