package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// entry is a transaction in a wallet's history.
type entry struct {
	TxID          string      `json:"txid"`
	Status        string      `json:"status"`
	Kind          string      `json:"kind"`
	Amount        json.Number `json:"amount"`
	Confirmations int         `json:"confirmations"`
}

// wallet is one wallet of a user.
type wallet struct {
	*user
	name string
}

// wallet makes a wallet, with the keys of the testnet's accounts if there are any given.
func (u *user) wallet(name string, accounts ...int) *wallet {
	u.t.Helper()
	w := &wallet{u, name}
	w.do("create", "--no-passphrase")
	for _, i := range accounts {
		w.do("import", "--offline", "--account", fmt.Sprint(i))
	}
	return w
}

func (w *wallet) do(args ...string) string {
	w.t.Helper()
	return w.run(append([]string{"wallet"}, append(args, "--wallet", w.name)...)...)
}

func (w *wallet) address() string {
	w.t.Helper()
	return w.do("address")
}

// send sends by way of a node and returns the transaction's id.
func (w *wallet) send(node int, to, amount string, more ...string) string {
	w.t.Helper()
	var sent struct{ TxID string }
	w.json(&sent, append([]string{"wallet", "send", to, amount, "--yes", "--wallet", w.name, "--node", fmt.Sprint(node)}, more...)...)
	return sent.TxID
}

// balances are what `wallet balance --json` says.
type balances struct{ Confirmed, Pending, Immature, Spendable, Total json.Number }

func (w *wallet) balance(node int) (b balances) {
	w.t.Helper()
	w.json(&b, "wallet", "balance", "--wallet", w.name, "--node", fmt.Sprint(node))
	return b
}

// find returns a transaction of the wallet's history as a node shows it.
func (w *wallet) find(node int, id string) entry {
	w.t.Helper()
	var all []entry
	w.json(&all, "wallet", "history", "--wallet", w.name, "--node", fmt.Sprint(node), "-n", "0")
	i := slices.IndexFunc(all, func(e entry) bool { return e.TxID == id })
	if i < 0 {
		return entry{TxID: id, Status: "unknown"}
	}
	return all[i]
}

// becomes waits until a transaction has a status.
func (w *wallet) becomes(node int, id, status string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("%s of wallet %s is %s", id, w.name, status), func() (string, bool) {
		e := w.find(node, id)
		return e.Status, e.Status == status
	})
}

// Four nodes on a ring mine, coins go from hand to hand, and the network heals after a partition in which both sides
// mined and spent the same coins.
func TestNetwork(t *testing.T) {
	u := newUser(t)
	n := u.startNetwork("--nodes", "4", "--miners", "2", "--topology", "ring", "--block-time", "1s", "--ports", "auto")
	if len(n.nodes) != 4 || n.sheet.Network != "cairn-1s" || n.sheet.Params == "" {
		t.Fatalf("%+v", n.sheet)
	}
	begin := n.nodes[3].height()
	n.pay()
	n.partitionAndHeal()
	eventually(t, "the network goes on mining", func() (string, bool) {
		h := n.nodes[3].height()
		return fmt.Sprint("height ", h), h > begin+3
	})
	agree(t, n.nodes...)
	n.up.stop(syscall.SIGINT)
}

// pay sends coins from the faucet through two wallets that look at different nodes.
func (n *network) pay() {
	t := n.t
	alice, bob := n.wallet("alice"), n.wallet("bob")
	begin := time.Now()
	id := n.run("testnet", "faucet", alice.address(), "5", "--wait")
	t.Logf("%.1f s for the faucet's payment", time.Since(begin).Seconds())
	if e := alice.find(0, id); e.Status != "confirmed" || e.Kind != "received" || e.Amount != "5.00000000" {
		t.Fatalf("the faucet's payment: %+v", e)
	}
	if b := alice.balance(0); b.Spendable != "5.00000000" {
		t.Fatalf("%+v", b)
	}
	begin = time.Now()
	// At the fee rate that the wallet proposes, by way of a node that does not mine.
	id = alice.send(2, bob.address(), "1.25", "--wait", "1")
	t.Logf("%.1f s for alice's payment", time.Since(begin).Seconds())
	bob.becomes(3, id, "confirmed")
	if b := bob.balance(3); b.Confirmed != "1.25000000" || b.Total != "1.25000000" {
		t.Fatalf("%+v", b)
	}
	if e := alice.find(0, id); e.Kind != "sent" || e.Confirmations < 1 {
		t.Fatalf("%+v", e)
	}
}

