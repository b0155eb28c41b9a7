package proto

import (
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// A node that stands on a snapshot fetches the tip's blocks first, then those below it, keeps requests free for new blocks, and asks peers
// that store only the latest blocks for none of the old ones.
func TestHistory(t *testing.T) {
	nodes := branch(rootNode, 340, 1)
	var r *rig
	r = newRig(t, func(c *Config) {
		c.History = func(n int) (list []consensus.Ancestry) {
			for _, b := range nodes[:330] {
				if !r.chain.have[b.Hash()] && len(list) < n {
					list = append(list, r.chain.nodes[b.Hash()])
				}
			}
			return list
		}
	})
	r.auto = true
	if _, err := r.chain.addHeaders(headersOf(nodes)); err != nil {
		t.Fatal(err)
	}
	base := r.chain.nodes[nodes[329].Hash()]
	r.chain.tip, r.chain.whole[base.Hash()] = base, true // believed, but not stored
	r.ready(1, Outbound)
	limited := goodVersion(2)
	limited.Services = wire.NodeNetworkLimited | wire.NodeWitness
	r.step(Connected{Peer: 2, Kind: Outbound, Addr: testAddr(2)})
	r.recv(2, limited)
	r.recv(2, wire.Verack{})
	tip := wire.Headers{Headers: headersOf(nodes[339:])}
	first := asked(r.recv(1, tip), 1)
	if len(first) != maxInFlight-historyReserve || first[0] != nodes[330].Hash() || first[10] != nodes[0].Hash() {
		t.Fatalf("%d blocks are asked for", len(first))
	}
	for _, h := range asked(r.recv(2, tip), 2) {
		if n := r.chain.nodes[h]; n.Height() <= 340-limitedBlocks+limitedSlack {
			t.Fatalf("block %d is asked of a peer that has only the latest", n.Height())
		}
	}
	byHash := map[types.Hash]*types.Block{}
	for _, n := range nodes {
		byHash[n.Hash()] = n.Block
	}
	// Peer 1 delivers all that it is asked for, until nothing is wanted any more.
	for served := 0; served < len(r.all); served++ {
		s, ok := r.all[served].(Send)
		if !ok || s.Peer != 1 {
			continue
		}
		for _, h := range asked([]Effect{s}, 1) {
			r.recv(1, wire.BlockMsg{Block: byHash[h]})
		}
	}
	r.step(Gone{Peer: 2})
	for served := 0; served < len(r.all); served++ {
		if s, ok := r.all[served].(Send); ok && s.Peer == 1 {
			for _, h := range asked([]Effect{s}, 1) {
				if !r.chain.have[h] {
					r.recv(1, wire.BlockMsg{Block: byHash[h]})
				}
			}
		}
	}
	for i, n := range nodes {
		if !r.chain.have[n.Hash()] {
			t.Fatalf("block %d was never fetched", i+1)
		}
	}
}

// Offer changes what the next peer is told, and lets connected ones be looked at again.
func TestOffer(t *testing.T) {
	r := newRig(t, nil)
	r.step(Offer{Services: wire.NodeWitness})
	out := r.step(Connected{Peer: 1, Kind: Outbound, Addr: testAddr(1)})
	if v := sent[wire.Version](out, 1); len(v) != 1 || v[0].Services != wire.NodeWitness {
		t.Fatalf("%+v", v)
	}
}
