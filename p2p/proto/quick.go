package proto

import (
	"slices"
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
//   - a transaction that others are told of (announceTx), which may set a timer: it notes their new deadlines (soon), and if one of those
//     has come already its peer is looked at. hastenFeeFilter, which follows it, ends fit if it sets a timer.
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
// Cost: a step that calls for nobody but the peer of its event reads the addresses of peers, 8 bytes each, to find its place, and, if its deadline has
// changed, 32 bytes of each; any other is O(peers) as before.
type quickWork struct {
	fit  bool
	last shared     // before the latest pass over all
	next []nextLook // by place in Machine.order

	first time.Time // of next
	owing int       // how many of next owe blocks
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

// narrow tells whether ev changes nothing of any peer but one, and which; nil: of none. What it does to others by announceTx is noted there.
func (m *Machine) narrow(ev Event) (*peer, bool) {
	switch e := ev.(type) {
	case Tick:
		return nil, true
	case Message:
		p := m.peers[e.Peer]
		return p, p != nil && narrowMessage(e.Msg)
	case TxVerdict:
		return m.peers[e.Peer], true
	case PackageVerdict:
		return m.peers[e.Peer], true
	}
	return nil, false
}

// narrowMessage tells whether a message changes nothing of any peer but who sent it.
//
// These must not be narrow, nor events like them:
//   - version, wtxidrelay, sendaddrv2 and verack, Connected and Gone: a peer that becomes ready can end fit, and who comes or goes changes the places in
//     Machine.order.
//   - addr and addrv2: they are passed on, which sets the timers of others.
//   - BlockChecked: it may find out that others have a block.
//   - HeadersVerdict, BlockVerdict, TipChanged, Offer, FetchBlock, Hurry, PingAll and those about addresses to dial: they are about
//     everybody, or about what is not listed above.
//
// These could be and are not, because they are rare, or because something shared changes nearly always and all are looked at
// anyway: block, blocktxn, ping, pong, getaddr, getblocks, mempool, getblocktxn, requests for filters, Malformed, DropPeer, Broadcast.
func narrowMessage(msg wire.Message) bool {
	switch msg.(type) {
	case wire.TxMsg, wire.NotFound, wire.GetData, wire.FeeFilter, wire.SendHeaders, wire.Headers, wire.InvMsg, wire.CmpctBlock, wire.GetHeaders,
		wire.SendCmpct:
		return true
	}
	return false
}

// soon notes that the peer at place i of Machine.order has a further deadline.
func (q *quickWork) soon(i int, at time.Time) {
	e := earliest{q.next[i].at}
	e.add(at)
	q.next[i].at = e.at
	e = earliest{q.first}
	e.add(at)
	q.first = e.at
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
		all = m.pass(p, all)
	}
	return p, all
}

// pass looks at peers in their order: at all, or at p, if it is one, and whoever else is called for. It tells whether it came to look at all that
// followed.
func (m *Machine) pass(p *peer, all bool) bool {
	from, alone := 0, !all && !m.callsForAny()
	if alone {
		if p == nil {
			return false
		}
		from = slices.Index(m.order, p)
	}
	for i, x := range m.order[from:] {
		if !(all || x == p || m.callsFor(from+i)) || x.closing {
			continue
		}
		m.workPeer(x)
		if all = all || m.shared() != m.quick.last; alone && !all {
			break
		}
	}
	return all
}

// callsForAny tells whether there may be a peer for whom callsFor is true.
func (m *Machine) callsForAny() bool { return m.quick.owing > 0 || m.due(m.quick.first) }

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
	if !all && !m.callsForAny() {
		if p != nil {
			m.noteLook(slices.Index(m.order, p), p)
		}
		return
	}
	for i, x := range m.order {
		if all || x == p || m.callsFor(i) {
			q.next[i] = m.nextLook(x)
		}
	}
	q.sum()
}

// noteLook notes anew when one peer is to be looked at, while nobody owes anything.
func (m *Machine) noteLook(i int, p *peer) {
	q := &m.quick
	was := q.next[i]
	q.next[i] = m.nextLook(p)
	if was != q.next[i] {
		q.sum()
	}
}

// sum brings first and owing up to what next says.
func (q *quickWork) sum() {
	var e earliest
	q.owing = 0
	for i := range q.next {
		e.add(q.next[i].at)
		if q.next[i].owes {
			q.owing++
		}
	}
	q.first = e.at
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
