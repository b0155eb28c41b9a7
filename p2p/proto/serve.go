package proto

import (
	"math/big"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

const (
	maxBlockInvs = 500 // in the answer to getblocks
	// A block off the best chain is served if it is at most this old, by its time and by its work.
	staleServed = 30 * 24 * time.Hour
	// What was served and may not have been read yet is counted in bytes; nothing more is served over
	// serveWindow. A block, whose size is not known here, counts as servedBlock.
	serveWindow = 8 << 20
	servedBlock = 1 << 20
	servedTx    = 2 << 10 // a transaction counts as so much at least, which bounds their number too
	maxAsked    = 50_000  // items that a peer may have waiting
)

// peerServe is what a peer asked of us.
//
// A peer that asks and does not read must not fill our memory (CVE-2024-52920), and the machine does not see
// sockets. So behind each half serveWindow of answers goes a ping, the fence: its pong tells that everything
// before it was read. Until then the rest of what it asked for waits, bounded by maxAsked.
type peerServe struct {
	queue   []wire.Inv
	filters []filterAsk
	open    int     // bytes sent since the last fence
	fences  []fence // that wait for their pong, oldest first
	upTo    types.Hash
}

type fence struct {
	nonce uint64
	bytes int
}

func (s *peerServe) unread() int {
	n := s.open
	for _, f := range s.fences {
		n += f.bytes
	}
	return n
}

// forkWithLocator is the first block of a locator that is in the best chain, genesis if none is.
func (m *Machine) forkWithLocator(l []types.Hash) consensus.Ancestry {
	tip := m.cfg.Chain.Tip()
	for _, h := range l {
		if n, ok := m.lookup(h); ok && inBestChain(tip, n) {
			return tip.Ancestor(n.Height())
		}
	}
	return tip.Ancestor(0)
}

func (m *Machine) onGetHeaders(p *peer, msg wire.GetHeaders) {
	tip := m.cfg.Chain.Tip()
	if tip.Work().Cmp(m.cfg.Params.MinimumWork) < 0 {
		m.send(p, wire.Headers{}) // our chain may yet turn out to be nothing
		return
	}
	if len(msg.Locator) == 0 {
		if n, ok := m.lookup(msg.Stop); ok && m.mayTell(n) {
			m.send(p, wire.Headers{Headers: []types.Header{n.Header()}})
		}
		return
	}
	var headers []types.Header
	last := m.forkWithLocator(msg.Locator)
	for h := last.Height() + 1; h <= tip.Height() && len(headers) < wire.MaxHeaders; h++ {
		last = tip.Ancestor(h)
		headers = append(headers, last.Header())
		if last.Hash() == msg.Stop {
			break
		}
	}
	p.sync.sent = last
	m.send(p, wire.Headers{Headers: headers})
}

func (m *Machine) onGetBlocks(p *peer, msg wire.GetBlocks) {
	tip := m.cfg.Chain.Tip()
	var items []wire.Inv
	for h := m.forkWithLocator(msg.Locator).Height() + 1; h <= tip.Height(); h++ {
		n := tip.Ancestor(h)
		hash := n.Hash()
		if hash == msg.Stop || !m.staysServed(n) {
			break
		}
		items = append(items, wire.Inv{Type: wire.InvBlock, Hash: hash})
		if len(items) == maxBlockInvs {
			p.serve.upTo = hash // when it asks for this one, it is told of the tip, to go on
			break
		}
	}
	if len(items) > 0 {
		m.send(p, wire.InvMsg{Items: items})
	}
}

func (m *Machine) onGetData(p *peer, items []wire.Inv) {
	if len(p.serve.queue)+len(items) > maxAsked {
		m.drop(p, "too many requests", "")
		return
	}
	p.serve.queue = append(p.serve.queue, items...)
}

// serveMore answers what the peer asked for, as far as it has read what it was sent before.
func (m *Machine) serveMore(p *peer) {
	s := &p.serve
	var missing []wire.Inv
	for len(s.queue) > 0 && s.unread() < serveWindow {
		it := s.queue[0]
		s.queue = s.queue[1:]
		n, found := m.serve(p, it)
		if !found {
			missing = append(missing, it)
		}
		m.served(p, n)
	}
	if len(s.queue) == 0 {
		s.queue = nil
	}
	m.serveFilters(p)
	if len(missing) > 0 {
		m.send(p, wire.NotFound{Items: missing})
	}
}

// served counts bytes that were sent and sets a fence behind them when there are enough.
func (m *Machine) served(p *peer, bytes int) {
	if p.serve.open += bytes; p.serve.open >= serveWindow/2 {
		m.sendFence(p)
	}
}

func (m *Machine) sendFence(p *peer) {
	s := &p.serve
	if p.hs.protocol < versionPong {
		return // it cannot answer, and gets one window of answers
	}
	f := fence{nonce: m.nonce(), bytes: s.open}
	s.fences, s.open = append(s.fences, f), 0
	m.send(p, wire.Ping{Nonce: f.nonce})
}

// fenceAnswered tells whether a pong is for a fence. All before it were read too.
func (m *Machine) fenceAnswered(p *peer, nonce uint64) bool {
	for i, f := range p.serve.fences {
		if f.nonce == nonce {
			p.serve.fences = append([]fence(nil), p.serve.fences[i+1:]...)
			return true
		}
	}
	return false
}

// serve answers for one item. It returns the bytes that this sends. found is false for a transaction that we
// do not give; for blocks nothing is said, so that stale ones tell nothing.
func (m *Machine) serve(p *peer, it wire.Inv) (bytes int, found bool) {
	switch it.Type {
	case wire.InvBlock, wire.InvWitnessBlock:
		return m.serveBlock(p, it), true
	case wire.InvCmpctBlock:
		return m.serveCompact(p, it), true
	case wire.InvFiltered:
		return m.serveFiltered(p, it), true
	case wire.InvTx, wire.InvWitnessTx, wire.InvWTx:
		return m.serveTx(p, it)
	}
	return 0, true
}

// formOf is how a block is sent that was asked for so.
func formOf(t wire.InvType) BlockForm {
	switch t {
	case wire.InvBlock:
		return FormBase
	case wire.InvFiltered:
		return FormFiltered
	}
	return FormFull
}

func (m *Machine) serveBlock(p *peer, it wire.Inv) int {
	n, ok := m.lookup(it.Hash)
	if !ok {
		return 0
	}
	form := formOf(it.Type)
	if bytes := m.serveFresh(p, n, form); bytes > 0 {
		return bytes
	}
	if !m.mayTell(n) {
		return 0
	}
	if m.overUpload(p, n, form) {
		m.drop(p, "upload target reached", "")
		return 0
	}
	if m.tooOldToServe(n) {
		m.drop(p, "old block of a pruned node", "")
		return 0
	}
	if !n.HaveBlock && n.Height() > 0 {
		return 0
	}
	serve := ServeBlock{Peer: p.id, Hash: it.Hash, Form: form}
	if form == FormFiltered {
		serve.Filter = p.bloom.filter
	}
	m.emit(serve)
	if it.Hash == p.serve.upTo {
		p.serve.upTo = types.Hash{}
		m.send(p, wire.InvMsg{Items: []wire.Inv{{Type: wire.InvBlock, Hash: m.cfg.Chain.Tip().Hash()}}})
	}
	return servedBlock
}

// serveTx gives a transaction if the peer could know that we have it: it or a child was announced to it, or it came in a
// while ago. Otherwise asking would tell whence a transaction came.
func (m *Machine) serveTx(p *peer, it wire.Inv) (bytes int, found bool) {
	tx, _, ok := m.cfg.Pool.Get(it.Hash)
	if !ok || !m.tellsTxs(p) {
		return 0, false
	}
	wid := tx.WitnessID()
	if !p.knows(it.Hash) && !p.knows(wid) && !p.knows(tx.ID()) && !p.offered(tx.ID()) && !m.relay.fresh.public(wid, m.now, m.cfg.TrickleScale) {
		return 0, false
	}
	m.send(p, wire.TxMsg{Tx: tx, Base: it.Type == wire.InvTx})
	return max(tx.Size(), servedTx), true
}

// mayTell tells whether a block, its header or its filter may be given away: one of the best chain, or a valid one that left it
// not long ago. Older ones would only tell who we are by what we have seen (Bitcoin Core's BlockRequestAllowed).
func (m *Machine) mayTell(n Entry) bool {
	if inBestChain(m.cfg.Chain.Tip(), n) {
		return true
	}
	best := m.cfg.Chain.BestHeader()
	if n.Invalid || !n.HaveBlock {
		return false
	}
	limit := int64(staleServed / time.Second)
	if int64(best.Header().Time)-int64(n.Header().Time) >= limit {
		return false
	}
	if n.Work().Cmp(best.Work()) >= 0 {
		return true
	}
	blocks := big.NewInt(limit / max(m.cfg.Params.TargetSpacing, 1))
	most := blocks.Mul(blocks, consensus.WorkFromBits(best.Header().Bits).Big())
	return best.Work().Sub(n.Work()).Big().Cmp(most) < 0
}
