package proto

import (
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/p2p/compact"
	"github.com/cairn-chain/cairn/p2p/orphanage"
	"github.com/cairn-chain/cairn/p2p/presync"
	"github.com/cairn-chain/cairn/types"
)

// sanity returns an error if the machine's state contradicts itself or exceeds a bound. Tests call it after every
// step.
func (m *Machine) sanity() error {
	if len(m.order) != len(m.peers) {
		return fmt.Errorf("%d peers in order, %d by id", len(m.order), len(m.peers))
	}
	byWitnessID := 0
	for i, p := range m.order {
		if m.peers[p.id] != p || (i > 0 && m.order[i-1].id >= p.id) {
			return fmt.Errorf("peer %d is out of order", p.id)
		}
		if err := m.peerSanity(p); err != nil {
			return fmt.Errorf("peer %d: %w", p.id, err)
		}
		if p.ready() && p.hs.wtxid {
			byWitnessID++
		}
	}
	if byWitnessID != m.relay.byWitnessID {
		return fmt.Errorf("%d peers with wtxidrelay, %d counted", byWitnessID, m.relay.byWitnessID)
	}
	if next := m.NextTick(); !next.After(m.clock()) && !m.tipAt.IsZero() {
		return fmt.Errorf("next tick %v is not after now %v", next, m.clock())
	}
	for _, check := range []func() error{m.quickSanity, m.compactSanity, m.blockSanity, m.txSanity, m.txs.tracker.Check, m.txs.orphans.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// quickSanity: what is noted of when to look at peers is what it would be if it were all noted now.
func (m *Machine) quickSanity() error {
	if len(m.quick.next) != len(m.order) {
		return fmt.Errorf("%d looks are noted for %d peers", len(m.quick.next), len(m.order))
	}
	for i, p := range m.order {
		if got, want := m.quick.next[i], m.nextLook(p); got != want {
			return fmt.Errorf("the next look at peer %d is %v (owes %v), should be %v (owes %v)", p.id, got.at, got.owes, want.at, want.owes)
		}
	}
	sum := quickWork{next: m.quick.next}
	if sum.sum(); sum.first != m.quick.first || sum.owing != m.quick.owing {
		return fmt.Errorf("the first look is noted as %v, %d peers owe; should be %v, %d", m.quick.first, m.quick.owing, sum.first, sum.owing)
	}
	return nil
}

func (m *Machine) peerSanity(p *peer) error {
	held := len(p.dl.queue) + p.dl.submitted + len(p.inv.toTell) + len(p.serve.queue) + len(p.serve.filters) + len(p.gossip.toTell)
	switch {
	case p.closing && (held > 0 || p.inv.known != nil || p.sync.presync != nil):
		return fmt.Errorf("closing, yet %d things are held for it", held)
	case p.free() < 0 || p.dl.unasked > 1 || p.dl.unasked < 0 || p.dl.unasked > p.dl.submitted:
		return fmt.Errorf("%d blocks in flight, %d submitted, %d of them unasked", len(p.dl.queue), p.dl.submitted, p.dl.unasked)
	case p.inv.pendingTxs < 0 || p.inv.pendingTxs > maxPendingTxs || p.inv.pendingBytes < 0:
		return fmt.Errorf("%d transactions of %d bytes pending", p.inv.pendingTxs, p.inv.pendingBytes)
	case len(p.inv.toTell) > maxToTell || len(p.serve.queue) > maxAsked || len(p.serve.filters) > maxFilterAsks || len(p.gossip.toTell) > 1000:
		return fmt.Errorf("a queue is over its bound: %d, %d, %d", len(p.inv.toTell), len(p.serve.queue), len(p.gossip.toTell))
	case p.inv.offered != nil && p.inv.offered.Size() > 2*maxOffered:
		return fmt.Errorf("%d offered", p.inv.offered.Size())
	case p.inv.known != nil && p.inv.known.Size() > 2*maxKnown:
		return fmt.Errorf("%d known", p.inv.known.Size())
	case p.serve.unread() > 2*serveWindow:
		return fmt.Errorf("%d bytes served unread", p.serve.unread())
	case p.sync.pending < 0 || p.sync.pending > maxPendingHeaders+presync.Default.Lookahead+2000:
		return fmt.Errorf("%d headers pending", p.sync.pending)
	case p.inv.waits() && m.trickleAt(p).IsZero():
		return fmt.Errorf("announcements wait and no timer runs")
	}
	return nil
}

func (m *Machine) blockSanity() error {
	requests, sources := 0, 0
	for h, f := range m.blocks.flights {
		if len(f.from) == 0 || len(f.from) > maxCopies || f.hash != h {
			return fmt.Errorf("block %v is asked of %d peers", h, len(f.from))
		}
		for _, r := range f.from {
			if r.peer.closing || !slices.Contains(r.peer.dl.queue, r) {
				return fmt.Errorf("block %v is asked of peer %d, which does not know", h, r.peer.id)
			}
		}
		requests += len(f.from)
	}
	for _, p := range m.order {
		requests -= len(p.dl.queue)
		if len(p.dl.queue) > 0 {
			sources++
		}
		for _, r := range p.dl.queue {
			if m.blocks.of(p, r.flight.hash) != r {
				return fmt.Errorf("peer %d owes block %v, of which nobody knows", p.id, r.flight.hash)
			}
		}
	}
	if requests != 0 || sources != m.blocks.sources {
		return fmt.Errorf("%d requests too many, %d sources counted as %d", requests, sources, m.blocks.sources)
	}
	if m.blocks.stall < stallLeast || m.blocks.stall > stallMost {
		return fmt.Errorf("stall time-out of %v", m.blocks.stall)
	}
	return nil
}

func (m *Machine) compactSanity() error {
	c, bytes := &m.compact, 0
	for _, p := range m.order {
		if p.compact.held != nil {
			bytes += compact.Bytes(p.compact.held)
		}
		for _, r := range p.dl.queue {
			if r.partial != nil {
				bytes += r.partial.Bytes
			}
		}
		if p.compact.chosen != slices.Contains(c.chosen, p) || (p.closing && p.compact != peerCompact{}) {
			return fmt.Errorf("peer %d: chosen %v, closing %v", p.id, p.compact.chosen, p.closing)
		}
	}
	if bytes != m.blocks.partBytes || bytes > maxCompactBytes || len(c.chosen) > maxHighBand {
		return fmt.Errorf("%d bytes of compact blocks wait, counted as %d; %d peers of high bandwidth", bytes, m.blocks.partBytes, len(c.chosen))
	}
	return c.extra.Check()
}

func (m *Machine) txSanity() error {
	retries, byPeer, bytes := 0, map[PeerID]int{}, 0
	for _, was := range m.txs.pending {
		bytes += was.bytes
		if was.retry {
			retries++
		} else {
			byPeer[was.peer]++
		}
	}
	if bytes != m.txs.bytes || len(m.txs.pending) > maxAllPending+maxRetries || bytes > maxAllPendingBytes+types.MaxBlockBytes+maxRetries*orphanage.MaxTxWeight {
		return fmt.Errorf("%d transactions of %d bytes pending, counted as %d", len(m.txs.pending), bytes, m.txs.bytes)
	}
	if retries != m.txs.retries || retries > maxRetries {
		return fmt.Errorf("%d orphans tried, %d counted", retries, m.txs.retries)
	}
	for _, p := range m.order {
		if !p.closing && byPeer[p.id] != p.inv.pendingTxs {
			return fmt.Errorf("peer %d has %d transactions pending, %d counted", p.id, byPeer[p.id], p.inv.pendingTxs)
		}
	}
	if n := len(m.relay.fresh.order); n != len(m.relay.fresh.since) || n > maxFresh {
		return fmt.Errorf("%d fresh transactions, %d by id", n, len(m.relay.fresh.since))
	}
	if m.disliked.Size() > 2*maxDiscouraged || m.txs.rejects.Size() > 2*maxRejects || m.txs.packages.poor.Size() > 2*maxRejects || m.txs.recent.Size() > 2*maxConfirmed {
		return fmt.Errorf("a rolling set is over its bound")
	}
	return nil
}
