package proto

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// Nodes that do not store old blocks (BIP159).
//
//   - A peer that announces NodeNetworkLimited without NodeNetwork is asked for no block that lies limitedBlocks or
//     more below its best one, two less in fact, since its chain may have grown meanwhile.
//   - We dial such peers only near the present, where they can give us all that we need.
//   - A pruned node (Config.Pruned) never announces NodeNetwork, and serves no block more than limitedBlocks and two
//     below its tip, also if it has it: who asks for one is disconnected. Otherwise one could find out how far
//     back its blocks go, and tell it from all others by that.
const (
	limitedBlocks = 288
	limitedSlack  = 2
	// limitedNear is how many blocks, by the clock, our tip may be old for a limited peer to be of use.
	limitedNear = 144
	// prunedMargin: what a pruned node announces in answer to getblocks it will store for so long.
	prunedMargin = time.Hour
)

// Offered are the services that peers are told: Services, or their default, without NodeNetwork if Pruned.
func (c *Config) Offered() wire.Services {
	s := c.Services
	if s == 0 {
		s = wire.NodeNetwork | wire.NodeWitness
	}
	if c.Pruned {
		s = s&^wire.NodeNetwork | wire.NodeNetworkLimited
	}
	return s
}

// tooDeep tells whether a peer that stores only the latest blocks need not have n any more.
func (p *peer) tooDeep(n consensus.Ancestry) bool {
	return !p.hs.serves(wire.NodeNetwork) && p.sync.best.Height()-n.Height() >= limitedBlocks-limitedSlack
}

// nearPresentByBlocks tells whether the tip is so young that a limited peer has all that we lack.
func (m *Machine) nearPresentByBlocks() bool {
	age := m.unix() - int64(m.cfg.Chain.Tip().Header().Time)
	return age < limitedNear*max(m.cfg.Params.TargetSpacing, 1)
}

// tooOldToServe tells whether a pruned node does not serve n, whether it has it or not.
func (m *Machine) tooOldToServe(n consensus.Ancestry) bool {
	return m.cfg.Pruned && m.cfg.Chain.Tip().Height()-n.Height() > limitedBlocks+limitedSlack
}

// staysServed tells whether a pruned node will have n for a while.
func (m *Machine) staysServed(n consensus.Ancestry) bool {
	if !m.cfg.Pruned {
		return true
	}
	e, ok := m.lookup(n.Hash())
	margin := int32(int64(prunedMargin/time.Second) / max(m.cfg.Params.TargetSpacing, 1))
	return ok && e.HaveBlock && m.cfg.Chain.Tip().Height()-n.Height() < limitedBlocks-min(margin, limitedBlocks-1)
}
