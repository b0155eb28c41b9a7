package proto

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// Most events concern one peer and leave everybody else as they are: an announcement of transactions, a transaction, a
// header that is known, a timer. For these work looks only at that peer, and at those whose time has come, in place of all.
//
// The rules:
//   - Only the events of narrow may be narrow; after all others every peer is looked at.
//   - A chore of another peer does something only if its own state changed, if one of its deadlines has come, or if something
//     changed that all share: shared lists it. If it has changed since every peer was last looked at, every peer is looked at
//     again.
//   - Deadlines are kept in a list beside the peers, as they were after each peer's last look. A deadline that depends on
//     something shared is computed anew when that changes.
//
// Invariant: effects, and NextTick, are those of a machine that looks at every peer after each event. Tests hold both beside each
// other (Config.thorough).
type quickWork struct {
	last  shared
	fit   bool        // all peers are in the state in which most of their time is spent
	times []time.Time // the first deadline of each peer in Machine.order, zero: none
}

// shared is what the chores of a peer depend on that is not its own.
type shared struct {
	epoch       uint64
	stall       time.Duration
	sources     int
	partBytes   int
	dropped     int
	peers       int
	protected   int
	completed   bool
	inboundNext time.Time
	tip         consensus.Ancestry
}

func (m *Machine) shared() shared {
	return shared{
		epoch: m.blocks.epoch, stall: m.blocks.stall, sources: m.blocks.sources, partBytes: m.blocks.partBytes, dropped: m.dropped,
		peers: len(m.order), protected: m.heads.protected, completed: m.heads.completed, inboundNext: m.relay.inboundNext,
		tip: m.cfg.Chain.Tip(),
	}
}

// workFor does what ev calls for.
func (m *Machine) workFor(ev Event) {
	p, ok := m.narrow(ev)
	if m.cfg.thorough || !ok || !m.quick.fit || m.shared() != m.quick.last || !m.workNarrow(p) {
		m.work()
		m.lookedAtAll()
	}
}

// narrow tells whether ev concerns one peer alone, and which; nil: none.
func (m *Machine) narrow(ev Event) (*peer, bool) {
	switch e := ev.(type) {
	case Tick:
		return nil, true
	case Message:
		p := m.peers[e.Peer]
		// Who has PermForceRelay may have others told of a transaction at once.
		return p, p != nil && p.ready() && !p.perm.Has(PermForceRelay) && narrowMessage(e.Msg)
	}
	return nil, false
}

func narrowMessage(msg wire.Message) bool {
	switch msg := msg.(type) {
	case wire.TxMsg, wire.NotFound, wire.GetData, wire.FeeFilter, wire.SendHeaders, wire.Headers:
		return true
	case wire.InvMsg:
		for _, it := range msg.Items {
			if it.Type == wire.InvBlock {
				return false
			}
		}
		return true
	}
	return false
}

// workNarrow looks at p, which may be nil, and at all peers whose time has come. false: that was not enough.
func (m *Machine) workNarrow(p *peer) bool {
	var e earliest
	m.outboundDeadlines(&e)
	if m.due(e.at) {
		return false
	}
	for i, q := range m.order {
		due := m.due(m.quick.times[i])
		if due && len(q.dl.queue) > 0 {
			return false // it may have others asked for its blocks
		}
		if q != p && !due {
			continue
		}
		m.workPeer(q)
		if m.quick.times[i] = m.deadlineOf(q); m.shared() != m.quick.last {
			return false
		}
	}
	m.endInboundTrickle()
	m.requestTxs()
	if m.relay.inboundNext != m.quick.last.inboundNext {
		m.lookedAtAll() // the timer is the inbound peers' own
	}
	return true
}

func (m *Machine) deadlineOf(p *peer) time.Time {
	var e earliest
	if !p.closing {
		m.peerDeadlines(p, &e)
	}
	return e.at
}

// lookedAtAll notes how things stand after every peer was looked at.
func (m *Machine) lookedAtAll() {
	q := &m.quick
	q.times, q.fit, q.last = q.times[:0], m.settled, m.shared()
	for _, p := range m.order {
		q.times = append(q.times, m.deadlineOf(p))
		q.fit = q.fit && p.ready() && (p.sync.started || !p.downloadable())
	}
}
