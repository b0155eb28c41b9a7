package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// A fifth node with an empty directory, a process of its own, joins a network that has mined and paid for a while.
func TestLateNode(t *testing.T) {
	u := newUser(t)
	n := u.startNetwork("--nodes", "4", "--block-time", "1s", "--ports", "auto")
	w := n.wallet("paid")
	for range 3 {
		n.run("testnet", "faucet", w.address(), "1.5")
		n.run("testnet", "mine", "2", "--node", "1")
	}
	late := n.startNode("late", "--params", n.sheet.Params, "--connect", n.sheet.Nodes[2].P2P)
	if late.startHeight != 0 {
		t.Fatalf("an empty directory has height %d", late.startHeight)
	}
	set := agree(t, append([]*peer{late.peer}, n.nodes...)...)
	if set.Height < 20+6 {
		t.Fatalf("%+v", set)
	}
	n.follows(late)
	late.stop(syscall.SIGTERM)
	again := n.startNode("late", "--params", n.sheet.Params, "--connect", n.sheet.Nodes[3].P2P)
	if again.startHeight < set.Height {
		t.Errorf("started again at %d, having been at %d", again.startHeight, set.Height)
	}
	agree(t, append([]*peer{again.peer}, n.nodes...)...)
}

// follows checks that a late node takes part: it hears of a transaction and of the block that has it, and tells of a
// transaction itself.
func (n *network) follows(late *daemon) {
	n.t.Helper()
	w := n.wallet("fresh", 7)
	id := n.run("testnet", "faucet", w.address(), "3", "--wait", "--node", "0")
	var tx struct {
		Confirmations int `json:"confirmations"`
	}
	eventually(n.t, "the late node has the payment in a block", func() (string, bool) {
		err := late.rpc.Call(n.t.Context(), "gettxout", &tx, id, 0, false)
		return fmt.Sprintf("%+v %v", tx, err), err == nil && tx.Confirmations > 0
	})
	var sent struct{ TxID string }
	n.json(&sent, "wallet", "send", w.address(), "2", "--yes", "--fee-rate", "3", "--wallet", "fresh", "--node", late.url, "--cookie", late.cookie,
		"--params", n.sheet.Params)
	eventually(n.t, "a payment by way of the late node is confirmed at node 0", func() (string, bool) {
		e := (&wallet{n.user, "fresh"}).find(0, sent.TxID)
		return e.Status, e.Status == "confirmed"
	})
	out := n.run("peers", "--node", late.url, "--cookie", late.cookie)
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, n.sheet.Nodes[2].P2P) {
		n.t.Errorf("the late node's peers:\n%s", out)
	}
}
