package consensus

import (
	"math"
	"slices"
)

// Version bits (BIP9, with the minimum height of the deployment of taproot): miners say in the version of their blocks
// that they are ready for a rule change. States change only at the ends of periods of SignalPeriod blocks, and
// depend on nothing but the branch:
//
//	defined    until a period ends whose median time past has reached Start
//	started    until a period in which SignalThreshold blocks signal: locked_in; or else one that ends at or after
//	           Timeout: failed
//	locked_in  for a period at least, and until MinHeight: active
//	active, failed  for ever
//
// All functions here walk the branch anew: O(n/period) steps of O(log n), and one step for each block of the
// periods that were started. A caller who asks often keeps the answer of a period; it is the same for
// all blocks of the period.

// Deployment is a rule change that miners activate by signalling.
type Deployment struct {
	Name string // as getdeploymentinfo calls it
	Bit  uint8  // 0 to 28
	// Start and Timeout are median times past in seconds since 1970. Start may be AlwaysActive or NeverActive, Timeout NoTimeout.
	Start, Timeout int64
	MinHeight      int32 // not active below it
}

// Special times of a Deployment, with the values that getdeploymentinfo shows.
const (
	AlwaysActive int64 = -1
	NeverActive  int64 = -2
	NoTimeout    int64 = math.MaxInt64
)

// The versions of blocks that may signal begin with these three bits.
const (
	versionTopMask = 0xe0000000
	versionTop     = 0x20000000
	versionBits    = 29
)

// DeploymentState is a state of BIP9, with the name that getdeploymentinfo shows.
type DeploymentState string

// The states.
const (
	StateDefined  DeploymentState = "defined"
	StateStarted  DeploymentState = "started"
	StateLockedIn DeploymentState = "locked_in"
	StateActive   DeploymentState = "active"
	StateFailed   DeploymentState = "failed"
)

// signalling tells whether blocks in this state are meant to signal.
func (s DeploymentState) signalling() bool { return s == StateStarted || s == StateLockedIn }

func (s DeploymentState) final() bool { return s == StateActive || s == StateFailed }

// StateAfter returns the state that d has for the block after parent, and the height of the first block that has it:
// 0 for defined and for deployments without signalling. A nil parent asks for genesis.
func StateAfter(p *Params, d *Deployment, parent Ancestry) (state DeploymentState, since int32) {
	switch d.Start {
	case AlwaysActive:
		return StateActive, 0
	case NeverActive:
		return StateFailed, 0
	}
	state = StateDefined
	for _, end := range periodEnds(p.SignalPeriod, parent, d.Start) {
		next := d.next(state, end, func() int32 { return countSignals(p.SignalPeriod, d.Bit, end) }, p.SignalThreshold)
		if next != state {
			state, since = next, end.Height()+1
		}
		if state.final() {
			break
		}
	}
	return state, since
}

// next returns the state after the period that ends with end, of which count signalled.
func (d *Deployment) next(state DeploymentState, end Ancestry, count func() int32, threshold int32) DeploymentState {
	switch state {
	case StateDefined:
		if end.MedianTime() >= d.Start {
			return StateStarted
		}
	case StateStarted:
		if count() >= threshold {
			return StateLockedIn
		}
		if end.MedianTime() >= d.Timeout {
			return StateFailed
		}
	case StateLockedIn:
		if end.Height()+1 >= d.MinHeight {
			return StateActive
		}
	}
	return state
}

// periodEnds returns the last blocks of the full periods up to parent, lowest first, without those whose median time
// past is before start.
func periodEnds(period int32, parent Ancestry, start int64) (ends []Ancestry) {
	if parent == nil {
		return nil
	}
	h := parent.Height()
	for end := parent.Ancestor(h - (h+1)%period); end != nil && end.MedianTime() >= start; end = end.Ancestor(end.Height() - period) {
		ends = append(ends, end)
	}
	slices.Reverse(ends)
	return ends
}

