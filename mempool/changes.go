package mempool

import (
	"maps"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Reason says why a transaction left the pool, in Core's words.
type Reason string

// The reasons.
const (
	ReasonBlock    Reason = "block"     // it is in a block
	ReasonReplaced Reason = "replaced"  // another one spends the same coins for a higher fee
	ReasonConflict Reason = "conflict"  // a block spends the same coins
	ReasonSize     Reason = "sizelimit" // the pool was full
	ReasonExpiry   Reason = "expiry"    // it stayed too long
	ReasonReorg    Reason = "reorg"     // after a reorganization it is not valid any more
)

// Change is one transaction that came or went.
type Change struct {
	Seq           uint64 // counts from 1 without gaps
	ID, WitnessID types.Hash
	Added         bool
	Reason        Reason // if it went
}

// maxChanges is how many changes are remembered.
const maxChanges = 8192

// changeLog is a ring of the last changes and the bells of those who wait for more.
type changeLog struct {
	ring  []Change // Seq s lies at (s−1) mod maxChanges
	last  uint64
	bells []chan struct{}
}

func (l *changeLog) note(e *entry, added bool, why Reason) {
	l.last++
	c := Change{Seq: l.last, ID: e.id, WitnessID: e.wid, Added: added, Reason: why}
	if len(l.ring) < maxChanges {
		l.ring = append(l.ring, c)
	} else {
		l.ring[(l.last-1)%maxChanges] = c
	}
	for _, bell := range l.bells {
		select {
		case bell <- struct{}{}:
		default: // it is ringing already
		}
	}
}

// Changes returns up to n changes after the one numbered since. lost says that some of those are forgotten (the last 8,192
// are kept): then the reader starts over from Entries and Info's Seq.
func (p *Pool) Changes(since uint64, n int) (list []Change, lost bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	l := &p.log
	first := l.last - uint64(len(l.ring)) + 1
	if since > l.last {
		return nil, true
	}
	if since+1 < first {
		return nil, true
	}
	for s := since + 1; s <= l.last && len(list) < n; s++ {
		list = append(list, l.ring[(s-1)%maxChanges])
	}
	return list, false
}

// Seq is the number of the last change.
func (p *Pool) Seq() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.log.last
}

// Subscribe returns a bell that rings (a value in a channel of capacity 1) after changes, and what ends it.
func (p *Pool) Subscribe() (bell <-chan struct{}, cancel func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := make(chan struct{}, 1)
	p.log.bells = append(p.log.bells, c)
	return c, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for i, b := range p.log.bells {
			if b == c {
				p.log.bells = append(p.log.bells[:i:i], p.log.bells[i+1:]...)
				return
			}
		}
	}
}

// Stats counts what happened since the start.
type Stats struct {
	Accepted uint64
	// Rejected counts refusals by kind; MissingParents counts as consensus.MissingInputs.
	Rejected map[consensus.Kind]uint64
	// Removed counts departures by reason.
	Removed map[Reason]uint64
	// Returned counts transactions of blocks that were disconnected.
	Returned uint64
}

// Stats returns a copy of the counters.
func (p *Pool) Stats() Stats {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s := p.stats
	s.Rejected, s.Removed = maps.Clone(s.Rejected), maps.Clone(s.Removed)
	return s
}
