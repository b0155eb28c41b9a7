package presync

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/types"
)

var (
	small     = Tuning{Period: 3, Lookahead: 30}
	testStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	testNet   = consensus.Regtest()
	rootNode  = root()
)

// root is the genesis block, an hour before testStart.
func root() *consensustest.Node {
	g := &types.Block{Header: testNet.Genesis.Header, Txs: testNet.Genesis.Txs}
	g.Header.Time = uint32(testStart.Add(-time.Hour).Unix())
	return consensustest.NewNode(nil, g)
}

// branch makes headers that follow prev; salt tells branches apart. Nothing here looks at their hashes' work.
func branch(prev types.Hash, n int, salt uint64) []types.Header {
	out := make([]types.Header, n)
	for i := range out {
		h := types.Header{Version: 4, PrevHash: prev, Time: uint32(salt), Bits: testNet.PowLimitBits, Nonce: uint32(i)}
		out[i], prev = h, h.Hash()
	}
	return out
}

func hashesOf(hs []types.Header) []types.Hash {
	out := make([]types.Hash, len(hs))
	for i := range hs {
		out[i] = hs[i].Hash()
	}
	return out
}

// feed gives headers to a presync in messages of size and collects what it lets out.
func feed(s *Sync, hs []types.Header, size int) (out []types.Header, more bool) {
	for len(hs) > 0 {
		n := min(size, len(hs))
		full := n == size && len(hs) > n
		o, m := s.Next(hs[:n], hashesOf(hs[:n]), full)
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

func testPresync(goal int) *Sync {
	return New(testNet, rootNode, work(goal), testStart.Add(time.Hour), salted.Key{5, 6}, 1, small)
}

func TestPresyncLetsAGoodChainThrough(t *testing.T) {
	hs := branch(rootNode.Hash(), 100, 1)
	s := testPresync(90)
	if out, more := feed(s, hs, 10); len(out) != 0 || !more || !s.redownload {
		t.Fatalf("phase 1 let %d headers out, more %v, redownload %v", len(out), more, s.redownload)
	}
	if s.Last() != rootNode.Hash() || s.Start() != consensus.Ancestry(rootNode) {
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
	if out, more := feed(s, branch(rootNode.Hash(), 100, 1), 10); len(out) != 0 || more {
		t.Errorf("%d headers let out of a chain with too little work, more %v", len(out), more)
	}
}

// Headers that are switched after the first phase are found out, and few of them get through (bad inputs 17).
func TestPresyncFindsSwitchedHeaders(t *testing.T) {
	good := branch(rootNode.Hash(), 100, 1)
	caught := 0
	for salt := range 10 {
		s := testPresync(90)
		feed(s, good, 10)
		evil := branch(rootNode.Hash(), 100, uint64(100+salt))
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
	s := New(testNet, rootNode, work(1_000_000), testStart, salted.Key{5, 6}, 0, small)
	most := s.maxBits
	s.maxBits = 20
	if _, more := feed(s, branch(rootNode.Hash(), 100, 1), 10); more || s.bits.n > 20 {
		t.Errorf("%d bits kept, more %v", s.bits.n, more)
	}
	// An hour and the allowed future at six blocks a second.
	if want := 6*(3600+7200)/3 + 1; most != want {
		t.Errorf("%d bits allowed, want %d", most, want)
	}
}

func TestPresyncOtherChain(t *testing.T) {
	s := testPresync(90)
	hs := branch(rootNode.Hash(), 10, 1)
	if _, more := s.Next(hs[1:], hashesOf(hs[1:]), true); more {
		t.Error("headers that do not connect were taken")
	}
}

// Whatever is sent in the two phases, and in messages of whatever size: what is let out is the beginning of the second chain, connected
// to the start; it ends at latest lookahead headers before the first bit that does not fit, or else the goal was shown; no more is
// held than lookahead and a message. A dumb twin keeps the whole first chain where presync keeps bits.
func TestPresyncAgainstTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	reached := 0
	for round := range 300 {
		key, offset := salted.Key{rng.Uint64(), rng.Uint64()}, rng.IntN(small.Period)
		s := New(testNet, rootNode, work(90), testStart.Add(time.Hour), key, offset, small)
		first := branch(rootNode.Hash(), 80+rng.IntN(60), uint64(round))
		second := first
		if rng.IntN(3) > 0 { // another chain from some height on
			at := rng.IntN(len(first))
			prev := rootNode.Hash()
			if at > 0 {
				prev = first[at-1].Hash()
			}
			second = append(slices.Clone(first[:at]), branch(prev, 20+rng.IntN(100), uint64(1000+round))...)
		}
		size := 1 + rng.IntN(20)
		feed(s, first, size)
		if !s.redownload {
			if len(first) > 90 {
				t.Fatalf("%d headers do not show the goal", len(first))
			}
			continue
		}
		fits := twinFits(key, offset, first, second)
		var out []types.Header
		for rest, more := second, true; more && len(rest) > 0; {
			n := min(size, len(rest))
			var o []types.Header
			o, more = s.Next(rest[:n], hashesOf(rest[:n]), true)
			out, rest = append(out, o...), rest[n:]
			if _, _, held := s.Size(); held > small.Lookahead+size {
				t.Fatalf("%d headers held", held)
			}
		}
		if !slices.Equal(out, second[:len(out)]) {
			t.Fatal("what was let out is not the beginning of the chain")
		}
		if s.Reached() != (fits >= 90-1) || (!s.Reached() && len(out) > max(fits-small.Lookahead+size, 0)) {
			t.Fatalf("round %d: %d headers let out, reached %v; %d fit", round, len(out), s.Reached(), fits)
		}
		if s.Reached() {
			reached++
		}
	}
	if reached < 50 || reached > 250 {
		t.Errorf("%d of 300 chains went through", reached)
	}
}

// twinFits is how many headers of the second chain come before the first one whose bit is another than in the first chain.
func twinFits(key salted.Key, offset int, first, second []types.Header) int {
	for i := range second {
		if height := i + 1; (height+offset)%small.Period == 0 {
			if i >= len(first) || key.Short(first[i].Hash())&1 != key.Short(second[i].Hash())&1 {
				return i
			}
		}
	}
	return len(second)
}
