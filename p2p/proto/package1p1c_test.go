package proto

import (
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// poorParent is a confirmed coin's spend that the mempool takes only with a child.
func poorParent(r *rig, salt uint32) *types.Tx {
	parent := tx(salt, types.Hash{1})
	r.pool.outs[types.Hash{1}] = true
	r.pool.poor[parent.WitnessID()] = true
	return parent
}

// settledRig is a machine that is near the present, with peers that dialled us.
func settledRig(t *testing.T, peers ...PeerID) *rig {
	r := newRig(t, nil)
	r.chain.adopt(block(rootNode, 1))
	r.step(TipChanged{})
	for _, id := range peers {
		r.ready(id, Inbound)
	}
	r.auto = true
	return r
}

// Bad inputs 23, 24: a peer makes up as many children as it may for a poor parent and sends the parent again and again. Each pair is
// judged once; the honest peer's child gets its turn at once.
func TestPackageFlood(t *testing.T) {
	r := settledRig(t, 1, 2)
	parent := poorParent(r, 1)
	const children = 90
	for i := range uint32(children) {
		child := tx(1000+i, parent.ID())
		r.recv(1, wire.TxMsg{Tx: child})
		r.pool.poor[child.WitnessID()] = true
	}
	pairs := 0
	for range 3 * children {
		found := effects[SubmitPackage](r.recv(1, wire.TxMsg{Tx: parent}))
		if pairs += len(found); len(found) > 1 {
			t.Fatalf("%d packages at once", len(found))
		}
	}
	if pairs != children || r.pool.Have(parent.ID()) {
		t.Errorf("%d pairs of %d were judged", pairs, children)
	}
	good := tx(5000, parent.ID())
	r.recv(2, wire.TxMsg{Tx: good})
	r.recv(2, wire.TxMsg{Tx: parent})
	if !r.pool.Have(parent.ID()) || !r.pool.Have(good.ID()) {
		t.Error("the honest pair is not in the mempool")
	}
}

// A peer that has as much with the mempool as it may gets no package on top, and nothing is lost by that: when there is room the next
// copy of the parent is tried.
func TestPackageNeedsRoom(t *testing.T) {
	r := settledRig(t, 1)
	parent := poorParent(r, 1)
	child := tx(2, parent.ID())
	r.recv(1, wire.TxMsg{Tx: child})
	r.recv(1, wire.TxMsg{Tx: tx(3, types.Hash{77})}) // so that the verdicts below have a peer
	r.pool.poor[child.WitnessID()] = true
	r.recv(1, wire.TxMsg{Tx: parent}) // refused, and the pair too
	other := tx(4, parent.ID())
	r.recv(1, wire.TxMsg{Tx: other})
	r.auto = false
	var waiting []Effect
	for i := range uint32(maxPendingTxs - 1) {
		waiting = append(waiting, r.recv(1, wire.TxMsg{Tx: tx(100+i, types.Hash{1})})...)
	}
	if n := len(effects[SubmitTx](waiting)); n != maxPendingTxs-1 {
		t.Fatalf("%d wait", n)
	}
	if out := r.recv(1, wire.TxMsg{Tx: parent}); len(effects[SubmitPackage](out)) != 0 {
		t.Error("a package went over the bound")
	}
	r.auto = true
	for _, eff := range waiting {
		for _, ev := range r.judge(eff) {
			r.step(ev)
		}
	}
	if r.recv(1, wire.TxMsg{Tx: parent}); !r.pool.Have(other.ID()) {
		t.Error("the pair was forgotten")
	}
}

// A verdict of a package that nobody waits for, or of our own failure, harms nothing.
func TestPackageVerdicts(t *testing.T) {
	r := settledRig(t, 1)
	parent := poorParent(r, 1)
	child := tx(2, parent.ID())
	r.step(PackageVerdict{})
	r.step(PackageVerdict{Peer: 9, Txs: []*types.Tx{parent, child}, Err: errors.New("disk full")})
	if r.m.txs.packages.poor.Size() != 0 {
		t.Error("our own failure is held against a pair")
	}
	r.step(PackageVerdict{Peer: 9, Txs: []*types.Tx{parent, child}, Err: consensus.Reject(consensus.TRUCViolation, "")})
	if !r.m.txs.packages.poor.Has(packageKey([]*types.Tx{parent, child})) {
		t.Error("a refused pair is forgotten")
	}
	// It is not tried before the next block, and then it is.
	r.recv(1, wire.TxMsg{Tx: child})
	if out := r.recv(1, wire.TxMsg{Tx: parent}); len(effects[SubmitPackage](out)) != 0 {
		t.Error("a pair was judged twice")
	}
	r.chain.adopt(block(r.chain.tip, 3))
	r.step(TipChanged{})
	r.recv(1, wire.TxMsg{Tx: parent})
	if !r.pool.Have(child.ID()) {
		t.Error("the pair is not tried after a block")
	}
}
