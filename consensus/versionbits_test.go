package consensus

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/types"
)

// row is an Ancestry of nothing but headers.
type row struct {
	heads  []types.Header
	height int32
}

func (r row) Height() int32 { return r.height }
func (r row) Hash() types.Hash {
	return types.Hash{byte(r.height), byte(r.height >> 8), byte(r.height >> 16), 1}
}
func (r row) Header() types.Header { return r.heads[r.height] }
func (r row) Work() Work           { return Work{uint64(r.height)} }
func (r row) MedianTime() int64 {
	times := make([]uint32, 0, medianSpan)
	for h := max(r.height-10, 0); h <= r.height; h++ {
		times = append(times, r.heads[h].Time)
	}
	return MedianTimeOf(times)
}
func (r row) Ancestor(h int32) Ancestry {
	if h < 0 || h > r.height {
		return nil
	}
	return row{r.heads, h}
}

// tip is the last block, nil of an empty row.
func tipOf(heads []types.Header) Ancestry {
	if len(heads) == 0 {
		return nil
	}
	return row{heads, int32(len(heads)) - 1}
}

// virtualTime is the clock of Core's versionbits_tests: a block each ten minutes.
func virtualTime(height int) int64 { return 1415926536 + 600*int64(height) }

// bitsStep mines up to a number of blocks, all with one time and version, and says what is expected then: the state, since
// when, and both for a deployment whose minimum height is 15,000, if they differ.
type bitsStep struct {
	blocks       int
	time         int64
	bits         int32
	state        DeploymentState
	since        int32
	delayed      DeploymentState
	delayedSince int32
}

// bitsScenarios are those of Bitcoin Core 28's versionbits_tests: a period of 1,000 blocks, a threshold of 900, bit 8, start at
// virtual block 10,000 and timeout at 20,000.
var bitsScenarios = map[string][]bitsStep{
	"started after the timeout, failed": {
		{0, 0, 0, StateDefined, 0, "", 0},
		{1, virtualTime(1), 0x100, StateDefined, 0, "", 0},
		{989, virtualTime(989), 0x100, StateDefined, 0, "", 0},
		{999, virtualTime(20000), 0x100, StateDefined, 0, "", 0},
		{1000, virtualTime(20000), 0, StateStarted, 1000, "", 0},
		{1999, virtualTime(30001), 0, StateStarted, 1000, "", 0},
		{2000, virtualTime(30002), 0x100, StateFailed, 2000, "", 0},
		{2001, virtualTime(30003), 0x100, StateFailed, 2000, "", 0},
		{4000, virtualTime(30006), 0x100, StateFailed, 2000, "", 0},
	},
	"899 signals are not enough": {
		{1, virtualTime(1), 0, StateDefined, 0, "", 0},
		{1000, virtualTime(10000) - 1, 0x100, StateDefined, 0, "", 0},
		{2000, virtualTime(10000), 0x100, StateStarted, 2000, "", 0},
		{2051, virtualTime(10010), 0, StateStarted, 2000, "", 0},
		{2950, virtualTime(10020), 0x100, StateStarted, 2000, "", 0},
		{3000, virtualTime(20000), 0, StateFailed, 3000, "", 0},
		{4000, virtualTime(20010), 0x100, StateFailed, 3000, "", 0},
	},
	"locked in after the timeout": {
		{1, virtualTime(1), 0, StateDefined, 0, "", 0},
		{1000, virtualTime(10000) - 1, 0x101, StateDefined, 0, "", 0},
		{2000, virtualTime(10000), 0x101, StateStarted, 2000, "", 0},
		{2999, virtualTime(30000), 0x100, StateStarted, 2000, "", 0},
		{3000, virtualTime(30000), 0x100, StateLockedIn, 3000, "", 0},
		{3999, virtualTime(30001), 0, StateLockedIn, 3000, "", 0},
		{4000, virtualTime(30002), 0, StateActive, 4000, StateLockedIn, 3000},
		{14333, virtualTime(30003), 0, StateActive, 4000, StateLockedIn, 3000},
		{24000, virtualTime(40000), 0, StateActive, 4000, StateActive, 15000},
	},
	"900 signals are enough": {
		{1, virtualTime(1), 0, StateDefined, 0, "", 0},
		{1000, virtualTime(10000) - 1, 0x101, StateDefined, 0, "", 0},
		{2000, virtualTime(10000), 0x101, StateStarted, 2000, "", 0},
		{2050, virtualTime(10010), 0x200, StateStarted, 2000, "", 0},
		{2950, virtualTime(10020), 0x100, StateStarted, 2000, "", 0},
		{2999, virtualTime(19999), 0x200, StateStarted, 2000, "", 0},
		{3000, virtualTime(29999), 0x200, StateLockedIn, 3000, "", 0},
		{3999, virtualTime(30001), 0, StateLockedIn, 3000, "", 0},
		{4000, virtualTime(30002), 0, StateActive, 4000, StateLockedIn, 3000},
		{14999, virtualTime(30003), 0, StateActive, 4000, StateLockedIn, 3000},
		{15000, virtualTime(40000), 0, StateActive, 4000, StateActive, 15000},
		{24000, virtualTime(40000), 0, StateActive, 4000, StateActive, 15000},
	},
	"many periods in each state": {
		{999, virtualTime(999), 0, StateDefined, 0, "", 0},
		{1000, virtualTime(1000), 0, StateDefined, 0, "", 0},
		{2000, virtualTime(2000), 0, StateDefined, 0, "", 0},
		{3000, virtualTime(10000), 0, StateStarted, 3000, "", 0},
		{5000, virtualTime(10000), 0, StateStarted, 3000, "", 0},
		{5999, virtualTime(20000), 0, StateStarted, 3000, "", 0},
		{6000, virtualTime(20000), 0, StateFailed, 6000, "", 0},
		{7000, virtualTime(20000), 0x100, StateFailed, 6000, "", 0},
		{24000, virtualTime(20000), 0x100, StateFailed, 6000, "", 0},
	},
}

