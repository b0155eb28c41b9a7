package proto

import (
	"crypto/sha256"
	"slices"

	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/types"
)

// Packages of one parent and one child: a transaction that pays too little by itself may enter together with a child that
// pays for both. Nobody announces packages; they are found (as Bitcoin Core 28 does).
//
// The rules:
//   - What the mempool refused for its fees alone is remembered by witness id, apart from other refusals, until the next
//     block (poor). It is not asked for when it is announced, and not judged by itself again.
//   - When it comes, for the first time or again, an orphan that spends it and that the same peer announced is looked for,
//     the newest first: of children that replace each other that one pays most. Only of the same peer: otherwise children
//     that an attacker made up would be tried in place of the honest one.
//   - Both are judged together, each pair once until the next block. The two count among the transactions that the peer has
//     waiting for the mempool; if it has too many, the chance is passed over.
//   - An orphan asks for a parent that was refused for its fees like for any other. So it does not matter which of the two
//     comes first: the child first makes the peer send the parent, the parent first is sent again.
//   - A peer whose fee filter kept a parent from being announced to it will ask for it when the child is: what an
//     announced transaction spends is given to whom it was announced (offerParents).
//
// Complexity: the orphans that spend the parent, found by outpoint. Memory: one rolling set of maxRejects, one of
// maxOffered a peer.

const maxOffered = 5000

// packageState is what is remembered of packages.
type packageState struct {
	poor *salted.Rolling // witness ids refused for fees alone, and packageKey of pairs that were refused
}

// packageKey names a pair of transactions.
func packageKey(txs []*types.Tx) types.Hash {
	h := sha256.New()
	for _, tx := range txs {
		wid := tx.WitnessID()
		h.Write(wid[:])
	}
	return types.Hash(h.Sum(nil))
}

// tryPackage looks for an orphan that may pay for a parent that was refused for its fees, and submits both.
func (m *Machine) tryPackage(peer PeerID, parent *types.Tx) {
	p, t := m.live(peer), &m.txs
	if _, judging := t.pending[parent.WitnessID()]; p == nil || judging {
		return
	}
	children := t.orphans.Children(parent)
	for _, n := range slices.Backward(children) {
		wid := n.Tx.WitnessID()
		pair := []*types.Tx{parent, n.Tx}
		_, judging := t.pending[wid]
		if judging || !slices.Contains(n.Peers, peer) || t.rejects.Has(wid) || t.packages.poor.Has(packageKey(pair)) {
			continue
		}
		if m.roomFor(p, pair...) {
			m.submitting(p, pair...)
			m.emit(SubmitPackage{Peer: peer, Txs: pair})
		}
		return
	}
}

// roomFor tells whether the peer may hand so much more to the mempool.
func (m *Machine) roomFor(p *peer, txs ...*types.Tx) bool {
	return p.inv.pendingTxs+len(txs) <= maxPendingTxs && p.inv.pendingBytes < maxPendingBytes && !m.txs.full()
}

// submitting counts transactions as being judged for a peer.
func (m *Machine) submitting(p *peer, txs ...*types.Tx) {
	for _, tx := range txs {
		p.inv.pendingTxs++
		p.inv.pendingBytes += tx.Size()
		m.txs.judging(tx.WitnessID(), pending{peer: p.id, bytes: tx.Size()})
	}
}

// packageVerdict: the mempool has judged a package. Children come before their parents, so that a child that was taken is not
// among the orphans any more when its parent wakes those.
func (m *Machine) packageVerdict(e PackageVerdict) {
	for _, tx := range e.Txs {
		wid := tx.WitnessID()
		if was, mine := m.txs.pending[wid]; mine && was.peer == e.Peer {
			m.endPending(wid, was)
		}
	}
	if isRule(e.Err) {
		m.txs.packages.poor.Add(packageKey(e.Txs))
	}
	for _, v := range slices.Backward(e.Results) {
		switch {
		case v.Err == nil:
			m.acceptedTx(v)
		case len(v.MissingParents) == 0:
			m.refusedTx(v)
		}
	}
	m.compact.extra.Add(e.Removed...)
	m.retryOrphans()
	m.hastenFeeFilter()
}

// offerParents lets a peer ask for what an announced transaction spends.
func (m *Machine) offerParents(p *peer, a *announced) {
	tx, _, ok := m.cfg.Pool.Get(a.wid)
	if !ok {
		return
	}
	for i := range tx.In {
		id := tx.In[i].PrevOut.TxID
		if p.knows(id) || !m.cfg.Pool.Have(id) {
			continue
		}
		if p.inv.offered == nil {
			p.inv.offered = salted.NewRolling(maxOffered, m.key)
		}
		p.inv.offered.Add(id)
	}
}

// offered tells whether something that was announced to the peer spends the transaction.
func (p *peer) offered(id types.Hash) bool { return p.inv.offered != nil && p.inv.offered.Has(id) }
