package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/lab"
	"github.com/cairn-chain/cairn/rpc/client"
)

// peer is a node that a test talks to by RPC.
type peer struct {
	t    *testing.T
	name string
	rpc  *client.Client
}

func dial(t *testing.T, name, url, cookie string) *peer {
	t.Helper()
	c, err := client.Dial(url, cookie)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &peer{t: t, name: name, rpc: c}
}

// call calls a method that must work.
func (p *peer) call(result any, method string, params ...any) {
	p.t.Helper()
	if err := p.rpc.Call(p.t.Context(), method, result, params...); err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, method, err)
	}
}

func (p *peer) height() (h int) {
	p.t.Helper()
	p.call(&h, "getblockcount")
	return h
}

func (p *peer) tip() (hash string) {
	p.t.Helper()
	p.call(&hash, "getbestblockhash")
	return hash
}

// coinSet is a coin set at one block.
type coinSet struct {
	Height int         `json:"height"`
	Tip    string      `json:"bestblock"`
	Coins  int         `json:"txouts"`
	Amount json.Number `json:"total_amount"`
	MuHash string      `json:"muhash"`
}

func (p *peer) coinSet() (s coinSet) {
	p.t.Helper()
	p.call(&s, "gettxoutsetinfo", "muhash")
	return s
}

// agree waits until all peers have one tip and checks that they have one coin set there, which it returns.
func agree(t *testing.T, peers ...*peer) coinSet {
	t.Helper()
	var first coinSet
	eventually(t, "all nodes are on one tip", func() (string, bool) {
		var state []string
		same := true
		for i, p := range peers {
			s := p.coinSet()
			if i == 0 {
				first = s
			}
			state = append(state, fmt.Sprintf("%s at %d %s", p.name, s.Height, s.Tip))
			if same = same && s.Tip == first.Tip; same && s != first {
				t.Fatalf("%s and %s disagree about the coins at one tip: %+v, %+v", peers[0].name, p.name, first, s)
			}
		}
		return strings.Join(state, ", "), same
	})
	return first
}

// network is a testnet that runs.
type network struct {
	*user
	up    *process
	sheet lab.Sheet
	nodes []*peer
}

// startNetwork starts a testnet in the user's directory and waits until it is ready.
func (u *user) startNetwork(args ...string) *network {
	u.t.Helper()
	file := u.path("network.json")
	if err := os.RemoveAll(file); err != nil {
		u.t.Fatal(err)
	}
	n := &network{user: u, up: u.start(append([]string{"testnet", "up", "--config-out", file}, args...)...)}
	n.up.says("Ready after")
	text, err := os.ReadFile(file)
	if err != nil {
		u.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &n.sheet); err != nil {
		u.t.Fatal(err)
	}
	for _, s := range n.sheet.Nodes {
		n.nodes = append(n.nodes, dial(u.t, s.Name, s.RPC, s.Cookie))
	}
	return n
}

func (n *network) status() (s lab.Status) {
	n.t.Helper()
	n.json(&s, "testnet", "status")
	return s
}

// daemon is a node of its own that runs.
type daemon struct {
	*process
	*peer
	p2p, url, metrics, cookie string
	// What it started with.
	startHeight int
	startTip    string
}

var (
	startLine = regexp.MustCompile(`(?m)^cairn \S+ on \S+, height (\d+), tip ([0-9a-f]{64})$`)
	peersLine = regexp.MustCompile(`(?m)^  peers    (\S+)$`)
	rpcLine   = regexp.MustCompile(`(?m)^  rpc      (\S+) \(cookie (.+)\)$`)
	httpLine  = regexp.MustCompile(`(?m)^  metrics  (\S+)$`)
)

// anyPorts lets the system choose a node's ports on loopback.
var anyPorts = []string{"--listen", "127.0.0.1:0", "--rpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"}

// startNode starts `cairn node` in a directory of its own and waits until it is ready.
func (u *user) startNode(name string, args ...string) *daemon {
	u.t.Helper()
	return u.awaitNode(name, u.launchNode(name, args...))
}

func (u *user) launchNode(name string, args ...string) *process {
	u.t.Helper()
	return u.start(append(append([]string{"node", "--data", u.path(name)}, anyPorts...), args...)...)
}

func (u *user) awaitNode(name string, p *process) *daemon {
	u.t.Helper()
	p.says("Ctrl-C stops it.")
	out := p.out.String()
	d := &daemon{process: p}
	match := func(re *regexp.Regexp) []string {
		m := re.FindStringSubmatch(out)
		if m == nil {
			u.t.Fatalf("%s: no line of the form %s in\n%s", p.name, re, out)
		}
		return m
	}
	m := match(startLine)
	if _, err := fmt.Sscan(m[1], &d.startHeight); err != nil {
		u.t.Fatal(err)
	}
	d.startTip = m[2]
	d.p2p, d.metrics = match(peersLine)[1], match(httpLine)[1]
	m = match(rpcLine)
	d.url, d.cookie = m[1], m[2]
	d.peer = dial(u.t, name, m[1], m[2])
	return d
}

// freePorts finds a base below the ephemeral ports from which count ports are free.
func freePorts(t *testing.T, count int) int {
	t.Helper()
	const lowest, highest = 21000, 32000
	for base := lowest + os.Getpid()%9973; base+count < highest+9973; base += count {
		if allFree(base, count) {
			return base
		}
	}
	t.Fatalf("no %d free ports in a row", count)
	return 0
}

func allFree(base, count int) bool {
	for port := base; port < base+count; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
