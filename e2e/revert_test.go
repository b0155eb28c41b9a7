package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A network that is killed with SIGKILL in the middle of a snapshot or a revert is the old one or the new one at the next start, on all nodes;
// and it can be kept and go back again.
func TestKillDuringRevert(t *testing.T) {
	u := newUser(t)
	const old, kept = 115, 112
	line := []string{"--network", "regtest", "--nodes", "3", "--miners", "0", "--ports", "auto"}
	n := u.startNetwork(line...)
	u.run("testnet", "mine", "2")
	agree(t, n.nodes...)
	u.run("testnet", "snapshot", "a")
	u.run("testnet", "mine", "3")
	agree(t, n.nodes...)
	seen := map[int]int{}
	for round, c := range []struct {
		order []string
		sign  string // when a file like this is there, the process is killed
	}{
		{[]string{"snapshot", "b"}, "snapshots/.new-*"},
		{[]string{"snapshot", "b"}, "snapshots/.new-*/node1/chainstate"},
		{[]string{"snapshot", "b"}, "snapshots/.new-*/node2/clean"},
		// Files of nodes that run have no clean; it is there from when a node's files are restored until it is started.
		{[]string{"revert", "a"}, "reverting"},
		{[]string{"revert", "a"}, "node0/clean"},
		{[]string{"revert", "a"}, "node1/clean"},
		{[]string{"revert", "a"}, "node2/clean"},
		{[]string{"revert", "a"}, "reverting"},
		{[]string{"revert", "a"}, "node1/clean"},
	} {
		asked := u.start(append([]string{"testnet"}, c.order...)...)
		killAt(n.up, asked, filepath.Join(u.testnet, c.sign))
		asked.kill()
		n = u.startNetwork(line...)
		height := n.nodes[0].height()
		for _, p := range n.nodes {
			if h := p.height(); h != height {
				t.Fatalf("round %d: %s is at %d, another at %d", round, p.name, h, height)
			}
		}
		seen[int(height)]++
		switch {
		case c.order[0] == "snapshot" && height != old, height != old && height != kept:
			t.Fatalf("round %d: height %d", round, height)
		case height == kept:
			u.run("testnet", "mine", "3", "--node", fmt.Sprint(round%3))
		}
		agree(t, n.nodes...)
		if out := u.run("testnet", "snapshots"); out == "" {
			t.Fatal(out)
		}
		if _, _, code := u.try("testnet", "snapshots", "--remove", "b"); code != 0 && code != 1 {
			t.Fatal(code)
		}
	}
	t.Logf("heights after the kills: %v", seen)
	u.run("testnet", "snapshot", "b")
	u.run("testnet", "revert", "a")
	if h := agree(t, n.nodes...).Height; h != kept {
		t.Errorf("height %d", h)
	}
	n.up.stop(syscall.SIGINT)
}

// killAt kills a process as soon as there is a file, or when what was asked of it has been done.
func killAt(p, asked *process, pattern string) {
	for deadline := time.Now().Add(patience); asked.running() && time.Now().Before(deadline); runtime.Gosched() {
		if found, _ := filepath.Glob(pattern); found != nil {
			break
		}
		if _, err := os.Stat(pattern); err == nil {
			break
		}
	}
	p.kill()
}
