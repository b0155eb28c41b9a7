package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A network whose files the process may not open is refused before anything is made, with what would help.
func TestTooFewFiles(t *testing.T) {
	c := Config{Nodes: 100, DataDir: filepath.Join(t.TempDir(), "net")}
	c.fill()
	err := c.checkFiles(1024)
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Fatal(err)
	}
	for _, part := range []string{"100 nodes with 100 links need 2848 open files", "may have 1024", "ulimit -Hn 2848", "about 34"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	for _, limit := range []int{0, 2848, 20_000} {
		if err := c.checkFiles(limit); err != nil {
			t.Errorf("%d: %v", limit, err)
		}
	}
	c.Nodes = 34
	if err := c.checkFiles(1024); err != nil {
		t.Errorf("what is said to fit does not: %v", err)
	}
	c.Nodes, c.Topology = 1000, Mesh
	if err := c.checkFiles(20_000); err == nil || !strings.Contains(err.Error(), "1000 nodes with 499500 links") {
		t.Errorf("a large mesh: %v", err)
	}
}

// What is reckoned with is no less than what a network opens.
func TestFilesOfANetwork(t *testing.T) {
	count := func() int {
		fds, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("here nobody tells which files are open")
		}
		return len(fds)
	}
	before := count()
	n := New(t, Config{Nodes: 6, Topology: Ring})
	if open, need := count()-before, filesNeeded(6, 6)-filesOfAllNet; open > need {
		t.Errorf("6 nodes have %d files open, and %d are reckoned with", open, need)
	}
	if l := len(n.Links()); l != 6 {
		t.Errorf("%d links", l)
	}
}
