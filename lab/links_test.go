package lab

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/lab/shape"
)

// say gives an order as people write it.
func (n *Net) say(t *testing.T, ctx context.Context, text string) Answer {
	t.Helper()
	o, err := ParseOrder(strings.Fields(text))
	must(t, err)
	a, err := n.Carry(ctx, o)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return a
}

// refuses gives an order that is wrong.
func (n *Net) refuses(t *testing.T, ctx context.Context, text, want string) {
	t.Helper()
	o, err := ParseOrder(strings.Fields(text))
	if err == nil {
		_, err = n.Carry(ctx, o)
	}
	if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: %v, not %q", text, err, want)
	}
}

// A block passes a shaped link, and what a link is like shows and can be changed while blocks pass.
func TestShapedLink(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 3, Topology: Line})
	n.say(t, ctx, "link 0-1 --latency 30ms±3ms --loss 1%")
	n.say(t, ctx, "link 0-1 --bandwidth 8Mbit --one-way")
	n.say(t, ctx, "slow 2-*")
	n.say(t, ctx, "link 1-2 --latency lognormal:1ms:0.5 --bandwidth 0 --loss 0 --jitter 0s")
	want := []string{
		"0-1  up  0→1 latency 30ms±3ms, loss 1%, bandwidth 8Mbit  1→0 latency 30ms±3ms, loss 1%",
		"1-2  up  latency lognormal:1ms:0.5",
	}
	if got := n.say(t, ctx, "links").Lines; strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("links:\n%s", strings.Join(got, "\n"))
	}
	begin := time.Now()
	n.say(t, ctx, "mine 3")
	must(t, n.AwaitOneTip(ctx, 113))
	if took := time.Since(begin); took < 15*time.Millisecond {
		t.Errorf("blocks passed a link of 30 ms in %v", took)
	}
	n.say(t, ctx, "link all --clear")
	for _, l := range n.Links() {
		if l.AtoB != "" || l.BtoA != "" || !l.Up {
			t.Errorf("%+v", l)
		}
	}
	if n.ShapeOf(Link{0, 1}) != (shape.Shape{}) {
		t.Error("a shape is left")
	}
	n.say(t, ctx, "mine --node 2")
	must(t, n.AwaitOneTip(ctx, 114))
}

func TestLinkOrdersRefused(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 3, Topology: Line})
	for text, want := range map[string]string{
		"link 0-1":                        "say what the link is to be like: link LINK",
		"link 0-2 --loss 1%":              "nodes 0 and 2 have no link",
		"link 0-7 --loss 1%":              "the nodes are 0 to 2",
		"link 01 --loss 1%":               "not a link like 0-1",
		"link 0-1 --loss 95%":             "loss is between",
		"link 0-1 --latency 2h":           "a latency is between",
		"link 0-1 --latency soon":         "not a latency like",
		"link 0-1 --jitter -1s":           "--jitter is a time between",
		"link 0-1 --bandwidth fast":       "not a bandwidth like",
		"link 0-1 --speed 3":              "has no flag --speed: link LINK [--latency D]",
		"link 0-1 --latency":              "--latency needs a value",
		"link":                            "the order is: link LINK",
		"partition 0,1 2":                 "for example: partition 0,1/2,3",
		"cut 0-0":                         "have no link",
		"heal 0-9":                        "the nodes are",
		"partition 0/1/0":                 "in two groups",
		"dance":                           "none of the verbs: ",
		"time soon":                       "not a shift of time",
		"time 100000h":                    "at most ten years",
		"reorg --depth 0":                 "--depth is a number between 1 and",
		"reorg --depth 500":               "between 1 and 110 blocks deep",
		"reorg --drop x":                  "--drop: ",
		"reorg --replace zz":              "--replace: ",
		"reorg --replace 00":              "--replace: ",
		"reorg --node 9":                  "a node is a number between 0 and 2",
		"reorg --drop " + zeros:           "hold no transaction",
		"mine 0":                          "how many blocks",
		"mine 3 4":                        "the order is: mine [N]",
		"stop each":                       "not a node's number",
		"faucet nobody":                   "mistyped",
		"faucet nobody -3":                "amount",
		"partition 0/1 --one-way --depth": "has no flag --depth",
	} {
		n.refuses(t, ctx, text, want)
	}
	if _, err := ParseOrder(nil); err == nil {
		t.Error("nothing is an order")
	}
}

