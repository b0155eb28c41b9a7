package lab

import (
	"math"
	"strings"
	"testing"
)

func TestDoubleSpend(t *testing.T) {
	t.Parallel()
	n, ctx := up(t, Config{Nodes: 4, Topology: Ring})
	a := n.say(t, ctx, "double-spend --confirmations 3 --node 2")
	pay, err := ParseHash(a.TxID)
	must(t, err)
	for i := range 4 {
		if where := n.WhereIs(i, pay); where != TxAbsent {
			t.Errorf("the payment is %s at node %d", where, i)
		}
	}
	if text := strings.Join(a.Lines, "\n"); len(a.Lines) != 8 || !strings.Contains(text, "took 3 blocks off and put 4 on; the payment is absent there now, the one to itself is confirmed") {
		t.Error(text)
	}
	must(t, n.Partition([]int{0, 0, 1, 1}))
	n.refuses(t, ctx, "double-spend", "heal it first")
	n.refuses(t, ctx, "double-spend --confirmations 0", "--confirmations is a number")
}

// All hash power succeeds, none gives up.
func TestAttack(t *testing.T) {
	t.Parallel()
	n, ctx := up(t, Config{Nodes: 3, Topology: Line, Seed: 4})
	won := n.say(t, ctx, "attack --hashpower 0.7 --depth 3").Result.(AttackReport)
	if !won.Won || won.Secret <= won.Public || won.Public < 3 || won.Probability != 1 || won.Reorg == nil {
		t.Errorf("%+v", won)
	}
	if n.WhereIs(0, won.Payment) != TxAbsent || n.WhereIs(0, won.Rival) != TxConfirmed {
		t.Error("the payment stands")
	}
	if len(won.Reorg.Lost) != 1 || len(won.Reorg.Off) != won.Public {
		t.Errorf("%+v", won.Reorg)
	}
	lost := n.say(t, ctx, "attack --hashpower 0 --depth 2 --give-up 5").Result.(AttackReport)
	if lost.Won || lost.Secret != 0 || lost.Public != 5 || n.WhereIs(1, lost.Payment) != TxConfirmed {
		t.Errorf("%+v", lost)
	}
	n.refuses(t, ctx, "attack --hashpower 2", "--hashpower: ")
	n.refuses(t, ctx, "attack --depth 0", "--depth is a number")
	must(t, n.Stop(0))
	must(t, n.Stop(1))
	n.refuses(t, ctx, "attack", "no other node runs")
}

// The closed form against itself at its ends, and against a sum by hand.
func TestSuccessProbability(t *testing.T) {
	if successProbability(0, 1) != 0 || successProbability(0.5, 6) != 1 {
		t.Error("nothing and half")
	}
	// One confirmation, a tenth: fails if m = 0 (0.9) and two are never caught up, or m = 1 (0.09) and one is not.
	q := 0.1 / 0.9
	want := 1 - 0.9*(1-q*q) - 0.09*(1-q)
	if got := successProbability(0.1, 1); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, not %v", got, want)
	}
	for z := 2; z < 8; z++ {
		if successProbability(0.3, z) >= successProbability(0.3, z-1) {
			t.Errorf("%d confirmations are no better than %d", z, z-1)
		}
	}
}

func TestSelfish(t *testing.T) {
	t.Parallel()
	n, ctx := up(t, Config{Nodes: 4, Topology: Ring, Seed: 3})
	rep := n.say(t, ctx, "selfish --node 2 --power 0.45 --blocks 120").Result.(SelfishReport)
	if rep.Found < 30 || rep.Kept > rep.Found || rep.Chain >= 120 || rep.Chain < 60 || rep.Ties == 0 || rep.Won > rep.Ties {
		t.Errorf("%+v", rep)
	}
	must(t, n.Await(ctx, "one height", func(s Status) bool {
		for _, ns := range s.Nodes {
			if ns.Height < 110+int32(rep.Chain) {
				return false
			}
		}
		return true
	}))
	n.say(t, ctx, "mine --node 0") // a tie may be left
	must(t, n.AwaitOneTip(ctx, 0))
	all := n.say(t, ctx, "selfish --power 1 --blocks 5").Result.(SelfishReport)
	if all.Share != 1 || all.Chain != 5 || all.Gamma0 != 1 {
		t.Errorf("%+v", all)
	}
	none := n.say(t, ctx, "selfish --power 0 --blocks 5").Result.(SelfishReport)
	if none.Share != 0 || none.Chain != 5 {
		t.Errorf("%+v", none)
	}
	n.refuses(t, ctx, "selfish --blocks 0", "--blocks is a number")
	n.refuses(t, ctx, "selfish --node 9", "a node is a number")
}

// Equation 8 of the paper: at a third of the power it just pays without any help in ties; with all help always.
func TestExpectedShare(t *testing.T) {
	if got := expectedShare(1.0/3, 0); math.Abs(got-1.0/3) > 1e-12 {
		t.Errorf("at a third: %v", got)
	}
	if expectedShare(0.2, 0) >= 0.2 || expectedShare(0.2, 1) <= 0.2 || expectedShare(0.4, 0) <= 0.4 || expectedShare(0.6, 0) != 1 {
		t.Error("the threshold is elsewhere")
	}
}
