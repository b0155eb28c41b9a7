package sim

import (
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/p2p/proto"
)

// maxPeers is the most connections that a miner's node may have.
const maxPeers = 1000

// checkPlace says what is wrong with where a miner's node stands.
func (m *Miner) checkPlace(c *Config) string {
	named := func(r Region) bool { return r.Name == m.Region }
	switch {
	case m.Region != "" && !slices.ContainsFunc(c.Regions, named):
		return fmt.Sprintf("there is no region %q", m.Region)
	case m.Peers < 0 || m.Peers > maxPeers || m.Peers >= max(c.Nodes, 1):
		return fmt.Sprintf("peers must be 0 to %d and fewer than the nodes", maxPeers)
	case m.Peers > 0 && c.Topology.Kind != "random":
		return "peers needs a random topology"
	}
	return ""
}

// placeMiners moves the nodes of miners that name a region there.
func (w *World) placeMiners() {
	for _, m := range w.cfg.Miners {
		for i, r := range w.cfg.Regions {
			if m.Region != "" && r.Name == m.Region {
				n := w.nodes[m.Node]
				n.region, n.up.rate = i, r.Upload*1000
			}
		}
	}
}

// connectPools plans what the nodes of miners with Peers dial: each other, and others drawn at random. It returns which nodes these are.
func (w *World) connectPools(add func(from, to int, kind proto.ConnKind)) map[int]bool {
	pools := map[int]bool{}
	for _, m := range w.cfg.Miners {
		if m.Peers == 0 || pools[m.Node] {
			continue
		}
		for to := range len(w.nodes) {
			if pools[to] {
				add(m.Node, to, proto.Outbound)
			}
		}
		pools[m.Node] = true
	}
	seen := map[int]bool{}
	for _, m := range w.cfg.Miners {
		if m.Peers == 0 || seen[m.Node] {
			continue
		}
		seen[m.Node] = true
		want := m.Peers - (len(pools) - 1)
		for _, to := range others(w.topo, len(w.nodes), m.Node, len(w.nodes)-1) {
			if want > 0 && !pools[to] {
				add(m.Node, to, proto.Outbound)
				want--
			}
		}
	}
	return pools
}
