package proto

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// Which peers are looked at in a step.
//
// A look at a peer is workPeer: its chores. Most events concern one peer and leave everybody else as they are: an
// announcement of transactions, a transaction, a header that is known, a timer. Then only some are looked at; all else of a step is
// done in full.
//
// The rules. All peers are looked at, unless
//   - the event is narrow: it changes nothing of other peers, but for what is listed in shared;
//   - the machine is fit: it is settled, and every peer whose headers we want was asked for them;
//   - and what is shared is as it was before the latest pass over all peers.
//
// Otherwise these are looked at:
//   - the peer of the event;
//   - those whose deadline has come;
//   - those that owe us blocks, since each of them may change what is to become of another's blocks, and the chain may store
//     a parent before its verdict comes;
//   - from the moment on when something shared changes, all that follow; and all in the next step, as those before did not see it.
//
// Invariant: who is not looked at would have done nothing: it would have sent nothing, changed nothing and drawn no random number.
// So effects and NextTick are those of a machine that looks at every peer in each step (Config.thorough; tests hold both beside each other).
//
// Proof. A look at a peer leaves nothing that a second one at the same time would do. What makes it do something later is
// one of these:
//   - its own state. This is changed by messages and verdicts of its own, for which it is looked at, and by what others do to it:
//     events that are not narrow; being asked for a block in another's place, which raises sources if it owed none; being held to stall the
//     download, which happens only to who owes blocks.
//   - the time. Each chore that waits for one has it in peerDeadlines. turnToSync also looks at the age of the best header, but not if fit.
//   - the chain and the blocks that are under way: judgeChainSync reads the tip; watchBlocks what is known of the blocks
//     that the peer owes; requestBlocks and requestHistory begin with whether the epoch is one that they have seen. A request that ends
//     and a peer that goes raise the epoch.
//   - Machine.settled, which gives all peers a feeCheck when it becomes true, and syncHeaders of other peers, for whose end those wait
//     that were not asked for headers yet. fit excludes both, and only an event that is not narrow can end it.
//   - relay.inboundNext, the deadline of all inbound peers that have something to be told, and not set while there is none. It is set for the
//     first of these, or anew when it has come and all of them were looked at.
//   - headerSync.protected: more of it lets nobody do more, and less of it comes with a peer that goes.
//   - the pool, the upload target, the address book and Config.History are only read by chores which one of the above has set off.
//
// A deadline depends on the same, so those of whoever is looked at are computed anew, and all if something shared has
// changed (sanity compares them after each step of a test).
//
// Cost: O(peers) in time for a step as before, but 32 bytes of memory a peer are read and not some kilobytes.
type quickWork struct {
	fit  bool
	last shared     // before the latest pass over all
	next []nextLook // by place in Machine.order
}

// nextLook tells when a peer is to be looked at if nothing else happens.
type nextLook struct {
	at   time.Time // the first of its deadlines, zero: none
	owes bool      // blocks
}

// shared is what chores and deadlines depend on that is neither the peer's own nor a time. What of it a step changes back is
// not missed: epoch never falls, and sources does not without it.
type shared struct {
	epoch   uint64
	sources int
	tip     consensus.Ancestry
}

func (m *Machine) shared() shared {
	return shared{epoch: m.blocks.epoch, sources: m.blocks.sources, tip: m.cfg.Chain.Tip()}
}

// narrow tells whether ev changes nothing of any peer but one, and which; nil: of none.
func (m *Machine) narrow(ev Event) (*peer, bool) {
	switch e := ev.(type) {
	case Tick:
		return nil, true
	case Message:
		p := m.peers[e.Peer]
		// Who has PermForceRelay may have others told of a transaction at once.
		return p, p != nil && !p.perm.Has(PermForceRelay) && narrowMessage(e.Msg)
	}
	return nil, false
}

func narrowMessage(msg wire.Message) bool {
	switch msg.(type) {
	case wire.TxMsg, wire.NotFound, wire.GetData, wire.FeeFilter, wire.SendHeaders, wire.Headers, wire.InvMsg:
		return true
	}
	return false
}

// workPeers looks at those peers that ev calls for, and tells how to note it with noteWork: whether at all, and else whose event it
// was. If a peer is dropped it begins again: what that one owed is asked of others at once, also of those that had their turn
// before, and their time limits count it no more.
func (m *Machine) workPeers(ev Event) (p *peer, all bool) {
	q := &m.quick
	p, narrow := m.narrow(ev)
	all = m.cfg.thorough || !narrow || !q.fit || m.shared() != q.last
	for dropped := -1; dropped != m.dropped; {
		dropped = m.dropped
		if all {
			q.last = m.shared()
		}
		for i, x := range m.order {
			if !(all || x == p || m.callsFor(i)) || x.closing {
				continue
			}
			m.workPeer(x)
			all = all || m.shared() != q.last
		}
	}
	return p, all
}

// callsFor tells whether a peer is to be looked at whatever the event.
func (m *Machine) callsFor(i int) bool { return m.quick.next[i].owes || m.due(m.quick.next[i].at) }

// noteWork ends a step.
func (m *Machine) noteWork(p *peer, all bool) {
	q := &m.quick
	all = all || m.shared() != q.last
	if all {
		q.fit = m.fit()
		q.next = append(q.next[:0], make([]nextLook, len(m.order))...)
	}
	for i, x := range m.order {
		if all || x == p || m.callsFor(i) {
			q.next[i] = m.nextLook(x)
		}
	}
}

func (m *Machine) nextLook(p *peer) nextLook {
	var e earliest
	if !p.closing {
		m.peerDeadlines(p, &e)
	}
	return nextLook{at: e.at, owes: len(p.dl.queue) > 0}
}

// fit tells whether all peers are in the state in which most of their time is spent.
func (m *Machine) fit() bool {
	for _, p := range m.order {
		if !p.closing && !p.sync.started && p.downloadable() {
			return false
		}
	}
	return m.settled
}
