package lab

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// Three blocks are replaced by four. Of the payments in them one is kept, one is dropped and waits again, one is replaced by a
// rival and lost, with what spends it.
//
//	110 ── A1 kept, gone ── A2 dropped, child of gone ── A3
//	    └─ B1 kept, rival ── B2 ── B3 ── B4
func TestReorg(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 3, Topology: Line})
	kept, gone, dropped := n.payment(t, 0, 1_000_000, 5), n.payment(t, 1, 2_000_000, 5), n.payment(t, 2, 3_000_000, 5)
	rival := n.payment(t, 1, 4_000_000, 6)
	must(t, n.Node(0).SubmitTx(ctx, kept))
	must(t, n.Node(0).SubmitTx(ctx, gone))
	n.say(t, ctx, "mine")
	must(t, n.Node(0).SubmitTx(ctx, dropped))
	n.say(t, ctx, "mine 2")
	must(t, n.AwaitOneTip(ctx, 113))
	old := n.Node(0).Chain().Tip().Hash()

	a := n.say(t, ctx, "reorg --node 1 --depth 3 --drop "+dropped.ID().String()+" --replace "+hex.EncodeToString(rival.Bytes()))
	rep := a.Result.(ReorgReport)
	if rep.Fork.Height != 110 || len(rep.Off) != 3 || len(rep.On) != 4 || rep.Off[2].Hash != old || rep.Node != 1 {
		t.Errorf("%+v", rep)
	}
	if len(rep.Kept) != 1 || rep.Kept[0] != kept.ID() || len(rep.Returned) != 1 || rep.Returned[0] != dropped.ID() {
		t.Errorf("kept %v, returned %v", rep.Kept, rep.Returned)
	}
	if len(rep.Lost) != 1 || rep.Lost[0].TxID != gone.ID() || !strings.Contains(rep.Lost[0].Why, "is spent by "+rival.ID().String()) {
		t.Errorf("lost %v", rep.Lost)
	}
	if len(rep.Followed) != 3 || len(rep.Behind) != 0 {
		t.Errorf("followed by %v, not by %v", rep.Followed, rep.Behind)
	}
	if text := strings.Join(a.Lines, "\n"); !strings.Contains(text, "the branches part after block 110") || !strings.Contains(text, "back in the mempool") {
		t.Error(text)
	}
	must(t, n.AwaitOneTip(ctx, 114))
	if n.setHash(t, ctx, 0) != n.setHash(t, ctx, 2) {
		t.Error("the nodes have different coins")
	}
	n.say(t, ctx, "mine")
	must(t, n.AwaitOneTip(ctx, 115))
	if info := n.Node(2).Pool().Info(time.Now()); info.Count != 0 {
		t.Errorf("%d transactions still wait", info.Count)
	}
}

// A node that is out of reach does not follow, and the report says so.
func TestReorgBehindACut(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 3, Topology: Line})
	n.say(t, ctx, "mine 2")
	must(t, n.AwaitOneTip(ctx, 112))
	n.say(t, ctx, "cut 1-2")
	rep := n.say(t, ctx, "reorg --depth 2").Result.(ReorgReport)
	if numbers(rep.Followed) != "0, 1" || numbers(rep.Behind) != "2" {
		t.Errorf("followed by %v, not by %v", rep.Followed, rep.Behind)
	}
	n.say(t, ctx, "heal")
	must(t, n.AwaitOneTip(ctx, 113))
	if numbers(nil) != "none" {
		t.Error("no nodes are not none")
	}
}
