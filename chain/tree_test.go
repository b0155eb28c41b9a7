package chain

import (
	"encoding/binary"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// A long chain of headers without blocks, and as many branches at its end, cost whoever sends them little where work is trivial. To look
// for the best branches again must then take one walk over the tree, not one over the chain for each branch.
func TestManyBranchesOnLongChainOfHeaders(t *testing.T) {
	const n = 40_000
	tr := newTree()
	add := func(parent *Node, i int) *Node {
		h := types.Header{Version: 4, Time: 1_300_000_000, Bits: 0x207fffff, Nonce: uint32(i)}
		var hash types.Hash
		binary.BigEndian.PutUint32(hash[:], uint32(i))
		hash[31] = 1
		if parent != nil {
			h.PrevHash = parent.hash
			h.Time = parent.header.Time + 1
		}
		node := newNode(parent, h, hash)
		tr.insert(node)
		return node
	}
	root := add(nil, 0)
	root.set(StatusBlock | StatusValid)
	root.txCount.Store(1)
	tr.link(root)
	at := root
	for i := range n {
		at = add(at, i+1)
	}
	for i := range n {
		add(at, n+i+1)
	}
	for range 3 {
		tr.findCandidates()
		if len(tr.candidates) != 1 || tr.bestCandidate() != root {
			t.Fatalf("%d candidates, the best at %d", len(tr.candidates), tr.bestCandidate().height)
		}
	}
	bad := root
	for _, leaf := range tr.leafList() {
		bad = leaf.at(1)
	}
	bad.set(StatusFailed)
	tr.descendants(bad, func(d *Node) { d.set(StatusFailedParent) })
	for range 3 {
		if tr.findBestHeader(); tr.bestHeader.Load() != root {
			t.Fatalf("the best header is at %d", tr.bestHeader.Load().height)
		}
	}
}
