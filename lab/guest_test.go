package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// A network of one node is another's guest: it takes its chain, and agrees. A guest that is not there is told so.
func TestGuest(t *testing.T) {
	t.Parallel()
	far := New(t, Config{Nodes: 1, Seed: 2, NoServices: true})
	n, ctx := up(t, Config{Nodes: 2})
	n.say(t, ctx, "mine 3")
	must(t, n.AwaitOneTip(ctx, 113))
	addr, _ := far.address(0)
	n.say(t, ctx, "guest "+addr.String()+" --node 1")
	must(t, n.Await(ctx, "the guest to agree", func(Status) bool { return n.Guests()[0].State == "agrees" }))
	if g := n.Guests()[0]; g.Height != 113 || g.Tip != far.Node(0).Chain().Tip().Hash() || !strings.Contains(g.Agent, "Cairn") || g.Host != 1 {
		t.Errorf("%+v", g)
	}
	if lines := n.say(t, ctx, "guests").Lines; len(lines) != 1 || !strings.Contains(lines[0], "agrees at 113") {
		t.Error(lines)
	}
	if len(n.Status().Guests) != 1 {
		t.Error("the status does not know of the guest")
	}
	n.say(t, ctx, "guest 127.0.0.1:1")
	must(t, n.Await(ctx, "the guest that is not there", func(Status) bool { return n.Guests()[1].Detail != "" }))
	for text, want := range map[string]string{
		"guest " + addr.String(): "guest already", "guest nowhere": "an address like", "guest 127.0.0.1:0": "an address like", "guest 127.0.0.1:1 --node 5": "a node is a number",
	} {
		n.refuses(t, ctx, text, want)
	}
	must(t, n.Stop(1))
	must(t, n.Start(1))
	n.say(t, ctx, "mine --node 1")
	must(t, far.AwaitOneTip(ctx, 114))
	// A guest does not go back with the network, but its host keeps the connection to it.
	must(t, n.AwaitOneTip(ctx, 114))
	mustSnapshot(t, ctx, n, "a")
	mustRevert(t, ctx, n, "a")
	n.say(t, ctx, "mine")
	must(t, far.AwaitOneTip(ctx, 115))
}

// What a guest's headers tell, and when a difference is told.
//
//	107 ── 108 ── 109 ── 110      the host
//	   └── x1 ── x2               the guest
func TestGuestDiffers(t *testing.T) {
	t.Parallel()
	events := make(chan Event, 100)
	now := time.Unix(2_000_000_000, 0)
	n := New(t, Config{Nodes: 1, NoServices: true, Now: func() time.Time { return now }, OnEvent: func(e Event) {
		if e.Kind == "guest" {
			events <- e
		}
	}})
	nd := n.Node(0)
	tip := nd.Chain().Tip()
	var all []types.Header
	for h := int32(1); h <= 110; h++ {
		all = append(all, tip.At(h).Header())
	}
	odd := all[0]
	fork := append(append([]types.Header(nil), all[:107]...), odd, odd)
	g := &guest{status: GuestStatus{Addr: "guest", State: "unknown"}}
	see := func(headers []types.Header, state, detail string, told bool) {
		t.Helper()
		n.noteGuest(g, nd, tip.Hash(), "/x/", headers, nil)
		if g.status.State != state || !strings.Contains(g.status.Detail, detail) || g.status.Told != told {
			t.Errorf("%+v", g.status)
		}
	}
	see(all, "agrees", "", false)
	see(append(append([]types.Header(nil), all...), odd), "ahead", "1 blocks more", false)
	see(all[:100], "behind", "does not take block 101", false)
	now = now.Add(guestPatience)
	see(all[:100], "behind", "does not take block 101", true)
	see(all[:100], "behind", "", true)
	see(fork, "diverges", "after block 107 it has 2 blocks of its own", false)
	now = now.Add(guestPatience)
	see(fork, "diverges", "and the network 3", true)
	see(all[40:], "agrees", "", false)
	see(nil, "behind", "does not take block 1 ", false)
	var texts []string
	for len(events) > 0 {
		texts = append(texts, (<-events).Detail)
	}
	if got := strings.Join(texts, "\n"); len(texts) != 5 || !strings.Contains(got, "guest behind: ") || !strings.Contains(got, "guest diverges: ") {
		t.Errorf("told:\n%s", got)
	}
}
