package proto

import (
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// Blocks that are wanted beside those between the tip and the best header: the history below a snapshot of the coin set, and blocks of the best
// chain that do not read back.
//
//   - Config.History names the next of them, in their order. They are asked only of peers that have nothing of the tip's to give just now, and
//     never take the last historyReserve requests of a peer, so that a new block does not wait behind old ones.
//   - All rules of block download hold for them too: one peer a block, a second one after the stall time-out, disconnection of those who
//     do not deliver, no old blocks of peers that store only the latest (BIP159).
//
// Memory: none beside that of block download. Time: a peer is looked at again only when something changed that could matter to it; a look walks over
// at most historyWindow blocks.
const (
	historyWindow  = 256
	historyReserve = 2
)

// Offer says that the services that we offer have changed, or that History has something new. Who is connected already is not told.
type Offer struct{ Services wire.Services }

func (Offer) event() {}

func (m *Machine) offer(e Offer) {
	m.cfg.Services = e.Services
	m.blocks.changed()
}

// requestHistory asks a peer for such blocks.
func (m *Machine) requestHistory(p *peer) {
	if m.cfg.History == nil || p.dl.past == m.blocks.epoch || p.free() <= historyReserve || p.sync.best == nil || !m.mayDownload(p) {
		return
	}
	p.dl.past = m.blocks.epoch
	var pick []consensus.Ancestry
	for _, n := range m.cfg.History(historyWindow) {
		if len(pick) >= p.free()-historyReserve {
			break
		}
		if m.lacks(n.Hash()) && p.has(n) && !p.tooDeep(n) {
			pick = append(pick, n)
		}
	}
	if len(pick) > 0 {
		m.ask(p, pick)
	}
}

// lacks tells whether a block is neither stored nor on its way; that it is on the best chain says nothing here.
func (m *Machine) lacks(h types.Hash) bool {
	e, ok := m.lookup(h)
	return ok && !e.HaveBlock && !e.Invalid && m.blocks.flights[h] == nil && m.blocks.checking[h] == nil
}
