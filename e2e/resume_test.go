package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// A network that was stopped, or killed, goes on when the same line is typed again.
func TestResume(t *testing.T) {
	u := newUser(t)
	line := []string{"--nodes", "3", "--miners", "1", "--block-time", "2s", "--base-port", fmt.Sprint(freePorts(t, 50))}
	n := u.startNetwork(line...)
	first := n.sheet
	n.run("testnet", "faucet", first.Accounts[4].Address, "1", "--wait")
	before := agree(t, n.nodes...)
	u.refused("runs already", append([]string{"testnet", "up"}, line...)...)
	if !n.up.running() || n.nodes[0].height() < before.Height {
		t.Fatal("a second start harms the first")
	}
	// One that hangs has its files, too; the refusal says who it is.
	n.up.signal(syscall.SIGSTOP)
	u.refused(fmt.Sprintf("runs already, in process %d:", n.up.cmd.Process.Pid), append([]string{"testnet", "up"}, line...)...)
	n.up.signal(syscall.SIGCONT)
	n.interrupt()
	u.refused("no test network runs here", "testnet", "status")
	u.refused("holds a network with 2s", "testnet", "up", "--block-time", "5s")
	u.refused("seed 1", "testnet", "up", "--seed", "7")

	n = u.startNetwork(line...)
	n.goesOn(first, before)
	before = agree(t, n.nodes...)
	n.up.kill()
	u.refused("does not answer", "testnet", "status")
	n = u.startNetwork("--ports", "auto") // the directory knows the rest
	n.nodes[0].goesOnFrom(before)
	u.downEnds(n)

	n = u.startNetwork(line...)
	n.goesOn(first, before)
	n.run("testnet", "kill", "0")
	n.run("testnet", "stop", "1")
	n.run("testnet", "start", "0")
	n.run("testnet", "start", "1")
	n.nodes[0].goesOnFrom(before)
	agree(t, n.nodes...)
	u.refused("runs already", "testnet", "start", "1")
	u.downEnds(n)
}

// interrupt is Ctrl-C.
func (n *network) interrupt() {
	n.t.Helper()
	begin := time.Now()
	n.up.stop(syscall.SIGINT)
	if took := time.Since(begin); took > stopSeconds*time.Second {
		n.t.Errorf("the network took %v to stop", took)
	}
	n.gone()
}

// gone checks that nothing says that the network runs.
func (n *network) gone() {
	n.t.Helper()
	if _, err := os.Stat(filepath.Join(n.testnet, lab.SheetFile)); !errors.Is(err, fs.ErrNotExist) {
		n.t.Errorf("the network has ended, its sheet is there: %v", err)
	}
	for _, s := range n.sheet.Nodes {
		if _, err := os.Stat(s.Cookie); !errors.Is(err, fs.ErrNotExist) {
			n.t.Errorf("%s has ended, its cookie is there: %v", s.Name, err)
		}
	}
}

// downEnds stops the network from another terminal.
func (u *user) downEnds(n *network) {
	u.t.Helper()
	u.run("testnet", "down")
	n.gone()
	if code := n.up.exit(); code != 0 {
		u.t.Fatalf("exit code %d\n%s", code, n.up.output())
	}
}

// goesOn checks that this is the network of before: places, accounts and chain.
func (n *network) goesOn(first lab.Sheet, before coinSet) {
	n.t.Helper()
	s := n.sheet
	s.Token, first.Token = "", ""
	for i := range s.Accounts {
		s.Accounts[i].Balance = first.Accounts[i].Balance
	}
	if !reflect.DeepEqual(s, first) {
		n.t.Errorf("resumed as\n%+v\nnot\n%+v", s, first)
	}
	for _, p := range n.nodes {
		p.goesOnFrom(before)
	}
}

func (p *peer) goesOnFrom(before coinSet) {
	p.t.Helper()
	var hash string
	if p.call(&hash, "getblockhash", before.Height); hash != before.Tip {
		p.t.Errorf("%s has block %s at height %d, not %s", p.name, hash, before.Height, before.Tip)
	}
}

// What cannot work is refused in one line that says why, and leaves things as they are.
func TestRefusals(t *testing.T) {
	u := newUser(t)
	t.Run("port taken", u.testPortTaken)
	t.Run("newer format", u.testNewerFormat)
	t.Run("one directory, one node", u.testOneDirectory)
}

func (u *user) testPortTaken(t *testing.T) {
	u = newUser(t)
	base := freePorts(t, 40)
	for _, port := range []int{base, base + 10, base + 21, base + 12} {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		u.refused(fmt.Sprintf("cannot listen on 127.0.0.1:%d: the port is taken", port), "testnet", "up", "--nodes", "2", "--miners", "0", "--base-port", fmt.Sprint(base))
		l.Close()
	}
	n := u.startNetwork("--nodes", "2", "--miners", "0", "--base-port", fmt.Sprint(base))
	u.refused("is taken", "node", "--data", u.path("other"), "--listen", n.sheet.Nodes[0].P2P, "--rpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0")
	agree(t, n.nodes...)
	n.up.stop(syscall.SIGTERM)
}

func (u *user) testNewerFormat(t *testing.T) {
	u = newUser(t)
	node := append([]string{"node", "--network", "regtest", "--data", u.path("node")}, anyPorts...)
	n := u.startNode("node", "--network", "regtest")
	tip := n.tip()
	n.process.stop(syscall.SIGTERM)
	was := u.rewrite("node/regtest/format", "99\n")
	u.refused("format 99", node...)
	u.refused("format "+strings.TrimSpace(was), node...)
	u.rewrite("node/regtest/format", was)
	if n = u.startNode("node", "--network", "regtest"); n.startTip != tip {
		t.Errorf("the refusal changed the tip to %s", n.startTip)
	}

	up := []string{"testnet", "up", "--nodes", "1", "--ports", "auto"}
	net := u.startNetwork(up[2:]...)
	net.up.stop(syscall.SIGINT)
	was = u.rewrite("testnet/network.json", `{"format":12}`)
	u.refused("has format 12, this version reads format 1", up...)
	u.rewrite("testnet/network.json", was)
	was = u.rewrite("testnet/node0/format", "99\n")
	u.refused("format 99", up...)
	u.rewrite("testnet/node0/format", was)
	u.startNetwork(up[2:]...).up.stop(syscall.SIGINT)
}

// rewrite replaces a file of the user's and returns what was in it.
func (u *user) rewrite(name, text string) string {
	u.t.Helper()
	was, err := os.ReadFile(u.path(name))
	if err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(u.path(name), []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
	return string(was)
}

func (u *user) testOneDirectory(t *testing.T) {
	u = newUser(t)
	n := u.startNode("node", "--network", "regtest")
	second := append([]string{"node", "--network", "regtest", "--data", u.path("node")}, anyPorts...)
	u.refused("another process", second...)
	u.refused("another process", "chain", "import", "--network", "regtest", "--data", u.path("node"), os.DevNull)
	if _, err := os.Stat(n.cookie); err != nil {
		t.Errorf("the second start took the cookie: %v", err)
	}
	var hashes []string
	n.call(&hashes, "generatetodescriptor", 3, "raw(51)")
	var good bool
	if n.call(&good, "verifychain", 4, 0); !good || n.height() != 3 {
		t.Errorf("the first node is harmed: %v, height %d", good, n.height())
	}
	n.process.stop(syscall.SIGTERM)
	if again := u.startNode("node", "--network", "regtest"); again.startTip != hashes[2] {
		t.Errorf("started again at %s, not %s", again.startTip, hashes[2])
	}
}
