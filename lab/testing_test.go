package lab

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A test's network is whole when New returns, and its waits say who was where.
func TestNew(t *testing.T) {
	t.Parallel()
	n := New(t, Config{Nodes: 5, Seed: 1})
	ctx, cancel := context.WithTimeout(t.Context(), testEnd)
	defer cancel()
	for _, l := range n.Links() {
		if !l.Up {
			t.Errorf("%+v", l)
		}
	}
	id, err := n.Send(ctx, 0, 1, 2, 5_000_000, 0)
	must(t, err)
	must(t, n.AwaitTx(ctx, 3, id))
	_, err = n.Mine(ctx, 3, 1)
	must(t, err)
	must(t, n.AwaitOneTip(ctx, 111))
	if where := n.WhereIs(1, id); where != TxConfirmed {
		t.Errorf("the payment is %s", where)
	}
	must(t, n.Partition([]int{0, 0, 0, 0, 1}))
	must(t, n.Await(ctx, "node 4 alone", func(s Status) bool { return s.Nodes[4].Peers == 0 }))
	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err = n.Mine(ctx, 0, 1)
	must(t, err)
	err = n.AwaitOneTip(short, 112)
	if err == nil || !strings.Contains(err.Error(), "waiting for one tip at 112 or above") || !strings.Contains(err.Error(), "node 4 at 111 with no peers") {
		t.Errorf("a wait that fails says %v", err)
	}
}

// An account pays on with change that is not confirmed yet, and what it cannot pay it says.
func TestSend(t *testing.T) {
	t.Parallel()
	n := New(t, Config{Nodes: 2, NoServices: true})
	ctx := t.Context()
	for range 5 {
		_, err := n.Send(ctx, 0, 0, 1, 100_000_000, 3000)
		must(t, err)
	}
	if _, err := n.Send(ctx, 0, 0, 1, 4_600_000_000, 0); err == nil || !strings.Contains(err.Error(), "account 0 has") {
		t.Errorf("more than there is: %v", err)
	}
	for _, bad := range []func() (Hash, error){
		func() (Hash, error) { return n.Send(ctx, 0, 10, 1, 100_000, 0) },
		func() (Hash, error) { return n.Send(ctx, 0, 0, -1, 100_000, 0) },
		func() (Hash, error) { return n.Send(ctx, 0, 0, 1, 10, 0) },
		func() (Hash, error) { return n.Send(ctx, 0, 0, 1, 100_000, -1) },
		func() (Hash, error) { return n.Send(ctx, 9, 0, 1, 100_000, 0) },
	} {
		if _, err := bad(); err == nil {
			t.Error("a payment that is none")
		}
	}
	_, err := n.Mine(ctx, 0, 1)
	must(t, err)
	// A reorganization takes the coins away and gives them back.
	n.say(t, ctx, "reorg")
	_, err = n.Send(ctx, 1, 1, 0, 5_200_000_000, 0)
	must(t, err)
}

// Blocks come as the way of mining says.
func TestMiningWays(t *testing.T) {
	t.Parallel()
	n := New(t, Config{Nodes: 3, Miners: 2, Mining: Manual, BlockTime: time.Second, NoServices: true})
	ctx, cancel := context.WithTimeout(t.Context(), testEnd)
	defer cancel()
	n.say(t, ctx, "mining instant")
	id, err := n.Send(ctx, 2, 0, 1, 1_000_000, 0)
	must(t, err)
	must(t, n.Await(ctx, "the payment in a block", func(Status) bool { return n.WhereIs(2, id) == TxConfirmed }))
	must(t, n.AwaitOneTip(ctx, 111))
	n.say(t, ctx, "mining interval")
	must(t, n.AwaitOneTip(ctx, 112))
	n.say(t, ctx, "mining poisson")
	must(t, n.AwaitOneTip(ctx, 114))
	n.say(t, ctx, "mining manual")
	if n.MiningMode() != Manual {
		t.Errorf("mining is %s", n.MiningMode())
	}
	n.refuses(t, ctx, "mining hard", "unknown way of mining")
}
