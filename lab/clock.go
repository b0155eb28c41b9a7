package lab

import (
	"fmt"
	"sync/atomic"
	"time"
)

// maxShift bounds how far the clocks of a network may be from that of the wall.
const maxShift = 10 * 365 * 24 * time.Hour

// shiftedClock is the time of a whole network: that of the wall, moved.
type shiftedClock struct {
	base  func() time.Time
	shift atomic.Int64 // nanoseconds
}

func (c *shiftedClock) now() time.Time { return c.base().Add(time.Duration(c.shift.Load())) }

// Now is the time in the network.
func (n *Net) Now() time.Time { return n.clock.now() }

// Advance moves the clocks of all nodes by d, which may be negative, and returns the time that it is then. The move is remembered
// with the network: a chain whose times are ahead of the wall would otherwise stand still after a restart.
func (n *Net) Advance(d time.Duration) (time.Time, error) {
	n.steer.Lock()
	defer n.steer.Unlock()
	shift := time.Duration(n.clock.shift.Load())
	if total := shift + d; d > maxShift || d < -maxShift || total > maxShift || total < -maxShift {
		return time.Time{}, fmt.Errorf("the clocks of a network are at most ten years away from that of the wall, and this would be %v", shift+d)
	}
	n.clock.shift.Add(int64(d))
	n.cfg.ClockShift = shift + d
	if err := n.cfg.save(); err != nil {
		return time.Time{}, err
	}
	n.redial()
	n.watch.tell(Event{Kind: "time", Node: -1, Detail: fmt.Sprintf("%+v", d)})
	return n.clock.now(), nil
}

// tipTime is the latest time of a running node's tip.
func (n *Net) tipTime() (at time.Time) {
	for i := range n.nodes {
		if nd := n.running(i); nd != nil {
			if t := time.Unix(int64(nd.Chain().Tip().Header().Time), 0); t.After(at) {
				at = t
			}
		}
	}
	return at
}

// redial lets all nodes try at once whom they could not reach.
func (n *Net) redial() {
	for i := range n.nodes {
		if nd := n.running(i); nd != nil {
			nd.Redial()
		}
	}
}
