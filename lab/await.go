package lab

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// awaitStep is how often a condition is looked at.
const awaitStep = 5 * time.Millisecond

// AwaitOneTip returns when all running nodes have the same tip, at a height of at least height. If ctx ends
// before, the error says who was where.
func (n *Net) AwaitOneTip(ctx context.Context, height int32) error {
	return n.await(ctx, fmt.Sprintf("one tip at %d or above", height), func(s Status) bool {
		for _, ns := range s.Nodes {
			if ns.Running && ns.Height < height {
				return false
			}
		}
		return s.OneTip
	})
}

// AwaitPeers returns when every running node has at least so many peers.
func (n *Net) AwaitPeers(ctx context.Context, peers int) error {
	return n.await(ctx, fmt.Sprintf("%d peers for every node", peers), func(s Status) bool {
		for _, ns := range s.Nodes {
			if ns.Running && ns.Peers < peers {
				return false
			}
		}
		return true
	})
}

func (n *Net) await(ctx context.Context, what string, met func(Status) bool) error {
	tick := time.NewTicker(awaitStep)
	defer tick.Stop()
	for {
		s := n.glance()
		if met(s) && n.settle(ctx) == nil {
			if s = n.glance(); met(s) {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %s", what, ctx.Err(), whereabouts(s))
		}
	}
}

// settlePatience bounds how long a wait that is over waits for mempools. It is not the caller's time: that is for the condition, and may be none.
const settlePatience = 30 * time.Second

// settle waits until what the nodes were given is done: a new tip shows before the mempool has followed it, and on a busy machine that may take
// seconds. It returns an error if it takes longer than that. A node that is going down has nothing to wait for.
func (n *Net) settle(ctx context.Context) error {
	ctx, cancel := bounded(context.WithoutCancel(ctx), settlePatience)
	defer cancel()
	for i := range n.nodes {
		if nd := n.running(i); nd != nil && nd.Settle(ctx) != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// glance is Status without what is costly to know.
func (n *Net) glance() Status {
	s := Status{OneTip: true}
	var first *NodeStatus
	for i := range n.nodes {
		ns, st := n.nodeStatus(i)
		s.Nodes = append(s.Nodes, ns)
		if st == nil {
			continue
		}
		if first == nil {
			first = &s.Nodes[i]
		}
		s.OneTip = s.OneTip && ns.Tip == first.Tip
	}
	return s
}

// Whereabouts says where every node is: "node 3 at 101 with no peers".
func (n *Net) Whereabouts() string { return whereabouts(n.glance()) }

func peersText(n int) string {
	if n == 1 {
		return "1 peer"
	}
	return fmt.Sprintf("%d peers", n)
}

// whereabouts says where every node is: "node 3 at 101 with no peers".
func whereabouts(s Status) string {
	var parts []string
	for _, ns := range s.Nodes {
		switch {
		case !ns.Running:
			parts = append(parts, fmt.Sprintf("node %d stopped", ns.Index))
		case ns.Peers == 0:
			parts = append(parts, fmt.Sprintf("node %d at %d with no peers", ns.Index, ns.Height))
		default:
			parts = append(parts, fmt.Sprintf("node %d at %d of %d, %s, tip %s", ns.Index, ns.Height, ns.Headers, peersText(ns.Peers), ns.Tip.String()[52:]))
		}
	}
	return strings.Join(parts, "; ")
}
