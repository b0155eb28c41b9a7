package shape

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	pieceBytes   = 16 << 10 // what is timed as one
	segmentBytes = 1448     // of TCP over Ethernet: what is lost as one
	minQueue     = 64 << 10
	maxQueue     = 4 << 20
	queueTime    = 200 * time.Millisecond // what a router's buffer holds
	minTimeout   = 200 * time.Millisecond // of TCP, as Linux has it
)

// Direction is one direction of a link between two nodes. All connections between them share it. Its methods may be
// called from any goroutine.
type Direction struct {
	mu      sync.Mutex
	shape   Shape
	rng     *rand.Rand // nil until it is needed
	seed    [2]uint64
	free    time.Time     // when the line can take the next piece
	changed chan struct{} // closed when the shape changes
}

// NewDirection makes a direction without a shape. What is random in it follows from the seeds.
func NewDirection(seed1, seed2 uint64) *Direction {
	return &Direction{seed: [2]uint64{seed1, seed2}}
}

// Set changes the shape for what is written from now on. What is on its way keeps its time, unless the direction is blocked.
func (d *Direction) Set(s Shape) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shape = s
	if d.changed != nil {
		close(d.changed)
		d.changed = nil
	}
}

// Shape is the shape in force.
func (d *Direction) Shape() Shape {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shape
}

// change returns a channel that is closed at the next Set, and the shape until then.
func (d *Direction) change() (<-chan struct{}, Shape) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil {
		d.changed = make(chan struct{})
	}
	return d.changed, d.shape
}

// arrival is when a piece of size bytes that is written now arrives, if nothing is ahead of it.
func (d *Direction) arrival(now time.Time, size int) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shape
	if s == (Shape{}) {
		return now
	}
	if d.rng == nil {
		d.rng = rand.New(rand.NewPCG(d.seed[0], d.seed[1]))
	}
	at := now
	if s.Bandwidth > 0 {
		if d.free.After(at) {
			at = d.free
		}
		at = at.Add(time.Duration(float64(size) * 8 / float64(s.Bandwidth) * float64(time.Second)))
		d.free = at
	}
	delay := s.Latency.draw(d.rng)
	if s.Jitter > 0 {
		delay += time.Duration(d.rng.Int64N(2*int64(s.Jitter)+1)) - s.Jitter
	}
	return at.Add(max(delay, 0) + s.retransmission(size, d.rng))
}

// retransmission is how much later a piece arrives for what is lost of it. The rounds in which it is sent are drawn one by one;
// they are bounded, as TCP too gives up in the end.
func (s Shape) retransmission(size int, rng *rand.Rand) (late time.Duration) {
	if s.Loss <= 0 {
		return 0
	}
	roundTrip := 2 * s.Latency.Mid
	timeout := max(minTimeout, 2*roundTrip)
	left := (size + segmentBytes - 1) / segmentBytes
	for range 15 {
		lost := 0
		for range left {
			if rng.Float64() < s.Loss {
				lost++
			}
		}
		switch {
		case lost == 0:
			return late
		case left-lost >= 3:
			late += roundTrip
		default:
			late += timeout
			timeout = min(2*timeout, MaxLatency)
		}
		left = lost
	}
	return late
}

// room is how many bytes may be on their way.
func (s Shape) room() int {
	if s.Bandwidth == 0 {
		return maxQueue
	}
	bytes := float64(s.Bandwidth) / 8 * (s.Latency.Mid + queueTime).Seconds()
	return int(min(max(bytes, minQueue), maxQueue))
}