func TestVersionBitsScenarios(t *testing.T) {
	p := &Params{SignalPeriod: 1000, SignalThreshold: 900}
	plain := Deployment{Bit: 8, Start: virtualTime(10000), Timeout: virtualTime(20000)}
	delayed := plain
	delayed.MinHeight = 15_000
	for name, steps := range bitsScenarios {
		var heads []types.Header
		for _, s := range steps {
			for len(heads) < s.blocks {
				heads = append(heads, types.Header{Version: versionTop | s.bits, Time: uint32(s.time)})
			}
			tip := tipOf(heads)
			if state, since := StateAfter(p, &plain, tip); state != s.state || since != s.since {
				t.Errorf("%s, %d blocks: %s since %d, want %s since %d", name, s.blocks, state, since, s.state, s.since)
			}
			want, wantSince := s.delayed, s.delayedSince
			if want == "" {
				want, wantSince = s.state, s.since
			}
			if state, since := StateAfter(p, &delayed, tip); state != want || since != wantSince {
				t.Errorf("%s, %d blocks, delayed: %s since %d, want %s since %d", name, s.blocks, state, since, want, wantSince)
			}
			for start, want := range map[int64]DeploymentState{AlwaysActive: StateActive, NeverActive: StateFailed} {
				fixed := Deployment{Bit: 8, Start: start, Timeout: NoTimeout}
				if state, since := StateAfter(p, &fixed, tip); state != want || since != 0 {
					t.Errorf("%s, start %d: %s since %d", name, start, state, since)
				}
			}
		}
	}
}

// slowStates is BIP9 read aloud: the state of every block up to the one after heads, one after the other. signalling adds the mask of
// bits that are meant to be set in each block, if it is given.
func slowStates(p *Params, d *Deployment, heads []types.Header, ignore func(height int32) bool) []DeploymentState {
	states := []DeploymentState{StateDefined}
	for h := int32(1); h <= int32(len(heads)); h++ {
		state := states[h-1]
		if h%p.SignalPeriod == 0 {
			median, count := row{heads, h - 1}.MedianTime(), int32(0)
			for i := h - p.SignalPeriod; i < h; i++ {
				v := uint32(heads[i].Version)
				if v>>29 == 1 && v&(1<<d.Bit) != 0 && !ignore(i) {
					count++
				}
			}
			switch {
			case state == StateDefined && median >= d.Start:
				state = StateStarted
			case state == StateStarted && count >= p.SignalThreshold:
				state = StateLockedIn
			case state == StateStarted && median >= d.Timeout:
				state = StateFailed
			case state == StateLockedIn && h >= d.MinHeight:
				state = StateActive
			}
		}
		states = append(states, state)
	}
	return states
}

// TestVersionBitsAgainstSlowModel plays random branches through both.
func TestVersionBitsAgainstSlowModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &Params{
			SignalPeriod: rapid.Int32Range(1, 12).Draw(t, "period"), WarningHeight: rapid.Int32Range(0, 40).Draw(t, "warning"),
			Deployments: []Deployment{{Name: "a", Bit: 3}, {Name: "b", Bit: 28}},
		}
		p.SignalThreshold = rapid.Int32Range(1, p.SignalPeriod).Draw(t, "threshold")
		p.WarningHeight -= p.WarningHeight % p.SignalPeriod
		for i := range p.Deployments {
			d := &p.Deployments[i]
			d.Start = rapid.Int64Range(0, 60).Draw(t, "start")
			d.Timeout = rapid.OneOf(rapid.Int64Range(0, 120), rapid.Just(NoTimeout)).Draw(t, "timeout")
			d.MinHeight = rapid.Int32Range(0, 90).Draw(t, "min height")
		}
		n := rapid.IntRange(0, 120).Draw(t, "blocks")
		versions := []int32{4, versionTop, versionTop | 1<<3, versionTop | 1<<28, versionTop | 1<<3 | 1<<28, versionTop | 1<<5, 0x60000008, -1}
		heads := make([]types.Header, n)
		for i := range heads {
			heads[i] = types.Header{Time: uint32(i), Version: rapid.SampledFrom(versions).Draw(t, "version")}
		}
		compareStates(t, p, heads)
	})
}