// partitionAndHeal cuts the network. The side of nodes 0 and 1 mines by itself and gets more work; the side of nodes 2 and 3
// mines when it is told to. Both spend the coin of account 0, the losing side also that of account 1.
func (n *network) partitionAndHeal() {
	t := n.t
	left, right, other := n.wallet("left", 0), n.wallet("right", 0), n.wallet("other", 1)
	to := n.wallet("sink").address()
	eventually(t, "the right side sees the accounts", func() (string, bool) {
		b := right.balance(2)
		return fmt.Sprintf("%+v", b), b.Spendable == "50.00000000"
	})
	n.run("testnet", "partition", "0,1/2,3")
	eventually(t, "the ring is two pairs", func() (string, bool) {
		s := n.status()
		return peersText(s), s.Partition == "0,1/2,3" && !slices.ContainsFunc(s.Nodes, func(n lab.NodeStatus) bool { return n.Peers != 1 })
	})
	winner := left.send(0, to, "all")
	loser := right.send(2, to, "all", "--fee-rate", "9")
	returning := other.send(3, to, "all")
	eventually(t, "node 2 has both payments of its side", func() (string, bool) {
		var pool []string
		n.nodes[2].call(&pool, "getrawmempool")
		return fmt.Sprint(pool), len(pool) == 2
	})
	n.run("testnet", "mine", "3", "--node", "2")
	right.becomes(3, loser, "confirmed")
	other.becomes(3, returning, "confirmed")
	n.run("testnet", "mine", "12", "--node", "1")
	left.becomes(0, winner, "confirmed")
	depth := n.splitDepth()
	n.run("testnet", "heal")
	n.awaitReorg(2, depth)
	n.awaitReorg(3, depth)
	agree(t, n.nodes...)
	right.becomes(0, loser, "conflicted")
	left.becomes(2, winner, "confirmed")
	other.becomes(0, returning, "confirmed")
	for _, p := range n.nodes {
		if err := p.rpc.Call(t.Context(), "getmempoolentry", nil, loser); err == nil {
			t.Errorf("%s keeps a payment whose coin is spent", p.name)
		}
	}
	if !strings.Contains(n.up.out.String(), "node 2 reorganized: 3 off") || !strings.Contains(n.up.out.String(), "network healed") {
		t.Errorf("the network's own words:\n%s", n.up.output())
	}
}

func peersText(s lab.Status) string {
	var peers []int
	for _, n := range s.Nodes {
		peers = append(peers, n.Peers)
	}
	return fmt.Sprintf("partition %q, peers %v", s.Partition, peers)
}

// splitDepth checks that the sides are apart and returns how many blocks the right one has to itself.
func (n *network) splitDepth() int {
	n.t.Helper()
	s := n.status()
	if s.OneTip || s.Nodes[0].Height < s.Nodes[2].Height+4 || s.Nodes[2].Tip != s.Nodes[3].Tip {
		n.t.Fatalf("the sides: %+v", s)
	}
	for own := 1; ; own++ {
		height := int(s.Nodes[2].Height) - own
		var ours, theirs string
		n.nodes[0].call(&theirs, "getblockhash", height)
		n.nodes[2].call(&ours, "getblockhash", height)
		if ours == theirs {
			return own
		}
	}
}

// awaitReorg waits until status shows a node's move to the other side: depth blocks off, and returned the one transaction that
// conflicts with nothing, or also the other if the payment it conflicts with stands in a later block than those it moved to at first.
func (n *network) awaitReorg(node, depth int) {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("status shows node %d's reorganization", node), func() (string, bool) {
		r := n.status().Nodes[node].LastReorg
		if r == nil {
			return "none", false
		}
		return fmt.Sprintf("%+v", *r), r.Depth == depth && r.Off == depth && r.On >= depth && (r.Returned == 1 || r.Returned == 2)
	})
}
