package proto

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/compact"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// Block download: which block is asked of whom.
//
// The rules:
//   - A block is asked only of a peer that has shown headers of a chain which contains it, that serves
//     whole blocks with witnesses, and whose chain has at least the work of our tip. A peer that stores only the
//     latest blocks (BIP159) is asked for those alone.
//   - A peer has at most maxInFlight blocks to deliver, those that the chain is still judging among them: who sends
//     faster than we can judge is not asked for more. Each block is asked of one peer at a time.
//   - Blocks are asked in the order of their chain, from the last one that we have in common with the peer, and
//     never more than downloadWindow ahead of it, so that blocks lie near each other on disk and a missing one is
//     noticed.
//   - Stalling. If a peer that could deliver finds nothing to do because the window is full, whoever has the first
//     missing block holds us up. If it does not deliver within the stall time-out it is disconnected. The
//     time-out begins at 2 s and doubles with each such peer, up to 64 s, so that a node with a slow line does not
//     lose peer after peer; with each block that is connected it shrinks by 15 %, back to 2 s.
//   - Not delivering. A block whose parent we have is what everything waits for. If it has not come within the stall
//     time-out it is asked of a second and then a third peer that has it, without taking it from the first
//     (CVE-2024-52922: announce, be asked, and stay silent). If the first one delivers after all before the second,
//     it was our line that is slow: the time-out doubles.
//   - A peer that has not delivered the first of its blocks within one block spacing (at least blockTimeoutLeast), half
//     a spacing more for each other peer that we are downloading from, is disconnected.
//   - A block that arrives ends only the request to the peer that sent it. The others end when the chain says that
//     the block is good, or that no block of this hash can be (CVE-2024-52921: a mutated copy must not cancel the
//     honest peer's delivery).
//   - A block that nobody was asked for is taken only if its header connects, with at least our tip's work, at most
//     maxAhead above it, above the anti-spam floor. Of those that this peer was not asked for only one at a time is taken.
//
// Memory: at most maxInFlight requests a peer and one block each with the chain. Time: a peer is looked at again
// only when something changed that could matter to it; a look walks over the blocks that are in flight or
// stored above the last common one, at most downloadWindow, each in O(log n).
const (
	maxInFlight       = 16
	downloadWindow    = 1024
	stallLeast        = 2 * time.Second
	stallMost         = 64 * time.Second
	maxCopies         = 3
	blockTimeoutLeast = 2 * time.Minute
	maxAhead          = 288
)

// blockSync is what is under way.
type blockSync struct {
	flights   map[types.Hash]*flight
	checking  map[types.Hash]*checked
	stall     time.Duration // the present stall time-out
	epoch     uint64        // rises whenever a peer might find new blocks to ask for
	sources   int           // peers with requests
	partBytes int           // of compact blocks that wait for something
}

// flight is a block that was asked for.
type flight struct {
	hash types.Hash
	node consensus.Ancestry
	from []*request // 1 to maxCopies, in the order in which they were made
}

// request is one peer's part in a flight.
type request struct {
	flight *flight
	peer   *peer
	at     time.Time
	retry  time.Time // when it was last tried to ask another peer too

	compact bool             // a compact block was asked for
	tried   bool             // one came
	partial *compact.Partial // and transactions of it were asked for
}

// checked is a block that lies with the chain, sent by n peers.
type checked struct {
	block     *types.Block
	n         int
	unasked   []PeerID // of these n, who was not asked for it
	assembled []PeerID // of these n, who sent it as a compact block
}

// peerBlocks is one peer's part.
type peerBlocks struct {
	queue     []*request         // in the order of asking
	since     time.Time          // when the first of queue became the first
	stalled   time.Time          // since when it holds up the window
	common    consensus.Ancestry // the last block that we and the peer's best chain have in common, all before it stored
	seen      uint64             // blockSync.epoch as of the last look; 0: look again
	past      uint64             // the same, for History
	submitted int                // blocks with the chain
	unasked   int                // of these, not asked for
}

func (b *blockSync) init() {
	b.flights, b.checking = map[types.Hash]*flight{}, map[types.Hash]*checked{}
	b.stall, b.epoch = stallLeast, 1
}

// changed makes all peers look again for blocks to ask for.
func (b *blockSync) changed() { b.epoch++ }

// add makes a request.
func (b *blockSync) add(p *peer, n consensus.Ancestry, now time.Time) *request {
	h := n.Hash()
	f := b.flights[h]
	if f == nil {
		f = &flight{hash: h, node: n}
		b.flights[h] = f
	}
	r := &request{flight: f, peer: p, at: now}
	f.from = append(f.from, r)
	if len(p.dl.queue) == 0 {
		p.dl.since = now
		b.sources++
	}
	p.dl.queue = append(p.dl.queue, r)
	return r
}

// dropPartial forgets what is there of a compact block.
func (b *blockSync) dropPartial(r *request) {
	if r.partial != nil {
		b.partBytes -= r.partial.Bytes
		r.partial = nil
	}
}

