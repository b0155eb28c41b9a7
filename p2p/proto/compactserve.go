package proto

import (
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// Announcing and serving compact blocks.
//
// The rules:
//   - A block on our tip whose header the chain has taken, and whose transactions are those of its header, is sent at
//     once to the peers that asked for it (high bandwidth), before its scripts and coins are judged: the work in it
//     has been paid. Only one block of each height is announced so, so that nobody who has work for one block can
//     make us send several that are worth nothing. It is sent to a peer that has the parent and, as far as we know, not
//     the block.
//   - After the chain has judged, other peers are told as ever (relay.go). A peer of high bandwidth gets a
//     compact block also then, if there is one block to tell of.
//   - The freshest block is kept in memory and served from there until it is stored.
//   - getdata for a compact block is answered with one for the last compactDepth blocks, with the whole block for older
//     ones: nobody has their transactions in the mempool.
//   - getblocktxn is answered for the last txnDepth blocks, else with the whole block, and so when the peer has much to
//     read: to make us read a block from disk, a peer must take as many bytes. An index outside of the block is punished.
const (
	compactDepth   = 5
	txnDepth       = 10
	versionCompact = 70014 // BIP152
	versionNoBlame = 70015 // a peer that does not blame us for a compact block of an invalid block
)

// freshBlock is the newest block that the chain has found to be in order but for scripts and coins.
type freshBlock struct {
	block *types.Block
	form  *wire.CmpctBlock // made when it is first needed
}

// freshBlock returns the newest block if it is that of hash.
func (m *Machine) freshBlock(hash types.Hash) *types.Block {
	if b := m.compact.fresh.block; b != nil && b.Hash() == hash {
		return b
	}
	return nil
}

// freshForm is the newest block as a compact block: the same for all peers, so that it is made once.
func (m *Machine) freshForm() wire.CmpctBlock {
	f := &m.compact.fresh
	if f.form == nil {
		form := wire.NewCmpctBlock(f.block, m.nonce())
		f.form = &form
	}
	return *f.form
}

// blockChecked announces a block that is not judged yet.
func (m *Machine) blockChecked(b *types.Block) {
	n, ok := m.lookup(b.Hash())
	if !ok || n.Invalid || !m.settled || len(b.Txs) == 0 || m.cfg.NoCompactBlocks {
		return
	}
	if n.Height() <= m.compact.announced {
		return
	}
	m.compact.announced, m.compact.fresh = n.Height(), freshBlock{block: b}
	parent := n.Ancestor(n.Height() - 1)
	for _, p := range m.order {
		if !p.ready() || !p.compact.wanted || p.hs.protocol < versionNoBlame {
			continue
		}
		m.resolveAvailable(p)
		if !p.hasHeader(n) && p.hasHeader(parent) {
			p.sync.sent = n.Ancestry
			m.send(p, m.freshForm())
		}
	}
}

// sendCompact sends a stored block in its compact form.
func (m *Machine) sendCompact(p *peer, hash types.Hash) (bytes int) {
	if m.freshBlock(hash) != nil {
		form := m.freshForm()
		m.send(p, form)
		return wire.Size(form)
	}
	m.emit(ServeBlock{Peer: p.id, Hash: hash, Form: FormCompact, Nonce: m.nonce()})
	return servedBlock
}

// announceCompact announces the tip by a compact block to a peer of high bandwidth that has its parent.
func (m *Machine) announceCompact(p *peer, tip consensus.Ancestry, first int32) bool {
	if !p.compact.wanted || m.cfg.NoCompactBlocks || first != tip.Height() || first == 0 || !p.hasHeader(tip.Ancestor(first-1)) {
		return false
	}
	p.sync.sent = tip
	m.sendCompact(p, tip.Hash())
	return true
}

// serveCompact answers getdata for a compact block.
func (m *Machine) serveCompact(p *peer, it wire.Inv) int {
	n, ok := m.lookup(it.Hash)
	switch {
	case ok && n.Height() < m.cfg.Chain.Tip().Height()-compactDepth, m.cfg.NoCompactBlocks:
		return m.serveBlock(p, wire.Inv{Type: wire.InvWitnessBlock, Hash: it.Hash})
	case !ok || n.Invalid || (m.freshBlock(it.Hash) == nil && !m.readable(n)):
		return 0
	}
	return m.sendCompact(p, it.Hash)
}

// readable tells whether a block may be given away and can be read.
func (m *Machine) readable(n Entry) bool {
	return m.mayTell(n) && !m.tooOldToServe(n) && (n.HaveBlock || n.Height() == 0)
}

// serveFresh sends a block that is not stored yet, if it was asked for as a whole.
func (m *Machine) serveFresh(p *peer, n Entry, form BlockForm) (bytes int) {
	b := m.freshBlock(n.Hash())
	if b == nil || n.HaveBlock || n.Invalid || form == FormFiltered {
		return 0
	}
	m.send(p, wire.BlockMsg{Block: b, Base: form == FormBase})
	return b.Size()
}

// onGetBlockTxn answers a request for transactions of a block.
func (m *Machine) onGetBlockTxn(p *peer, msg wire.GetBlockTxn) {
	n, ok := m.lookup(msg.Hash)
	b := m.freshBlock(msg.Hash)
	if !ok || n.Invalid || len(msg.Indexes) == 0 || (b == nil && !m.readable(n)) {
		return
	}
	if n.Height() < m.cfg.Chain.Tip().Height()-txnDepth || p.serve.unread() >= serveWindow {
		m.onGetData(p, []wire.Inv{{Type: wire.InvWitnessBlock, Hash: msg.Hash}})
		return
	}
	txs, last := n.Txs, int(msg.Indexes[len(msg.Indexes)-1])
	if b != nil {
		txs = len(b.Txs)
	}
	if txs > 0 && last >= txs {
		m.punish(p, "getblocktxn beyond the block", "")
		return
	}
	if b == nil {
		m.emit(ServeBlockTxns{Peer: p.id, Hash: msg.Hash, Indexes: msg.Indexes})
		m.served(p, min(servedBlock, len(msg.Indexes)*servedTx))
	} else if answer, ok := wire.NewBlockTxn(b, msg.Indexes); ok {
		m.send(p, answer)
		m.served(p, wire.Size(answer))
	}
}

// choose asks a peer that has just given us a block for compact blocks in high bandwidth, in the place of another if
// there are enough.
func (m *Machine) choose(p *peer) {
	c := &m.compact
	if !p.compact.provides || m.cfg.NoCompactBlocks || m.cfg.BlocksOnly {
		return
	}
	if p.compact.chosen {
		c.chosen = append(withoutPeer(c.chosen, p), p)
		return
	}
	if len(c.chosen) >= maxHighBand {
		out := c.chosen[m.leaves(p)]
		out.compact.chosen = false
		c.chosen = withoutPeer(c.chosen, out)
		m.send(out, wire.SendCmpct{Version: compactVersion})
	}
	p.compact.chosen = true
	c.chosen = append(c.chosen, p)
	m.send(p, wire.SendCmpct{HighBandwidth: true, Version: compactVersion})
}

// leaves is who of the chosen makes room for p: who delivered longest ago, but for the only one that we connected to if p
// connected to us.
func (m *Machine) leaves(p *peer) int {
	ours := 0
	for _, q := range m.compact.chosen {
		if q.kind != Inbound {
			ours++
		}
	}
	if p.kind == Inbound && ours == 1 && m.compact.chosen[0].kind != Inbound {
		return 1
	}
	return 0
}

func withoutPeer(list []*peer, p *peer) []*peer {
	out := make([]*peer, 0, len(list)+1)
	for _, q := range list {
		if q != p {
			out = append(out, q)
		}
	}
	return out
}

// releaseCompact gives back what is held for a peer.
func (m *Machine) releaseCompact(p *peer) {
	m.unhold(p)
	m.compact.chosen = withoutPeer(m.compact.chosen, p)
	p.compact = peerCompact{}
}
