package proto

import (
	"strings"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/orphanage"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/txrequest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

const (
	// Delays before a transaction is asked of a peer, all scaled by Config.TrickleScale: of one that chose us; of one
	// that announces by txid while others do by witness id; of one that has much to answer already.
	inboundDelay    = 2 * time.Second
	txidDelay       = 2 * time.Second
	overloadedDelay = 2 * time.Second
	overloaded      = txrequest.MaxInRequest // requests to one peer under way
	txRetry         = time.Second            // until a transaction that came too fast is asked of the same peer again

	maxTxAsks       = 1000    // in one getdata
	maxPendingTxs   = 100     // of one peer with the mempool, unjudged
	maxPendingBytes = 2 << 20 // of these
	// Of all peers together. Whoever judges stops reading from peers when too much waits, and then no block is read
	// either: transactions alone must not come to that.
	maxAllPending      = 2000
	maxAllPendingBytes = 24 << 20
	maxRetries         = 16     // orphans with the mempool at once
	maxRejects         = 60_000 // remembered at least
	maxConfirmed       = 24_000
)

// txState is what the machine knows of transactions outside of the mempool.
//
// What was refused is remembered by witness id, until the next block: a copy with a spoiled witness has another one
// and does not stand in the way of the honest transaction. Without witness the witness id is the txid, under
// which peers may announce the honest one, so a stripped copy that fails its scripts is not remembered.
type txState struct {
	tracker  *txrequest.Tracker[PeerID]
	orphans  *orphanage.Orphanage[PeerID]
	rejects  *salted.Rolling
	recent   *salted.Rolling        // txids and witness ids of the latest blocks
	pending  map[types.Hash]pending // with the mempool, by witness id
	bytes    int                    // of pending
	retries  int                    // of pending, those that were orphans
	packages packageState
}

// pending is a transaction that the mempool is judging.
type pending struct {
	peer  PeerID
	bytes int
	retry bool
}

func (t *txState) init(key salted.Key) {
	t.tracker, t.orphans = txrequest.New[PeerID](key), orphanage.New[PeerID]()
	t.rejects, t.recent = salted.NewRolling(maxRejects, key), salted.NewRolling(maxConfirmed, key)
	t.pending = map[types.Hash]pending{}
	t.packages.poor = salted.NewRolling(maxRejects, key)
}

// full tells whether no more may be handed to the mempool before it has judged.
func (t *txState) full() bool {
	return len(t.pending) >= maxAllPending || t.bytes >= maxAllPendingBytes
}

// judging notes that the mempool has a transaction that it did not have before.
func (t *txState) judging(wid types.Hash, p pending) {
	t.pending[wid] = p
	t.bytes += p.bytes
}

func (t *txState) release(peer PeerID) {
	t.tracker.Gone(peer)
	t.orphans.Gone(peer)
}

// confirmed: the block came onto the best chain.
func (t *txState) confirmed(b *types.Block) {
	for _, tx := range b.Txs {
		for _, h := range []types.Hash{tx.ID(), tx.WitnessID()} {
			t.recent.Add(h)
			t.tracker.Forget(h)
		}
		t.orphans.Confirmed(tx)
	}
}

// haveTx tells whether a transaction of this id or witness id need not be asked for.
func (m *Machine) haveTx(h types.Hash) bool {
	t := &m.txs
	if _, judging := t.pending[h]; judging {
		return true
	}
	return t.orphans.Has(h) || t.rejects.Has(h) || t.recent.Has(h) || m.cfg.Pool.Have(h)
}

// onInv takes announcements.
func (m *Machine) onInv(p *peer, items []wire.Inv) {
	var lastBlock types.Hash
	for _, it := range items {
		switch it.Type {
		case wire.InvBlock:
			if !lastBlock.IsZero() {
				m.noteAvailable(p, lastBlock)
			}
			lastBlock = it.Hash
		case wire.InvTx, wire.InvWTx:
			if m.onTxInv(p, it); p.closing {
				return
			}
		}
	}
	if !lastBlock.IsZero() {
		m.onBlockInv(p, lastBlock)
	}
}

func (m *Machine) onTxInv(p *peer, it wire.Inv) {
	if !m.wantsTxs(p) {
		m.drop(p, "transaction announced against our wish", "")
		return
	}
	witnessID := it.Type == wire.InvWTx
	if witnessID != p.hs.wtxid || (m.txs.tracker.Full(p.id) && !p.perm.Has(PermRelay)) {
		return
	}
	p.know(m, it.Hash)
	if !m.settled {
		return
	}
	if witnessID {
		m.txs.orphans.Announce(it.Hash, p.id)
	}
	if !m.haveTx(it.Hash) && !m.txs.packages.poor.Has(it.Hash) {
		m.wantTx(p, it.Hash, witnessID)
	}
}

// wantTx notes an announcement with its delays.
func (m *Machine) wantTx(p *peer, h types.Hash, witnessID bool) {
	var delay time.Duration
	if !p.preferred() {
		delay += m.cfg.scaled(inboundDelay)
	}
	if !witnessID && m.relay.byWitnessID > 0 {
		delay += m.cfg.scaled(txidDelay)
	}
	if m.txs.tracker.Load(p.id) >= overloaded && !p.perm.Has(PermRelay) {
		delay += m.cfg.scaled(overloadedDelay)
	}
	m.txs.tracker.Announce(p.id, h, witnessID, p.preferred(), m.now.Add(delay))
}

// requestTxs sends the requests that are due.
func (m *Machine) requestTxs() {
	if !m.due(m.txs.tracker.Next()) {
		return
	}
	items := map[PeerID][]wire.Inv{}
	for _, a := range m.txs.tracker.Advance(m.now) {
		if m.haveTx(a.Hash) {
			m.txs.tracker.Forget(a.Hash)
			continue
		}
		t := wire.InvWitnessTx
		if a.WitnessID {
			t = wire.InvWTx
		}
		items[a.Peer] = append(items[a.Peer], wire.Inv{Type: t, Hash: a.Hash})
	}
	for _, p := range m.order {
		for list := items[p.id]; len(list) > 0; {
			n := min(len(list), maxTxAsks)
			m.send(p, wire.GetData{Items: list[:n:n]})
			list = list[n:]
		}
	}
}

func (m *Machine) onNotFound(p *peer, items []wire.Inv) {
	for _, it := range items {
		switch it.Type {
		case wire.InvTx, wire.InvWTx, wire.InvWitnessTx:
			m.txs.tracker.Answered(p.id, it.Hash)
		}
	}
}

// onTx takes a transaction, asked for or not.
func (m *Machine) onTx(p *peer, tx *types.Tx) {
	if !m.wantsTxs(p) {
		m.drop(p, "transaction sent against our wish", "")
		return
	}
	id, wid := tx.ID(), tx.WitnessID()
	p.know(m, id)
	p.know(m, wid)
	if !m.settled {
		return
	}
	m.txs.orphans.Announce(wid, p.id)
	if m.haveTx(wid) || m.cfg.Pool.Have(id) {
		m.txs.tracker.Forget(wid)
		m.txs.tracker.Answered(p.id, id)
		if p.perm.Has(PermForceRelay) {
			m.broadcast(Broadcast{ID: id, WitnessID: wid})
		}
		return
	}
	if m.txs.packages.poor.Has(wid) {
		m.txs.tracker.Forget(wid)
		m.txs.tracker.Answered(p.id, id)
		m.tryPackage(p.id, tx)
		return
	}
	if !m.roomFor(p, tx) {
		m.txs.tracker.Postpone(p.id, wid, m.now.Add(txRetry))
		m.txs.tracker.Postpone(p.id, id, m.now.Add(txRetry))
		return
	}
	m.submitting(p, tx)
	m.emit(SubmitTx{Peer: p.id, Tx: tx})
}

// txVerdict: the mempool has judged, or took a transaction of our own.
func (m *Machine) txVerdict(e TxVerdict) {
	if e.Tx == nil {
		return
	}
	wid := e.Tx.WitnessID()
	was, mine := m.txs.pending[wid]
	if mine && was.peer == e.Peer {
		m.endPending(wid, was)
	}
	switch {
	case e.Err == nil && len(e.MissingParents) == 0:
		m.acceptedTx(e)
	case len(e.MissingParents) > 0:
		m.orphanTx(e)
	default:
		m.refusedTx(e)
		if e.Reconsider && !was.retry {
			m.tryPackage(e.Peer, e.Tx)
		}
	}
	m.compact.extra.Add(e.Removed...)
	m.retryOrphans()
	m.hastenFeeFilter()
}

func (m *Machine) endPending(wid types.Hash, was pending) {
	delete(m.txs.pending, wid)
	m.txs.bytes -= was.bytes
	if was.retry {
		m.txs.retries--
		return
	}
	if p := m.live(was.peer); p != nil {
		p.inv.pendingTxs--
		p.inv.pendingBytes -= was.bytes
	}
}

func (m *Machine) acceptedTx(e TxVerdict) {
	id, wid := e.Tx.ID(), e.Tx.WitnessID()
	m.txs.tracker.Forget(id)
	m.txs.tracker.Forget(wid)
	m.txs.orphans.Erase(wid)
	if p := m.live(e.Peer); p != nil {
		p.lastTx = m.now
	}
	m.announceTx(&announced{id: id, wid: wid, rate: e.FeeRate, own: e.Peer == 0 || m.relaysFor(e.Peer)})
	m.txs.orphans.Wake(e.Tx)
}

// retryOrphans hands orphans whose parent has come to the mempool again, a few at a time: the next follow as
// verdicts come.
func (m *Machine) retryOrphans() {
	t := &m.txs
	for t.retries < maxRetries {
		n := t.orphans.Next()
		if n == nil {
			return
		}
		wid := n.Tx.WitnessID()
		if _, judging := t.pending[wid]; judging {
			continue
		}
		t.retries++
		t.judging(wid, pending{peer: n.Peers[0], bytes: n.Tx.Size(), retry: true})
		m.emit(SubmitTx{Peer: n.Peers[0], Tx: n.Tx})
	}
}

// orphanTx keeps a transaction whose parents are not known, and asks its peer for them.
func (m *Machine) orphanTx(e TxVerdict) {
	t, wid := &m.txs, e.Tx.WitnessID()
	p := m.live(e.Peer)
	m.compact.extra.Add(e.Tx)
	for _, parent := range e.MissingParents {
		if t.rejects.Has(parent) {
			t.rejects.Add(wid)
			t.tracker.Forget(wid)
			t.orphans.Erase(wid)
			return
		}
	}
	t.tracker.Forget(wid)
	t.tracker.Answered(e.Peer, e.Tx.ID())
	if p == nil || !t.orphans.Add(e.Tx, p.id) {
		return
	}
	for _, parent := range e.MissingParents {
		p.know(m, parent)
		if !m.haveTx(parent) {
			m.wantTx(p, parent, false)
		}
	}
}

func (m *Machine) refusedTx(e TxVerdict) {
	id, wid := e.Tx.ID(), e.Tx.WitnessID()
	m.compact.extra.Add(e.Tx)
	if !isRule(e.Err) {
		m.txs.tracker.Answered(e.Peer, id)
		m.txs.tracker.Answered(e.Peer, wid)
		return
	}
	m.txs.orphans.Erase(wid)
	m.txs.tracker.Answered(e.Peer, id)
	m.txs.tracker.Answered(e.Peer, wid)
	if e.Reconsider {
		m.txs.packages.poor.Add(wid)
		m.txs.tracker.Forget(wid)
		return
	}
	if e.Tx.HasWitness() || !scriptFailure(consensus.KindOf(e.Err)) {
		m.txs.rejects.Add(wid)
		m.txs.tracker.Forget(wid)
	}
}

// scriptFailure tells whether the refusal may come from a witness that is wrong or missing.
func scriptFailure(k consensus.Kind) bool {
	return strings.Contains(string(k), "script-verify") || k == consensus.WitnessNonStandard || k == consensus.NonStandardInputs
}