// remove ends a request.
func (b *blockSync) remove(r *request, now time.Time) {
	b.dropPartial(r)
	q := &r.peer.dl
	if q.queue[0] == r {
		q.since = now
	}
	q.queue = without(q.queue, r)
	q.stalled = time.Time{}
	if len(q.queue) == 0 {
		b.sources--
	}
	if r.flight.from = without(r.flight.from, r); len(r.flight.from) == 0 {
		delete(b.flights, r.flight.hash)
	}
	b.changed()
}

func without(rs []*request, r *request) []*request {
	out := rs[:0:0]
	for _, x := range rs {
		if x != r {
			out = append(out, x)
		}
	}
	return out
}

// removeAll ends all requests for a block.
func (b *blockSync) removeAll(h types.Hash, now time.Time) {
	for f := b.flights[h]; f != nil && len(f.from) > 0; {
		b.remove(f.from[0], now)
	}
}

// of finds the peer's request for a block.
func (b *blockSync) of(p *peer, h types.Hash) *request {
	if f := b.flights[h]; f != nil {
		for _, r := range f.from {
			if r.peer == p {
				return r
			}
		}
	}
	return nil
}

func (m *Machine) releaseBlocks(p *peer) {
	if p.sync.lag.protected {
		m.heads.protected--
	}
	for len(p.dl.queue) > 0 {
		m.blocks.remove(p.dl.queue[0], m.now)
	}
	p.dl = peerBlocks{}
	m.blocks.changed()
}

// watchBlocks looks at what a peer owes us.
func (m *Machine) watchBlocks(p *peer) {
	if !p.dl.stalled.IsZero() && m.due(p.dl.stalled.Add(m.blocks.stall)) {
		m.blocks.stall = min(2*m.blocks.stall, stallMost)
		m.drop(p, "block download stalled", "")
		return
	}
	if len(p.dl.queue) == 0 {
		return
	}
	if m.due(m.blockTimeout(p)) {
		m.drop(p, "block download timeout", p.dl.queue[0].flight.hash.String())
		return
	}
	if r := p.dl.queue[0]; m.due(m.secondAsk(r)) {
		r.retry = m.now
		m.askAnother(r.flight)
	}
}

func (m *Machine) blockTimeout(p *peer) time.Time {
	spacing := max(time.Duration(m.cfg.Params.TargetSpacing)*time.Second, blockTimeoutLeast)
	return p.dl.since.Add(spacing + spacing/2*time.Duration(max(m.blocks.sources-1, 0)))
}

// secondAsk is when another peer is to be asked for the block too; the zero time if it is not to be.
func (m *Machine) secondAsk(r *request) time.Time {
	if m.cfg.OneSource || (len(r.flight.from) >= maxCopies && r.flight.half() == nil) || m.blocks.checking[r.flight.hash] != nil {
		return time.Time{}
	}
	if parent, ok := m.lookup(r.flight.node.Header().PrevHash); !ok || !parent.HaveBlock {
		return time.Time{}
	}
	start := r.peer.dl.since
	for _, t := range []time.Time{r.retry, r.flight.from[len(r.flight.from)-1].at} {
		if t.After(start) {
			start = t
		}
	}
	return start.Add(m.blocks.stall)
}

// askAnother asks the best other peer that has the block: one that we chose before one that chose us, then
// the one with the least to do.
func (m *Machine) askAnother(f *flight) {
	var best *peer
	for _, p := range m.order {
		if !p.ready() || p.free() <= 0 || !p.downloadable() || m.blocks.of(p, f.hash) != nil || !p.has(f.node) || p.tooDeep(f.node) {
			continue
		}
		if best == nil || (p.preferred() && !best.preferred()) ||
			(p.preferred() == best.preferred() && len(p.dl.queue) < len(best.dl.queue)) {
			best = p
		}
	}
	if best == nil {
		return
	}
	if len(f.from) >= maxCopies {
		m.blocks.remove(f.half(), m.now)
	}
	m.ask(best, []consensus.Ancestry{f.node})
}

// half is the first request for transactions of a compact block, nil if there is none.
func (f *flight) half() *request {
	for _, r := range f.from {
		if r.partial != nil {
			return r
		}
	}
	return nil
}

// has tells whether the chain that the peer has shown contains n.
func (p *peer) has(n consensus.Ancestry) bool {
	return p.sync.best != nil && inBestChain(p.sync.best, n)
}

// free is how many more blocks may be asked of a peer.
func (p *peer) free() int { return maxInFlight - len(p.dl.queue) - p.dl.submitted + p.dl.unasked }

func (m *Machine) ask(p *peer, nodes []consensus.Ancestry) {
	t := wire.InvWitnessBlock
	compact := len(nodes) == 1 && m.asksCompact(p, nodes[0])
	if compact {
		t = wire.InvCmpctBlock
	}
	items := make([]wire.Inv, len(nodes))
	for i, n := range nodes {
		m.blocks.add(p, n, m.now).compact = compact
		items[i] = wire.Inv{Type: t, Hash: n.Hash()}
	}
	m.send(p, wire.GetData{Items: items})
}

