package proto

import (
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// A ping goes out every pingInterval; a peer that has not answered one within pingTimeout is gone.
const (
	pingInterval = 2 * time.Minute
	pingTimeout  = 20 * time.Minute
)

// pingState is one peer's. At most one ping is under way.
type pingState struct {
	nonce     uint64 // of the ping under way, 0 if there is none
	sent      time.Time
	next      time.Time
	last, min time.Duration // 0 before the first answer
}

func (s *pingState) deadline() time.Time {
	if s.nonce != 0 {
		return s.sent.Add(pingTimeout)
	}
	return s.next
}

func (m *Machine) keepAlive(p *peer) {
	s := &p.ping
	if p.hs.protocol < versionPong || m.cfg.Quiet && s.nonce == 0 {
		s.next = time.Time{} // it could not answer, or need not
		return
	}
	if !m.due(s.deadline()) {
		return
	}
	if s.nonce != 0 {
		m.drop(p, "ping timeout", "")
		return
	}
	s.nonce, s.sent = m.nonce(), m.now
	m.send(p, wire.Ping{Nonce: s.nonce})
}

// nonce draws a number that is not 0.
func (m *Machine) nonce() uint64 {
	for {
		if n := m.cfg.Rand.Uint64(); n != 0 {
			return n
		}
	}
}

func (m *Machine) onPing(p *peer, msg wire.Ping) {
	if p.hs.protocol >= versionPong {
		m.send(p, wire.Pong(msg))
	}
}

// onPong takes the time. A pong that nobody asked for is ignored.
func (m *Machine) onPong(p *peer, msg wire.Pong) {
	if m.fenceAnswered(p, msg.Nonce) {
		return
	}
	s := &p.ping
	if s.nonce == 0 || msg.Nonce != s.nonce {
		return
	}
	s.last = max(m.now.Sub(s.sent), time.Microsecond)
	if s.min == 0 || s.last < s.min {
		s.min = s.last
	}
	s.nonce, s.next = 0, s.sent.Add(pingInterval)
	if !s.next.After(m.now) {
		s.next = m.now.Add(time.Millisecond)
	}
}
