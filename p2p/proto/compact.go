package proto

import (
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/compact"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// Compact blocks (BIP152, version 2): how a block is put together from transactions that are here already. How blocks are
// announced and served in that form stands in compactserve.go.
//
// The rules:
//   - Version 2 only: short ids are of witness ids. sendcmpct of another version is ignored.
//   - High bandwidth. The last three peers that gave us a new best block are asked to send the next as compact blocks
//     unasked. A peer that chose us never takes the place of the last of these that we chose: whoever delivers first is not
//     always a friend, and three inbound peers could hold back each block for the time of a time-out.
//   - Low bandwidth. From others a compact block is asked for where one header on our tip was announced and nothing else is
//     under way.
//   - A compact block is first of all a header: its work, its place and its rules are checked, and the chain has taken it,
//     before anything is looked for in the mempool. If it leads to too little work it costs no memory at all
//     (CVE-2024-52916); if its parent is unknown it is answered with getheaders.
//   - It is put together only if it would be the best block and is at most compactAhead above our tip: the mempool knows
//     nothing of later ones. Any other is only a header.
//   - Short ids are matched with the mempool, then with the extra transactions (p2p/compact). Two equal short ids in
//     one block: the whole block is asked for.
//   - What is missing is asked for by getblocktxn, once. What comes must be as many as were asked for, else the peer is
//     punished. A blocktxn that was not asked for, or comes a second time, is ignored: nothing is left that it could change
//     (CVE-2024-35202).
//   - If the transactions do not give the header's merkle root, or the chain says that the witnesses are not those
//     of the block, the whole block is asked for of the same peer. Nobody is blamed: it may be a collision.
//     A block that was put together and breaks the rules blames nobody either, since peers send compact blocks before they have
//     judged them.
//   - A block may be under way in this form from up to maxCopies peers, the last place being kept for one that we chose
//     to connect to, as long as none of those has it. One that does not answer is passed over as with whole blocks
//     (blockdownload.go), and gives up its place.
//
// Complexity: that of compact.Assemble for each header that was worked for. Memory: all compact blocks that wait for something, maxCompactBytes together; over that a compact block is only a
// header.
//
// Invariant: a request holds a partial exactly while a getblocktxn of ours is unanswered, and blockSync.partBytes is the
// sum over all partials and held messages.
const (
	compactVersion  = 2
	maxHighBand     = 3
	compactAhead    = 2
	maxCompactBytes = 16 << 20
)

// compactState is what is shared by all peers.
type compactState struct {
	chosen    []*peer // announce blocks in high bandwidth; who delivered longest ago is first
	extra     compact.Extra
	failed    types.Hash // the last block that could not be put together: it is asked for whole
	fresh     freshBlock
	announced int32 // height of the highest block that was announced before it was judged
	stats     CompactStats
}

// peerCompact is one peer's part.
type peerCompact struct {
	provides bool             // it understands compact blocks of version 2
	wanted   bool             // it wants blocks announced by them
	chosen   bool             // we want that of it
	held     *wire.CmpctBlock // waits until the chain has taken the header
}

// CompactStats counts compact blocks by what became of them.
type CompactStats struct {
	FromPool     uint64 // put together without asking for anything
	AfterRequest uint64 // after a getblocktxn
	FellBack     uint64 // asked for whole
	MissingTxs   uint64 // transactions that were asked for by getblocktxn
}

// CompactStats returns the counts since the start.
func (m *Machine) CompactStats() CompactStats { return m.compact.stats }

// onSendCmpct: the peer says which compact blocks it understands.
func (m *Machine) onSendCmpct(p *peer, msg wire.SendCmpct) {
	if msg.Version == compactVersion && !m.cfg.NoCompactBlocks {
		p.compact.provides, p.compact.wanted = true, msg.HighBandwidth
	}
}

// greetCompact tells a peer that we understand compact blocks.
func (m *Machine) greetCompact(p *peer) {
	if p.hs.protocol >= versionCompact && !m.cfg.NoCompactBlocks {
		m.send(p, wire.SendCmpct{Version: compactVersion})
	}
}

// onCmpctBlock takes a compact block, asked for or not.
func (m *Machine) onCmpctBlock(p *peer, c *wire.CmpctBlock) {
	hash := c.Header.Hash()
	if err := consensus.CheckWork(m.cfg.Params, &c.Header, hash); err != nil {
		m.punish(p, "block without work", err.Error())
		return
	}
	parent, ok := m.lookup(c.Header.PrevHash)
	if !ok {
		m.noteAvailable(p, hash)
		m.getHeaders(p, locator(m.cfg.Chain.BestHeader()))
		return
	}
	if parent.Work().Add(consensus.WorkFromBits(c.Header.Bits)).Cmp(m.spamFloor()) < 0 {
		return
	}
	if _, known := m.lookup(hash); known {
		m.takeCompact(p, c, hash)
		return
	}
	if err := consensus.CheckHeader(m.cfg.Params, parent.Ancestry, &c.Header, m.clock()); err != nil {
		m.judge(p, "invalid header", err)
		return
	}
	if p.sync.pending < maxPendingHeaders {
		m.hold(p, c)
		m.handHeaders(p, []types.Header{c.Header})
	}
}

// hold keeps a compact block until its header is judged, one a peer.
func (m *Machine) hold(p *peer, c *wire.CmpctBlock) {
	m.unhold(p)
	if n := compact.Bytes(c); m.blocks.partBytes+n <= maxCompactBytes {
		p.compact.held = c
		m.blocks.partBytes += n
	}
}

func (m *Machine) unhold(p *peer) (held *wire.CmpctBlock) {
	if held = p.compact.held; held != nil {
		m.blocks.partBytes -= compact.Bytes(held)
		p.compact.held = nil
	}
	return held
}

// takeHeld goes on with compact blocks whose headers were judged.
func (m *Machine) takeHeld() {
	for _, p := range m.order {
		if p.compact.held == nil {
			continue
		}
		hash := p.compact.held.Header.Hash()
		if _, known := m.lookup(hash); known {
			m.takeCompact(p, m.unhold(p), hash)
		} else if p.sync.pending == 0 {
			m.unhold(p)
		}
	}
}

// takeCompact takes a compact block whose header is in the tree.
func (m *Machine) takeCompact(p *peer, c *wire.CmpctBlock, hash types.Hash) {
	n, _ := m.lookup(hash)
	m.noteAvailable(p, hash)
	if n.Invalid && !p.compact.chosen {
		m.onInvalidChain(p)
	}
	r := m.blocks.of(p, hash)
	switch {
	case n.Invalid || n.HaveBlock || p.closing:
	case r == nil && (!m.settled || m.blocks.checking[hash] != nil):
	case r != nil && r.tried:
	case !m.worthAssembling(n, c):
		if r != nil && r.compact {
			m.askWhole(r)
		}
	case r == nil && (p.free() <= 0 || m.copies(hash) >= maxCopies):
		m.assembleAnyway(p, c)
	default:
		if r == nil {
			r = m.blocks.add(p, n.Ancestry, m.now)
		}
		m.assembleFor(r, c)
	}
}

// worthAssembling tells whether the mempool may help with a block, and there is room for it.
func (m *Machine) worthAssembling(n Entry, c *wire.CmpctBlock) bool {
	tip := m.cfg.Chain.Tip()
	return !m.cfg.NoCompactBlocks && n.Work().Cmp(tip.Work()) > 0 && n.Height() <= tip.Height()+compactAhead &&
		m.blocks.partBytes+compact.Bytes(c) <= maxCompactBytes
}

// copies is of how many peers a block was asked.
func (m *Machine) copies(hash types.Hash) int {
	if f := m.blocks.flights[hash]; f != nil {
		return len(f.from)
	}
	return 0
}

// assembleFor puts a block together for a request, or asks for what is missing.
func (m *Machine) assembleFor(r *request, c *wire.CmpctBlock) {
	r.tried = true
	part, err := compact.Assemble(c, m.cfg.Pool, &m.compact.extra)
	switch {
	case err == compact.ErrInvalid:
		p := r.peer
		m.blocks.remove(r, m.now)
		m.punish(p, "invalid compact block", "")
	case err != nil:
		m.fallBack(r)
	case len(part.Missing) == 0:
		m.assembled(r, part, false)
	case r.first() || m.mayAskBeside(r):
		r.partial = part
		m.blocks.partBytes += part.Bytes
		m.compact.stats.MissingTxs += uint64(len(part.Missing))
		m.send(r.peer, wire.GetBlockTxn{Hash: r.flight.hash, Indexes: part.Missing})
	default:
		m.blocks.remove(r, m.now)
	}
}

// first tells whether nobody else was asked for the block before.
func (r *request) first() bool { return r.flight.from[0] == r }

// mayAskBeside tells whether transactions of a block may be asked of a further peer: of one that announces in high
// bandwidth, and the last place only of one that we chose to connect to, or beside one.
func (m *Machine) mayAskBeside(r *request) bool {
	if !r.peer.compact.chosen {
		return false
	}
	from := r.flight.from
	return len(from) < maxCopies || slices.ContainsFunc(from, func(x *request) bool { return x.peer.kind != Inbound })
}

// assembleAnyway tries a block that is under way from enough peers, or of a peer that owes enough: it is taken
// if nothing is missing.
func (m *Machine) assembleAnyway(p *peer, c *wire.CmpctBlock) {
	part, err := compact.Assemble(c, m.cfg.Pool, &m.compact.extra)
	if err == nil && len(part.Missing) == 0 && p.dl.unasked == 0 {
		if b, ok := part.Block(); ok {
			m.compact.stats.FromPool++
			m.takeAssembled(p, b, false)
		}
	}
}

// assembled takes a block of which nothing is missing any more.
func (m *Machine) assembled(r *request, part *compact.Partial, asked bool) {
	b, ok := part.Block()
	if !ok {
		m.fallBack(r)
		return
	}
	if asked {
		m.compact.stats.AfterRequest++
	} else {
		m.compact.stats.FromPool++
	}
	p := r.peer
	m.blocks.remove(r, m.now)
	m.takeAssembled(p, b, true)
}

func (m *Machine) takeAssembled(p *peer, b *types.Block, asked bool) {
	m.takeBlock(p, b, asked, true)
	c := m.blocks.checking[b.Hash()]
	c.assembled = append(c.assembled, p.id)
}

// fallBack: the block cannot be put together. Whoever was asked first is asked for all of it, others only lose their place.
func (m *Machine) fallBack(r *request) {
	m.compact.failed = r.flight.hash
	if !r.first() {
		m.blocks.remove(r, m.now)
		return
	}
	m.askWhole(r)
}

// askWhole turns a request for a compact block into one for the whole.
func (m *Machine) askWhole(r *request) {
	m.compact.stats.FellBack++
	r.tried, r.compact = true, false
	m.blocks.dropPartial(r)
	m.send(r.peer, wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: r.flight.hash}}})
}

// notThatBlock: what was put together is not the block of this hash, as the chain has found out.
func (m *Machine) notThatBlock(p *peer, hash types.Hash) {
	m.compact.failed = hash
	n, ok := m.lookup(hash)
	if p == nil || !ok || n.Invalid || n.HaveBlock || m.copies(hash) > 0 || p.free() <= 0 {
		return // it is asked for again as any block that is missing
	}
	m.askWhole(m.blocks.add(p, n.Ancestry, m.now))
}

// onBlockTxn takes what was missing. What was not asked for is ignored.
func (m *Machine) onBlockTxn(p *peer, msg wire.BlockTxn) {
	r := m.blocks.of(p, msg.Hash)
	if r == nil || r.partial == nil {
		return
	}
	part := r.partial
	m.blocks.dropPartial(r)
	if !part.Fill(msg.Txs) {
		m.blocks.remove(r, m.now)
		m.punish(p, "invalid blocktxn", "")
		return
	}
	m.assembled(r, part, true)
}
