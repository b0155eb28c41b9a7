package proto

import (
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// The way of a block through the machine, from the message to the verdict. Of whom it is asked stands in blockdownload.go, its compact
// form in compact.go; what is sent on while the chain is judging, in compactserve.go; what the new tip brings, in relay.go.

// onBlock takes a block that came whole. One that was put together comes in at takeBlock (compact.go).
func (m *Machine) onBlock(p *peer, b *types.Block) {
	hash := b.Hash()
	if err := consensus.CheckWork(m.cfg.Params, &b.Header, hash); err != nil {
		m.punish(p, "block without work", err.Error())
		return
	}
	wanted := m.blocks.flights[hash] != nil
	r := m.blocks.of(p, hash)
	if r != nil {
		if len(r.flight.from) > 1 && r.flight.from[0] == r {
			m.blocks.stall = min(2*m.blocks.stall, stallMost)
		}
		m.blocks.remove(r, m.now)
	}
	if e, ok := m.lookup(hash); ok && (e.HaveBlock || e.Invalid) {
		if e.Invalid {
			m.onInvalidChain(p)
		}
		return
	}
	parent, ok := m.lookup(b.Header.PrevHash)
	if !ok {
		m.noteAvailable(p, hash)
		m.getHeaders(p, locator(m.cfg.Chain.BestHeader()))
		return
	}
	if r == nil && (p.dl.unasked > 0 || (!wanted && !m.worthTaking(parent, b))) {
		return
	}
	m.takeBlock(p, b, r != nil, wanted)
}

// worthTaking tells whether a block that nobody was asked for may be stored.
func (m *Machine) worthTaking(parent Entry, b *types.Block) bool {
	tip := m.cfg.Chain.Tip()
	work := parent.Work().Add(consensus.WorkFromBits(b.Header.Bits))
	return work.Cmp(tip.Work()) >= 0 &&
		work.Cmp(m.spamFloor()) >= 0 &&
		parent.Height()+1 <= tip.Height()+maxAhead
}

// takeBlock hands a block to the chain: the node gives SubmitBlock to its ledger, and what comes back is BlockChecked and BlockVerdict.
// asked tells whether it was asked of this peer, wanted whether of anybody.
func (m *Machine) takeBlock(p *peer, b *types.Block, asked, wanted bool) {
	hash := b.Hash()
	c := m.blocks.checking[hash]
	if c == nil {
		c = &checked{block: b}
		m.blocks.checking[hash] = c
	}
	c.n++
	p.dl.submitted++
	if !asked {
		p.dl.unasked++
		c.unasked = append(c.unasked, p.id)
	}
	m.emit(SubmitBlock{Peer: p.id, Block: b, Requested: wanted})
}

// blockVerdict: the chain has judged. If the tip has moved, TipChanged follows (relay.go).
func (m *Machine) blockVerdict(e BlockVerdict) {
	m.blocks.changed()
	p := m.live(e.Peer)
	assembled := m.blocks.wasAssembled(e.Peer, e.Hash)
	block := m.blocks.verdict(p, e.Hash)
	if e.Err != nil {
		if isRule(e.Err) && !mutated(e.Err) {
			m.blocks.removeAll(e.Hash, m.now)
		}
		switch {
		case assembled && mutated(e.Err):
			m.notThatBlock(p, e.Hash)
		case assembled: // it was sent before it was judged
		case p != nil:
			m.judge(p, "invalid block", e.Err)
		}
		return
	}
	m.goodBlock(p, e, block)
}

// verdict ends one peer's submission of a block. It returns the block if we have it at hand; a verdict on
// what was never submitted changes nothing.
func (b *blockSync) verdict(p *peer, h types.Hash) *types.Block {
	c := b.checking[h]
	if c == nil {
		return nil
	}
	if c.n--; c.n <= 0 {
		delete(b.checking, h)
	}
	if p != nil && p.dl.submitted > 0 {
		p.dl.submitted--
		if i := slices.Index(c.unasked, p.id); i >= 0 {
			c.unasked = slices.Delete(c.unasked, i, i+1)
			p.dl.unasked--
		}
	}
	return c.block
}

// wasAssembled tells whether the block on which there is a verdict came from this peer as a compact block.
func (b *blockSync) wasAssembled(peer PeerID, h types.Hash) bool {
	c := b.checking[h]
	if c == nil {
		return false
	}
	i := slices.Index(c.assembled, peer)
	if i < 0 {
		return false
	}
	c.assembled = slices.Delete(c.assembled, i, i+1)
	return true
}

// goodBlock: the block follows the rules, as far as it could be judged.
func (m *Machine) goodBlock(p *peer, e BlockVerdict, block *types.Block) {
	m.blocks.removeAll(e.Hash, m.now)
	m.blocks.stall = max(m.blocks.stall*17/20, stallLeast)
	if p != nil {
		m.noteAvailable(p, e.Hash)
		if !e.Known {
			p.lastBlock = m.now
		}
	}
	if p != nil && !e.Known && m.settled && len(m.blocks.flights) == 0 && m.cfg.Chain.Tip().Hash() == e.Hash {
		m.choose(p)
	}
	if n, ok := m.lookup(e.Hash); ok && block != nil && inBestChain(m.cfg.Chain.Tip(), n) {
		m.txs.confirmed(block)
	}
}
