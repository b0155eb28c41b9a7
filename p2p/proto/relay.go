package proto

import (
	"cmp"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

const (
	// maxHeadersAnnounced: a new tip is announced by so many headers at most, else by inv.
	maxHeadersAnnounced = 8
	// The mean time between two announcements of transactions to a peer, scaled by Config.TrickleScale.
	inboundTrickle  = 5 * time.Second
	outboundTrickle = 2 * time.Second
	// An announcement names trickleLeast transactions or a quarter of those that wait, at most trickleMost.
	trickleLeast = 70
	trickleMost  = 1000
	maxToTell    = 50_000 // transactions that wait to be announced to one peer; all peers share what is known of one
	maxKnown     = 25_000 // inventory of a peer that is remembered at least
	// A fee filter is sent when it changed, at random times of this mean; a change by more than a third within
	// feeFilterSoon.
	feeFilterEvery = 10 * time.Minute
	feeFilterSoon  = time.Minute
	// publicAfter: a transaction that came in longer ago is given to who asks even if it was not announced to it.
	publicAfter = 2 * time.Minute
	maxFresh    = 50_000
)

// relayState is what is shared by all peers.
type relayState struct {
	byWitnessID int       // ready peers that announce by witness id
	inboundNext time.Time // the announcement to all inbound peers: one timer, so that many connections learn no more than one
	fresh       freshTxs
	hastened    bool // hastenFeeFilter has looked at all peers for the rate hastenedFee
	hastenedFee int64
}

// peerRelay is one peer's part.
type peerRelay struct {
	known    *salted.Rolling // what the peer has, as far as we know; nil: nothing
	offered  *salted.Rolling // what it may ask for beside; see offerParents
	toTell   []*announced    // to be announced
	next     time.Time       // when, for peers that we dialled; the zero time while nothing waits
	minFee   int64           // the peer's fee filter
	poolTold bool            // the mempool was announced to it, see onFeeFilter
	// poolAsked: it asked for the mempool, which is told with the next announcement
	poolAsked bool
	toldFee   int64 // ours, as the peer knows it; −1: none yet
	feeCheck  time.Time

	pendingTxs, pendingBytes int // with the mempool
}

// announced is a transaction as it is announced.
type announced struct {
	id, wid types.Hash
	rate    int64
	own     bool // it did not come from a peer, or from one with PermRelay
}

// greetRelay begins the relay with a peer that has become ready.
func (m *Machine) greetRelay(p *peer) {
	p.inv.toldFee = -1
	if p.hs.wtxid {
		m.relay.byWitnessID++
	}
	if m.wantsTxs(p) && p.hs.protocol >= versionFeeFilter && !p.perm.Has(PermForceRelay) {
		p.inv.feeCheck = m.now
	}
}

// know notes that the peer has something.
func (p *peer) know(m *Machine, h types.Hash) {
	if p.inv.known == nil {
		p.inv.known = salted.NewRolling(maxKnown, m.key)
	}
	p.inv.known.Add(h)
}

func (p *peer) knows(h types.Hash) bool { return p.inv.known != nil && p.inv.known.Has(h) }

// tipChanged announces the new tip.
func (m *Machine) tipChanged(connected []*types.Block) {
	m.blocks.changed()
	tip := m.cfg.Chain.Tip()
	if !inBestChain(tip, m.tip) {
		m.txs.recent.Reset() // what was in the blocks that were taken off may come again
	}
	for _, b := range connected {
		m.txs.confirmed(b)
	}
	if tip.Hash() == m.tip.Hash() {
		return
	}
	old := m.tip
	m.tip, m.tipAt = tip, m.now
	m.txs.rejects.Reset()
	m.txs.packages.poor.Reset()
	m.settle()
	m.hastenFeeFilter()
	if !m.settled && m.cfg.Chain.BestHeader().Hash() != tip.Hash() {
		return // on the way up; only the end of it is news
	}
	first := forkOf(old, tip).Height() + 1
	for _, p := range m.order {
		if p.ready() {
			m.announceTip(p, tip, first)
		}
	}
}

// announceTip tells a peer of the blocks from height first to the tip, by headers if it wants them, if they
// are few and if they connect to what it has; else by the tip's hash. Nothing is said of what the peer
// itself has shown to have.
func (m *Machine) announceTip(p *peer, tip consensus.Ancestry, first int32) {
	m.resolveAvailable(p)
	if p.hasHeader(tip) {
		return
	}
	for first < tip.Height() && p.hasHeader(tip.Ancestor(first)) {
		first++
	}
	if m.announceCompact(p, tip, first) {
		return
	}
	n := int(tip.Height()-first) + 1
	if p.hs.wantsHeads && n <= maxHeadersAnnounced && first > 0 && p.hasHeader(tip.Ancestor(first-1)) {
		headers := make([]types.Header, n)
		for i := range headers {
			headers[i] = tip.Ancestor(first + int32(i)).Header()
		}
		p.sync.sent = tip
		m.send(p, wire.Headers{Headers: headers})
		return
	}
	m.send(p, wire.InvMsg{Items: []wire.Inv{{Type: wire.InvBlock, Hash: tip.Hash()}}})
}

// hasHeader tells whether the peer showed us a chain with n, or got one from us.
func (p *peer) hasHeader(n consensus.Ancestry) bool {
	return p.has(n) || (p.sync.sent != nil && inBestChain(p.sync.sent, n))
}

// tellsTxs tells whether transactions are announced to the peer.
func (m *Machine) tellsTxs(p *peer) bool {
	return p.ready() && (p.hs.theirs.Relay || p.bloom.relay) && p.kind != BlockRelay && p.kind != Feeler
}

// announceTx queues a transaction, which is in the mempool, for all peers that do not have it.
func (m *Machine) announceTx(a *announced) {
	m.relay.fresh.add(a.wid, m.now)
	if m.cfg.BlocksOnly && !a.own {
		return
	}
	for i, p := range m.order {
		if m.tellTx(p, a) {
			m.quick.soon(i, m.trickleAt(p))
		}
	}
}

// tellTx queues a transaction for a peer that does not have it, and tells whether it did.
func (m *Machine) tellTx(p *peer, a *announced) bool {
	if !m.tellsTxs(p) || len(p.inv.toTell) >= maxToTell || p.knows(p.invHash(a)) {
		return false
	}
	p.inv.toTell = append(p.inv.toTell, a)
	m.armTrickle(p)
	return true
}

// broadcast announces a transaction again.
func (m *Machine) broadcast(e Broadcast) {
	if _, rate, ok := m.cfg.Pool.Get(e.WitnessID); ok {
		m.announceTx(&announced{id: e.ID, wid: e.WitnessID, rate: rate, own: true})
	}
}

// onFeeFilter takes a peer's fee filter. Peers that a person connected, and those on this host, are told of the whole
// mempool when they first say that they take transactions: otherwise, after a network was cut and healed, one half would
// never hear of what the other was sent in between, since nobody announces a transaction twice. To tell everybody would
// show strangers what we have and since when.
func (m *Machine) onFeeFilter(p *peer, rate int64) {
	if rate < 0 || rate > consensus.MaxMoney {
		return
	}
	p.inv.minFee = rate
	if rate == consensus.MaxMoney || p.inv.poolTold || !p.trusted() || !m.tellsTxs(p) || m.cfg.BlocksOnly {
		return
	}
	p.inv.poolTold = true
	for _, id := range m.cfg.Pool.IDs() {
		if tx, rate, ok := m.cfg.Pool.Get(id); ok {
			m.tellTx(p, &announced{id: id, wid: tx.WitnessID(), rate: rate})
		}
	}
}

// invHash is the name by which the peer wants to hear of a transaction.
func (p *peer) invHash(a *announced) types.Hash {
	if p.hs.wtxid {
		return a.wid
	}
	return a.id
}

// armTrickle sets the peer's timer if it is not set. The time to the next event of a Poisson process does not
// depend on how long one has waited, so a timer is only needed while something waits.
func (m *Machine) armTrickle(p *peer) {
	switch {
	case p.sharesTrickle() && m.relay.inboundNext.IsZero():
		m.relay.inboundNext = m.now.Add(m.poisson(m.cfg.scaled(inboundTrickle)))
	case p.sharesTrickle() || !p.inv.next.IsZero():
	case p.perm.Has(PermNoBan):
		p.inv.next = m.now
	default:
		p.inv.next = m.now.Add(m.poisson(m.cfg.scaled(outboundTrickle)))
	}
}

// sharesTrickle tells whether the peer is told of transactions at the time that all inbound peers share.
func (p *peer) sharesTrickle() bool { return p.kind == Inbound && !p.perm.Has(PermNoBan) }

func (m *Machine) trickleAt(p *peer) time.Time {
	if p.sharesTrickle() {
		return m.relay.inboundNext
	}
	return p.inv.next
}

// trickle announces what waits, when it is time.
func (m *Machine) trickle(p *peer) {
	if !p.inv.waits() || !m.due(m.trickleAt(p)) {
		return
	}
	p.inv.next = time.Time{}
	if p.inv.poolAsked {
		m.tellPool(p)
	}
	batch := p.nextToTell(m)
	var items []wire.Inv
	for _, a := range batch {
		h := p.invHash(a)
		if p.knows(h) || a.rate < p.inv.minFee {
			continue
		}
		if tx, _, ok := m.cfg.Pool.Get(a.wid); ok && p.concerns(tx) {
			items = append(items, p.announce(m, a))
			m.offerParents(p, a)
		}
	}
	if len(items) > 0 {
		m.send(p, wire.InvMsg{Items: items})
	}
	if !p.sharesTrickle() && len(p.inv.toTell) > 0 {
		p.inv.next = m.now.Add(time.Millisecond)
		if !p.perm.Has(PermNoBan) {
			p.inv.next = time.Time{}
			m.armTrickle(p)
		}
	}
}

// waits tells whether there is something to announce.
func (r *peerRelay) waits() bool { return len(r.toTell) > 0 || r.poolAsked }

// announce notes that the peer knows of a transaction and returns how it hears of it.
func (p *peer) announce(m *Machine, a *announced) wire.Inv {
	it := wire.Inv{Type: wire.InvTx, Hash: p.invHash(a)}
	if p.hs.wtxid {
		it.Type = wire.InvWTx
	}
	p.know(m, it.Hash)
	return it
}

// endInboundTrickle sets the shared timer anew once all inbound peers had their turn.
func (m *Machine) endInboundTrickle() {
	if !m.due(m.relay.inboundNext) {
		return
	}
	m.relay.inboundNext = time.Time{}
	for _, p := range m.order {
		if p.sharesTrickle() && !p.closing && p.inv.waits() {
			m.armTrickle(p)
		}
	}
}

// nextToTell takes the next batch off the queue: the highest fee rates first, parents before children, so that
// the order says nothing of when each came in.
func (p *peer) nextToTell(m *Machine) []*announced {
	n := min(max(trickleLeast, len(p.inv.toTell)/4), trickleMost, len(p.inv.toTell))
	batch := slices.Clone(p.inv.toTell[:n])
	p.inv.toTell = slices.Clone(p.inv.toTell[n:])
	slices.SortFunc(batch, func(a, b *announced) int {
		return cmp.Or(cmp.Compare(b.rate, a.rate), a.wid.Compare(b.wid))
	})
	return parentsFirst(batch, func(a *announced) *types.Tx {
		tx, _, _ := m.cfg.Pool.Get(a.wid)
		return tx
	})
}

// parentsFirst moves transactions behind their parents in the same batch and keeps their order otherwise.
func parentsFirst(batch []*announced, get func(*announced) *types.Tx) []*announced {
	if len(batch) < 2 {
		return batch
	}
	at := make(map[types.Hash]int, len(batch))
	for i, a := range batch {
		at[a.id] = i
	}
	out, done := make([]*announced, 0, len(batch)), make([]bool, len(batch))
	var visit func(i int)
	visit = func(i int) { // as deep as a chain in the mempool is long
		if done[i] {
			return
		}
		done[i] = true
		if tx := get(batch[i]); tx != nil {
			for _, in := range tx.In {
				if j, ok := at[in.PrevOut.TxID]; ok {
					visit(j)
				}
			}
		}
		out = append(out, batch[i])
	}
	for i := range batch {
		visit(i)
	}
	return out
}

// tellFeeFilter tells a peer below which fee rate we take no transactions.
func (m *Machine) tellFeeFilter(p *peer) {
	if !m.due(p.inv.feeCheck) {
		return
	}
	fee := m.feeFilter()
	if fee != p.inv.toldFee {
		m.send(p, wire.FeeFilter{FeeRate: fee})
		p.inv.toldFee = fee
	}
	m.relay.hastened = m.relay.hastened && fee == m.relay.hastenedFee
	if p.inv.feeCheck = (time.Time{}); !m.cfg.Quiet {
		p.inv.feeCheck = m.now.Add(m.poisson(feeFilterEvery))
	}
}

// feeFilter is the mempool's floor rounded down to a step of a tenth, so that it does not tell one node from
// another and nothing that we would take is kept from us; all there is while we could not judge a transaction.
func (m *Machine) feeFilter() int64 {
	if !m.settled {
		return consensus.MaxMoney
	}
	floor := m.cfg.Pool.FeeFloor()
	if floor <= 0 {
		return 0
	}
	step := int64(1)
	for {
		next := step + max(step/10, 1)
		if next > min(floor, consensus.MaxMoney) {
			return step
		}
		step = next
	}
}

// hastenFeeFilter lets peers hear soon of a floor that changed much, and at once that we take transactions. It does nothing again while the floor
// is the same, nobody was told of another one, and nobody came.
func (m *Machine) hastenFeeFilter() {
	fee, soon := m.feeFilter(), m.now.Add(feeFilterSoon)
	if m.relay.hastened && m.relay.hastenedFee == fee {
		return
	}
	m.relay.hastened, m.relay.hastenedFee = true, fee
	for _, p := range m.order {
		told := p.inv.toldFee
		switch {
		case p.closing || told < 0:
		case told == consensus.MaxMoney && fee < told:
			m.hasten(p, m.now)
		case (p.inv.feeCheck.After(soon) || m.cfg.Quiet && p.inv.feeCheck.IsZero()) && (fee > told+told/3 || fee < told-told/3):
			m.hasten(p, soon)
		}
	}
}

// hasten sets the timer of a peer, perhaps not of the one whose event this is.
func (m *Machine) hasten(p *peer, at time.Time) {
	p.inv.feeCheck = at
	m.quick.fit = false
}

func (m *Machine) relayDeadlines(p *peer, e *earliest) {
	if p.inv.waits() {
		e.add(m.trickleAt(p))
	}
	e.add(p.inv.feeCheck)
}

// freshTxs remembers when the latest transactions came in, oldest first.
type freshTxs struct {
	since map[types.Hash]time.Time // by witness id
	order []types.Hash
}

func (f *freshTxs) add(wid types.Hash, now time.Time) {
	for len(f.order) > 0 && (len(f.order) >= maxFresh || now.Sub(f.since[f.order[0]]) >= publicAfter) {
		delete(f.since, f.order[0])
		f.order = f.order[1:]
	}
	if f.since == nil {
		f.since = map[types.Hash]time.Time{}
	}
	if _, again := f.since[wid]; !again {
		f.since[wid] = now
		f.order = append(f.order, wid)
	}
}

// public tells whether a transaction came in long enough ago for everybody to know that we have it.
func (f *freshTxs) public(wid types.Hash, now time.Time, scale float64) bool {
	at, ok := f.since[wid]
	return !ok || now.Sub(at) >= time.Duration(float64(publicAfter)*scale)
}
