package lab

import "testing"

// Mempools fill with payments of different fees, some replace others, blocks take them, and in the end fees are estimated.
func TestTraffic(t *testing.T) {
	t.Parallel()
	n, ctx := up(t, Config{Nodes: 3, Topology: Line})
	n.say(t, ctx, "traffic --rate 400/s --rbf 20% --median 8")
	for range 30 {
		before := n.TrafficStatus().Sent
		must(t, n.Await(ctx, "ten payments more", func(Status) bool { return n.TrafficStatus().Sent >= before+10 }))
		n.say(t, ctx, "mine")
	}
	must(t, n.Await(ctx, "an estimate", func(Status) bool { _, ok := n.FeeEstimate(0, 2); return ok }))
	must(t, n.Await(ctx, "a replacement", func(Status) bool { return n.TrafficStatus().Replaced > 0 }))
	must(t, n.Await(ctx, "payments at node 2", func(s Status) bool { return s.Nodes[2].MempoolTxs > 0 }))
	a := n.say(t, ctx, "traffic stop")
	if s := n.TrafficStatus(); s.On || s.Sent < 300 || a.Values["sent"] != float64(s.Sent) {
		t.Errorf("%+v, %v", s, a.Lines)
	}
	n.say(t, ctx, "mine")
	must(t, n.AwaitOneTip(ctx, 0))
	if err := n.Node(0).Pool().Check(); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"traffic go": "neither stop nor status", "traffic --rate fast": "not a rate", "traffic --rate 0": "a rate is between", "traffic --rate NaN": "not a rate",
		"traffic --fees high": "fees are lognormal", "traffic --rbf 200%": "--rbf", "traffic --median 0": "--median", "traffic --rate 5/y": "not a rate",
	} {
		n.refuses(t, ctx, text, want)
	}
}
