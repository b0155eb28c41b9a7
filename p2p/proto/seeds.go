package proto

import (
	"slices"
	"time"
)

// Seed nodes (--seednode): nodes that a person trusts to know others. Each is connected to once, asked for addresses, and left when it
// has told some, or after fetchTimeout. The first is asked at once if the book is empty, else after seedEvery, the next each
// seedEvery later, all only as long as fewer than seedEnough full-relay peers were found. They are not asked when we dial nobody
// on our own.
const (
	maxSeeds     = 100
	seedEvery    = 10 * time.Second
	seedEnough   = 2
	fetchTimeout = 5 * time.Minute
)

type seedState struct {
	list []addrPort // in the order in which they are asked
	next time.Time  // the next look at whether one is needed; zero: never
}

func (s *seedState) start(m *Machine) {
	switch {
	case len(s.list) == 0 || m.cfg.Book == nil || m.cfg.Limits.Outbound == 0:
		s.list = nil
		return
	case m.bookEmpty():
		s.next = m.now
	default:
		s.next = m.now.Add(seedEvery)
	}
}

func (m *Machine) bookEmpty() bool {
	_, ok := m.cfg.Book.Select(m.clock(), false, m.avoiding())
	return !ok
}

// addSeed adds an address to those that are asked. A now that is not zero arms the timer.
func (o *outboundState) addSeed(a addrPort, now time.Time) {
	s := &o.seeds
	if !a.IsValid() || len(s.list) >= maxSeeds || slices.Contains(s.list, a) {
		return
	}
	s.list = append(s.list, a)
	if s.next.IsZero() {
		s.next = now
	}
}

// dialSeed asks the next one when it is time, if it is needed.
func (m *Machine) dialSeed() {
	s := &m.outbound.seeds
	if !m.due(s.next) {
		return
	}
	s.next = m.now.Add(seedEvery)
	switch {
	case len(s.list) == 0 || m.cfg.Book == nil || m.cfg.Limits.Outbound == 0:
		*s = seedState{}
	case m.standing(Outbound) < seedEnough:
		a := s.list[0]
		s.list = s.list[1:]
		m.dial(a, AddrFetch)
	}
}

// standing is how many connections of a kind are ready.
func (m *Machine) standing(kind ConnKind) int {
	n := 0
	for _, p := range m.order {
		if p.kind == kind && p.ready() {
			n++
		}
	}
	return n
}

// fetchDeadline is when a seed node is left that has told nothing; zero for others.
func (p *peer) fetchDeadline() time.Time {
	if p.kind != AddrFetch {
		return time.Time{}
	}
	return p.since.Add(fetchTimeout)
}

// fetched ends the connection to a seed node that has told of others.
func (m *Machine) fetched(p *peer, addrs int) {
	if p.kind == AddrFetch && addrs > 1 {
		m.drop(p, "addresses fetched", "")
	}
}

// MayConnect tells whether there is a place for one more connection of a kind that a person asks for (Connect), by the numbers of
// DefaultLimits if ours are less. Manual ones have AddManual.
func (m *Machine) MayConnect(kind ConnKind) bool {
	least := DefaultLimits()
	switch kind {
	case Outbound:
		return m.count(kind) < max(m.cfg.Limits.Outbound, least.Outbound)
	case BlockRelay:
		return m.count(kind) < max(m.cfg.Limits.BlockRelay, least.BlockRelay)
	case AddrFetch, Feeler:
		return m.count(kind) < maxSeeds
	}
	return false
}
