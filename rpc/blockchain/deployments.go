package blockchain

import (
	"context"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func getDeploymentInfo(_ context.Context, c *chainjson.Call) (any, error) {
	at := c.Chain.Tip()
	if c.Given(0) {
		var err error
		if at, err = c.Entry(0); err != nil {
			return nil, err
		}
	}
	return jsonrpc.Obj("hash", at.Hash(), "height", at.Height(), "deployments", deployments(c.Node.Params(), at)), nil
}

// deployments describes all rule changes as of a block: those with a height, then those by version bits. Deployments that can never
// become active are left out.
func deployments(p *consensus.Params, at consensus.Ancestry) (list jsonrpc.Fields) {
	for _, f := range p.Forks() {
		list.Add(f.Name, jsonrpc.Obj("type", "buried", "active", at.Height()+1 >= f.Height, "height", f.Height))
	}
	for i := range p.Deployments {
		if d := &p.Deployments[i]; d.Start != consensus.NeverActive {
			list.Add(d.Name, deployment(p, d, at))
		}
	}
	return list
}

func deployment(p *consensus.Params, d *consensus.Deployment, at consensus.Ancestry) jsonrpc.Fields {
	var parent consensus.Ancestry
	if at.Height() > 0 {
		parent = at.Ancestor(at.Height() - 1)
	}
	state, since := consensus.StateAfter(p, d, parent)
	next, nextSince := consensus.StateAfter(p, d, at)
	signalling := state == consensus.StateStarted || state == consensus.StateLockedIn
	var bip9 jsonrpc.Fields
	if signalling {
		bip9.Add("bit", d.Bit)
	}
	bip9.Add("start_time", d.Start)
	bip9.Add("timeout", d.Timeout)
	bip9.Add("min_activation_height", d.MinHeight)
	bip9.Add("status", state)
	bip9.Add("since", since)
	bip9.Add("status_next", next)
	if signalling {
		stats := consensus.SignalStatsAt(p, d, at)
		shown := jsonrpc.Obj("period", stats.Period, "elapsed", stats.Elapsed, "count", stats.Count)
		if state == consensus.StateStarted {
			shown.Add("threshold", stats.Threshold)
			shown.Add("possible", stats.Possible)
		}
		bip9.Add("statistics", shown)
		bip9.Add("signalling", signalText(stats.Signals))
	}
	f := jsonrpc.Obj("type", "bip9")
	if next == consensus.StateActive {
		f.Add("height", nextSince)
	}
	f.Add("active", next == consensus.StateActive)
	f.Add("bip9", bip9)
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
