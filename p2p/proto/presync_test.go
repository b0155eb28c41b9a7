package proto

import (
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

var smallPresync = presyncTuning{period: 3, lookahead: 30}

func hashesOf(hs []types.Header) []types.Hash {
	out := make([]types.Hash, len(hs))
	for i := range hs {
		out[i] = hs[i].Hash()
	}
	return out
}

// feed gives headers to a presync in messages of size and collects what it lets out.
func feed(s *presync, hs []types.Header, size int) (out []types.Header, more bool) {
	for len(hs) > 0 {
		n := min(size, len(hs))
		full := n == size && len(hs) > n
		o, m := s.next(hs[:n], hashesOf(hs[:n]), full)
		out, more, hs = append(out, o...), m, hs[n:]
		if !m || (len(hs) > 0 && s.last == s.start.Hash()) {
			return out, m
		}
	}
	return out, more
}

func work(n int) consensus.Work {
	w := consensus.Work{}
	for range n {
		w = w.Add(consensus.WorkFromBits(testNet.PowLimitBits))
	}
	return w
}

func testPresync(goal int) *presync {
	return newPresync(testNet, rootNode, work(goal), testStart.Add(time.Hour), salted.Key{5, 6}, 1, smallPresync)
}

func TestPresyncLetsAGoodChainThrough(t *testing.T) {
	hs := headersOf(branch(rootNode, 100, 1))
	s := testPresync(90)
	if out, more := feed(s, hs, 10); len(out) != 0 || !more || !s.redownload {
		t.Fatalf("phase 1 let %d headers out, more %v, redownload %v", len(out), more, s.redownload)
	}
	if l := s.locator(); l[0] != rootNode.Hash() {
		t.Error("the redownload does not begin at the start")
	}
	out, more := feed(s, hs, 10)
	if more || !s.reached || len(out) < 89 {
		t.Fatalf("phase 2 let %d headers out, more %v, reached %v", len(out), more, s.reached)
	}
	for i := range out {
		if out[i] != hs[i] {
			t.Fatalf("header %d is another one", i)
		}
	}
}

func TestPresyncDropsALowChain(t *testing.T) {
	s := testPresync(500)
	if out, more := feed(s, headersOf(branch(rootNode, 100, 1)), 10); len(out) != 0 || more {
		t.Errorf("%d headers let out of a chain with too little work, more %v", len(out), more)
	}
}

// Headers that are switched after the first phase are found out, and few of them get through (bad inputs 17).
func TestPresyncFindsSwitchedHeaders(t *testing.T) {
	good := headersOf(branch(rootNode, 100, 1))
	caught := 0
	for salt := range 10 {
		s := testPresync(90)
		feed(s, good, 10)
		evil := headersOf(branch(rootNode, 100, uint64(100+salt)))
		out, more := feed(s, evil, 10)
		if !more && !s.reached {
			caught++
		}
		if len(out) > 60 && !s.reached {
			t.Errorf("%d switched headers were let out", len(out))
		}
	}
	if caught != 10 {
		t.Errorf("caught %d of 10", caught)
	}
}

func TestPresyncBoundsItsMemory(t *testing.T) {
	s := newPresync(testNet, rootNode, work(1_000_000), testStart, salted.Key{5, 6}, 0, smallPresync)
	most := s.maxBits
	s.maxBits = 20
	if _, more := feed(s, headersOf(branch(rootNode, 100, 1)), 10); more || s.bits.n > 20 {
		t.Errorf("%d bits kept, more %v", s.bits.n, more)
	}
	// An hour and the allowed future at six blocks a second.
	if want := 6*(3600+7200)/3 + 1; most != want {
		t.Errorf("%d bits allowed, want %d", most, want)
	}
}

func TestPresyncOtherChain(t *testing.T) {
	s := testPresync(90)
	hs := headersOf(branch(rootNode, 10, 1))
	if _, more := s.next(hs[1:], hashesOf(hs[1:]), true); more {
		t.Error("headers that do not connect were taken")
	}
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
