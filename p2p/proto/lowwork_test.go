package proto

import (
	"testing"

	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

func hashesOf(hs []types.Header) []types.Hash {
	out := make([]types.Hash, len(hs))
	for i := range hs {
		out[i] = hs[i].Hash()
	}
	return out
}

// The whole way through a machine: our tip has much more work than 2000 headers at the limit lead to.
func TestLowWorkHeadersAreNotStored(t *testing.T) {
	r := newRig(t, nil)
	r.auto = true
	ours := branch(rootNode, 2600, 1)
	r.chain.adoptAll(ours)
	r.step(TipChanged{})
	r.ready(1, Inbound)
	known := len(r.chain.nodes)

	short := headersOf(branch(rootNode, 100, 2))
	r.recv(1, wire.Headers{Headers: short})
	spam := headersOf(branch(rootNode, 2400, 3))
	out := r.recv(1, wire.Headers{Headers: spam[:2000]})
	if g := sent[wire.GetHeaders](out, 1); len(g) != 1 || g[0].Locator[0] != spam[1999].Hash() {
		t.Fatalf("the presync does not go on: %v", out)
	}
	r.recv(1, wire.Headers{Headers: spam[2000:]}) // ends below the floor
	if len(r.chain.nodes) != known || len(effects[SubmitHeaders](r.all)) != 0 {
		t.Error("low-work headers were stored")
	}
	if p := r.m.live(1); p == nil || p.sync.presync != nil {
		t.Error("the peer is gone or its presync goes on")
	}
}

func TestLongHeavyChainIsStoredAfterPresync(t *testing.T) {
	r := newRig(t, nil)
	r.auto = true
	r.chain.adoptAll(branch(rootNode, 2600, 1))
	r.step(TipChanged{})
	r.ready(1, Inbound)
	theirs := headersOf(branch(rootNode, 4500, 2))
	serve := func(out []Effect) {
		for range 20 {
			g := sent[wire.GetHeaders](out, 1)
			if len(g) == 0 {
				return
			}
			from := 0
			for i, h := range hashesOf(theirs) {
				if h == g[len(g)-1].Locator[0] {
					from = i + 1
				}
			}
			out = r.recv(1, wire.Headers{Headers: theirs[from:min(from+2000, len(theirs))]})
		}
	}
	serve(r.recv(1, wire.Headers{Headers: theirs[:2000]}))
	if got := r.chain.best.Height(); got != 4500 {
		t.Errorf("the best header has height %d", got)
	}
}