// countSignals counts the blocks that signal with a bit in the period that ends with end.
func countSignals(period int32, bit uint8, end Ancestry) (n int32) {
	for at, left := end, period; at != nil && left > 0; left-- {
		if signals(at.Header().Version, bit) {
			n++
		}
		at = at.Ancestor(at.Height() - 1)
	}
	return n
}

func signals(version int32, bit uint8) bool {
	return uint32(version)&versionTopMask == versionTop && uint32(version)>>bit&1 == 1
}

// BlockVersion returns the version of a block to be built after parent: it signals for every deployment that is started
// or locked in.
func BlockVersion(p *Params, parent Ancestry) int32 {
	version := int32(versionTop)
	for i := range p.Deployments {
		if state, _ := StateAfter(p, &p.Deployments[i], parent); state.signalling() {
			version |= 1 << p.Deployments[i].Bit
		}
	}
	return version
}

// SignalStats tells how the signalling of a period goes.
type SignalStats struct {
	Period, Threshold int32 // blocks
	Elapsed, Count    int32 // blocks of the period so far, and how many of them signal
	Possible          bool  // the threshold can still be reached
	Signals           []bool
}

// SignalStatsAt returns the signals for d in the period that at belongs to, up to and with at; Signals is in the order of
// heights.
func SignalStatsAt(p *Params, d *Deployment, at Ancestry) SignalStats {
	s := SignalStats{Period: p.SignalPeriod, Threshold: p.SignalThreshold, Elapsed: 1 + at.Height()%p.SignalPeriod}
	s.Signals = make([]bool, s.Elapsed)
	for i := s.Elapsed - 1; i >= 0 && at != nil; i-- {
		if signals(at.Header().Version, d.Bit) {
			s.Signals[i] = true
			s.Count++
		}
		at = at.Ancestor(at.Height() - 1)
	}
	s.Possible = s.Period-s.Threshold >= s.Elapsed-s.Count
	return s
}

// UnknownRules returns the version bits, ascending, by which miners have activated rules that are not known here, as
// of the block after tip: bits that locked in as BIP9 has it while no deployment of p was signalling with them. Blocks
// below WarningHeight do not count. Blocks with unknown versions are valid; this is for a warning to people.
func UnknownRules(p *Params, tip Ancestry) (bits []int) {
	known := make([]DeploymentState, len(p.Deployments))
	for i := range known {
		known[i] = StateDefined
	}
	unknown := Deployment{Timeout: NoTimeout}
	var states [versionBits]DeploymentState
	for i := range states {
		states[i] = StateDefined
	}
	for _, end := range periodEnds(p.SignalPeriod, tip, math.MinInt64) {
		counts := periodCounts(p, end, known)
		for bit := range states {
			count := counts.all[bit]
			if counts.known&(1<<bit) != 0 || end.Height() < p.WarningHeight {
				count = 0
			}
			states[bit] = unknown.next(states[bit], end, func() int32 { return count }, p.SignalThreshold)
		}
		for i := range known {
			d := &p.Deployments[i]
			if d.Start >= 0 {
				known[i] = d.next(known[i], end, func() int32 { return counts.all[d.Bit] }, p.SignalThreshold)
			}
		}
	}
	for bit, state := range states {
		if state == StateActive {
			bits = append(bits, bit)
		}
	}
	return bits
}

// signalCounts are the signals of one period: for all bits, and a mask of those that a deployment uses.
type signalCounts struct {
	all   [versionBits]int32
	known uint32
}

// periodCounts counts the signals of the period that ends with end, in which the deployments are in states known. A period in which
// nobody asks for them is not looked at.
func periodCounts(p *Params, end Ancestry, known []DeploymentState) (c signalCounts) {
	for i, state := range known {
		if state.signalling() {
			c.known |= 1 << p.Deployments[i].Bit
		}
	}
	if end.Height() < p.WarningHeight && c.known == 0 {
		return c
	}
	for at, left := end, p.SignalPeriod; at != nil && left > 0; left-- {
		if version := uint32(at.Header().Version); version&versionTopMask == versionTop {
			for bit := range c.all {
				c.all[bit] += int32(version >> bit & 1)
			}
		}
		at = at.Ancestor(at.Height() - 1)
	}
	return c
}
