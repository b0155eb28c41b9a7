package proto

import (
	"slices"

	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// What people ask the machine for beside the protocol's own course.

// sentence is an error in Bitcoin Core's words, which begin with capital letters.
type sentence string

func (s sentence) Error() string { return string(s) }

// MayFetch tells why a block cannot be asked of a peer by FetchBlock, in Bitcoin Core's words. nil: it can.
func (m *Machine) MayFetch(id PeerID, hash types.Hash) error {
	p := m.live(id)
	switch {
	case p == nil:
		return sentence("Peer does not exist")
	case !p.hs.done:
		return sentence("Peer not fully connected")
	case !p.hs.serves(wire.NodeWitness):
		return sentence("Pre-SegWit peer")
	case m.blocks.of(p, hash) != nil:
		return sentence("Already requested from this peer")
	}
	return nil
}

// fetchBlock asks a peer for a block whose header is known, whether the peer has shown to have it or not. Others are not asked for
// it any more.
func (m *Machine) fetchBlock(id PeerID, hash types.Hash) {
	n, ok := m.lookup(hash)
	if !ok || m.MayFetch(id, hash) != nil {
		return
	}
	m.blocks.removeAll(hash, m.now)
	p := m.live(id)
	m.blocks.add(p, n.Ancestry, m.now)
	m.send(p, wire.GetData{Items: []wire.Inv{{Type: wire.InvWitnessBlock, Hash: hash}}})
}

// OrphanInfo is a transaction whose parents are not known, for getorphantxs.
type OrphanInfo struct {
	Tx    *types.Tx
	Peers []PeerID // who announced it, in order
}

// Orphans returns all of them, oldest first.
func (m *Machine) Orphans() []OrphanInfo {
	all := m.txs.orphans.All()
	out := make([]OrphanInfo, len(all))
	for i, n := range all {
		out[i] = OrphanInfo{Tx: n.Tx, Peers: slices.Sorted(slices.Values(n.Peers))}
	}
	return out
}
