package lab

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A process may be killed when any part of the files is old, new, cut off, gone, or something that was never there: as long as the mark of a
// revert is there, the next start makes the snapshot's state of all of it, and nothing else.
func TestKilledAnywhere(t *testing.T) {
	dir := t.TempDir()
	n, ctx := up(t, Config{Nodes: 2, DataDir: dir})
	mustSnapshot(t, ctx, n, "a")
	want := n.world(t, ctx)
	must(t, n.Down())
	h, err := readHead(n.snapshotDir("a"))
	must(t, err)
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 8 {
		again, ctx := up(t, Config{DataDir: dir, Miners: -1})
		mustMine(t, ctx, again, round%2, 1+round)
		must(t, again.AwaitOneTip(ctx, 111+int32(round)))
		must(t, again.Down())
		must(t, writeDurably(filepath.Join(dir, revertingFile), []byte("a\n")))
		for i := range h.Nodes {
			home := filepath.Join(dir, nodeName(i))
			for _, f := range h.Nodes[i].Files {
				scar(t, rng, filepath.Join(home, f.Name), filepath.Join(n.snapshotDir("a"), nodeName(i), f.Name))
			}
			must(t, os.WriteFile(filepath.Join(home, "chainstate", fmt.Sprintf("%06d.sst", 900+round)), []byte("never there"), 0o600))
		}
		again, ctx = upOnly(t, Config{DataDir: dir, Miners: -1})
		again.sees(t, ctx, want, fmt.Sprintf("round %d", round))
		must(t, again.Down())
	}
	must(t, h.verify(ctx, n.snapshotDir("a")))
}

// scar makes of a file what a revert that was killed may leave of it.
func scar(t *testing.T, rng *rand.Rand, name, from string) {
	t.Helper()
	whole, err := os.ReadFile(from)
	must(t, err)
	must(t, os.MkdirAll(filepath.Dir(name), 0o700))
	switch rng.IntN(6) {
	case 0: // as it was
	case 1:
		must(t, os.RemoveAll(name))
	case 2:
		must(t, os.WriteFile(name, whole, 0o600))
	case 3:
		must(t, os.WriteFile(name, whole[:rng.IntN(len(whole)+1)], 0o600))
	case 4: // of the right length, and other bytes
		must(t, os.WriteFile(name, bytes.Repeat([]byte{byte(rng.Uint32())}, len(whole)), 0o600))
	case 5: // something else than a file
		must(t, os.RemoveAll(name))
		must(t, os.Mkdir(name, 0o700))
	}
}

// A revert that cannot go on starts no node, since some would have the old state and some the new; the next start of the network ends it.
func TestRevertBreaksOff(t *testing.T) {
	dir := t.TempDir()
	n, ctx := up(t, Config{Nodes: 3, Topology: Mesh, DataDir: dir})
	mustSnapshot(t, ctx, n, "a")
	want := n.world(t, ctx)
	mustMine(t, ctx, n, 0, 2)
	must(t, n.AwaitOneTip(ctx, 112))
	must(t, n.Stop(1))
	inTheWay := filepath.Join(dir, "node1", "blocks")
	must(t, os.RemoveAll(inTheWay))
	must(t, os.WriteFile(inTheWay, []byte("no folder"), 0o600))
	_, err := n.Revert(ctx, "a")
	if err == nil || !strings.Contains(err.Error(), "between two states") {
		t.Fatal(err)
	}
	for i := range 3 {
		if n.Node(i) != nil {
			t.Errorf("node %d runs", i)
		}
	}
	for what, f := range map[string]func() error{
		"start":    func() error { return n.Start(0) },
		"revert":   func() error { _, err := n.Revert(ctx, "a"); return err },
		"snapshot": func() error { _, err := n.Snapshot(ctx, "b"); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "stop it and start it again") {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, n.Down())
	if _, err := Up(ctx, Config{DataDir: dir, Miners: -1, NoServices: true}); err == nil || !strings.Contains(err.Error(), "blocks") {
		t.Errorf("what is in the way is still there: %v", err)
	}
	must(t, os.Remove(inTheWay))
	again, ctx := upOnly(t, Config{DataDir: dir, Miners: -1})
	again.sees(t, ctx, want, "at the next start")
}

// Small files that a killed process was about to write do not pile up.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{temporary(revertingFile) + "12", temporary(savedFile) + "34"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600))
	}
	must(t, os.MkdirAll(filepath.Join(dir, snapshotsDir, newSnapshot+"5", "node0"), 0o700))
	must(t, os.MkdirAll(filepath.Join(dir, snapshotsDir, "kept"), 0o700))
	must(t, (&Config{DataDir: dir}).sweep())
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%v", left)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, snapshotsDir)); len(left) != 1 || left[0].Name() != "kept" {
		t.Errorf("%v", left)
	}
}