// asksCompact tells whether a block is asked for as a compact block: the next one after our tip, if it is the only one under
// way. While there is more to fetch the mempool is of no help.
func (m *Machine) asksCompact(p *peer, n consensus.Ancestry) bool {
	return p.compact.provides && m.settled && !m.cfg.BlocksOnly && len(m.blocks.flights) == 0 &&
		n.Header().PrevHash == m.cfg.Chain.Tip().Hash() && n.Hash() != m.compact.failed
}

func (m *Machine) blockDeadlines(p *peer, e *earliest) {
	if !p.dl.stalled.IsZero() {
		e.add(p.dl.stalled.Add(m.blocks.stall))
	}
	if len(p.dl.queue) > 0 {
		e.add(m.blockTimeout(p))
		e.add(m.secondAsk(p.dl.queue[0]))
	}
}

// requestBlocks asks a peer for the blocks that are next.
func (m *Machine) requestBlocks(p *peer) {
	if p.dl.seen == m.blocks.epoch || p.free() <= 0 || !m.mayDownload(p) {
		return
	}
	m.resolveAvailable(p)
	p.dl.seen = m.blocks.epoch
	nodes, staller := m.nextBlocks(p)
	if len(nodes) > 0 {
		m.ask(p, nodes)
		return
	}
	if staller != nil && len(p.dl.queue) == 0 && staller.dl.stalled.IsZero() {
		staller.dl.stalled = m.now
	}
}

// mayDownload: far from the present, peers that chose us are only used while nobody else is.
func (m *Machine) mayDownload(p *peer) bool {
	if !p.downloadable() {
		return false
	}
	if m.settled || p.preferred() {
		return true
	}
	for _, q := range m.order {
		if q != p && q.ready() && q.preferred() && (len(q.dl.queue) > 0 || q.dl.submitted > 0) {
			return false
		}
	}
	return true
}

// nextBlocks walks the peer's best chain up from the last common block and picks the blocks that nobody was
// asked for. If there are none because the window is full, it names who holds it up.
func (m *Machine) nextBlocks(p *peer) (pick []consensus.Ancestry, staller *peer) {
	best, tip := p.sync.best, m.cfg.Chain.Tip()
	if best == nil || best.Work().Cmp(tip.Work()) < 0 || best.Work().Cmp(m.cfg.Params.MinimumWork) < 0 {
		return nil, nil
	}
	m.alignCommon(p, tip)
	var first *peer // of whom the first missing block was asked; nil if it is with the chain
	met := false    // that block
	deep := false   // blocks are wanted that this peer does not store
	for h := p.dl.common.Height() + 1; h <= best.Height(); h++ {
		n := best.Ancestor(h)
		switch state, owner := m.blockState(n); {
		case state == blockHere:
			continue
		case state == blockUnfit:
			return pick, nil
		case state == blockComing:
			if !met {
				met, first = true, owner
			}
		case h > p.dl.common.Height()+downloadWindow:
			if len(pick) == 0 && first != p && !deep {
				staller = first
			}
			return pick, staller
		case p.tooDeep(n):
			deep = true
		default:
			if pick = append(pick, n); len(pick) >= p.free() {
				return pick, nil
			}
		}
	}
	return pick, nil
}

// What may be said of a block that a peer has.
const (
	blockWanted = iota
	blockHere   // stored
	blockComing // asked for, or with the chain
	blockUnfit  // it or an ancestor is invalid
)

// blockState tells how far a block is, and of whom it was asked first.
func (m *Machine) blockState(n consensus.Ancestry) (state int, owner *peer) {
	hash := n.Hash()
	e, ok := m.lookup(hash)
	f := m.blocks.flights[hash]
	switch {
	case !ok || e.Invalid:
		return blockUnfit, nil
	case e.HaveBlock || inBestChain(m.cfg.Chain.Tip(), n): // of our chain, and pruned
		return blockHere, nil
	case f != nil:
		return blockComing, f.from[0].peer
	case m.blocks.checking[hash] != nil:
		return blockComing, nil
	}
	return blockWanted, nil
}

// alignCommon brings the last common block onto the peer's best chain, a guess at first, then the fork, and moves
// it up as far as all blocks are stored.
func (m *Machine) alignCommon(p *peer, tip consensus.Ancestry) {
	if p.dl.common == nil {
		p.dl.common = tip.Ancestor(min(tip.Height(), p.sync.best.Height()))
	}
	p.dl.common = forkOf(p.dl.common, p.sync.best)
	for p.dl.common.Height() < p.sync.best.Height() {
		n := p.sync.best.Ancestor(p.dl.common.Height() + 1)
		if state, _ := m.blockState(n); state != blockHere {
			return
		}
		p.dl.common = n
	}
}