const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// A ring that is cut at one link stays one network; cut at two it is two.
func TestCutAndMend(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 4, Topology: Ring})
	n.say(t, ctx, "cut 0-1")
	n.say(t, ctx, "mine --node 0")
	must(t, n.AwaitOneTip(ctx, 111))
	n.say(t, ctx, "cut 2-3")
	n.say(t, ctx, "mine 2 --node 0")
	must(t, n.await(ctx, "node 3 at 113", func(s Status) bool { return s.Nodes[3].Height == 113 }))
	if h := n.Node(1).Chain().Tip().Height(); h != 111 {
		t.Errorf("node 1 is at %d", h)
	}
	n.say(t, ctx, "heal 0-1")
	must(t, n.AwaitOneTip(ctx, 113))
	if l := n.Links(); !l[3].Cut || l[0].Cut {
		t.Errorf("%+v", l)
	}
	n.say(t, ctx, "heal")
	must(t, n.AwaitPeers(ctx, 2))
}

// What node 0 sends does not arrive; it hears the others all the same.
//
//	110 ── B1        nodes 1 and 2, and node 0 too
//	     ╲─ ...      what node 0 mines stays with it until the network is healed
func TestPartitionOneWay(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 3, Topology: Mesh})
	must(t, n.AwaitPeers(ctx, 2))
	n.say(t, ctx, "mine --node 0") // so that all have said all that they ask at the start
	must(t, n.AwaitOneTip(ctx, 111))
	n.say(t, ctx, "partition 0/1,2 --one-way")
	if s := n.Status(); s.Partition != "0/1,2 one way" {
		t.Errorf("partition %q", s.Partition)
	}
	n.say(t, ctx, "mine 2 --node 0")
	n.say(t, ctx, "mine --node 1")
	must(t, n.await(ctx, "node 2 at 112", func(s Status) bool { return s.Nodes[2].Height == 112 }))
	must(t, n.await(ctx, "node 0 to hear of the block", func(Status) bool {
		return n.Node(0).Chain().Lookup(n.Node(1).Chain().Tip().Hash()) != nil
	}))
	if n.Node(1).Chain().Lookup(n.Node(0).Chain().Tip().Hash()) != nil {
		t.Error("what node 0 says arrives")
	}
	n.say(t, ctx, "heal")
	must(t, n.AwaitOneTip(ctx, 113))
}

func TestTime(t *testing.T) {
	dir := t.TempDir()
	n, ctx := up(t, Config{Nodes: 2, DataDir: dir})
	before := n.Now()
	n.say(t, ctx, "time +3h")
	if moved := n.Now().Sub(before); moved < 3*time.Hour || moved > 4*time.Hour {
		t.Errorf("the clocks moved by %v", moved)
	}
	n.say(t, ctx, "mine")
	must(t, n.AwaitOneTip(ctx, 111))
	at := time.Unix(int64(n.Node(1).Chain().Tip().Header().Time), 0)
	if at.Before(before.Add(3*time.Hour - time.Second)) {
		t.Errorf("the block's time is %v", at)
	}
	must(t, n.Down())
	again, ctx := up(t, Config{DataDir: dir, Miners: -1})
	again.say(t, ctx, "mine")
	must(t, again.AwaitOneTip(ctx, 112))
	again.refuses(t, ctx, "time soon", "is not a shift of time")
	if a := again.say(t, ctx, "time -3h"); len(a.Lines) != 2 || !strings.Contains(a.Lines[1], "no block is valid until the clocks are") {
		t.Errorf("a chain that stands still is told as %q", a.Lines)
	}
	if s := again.Status(); s.LastBlock.Time.Sub(s.Time) < 2*time.Hour {
		t.Errorf("the block of %v is not ahead of %v", s.LastBlock.Time, s.Time)
	}
	if moved := again.Now().Sub(before); moved > time.Hour {
		t.Errorf("the clocks are still %v ahead", moved)
	}
}
