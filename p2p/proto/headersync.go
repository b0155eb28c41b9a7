package proto

import (
	"fmt"
	"math/big"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/presync"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

const (
	nearPresent = 24 * time.Hour
	// headersResponse is how long one getheaders may be unanswered before another may follow.
	headersResponse = 2 * time.Minute
	// A header sync has headersBase, and a millisecond for each header that time suggests is missing, at
	// most headersMost in all.
	headersBase = 15 * time.Minute
	headersMost = 2 * time.Hour
	// maxPendingHeaders of one peer may be with the chain, unjudged.
	maxPendingHeaders = 2 * wire.MaxHeaders
	// antiSpamBlocks: headers that lead to less work than our tip's without this many blocks are not stored.
	antiSpamBlocks = 144
	// An outbound peer must show as much work as our tip had chainSyncTimeout ago, or else answer one more
	// getheaders within chainSyncLast. The first maxProtected that ever did are spared from then on.
	chainSyncTimeout = 20 * time.Minute
	chainSyncLast    = 2 * time.Minute
	maxProtected     = 4
)

// headerSync is what the machine knows of the header chain.
//
// One peer at first is asked for headers, from our best one on; when it has nothing more to tell, or does not
// answer in time, the next is, so that no two send us the same two thousand. Near the present all are asked at
// once. A block that is announced by inv starts the sync with one more peer, so that the first one, if it is
// slow on purpose, does not keep us from the world.
type headerSync struct {
	completed bool       // some peer has told us its chain to the end
	lastInv   types.Hash // the announcement that last started a sync
	protected int
}

// peerHeaders is what we know of one peer's header chain.
type peerHeaders struct {
	best    consensus.Ancestry // with the most work of those that it has shown to have
	unknown types.Hash         // the last block that it announced and we do not know
	sent    consensus.Ancestry // the last header that we sent it

	started  bool      // we have asked it for its chain
	active   bool      // and have not seen the end of that
	deadline time.Time // of active
	asked    time.Time // when the getheaders went out that is not answered

	presync *presync.Sync
	pending int  // headers with the chain
	more    bool // the last headers message was full
	again   bool // headers were dropped because too many were pending

	lag chainLag
}

// chainLag watches an outbound peer whose chain has less work than ours.
type chainLag struct {
	deadline  time.Time
	tip       consensus.Ancestry // ours as the watch began
	asked     bool
	protected bool
}

// downloadable tells whether a peer can give us blocks; see tooDeep for which.
func (p *peer) downloadable() bool {
	return p.kind != Feeler && p.kind != AddrFetch && p.hs.serves(wire.NodeWitness) &&
		(p.hs.serves(wire.NodeNetwork) || p.hs.serves(wire.NodeNetworkLimited))
}

// preferred peers are those that we chose to connect to, and those with PermNoBan.
func (p *peer) preferred() bool {
	return (p.kind != Inbound || p.perm.Has(PermNoBan)) && p.downloadable()
}

// syncHeaders starts a peer's header sync when it is its turn and ends it when it takes too long.
func (m *Machine) syncHeaders(p *peer) {
	s := &p.sync
	if !s.asked.IsZero() && m.due(s.asked.Add(headersResponse)) {
		m.headersUnanswered(p)
	}
	if s.active && m.due(s.deadline) {
		m.syncTimeout(p)
		return
	}
	if s.started || !p.downloadable() || !m.turnToSync(p) {
		return
	}
	from := m.cfg.Chain.BestHeader()
	late := m.unix() - int64(from.Header().Time)
	if from.Height() > 0 {
		from = from.Ancestor(from.Height() - 1) // so that the answer is never empty and shows that it has our best
	}
	if !m.getHeaders(p, locator(from)) {
		return
	}
	s.started, s.active = true, true
	expected := max(late, 0) / max(m.cfg.Params.TargetSpacing, 1)
	s.deadline = m.now.Add(min(headersBase+time.Duration(min(expected, 1e8))*time.Millisecond, headersMost))
}

// headersUnanswered: a getheaders was not answered in time. What the peer announced meanwhile is asked for now.
func (m *Machine) headersUnanswered(p *peer) {
	s := &p.sync
	s.asked, s.active, s.presync = time.Time{}, false, nil
	if m.resolveAvailable(p); !s.unknown.IsZero() {
		m.getHeaders(p, locator(m.cfg.Chain.BestHeader()))
	}
}

// turnToSync: near the present it is everybody's turn, before that one peer's after the other.
func (m *Machine) turnToSync(p *peer) bool {
	if m.unix()-int64(m.cfg.Chain.BestHeader().Header().Time) < int64(m.cfg.MaxTipAge/time.Second) {
		return true
	}
	preferred := false
	for _, q := range m.order {
		if q.ready() {
			if q.sync.active {
				return false
			}
			preferred = preferred || (q.preferred() && !q.sync.started)
		}
	}
	return p.preferred() || !preferred
}

// syncTimeout: a header sync took too long. If somebody else could be asked the peer goes, else it goes on.
func (m *Machine) syncTimeout(p *peer) {
	for _, q := range m.order {
		if q != p && q.ready() && q.preferred() && !p.trusted() {
			m.drop(p, "header sync timeout", "")
			return
		}
	}
	p.sync.deadline = m.now.Add(headersBase)
}

func (m *Machine) headerDeadlines(p *peer, e *earliest) {
	s := &p.sync
	if !s.asked.IsZero() {
		e.add(s.asked.Add(headersResponse))
	}
	if s.active {
		e.add(s.deadline)
	}
	e.add(s.lag.deadline)
}

// getHeaders asks unless an earlier request is unanswered.
func (m *Machine) getHeaders(p *peer, from []types.Hash) bool {
	if !p.sync.asked.IsZero() {
		return false
	}
	p.sync.asked = m.now
	m.send(p, wire.GetHeaders{Protocol: wire.ProtocolVersion, Locator: from})
	return true
}

// onHeaders takes a headers message. Its work is checked before it costs any memory.
func (m *Machine) onHeaders(p *peer, headers []types.Header) {
	s := &p.sync
	full := len(headers) == wire.MaxHeaders
	if s.presync != nil && len(headers) > 0 && !full && headers[0].PrevHash != s.presync.Last() {
		return // a new block, announced while the answer is on its way; its chain is not known well enough yet
	}
	s.asked = time.Time{}
	if len(headers) == 0 {
		s.presync = nil
		m.headersEnd(p)
		return
	}
	hashes := m.checkHeaders(p, headers)
	if hashes == nil {
		return
	}
	if s.presync != nil {
		m.presyncNext(p, headers, hashes, full)
		return
	}
	start, ok := m.lookup(headers[0].PrevHash)
	if !ok {
		m.noteAvailable(p, hashes[len(hashes)-1])
		m.getHeaders(p, locator(m.cfg.Chain.BestHeader()))
		return
	}
	if last, ok := m.lookup(hashes[len(hashes)-1]); ok {
		m.knownHeaders(p, last, full)
		return
	}
	if m.lowWork(p, start, headers, hashes, full) {
		return
	}
	m.submitHeaders(p, headers, full)
}

// checkHeaders returns the headers' hashes, or nil if they are not a chain with the work that they claim:
// then the peer is disconnected.
func (m *Machine) checkHeaders(p *peer, headers []types.Header) []types.Hash {
	hashes := make([]types.Hash, len(headers))
	for i := range headers {
		h := &headers[i]
		if i > 0 && h.PrevHash != hashes[i-1] {
			m.punish(p, "headers do not connect", "")
			return nil
		}
		hashes[i] = h.Hash()
		if err := consensus.CheckWork(m.cfg.Params, h, hashes[i]); err != nil {
			m.punish(p, "header without work", err.Error())
			return nil
		}
	}
	return hashes
}

// knownHeaders: nothing new was told but that the peer has them.
func (m *Machine) knownHeaders(p *peer, last Entry, full bool) {
	if last.Invalid {
		m.onInvalidChain(p)
		return
	}
	m.noteAvailable(p, last.Hash())
	m.askOn(p, last.Ancestry, full)
}

// askOn asks for what follows last if there may be more, else notes that the peer's chain is known.
func (m *Machine) askOn(p *peer, last consensus.Ancestry, full bool) {
	if !full {
		m.headersEnd(p)
		return
	}
	m.getHeaders(p, locator(last))
}

// headersEnd: we know the peer's chain to its end.
func (m *Machine) headersEnd(p *peer) {
	p.sync.active = false
	if p.sync.started {
		m.heads.completed = true
	}
}

// spamFloor is the work to which headers must lead to be stored.
func (m *Machine) spamFloor() consensus.Work {
	tip := m.cfg.Chain.Tip()
	n := big.NewInt(antiSpamBlocks)
	n.Mul(n, consensus.WorkFromBits(tip.Header().Bits).Big())
	floor := consensus.Work{}
	if have := tip.Work().Big(); have.Cmp(n) > 0 {
		floor = consensus.WorkFromBig(have.Sub(have, n))
	}
	if least := m.cfg.Params.MinimumWork; least.Cmp(floor) > 0 {
		return least
	}
	return floor
}

// lowWork tells whether headers do not lead far enough to be stored. If more may follow, a presync begins.
func (m *Machine) lowWork(p *peer, start Entry, headers []types.Header, hashes []types.Hash, full bool) bool {
	work, goal := start.Work(), m.spamFloor()
	for i := range headers {
		work = work.Add(consensus.WorkFromBits(headers[i].Bits))
	}
	if work.Cmp(goal) >= 0 {
		return false
	}
	if !full {
		m.headersEnd(p)
		return true
	}
	key := salted.Key{m.cfg.Rand.Uint64(), m.cfg.Rand.Uint64()}
	offset := m.cfg.Rand.IntN(presync.Default.Period)
	p.sync.presync = presync.New(m.cfg.Params, start.Ancestry, goal, m.clock(), key, offset, presync.Default)
	m.presyncNext(p, headers, hashes, full)
	return true
}

func (m *Machine) presyncNext(p *peer, headers []types.Header, hashes []types.Hash, full bool) {
	s := p.sync.presync
	out, more := s.Next(headers, hashes, full)
	if !more {
		p.sync.presync = nil
	}
	for len(out) > 0 {
		n := min(len(out), wire.MaxHeaders)
		m.handHeaders(p, out[:n])
		out = out[n:]
	}
	switch {
	case more:
		m.getHeaders(p, presyncLocator(s))
	case s.Reached():
		p.sync.more = full
	default:
		m.headersEnd(p)
	}
}

// presyncLocator asks for what follows the last header of the phase; a peer that has left that chain answers from the
// start.
func presyncLocator(s *presync.Sync) []types.Hash {
	l := locator(s.Start())
	if s.Last() != s.Start().Hash() {
		l = append([]types.Hash{s.Last()}, l...)
	}
	return l[:min(len(l), wire.MaxLocator)]
}

// submitHeaders hands headers to the chain, unless too many are there already.
func (m *Machine) submitHeaders(p *peer, headers []types.Header, full bool) {
	if p.sync.pending+len(headers) > maxPendingHeaders {
		p.sync.again = true
		return
	}
	p.sync.more = full
	m.handHeaders(p, headers)
}

func (m *Machine) handHeaders(p *peer, headers []types.Header) {
	p.sync.pending += len(headers)
	m.emit(SubmitHeaders{Peer: p.id, Headers: headers})
}

// headersVerdict: the chain has judged.
func (m *Machine) headersVerdict(e HeadersVerdict) {
	m.blocks.changed()
	p := m.live(e.Peer)
	if p == nil || len(e.Headers) == 0 {
		return
	}
	p.sync.pending = max(p.sync.pending-len(e.Headers), 0)
	if e.Err != nil {
		p.sync.more = false
		m.headersEnd(p)
		m.judge(p, "invalid header", e.Err)
		return
	}
	last := e.Headers[len(e.Headers)-1].Hash()
	m.noteAvailable(p, last)
	if p.sync.pending > 0 || p.sync.presync != nil {
		return
	}
	if n, ok := m.lookup(last); ok && (p.sync.more || p.sync.again) {
		p.sync.more, p.sync.again = false, false
		m.getHeaders(p, locator(n.Ancestry))
		return
	}
	m.headersEnd(p)
}

// noteAvailable: the peer has the block of this hash.
func (m *Machine) noteAvailable(p *peer, h types.Hash) {
	m.resolveAvailable(p)
	n, ok := m.lookup(h)
	if !ok {
		p.sync.unknown = h
		return
	}
	m.raiseBest(p, n.Ancestry)
}

// resolveAvailable looks whether the block that the peer announced has become known.
func (m *Machine) resolveAvailable(p *peer) {
	if p.sync.unknown.IsZero() {
		return
	}
	if n, ok := m.lookup(p.sync.unknown); ok {
		p.sync.unknown = types.Hash{}
		m.raiseBest(p, n.Ancestry)
	}
}

func (m *Machine) raiseBest(p *peer, n consensus.Ancestry) {
	if p.sync.best == nil || n.Work().Cmp(p.sync.best.Work()) >= 0 {
		p.sync.best = n
		p.dl.seen = 0 // look again for blocks to ask of it
	}
}

// onBlockInv: the peer has announced a block by its hash.
func (m *Machine) onBlockInv(p *peer, h types.Hash) {
	m.noteAvailable(p, h)
	if p.sync.unknown != h {
		return
	}
	if p.sync.started || m.heads.lastInv != h {
		if m.getHeaders(p, locator(m.cfg.Chain.BestHeader())) && !p.sync.started {
			m.heads.lastInv = h
		}
	}
}

// judgeChainSync: an outbound peer whose chain stays behind ours for long is of no use, and a sign of an
// eclipse if there are many. Bitcoin Core's ConsiderEviction.
func (m *Machine) judgeChainSync(p *peer) {
	lag, tip := &p.sync.lag, m.cfg.Chain.Tip()
	if (p.kind != Outbound && p.kind != BlockRelay) || lag.protected || !p.sync.started {
		return
	}
	best := p.sync.best
	switch {
	case best != nil && best.Work().Cmp(tip.Work()) >= 0:
		*lag = chainLag{}
		m.protect(p)
	case lag.deadline.IsZero(), best != nil && lag.tip != nil && best.Work().Cmp(lag.tip.Work()) >= 0:
		*lag = chainLag{deadline: m.now.Add(chainSyncTimeout), tip: tip}
	case !m.due(lag.deadline):
	case lag.asked:
		m.drop(p, "chain too old", fmt.Sprintf("no chain with the work of height %d", lag.tip.Height()))
	default:
		lag.asked, lag.deadline = true, m.now.Add(chainSyncLast)
		p.sync.asked = time.Time{}
		m.getHeaders(p, locator(lag.tip.Ancestor(max(lag.tip.Height()-1, 0))))
	}
}

// protect spares the first full-relay peers that kept up with us.
func (m *Machine) protect(p *peer) {
	if p.kind == Outbound && m.heads.protected < maxProtected {
		p.sync.lag.protected = true
		m.heads.protected++
	}
}
