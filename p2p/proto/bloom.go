package proto

import (
	"github.com/cairn-chain/cairn/p2p/bloom"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// peerBloom is what a light client of BIP37 has set. It may do so only where NodeBloom is offered (BIP111): the
// client lets us search for it, for nothing in return, and the mempool message shows strangers what we have. Peers with
// PermBloomFilter and PermMempool may, each its part.
type peerBloom struct {
	filter *bloom.Filter // nil: everything is announced
	// relay: a client that said in its version to want no transactions wants them now.
	relay bool
}

// onBloom handles what only a node with NodeBloom answers. It tells whether msg is such a message.
func (m *Machine) onBloom(p *peer, msg wire.Message) bool {
	switch msg.(type) {
	case wire.FilterLoad, wire.FilterAdd, wire.FilterClear, wire.Mempool:
	default:
		return false
	}
	switch {
	case msg == wire.Message(wire.Mempool{}) && p.perm.Has(PermMempool):
		m.askPool(p)
	case m.offers(p)&wire.NodeBloom == 0:
		m.refuseBloom(p, msg, "bloom filters are not served")
	case msg == wire.Message(wire.Mempool{}) && m.uploadReached(false):
		m.refuseBloom(p, msg, "upload target reached")
	case p.kind != BlockRelay && p.kind != Feeler: // with those no transactions are exchanged
		m.setBloom(p, msg)
	}
	return true
}

// refuseBloom disconnects who asks for what is not served; who has PermNoBan may ask for the mempool in vain.
func (m *Machine) refuseBloom(p *peer, msg wire.Message, why string) {
	if _, pool := msg.(wire.Mempool); !pool || !p.perm.Has(PermNoBan) {
		m.drop(p, why, msg.Command())
	}
}

func (m *Machine) setBloom(p *peer, msg wire.Message) {
	switch msg := msg.(type) {
	case wire.FilterLoad:
		f, err := bloom.New(msg.Data, msg.Hashes, msg.Tweak, msg.Flags)
		if err != nil {
			m.punish(p, "bloom filter too large", err.Error())
			return
		}
		p.bloom = peerBloom{filter: f, relay: true}
	case wire.FilterAdd:
		if p.bloom.filter == nil {
			m.punish(p, "filteradd without filter", "")
			return
		}
		p.bloom.filter.Add(msg.Data)
	case wire.FilterClear:
		p.bloom = peerBloom{relay: true}
	case wire.Mempool:
		m.askPool(p)
	}
}

// concerns tells whether a transaction passes the peer's filter.
func (p *peer) concerns(tx *types.Tx) bool { return p.bloom.filter == nil || p.bloom.filter.Match(tx) }

// askPool lets the mempool be told (BIP35) with the next announcement, so that asking again and again costs no more.
func (m *Machine) askPool(p *peer) {
	if m.tellsTxs(p) {
		p.inv.poolAsked = true
		m.armTrickle(p)
	}
}

// tellPool answers the mempool message: all that passes the peer's filters.
func (m *Machine) tellPool(p *peer) {
	p.inv.poolAsked = false
	var items []wire.Inv
	for _, id := range m.cfg.Pool.IDs() {
		tx, rate, ok := m.cfg.Pool.Get(id)
		if !ok || rate < p.inv.minFee || !p.concerns(tx) {
			continue
		}
		if items = append(items, p.announce(m, &announced{id: id, wid: tx.WitnessID()})); len(items) == wire.MaxInvs {
			m.send(p, wire.InvMsg{Items: items})
			items = nil
		}
	}
	if len(items) > 0 {
		m.send(p, wire.InvMsg{Items: items})
	}
}

// serveFiltered gives a block as far as it concerns the peer: nothing if that has set no filter.
func (m *Machine) serveFiltered(p *peer, it wire.Inv) int {
	if p.bloom.filter == nil {
		return 0
	}
	return m.serveBlock(p, it)
}