func compareStates(t *rapid.T, p *Params, heads []types.Header) {
	slow := make([][]DeploymentState, len(p.Deployments))
	for i := range slow {
		d := &p.Deployments[i]
		slow[i] = slowStates(p, d, heads, func(int32) bool { return false })
		for h, want := range slow[i] {
			state, since := StateAfter(p, d, tipOf(heads[:h]))
			wantSince := int32(slices.Index(slow[i], want))
			if state != want || since != wantSince {
				t.Fatalf("%s, block %d: %s since %d, want %s since %d", d.Name, h, state, since, want, wantSince)
			}
		}
	}
	expected := func(h int32) (version int32) { // of block h
		version = versionTop
		for i := range slow {
			if s := slow[i][h]; s == StateStarted || s == StateLockedIn {
				version |= 1 << p.Deployments[i].Bit
			}
		}
		return version
	}
	for h := range len(heads) + 1 {
		if got, want := BlockVersion(p, tipOf(heads[:h])), expected(int32(h)); got != want {
			t.Fatalf("block %d is built with version %08x, want %08x", h, got, want)
		}
	}
	var unknown []int
	for bit := range uint8(versionBits) {
		d := Deployment{Bit: bit, Timeout: NoTimeout}
		states := slowStates(p, &d, heads, func(h int32) bool { return h < p.WarningHeight || expected(h)&(1<<bit) != 0 })
		if states[len(heads)] == StateActive {
			unknown = append(unknown, int(bit))
		}
	}
	if got := UnknownRules(p, tipOf(heads)); !slices.Equal(got, unknown) {
		t.Fatalf("unknown rules %v, want %v", got, unknown)
	}
}

// TestRegtestDummy: on regtest the dummy deployment is signalled for from block 144 on, locks in and becomes active when all miners
// are ours.
func TestRegtestDummy(t *testing.T) {
	p := Regtest()
	heads := []types.Header{p.Genesis.Header}
	for h := int32(1); h < 600; h++ {
		version := BlockVersion(p, tipOf(heads))
		want := int32(versionTop)
		if h >= 144 && h < 432 {
			want |= 1 << 28
		}
		if version != want {
			t.Fatalf("block %d: version %08x, want %08x", h, version, want)
		}
		heads = append(heads, types.Header{Version: version, Time: heads[h-1].Time + 1})
	}
	for h, want := range map[int]DeploymentState{143: StateDefined, 144: StateStarted, 287: StateStarted, 288: StateLockedIn, 431: StateLockedIn, 432: StateActive, 599: StateActive} {
		if state, _ := StateAfter(p, &p.Deployments[0], tipOf(heads[:h])); state != want {
			t.Errorf("block %d is %s, want %s", h, state, want)
		}
	}
	s := SignalStatsAt(p, &p.Deployments[0], tipOf(heads[:144+50]))
	if s.Period != 144 || s.Threshold != 108 || s.Elapsed != 50 || s.Count != 50 || !s.Possible || len(s.Signals) != 50 {
		t.Errorf("after 50 blocks: %+v", s)
	}
	for i := 144; i < 144+37; i++ {
		heads[i].Version = 4
	}
	s = SignalStatsAt(p, &p.Deployments[0], tipOf(heads[:144+50]))
	if s.Count != 13 || s.Possible || s.Signals[36] || !s.Signals[37] {
		t.Errorf("after 37 blocks without a signal: %+v", s)
	}
}

// TestDeploymentsAreSane: bits are in range and no two deployments of a network share one.
func TestDeploymentsAreSane(t *testing.T) {
	for _, p := range []*Params{Cairn(), Regtest(), Mainnet(), Testnet3(), Testnet4(), Signet()} {
		seen := map[uint8]bool{}
		for _, d := range p.Deployments {
			if d.Bit >= versionBits || seen[d.Bit] || d.Name == "" || d.MinHeight%p.SignalPeriod != 0 {
				t.Errorf("%s: %+v", p.Name, d)
			}
			seen[d.Bit] = true
		}
		if version := BlockVersion(p, nil); version != versionTop {
			t.Errorf("%s: the first block has version %08x", p.Name, version)
		}
	}
}
