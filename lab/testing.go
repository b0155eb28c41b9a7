package lab

import (
	"context"
	"time"
)

// TB is what New needs of a *testing.T or *testing.B.
type TB interface {
	Helper()
	Cleanup(func())
	Context() context.Context
	TempDir() string
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// testPatience bounds how long New waits for the network to be whole.
const testPatience = 5 * time.Minute

// New starts a network for a test and ends it with the test; what goes wrong fails the test. It takes a Config as Up does, with other
// defaults: the rules of regtest, no miners, a directory of the test, every port from the system. So tests may run in parallel. All nodes are
// connected when it returns.
//
// The nodes answer RPC and HTTP as any do; NoServices saves that.
func New(t TB, cfg Config) *Net {
	t.Helper()
	if cfg.Network == "" {
		cfg.Network = "regtest"
	}
	if cfg.DataDir == "" && !cfg.Ephemeral {
		cfg.DataDir = t.TempDir()
	}
	ctx, cancel := bounded(t.Context(), testPatience)
	defer cancel()
	n, err := Up(ctx, cfg)
	if err != nil {
		t.Fatalf("the network does not start: %v", err)
	}
	t.Cleanup(func() {
		if err := n.Down(); err != nil {
			t.Errorf("the network does not stop: %v", err)
		}
	})
	if err := n.AwaitWhole(ctx); err != nil {
		t.Fatalf("%v", err)
	}
	return n
}

// AwaitWhole returns when every link that can be there is, and both its ends know of it.
func (n *Net) AwaitWhole(ctx context.Context) error {
	return n.await(ctx, "all links", func(s Status) bool {
		links := make([]int, len(s.Nodes))
		for _, l := range n.Links() {
			if l.Cut || !s.Nodes[l.A].Running || !s.Nodes[l.B].Running {
				continue
			}
			if !l.Up {
				return false
			}
			links[l.A]++
			links[l.B]++
		}
		for i, ns := range s.Nodes {
			if ns.Running && ns.Peers < links[i] {
				return false
			}
		}
		return true
	})
}

// Await returns when a condition holds for the network at a glance; what is costly to know (LastBlock, Faucet) is left out of the Status. If
// ctx ends before, the error names what was waited for and says who was where.
func (n *Net) Await(ctx context.Context, what string, met func(Status) bool) error {
	return n.await(ctx, what, met)
}

// AwaitTx returns when node i has a transaction in its mempool or in a block.
func (n *Net) AwaitTx(ctx context.Context, i int, id Hash) error {
	return n.await(ctx, "transaction "+id.String()+" at node "+numbers([]int{i}), func(Status) bool {
		where := n.WhereIs(i, id)
		return where != TxAbsent
	})
}
