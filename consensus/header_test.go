package consensus_test

import (
	"math"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// headerCase changes a good header; the change is followed by mining unless noWork says so.
type headerCase struct {
	name   string
	change func(h *types.Header)
	want   consensus.Kind
	noWork bool
}

func TestCheckHeader(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Regtest())
	c.MineEmpty(12)
	tip := c.Tip()
	median := uint32(tip.MedianTime())
	now := time.Unix(int64(tip.Header().Time), 0)
	future := uint32(now.Unix() + c.Params.MaxFutureTime)
	cases := []headerCase{
		{name: "good", change: func(*types.Header) {}},
		{name: "version 4", change: func(h *types.Header) { h.Version = 4 }},
		{name: "version 5", change: func(h *types.Header) { h.Version = 5 }},
		{name: "largest version", change: func(h *types.Header) { h.Version = math.MaxInt32 }},
		{name: "version 3", change: func(h *types.Header) { h.Version = 3 }, want: "bad-version(0x00000003)"},
		{name: "version 2", change: func(h *types.Header) { h.Version = 2 }, want: "bad-version(0x00000002)"},
		{name: "version 1", change: func(h *types.Header) { h.Version = 1 }, want: "bad-version(0x00000001)"},
		{name: "version 0", change: func(h *types.Header) { h.Version = 0 }, want: "bad-version(0x00000000)"},
		{name: "version -1", change: func(h *types.Header) { h.Version = -1 }, want: "bad-version(0xffffffff)"},
		{name: "least version", change: func(h *types.Header) { h.Version = math.MinInt32 }, want: "bad-version(0x80000000)"},
		{name: "one after the median", change: func(h *types.Header) { h.Time = median + 1 }},
		{name: "at the median", change: func(h *types.Header) { h.Time = median }, want: consensus.TimeTooOld},
		{name: "time zero", change: func(h *types.Header) { h.Time = 0 }, want: consensus.TimeTooOld},
		{name: "at the future limit", change: func(h *types.Header) { h.Time = future }},
		{name: "over the future limit", change: func(h *types.Header) { h.Time = future + 1 }, want: consensus.TimeTooNew},
		{name: "last possible time", change: func(h *types.Header) { h.Time = math.MaxUint32 }, want: consensus.TimeTooNew},
		{name: "harder bits than due", change: func(h *types.Header) { h.Bits = 0x207ffffe }, want: consensus.BadDiffBits},
		{name: "easier bits than the limit", change: func(h *types.Header) { h.Bits = 0x2100ffff }, want: consensus.HighHash, noWork: true},
		{name: "negative bits", change: func(h *types.Header) { h.Bits = 0x20ffffff }, want: consensus.HighHash, noWork: true},
		{name: "no bits", change: func(h *types.Header) { h.Bits = 0 }, want: consensus.HighHash, noWork: true},
		{name: "another parent", change: func(h *types.Header) { h.PrevHash[5]++ }, want: consensus.PrevBlkNotFound},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			b := c.Build(tip, consensustest.AnyoneCanSpend)
			tc.change(&b.Header)
			if !tc.noWork {
				consensustest.Solve(b)
			}
			err := consensus.CheckHeader(c.Params, tip, &b.Header, now)
			if got := consensus.KindOf(err); got != tc.want || (tc.want == "") != (err == nil) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// TestWorkIsCheckedFirst: a header without work says high-hash, whatever else is wrong with it.
func TestWorkIsCheckedFirst(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Regtest())
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
	b.Header.Version, b.Header.Time, b.Header.PrevHash = 0, 0, types.Hash{1}
	consensustest.Unsolve(b)
	err := consensus.CheckHeader(c.Params, c.Tip(), &b.Header, time.Unix(0, 0))
	if consensus.KindOf(err) != consensus.HighHash {
		t.Errorf("got %v", err)
	}
}

func TestGenesisIsTheOnlyRoot(t *testing.T) {
	for _, p := range []*consensus.Params{consensus.Cairn(), consensus.Regtest()} {
		now := time.Unix(int64(p.Genesis.Header.Time), 0)
		if err := consensus.CheckHeader(p, nil, &p.Genesis.Header, now); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if err := consensus.CheckWork(p, &p.Genesis.Header, p.Genesis.Hash()); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		other := p.Genesis.Header
		other.Nonce++
		if err := consensus.CheckHeader(p, nil, &other, now); consensus.KindOf(err) != consensus.PrevBlkNotFound {
			t.Errorf("%s: another root: %v", p.Name, err)
		}
	}
}

// TestClockJumps: the limit moves with the node's clock and nothing else does.
func TestClockJumps(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Regtest())
	c.MineEmpty(3)
	b := c.Build(c.Tip(), consensustest.AnyoneCanSpend)
	consensustest.Solve(b)
	at := time.Unix(int64(b.Header.Time), 0)
	for _, years := range []int{0, 1, 10, 100} {
		if err := consensus.CheckHeader(c.Params, c.Tip(), &b.Header, at.AddDate(years, 0, 0)); err != nil {
			t.Errorf("%d years on: %v", years, err)
		}
	}
	for _, years := range []int{-1, -10, -60} {
		err := consensus.CheckHeader(c.Params, c.Tip(), &b.Header, at.AddDate(years, 0, 0))
		if consensus.KindOf(err) != consensus.TimeTooNew {
			t.Errorf("%d years back: %v", -years, err)
		}
	}
}

// TestHeavierBranchOfCairn: work is summed from targets, so a shorter branch can weigh more.
func TestHeavierBranch(t *testing.T) {
	p := consensus.Cairn()
	p.AsertAnchorHeight, p.AsertAnchorBits = 2, 0x1f003fff
	c := consensustest.NewChain(t, p)
	fork := c.MineEmpty(3)
	slow := fork
	for range 3 { // late blocks: easier and easier
		b := c.Build(slow, consensustest.AnyoneCanSpend)
		b.Header.Time += 900
		consensustest.Solve(b)
		var err error
		if slow, err = c.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	c.SetTip(fork)
	fast := c.MineEmpty(2)
	if fast.Height() >= slow.Height() || fast.Work().Cmp(slow.Work()) <= 0 {
		t.Errorf("height %d work %v against height %d work %v", fast.Height(), fast.Work(), slow.Height(), slow.Work())
	}
}
