package miner

import (
	"sync"
	"time"
)

// meterSlots is into how many parts a Meter cuts its window.
const meterSlots = 32

// Meter tells the rate at which a growing counter grew within a sliding window. It is safe for concurrent use and keeps at most 33 samples.
type Meter struct {
	window time.Duration

	mu      sync.Mutex
	samples []sample // times rising
}

type sample struct {
	at    time.Time
	total uint64
}

// NewMeter makes a Meter over a window, at least a second.
func NewMeter(window time.Duration) *Meter { return &Meter{window: max(window, time.Second)} }

// Observe notes the counter's value at a time. Calls out of order are ignored; a counter that fell back starts the window anew.
func (m *Meter) Observe(now time.Time, total uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := len(m.samples)
	switch {
	case n > 0 && now.Before(m.samples[n-1].at):
		return
	case n > 0 && total < m.samples[n-1].total:
		m.samples = m.samples[:0]
	case n > 1 && now.Sub(m.samples[n-2].at) < m.window/meterSlots:
		m.samples = m.samples[:n-1] // the newest stands for its slot
	}
	m.samples = append(m.samples, sample{now, total})
	m.forget(now)
}

// forget drops samples before the window, but for the last of them, from which the rate is taken.
func (m *Meter) forget(now time.Time) {
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= m.window {
		m.samples = m.samples[1:]
	}
}

// Rate returns the growth per second over the window that ends now, 0 without two samples. After the counter stopped it falls to 0 within
// a window.
func (m *Meter) Rate(now time.Time) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forget(now)
	if len(m.samples) < 2 {
		return 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	seconds := now.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(last.total-first.total) / seconds
}
