package rpc

import (
	"context"

	"github.com/cairn-chain/cairn/consensus"
)

func getDeploymentInfo(_ context.Context, c *call) (any, error) {
	at := c.Chain.Tip()
	if c.given(0) {
		var err error
		if at, err = c.entry(0); err != nil {
			return nil, err
		}
	}
	return obj("hash", at.Hash(), "height", at.Height(), "deployments", deployments(c.Node.Params(), at)), nil
}

// deployments describes all rule changes as of a block: those with a height, then those by version bits. Deployments that can never
// become active are left out.
func deployments(p *consensus.Params, at consensus.Ancestry) (list fields) {
	for _, f := range p.Forks() {
		list.add(f.Name, obj("type", "buried", "active", at.Height()+1 >= f.Height, "height", f.Height))
	}
	for i := range p.Deployments {
		if d := &p.Deployments[i]; d.Start != consensus.NeverActive {
			list.add(d.Name, deployment(p, d, at))
		}
	}
	return list
}

func deployment(p *consensus.Params, d *consensus.Deployment, at consensus.Ancestry) fields {
	var parent consensus.Ancestry
	if at.Height() > 0 {
		parent = at.Ancestor(at.Height() - 1)
	}
	state, since := consensus.StateAfter(p, d, parent)
	next, nextSince := consensus.StateAfter(p, d, at)
	signalling := state == consensus.StateStarted || state == consensus.StateLockedIn
	var bip9 fields
	if signalling {
		bip9.add("bit", d.Bit)
	}
	bip9.add("start_time", d.Start)
	bip9.add("timeout", d.Timeout)
	bip9.add("min_activation_height", d.MinHeight)
	bip9.add("status", state)
	bip9.add("since", since)
	bip9.add("status_next", next)
	if signalling {
		stats := consensus.SignalStatsAt(p, d, at)
		shown := obj("period", stats.Period, "elapsed", stats.Elapsed, "count", stats.Count)
		if state == consensus.StateStarted {
			shown.add("threshold", stats.Threshold)
			shown.add("possible", stats.Possible)
		}
		bip9.add("statistics", shown)
		bip9.add("signalling", signalText(stats.Signals))
	}
	f := obj("type", "bip9")
	if next == consensus.StateActive {
		f.add("height", nextSince)
	}
	f.add("active", next == consensus.StateActive)
	f.add("bip9", bip9)
	return f
}

// signalText draws # for a block that signals and - for one that does not.
func signalText(signals []bool) string {
	text := make([]byte, len(signals))
	for i, s := range signals {
		if text[i] = '-'; s {
			text[i] = '#'
		}
	}
	return string(text)
}
