//go:build unix

package lab

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A data directory belongs to one network at a time, also if that one says nothing of itself; it is free when that one has ended.
func TestOneHoldsTheDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n, ctx := upOnly(t, Config{DataDir: dir, Network: "regtest", Nodes: 1, Mining: Manual})
	tip := n.Node(0).Chain().Tip().Hash()
	must(t, os.WriteFile(filepath.Join(dir, revertingFile), []byte("nothing\n"), 0o600)) // whoever looked there would fail otherwise
	want := fmt.Sprintf("runs already, in process %d", os.Getpid())
	soon, cancel := context.WithTimeout(ctx, 3*holdPoll)
	defer cancel()
	if _, err := Up(soon, Config{DataDir: dir, Miners: -1, NoServices: true}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("without a sheet: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, SheetFile), []byte(`{"control":"http://127.0.0.1:1"}`), 0o600))
	for _, cfg := range []Config{{DataDir: dir}, {DataDir: dir, State: "nothing.state"}, {DataDir: dir, Ephemeral: true, State: "nothing.state"}} {
		if _, err := Up(ctx, cfg); err == nil || !strings.Contains(err.Error(), want) || !exists(filepath.Join(dir, SheetFile)) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
	must(t, os.Remove(filepath.Join(dir, revertingFile)))
	must(t, n.Down())
	again, _ := upOnly(t, Config{DataDir: dir, Miners: -1}) // takes the sheet away, which nobody stands behind
	if again.Node(0).Chain().Tip().Hash() != tip || exists(filepath.Join(dir, SheetFile)) {
		t.Error("the network is another, or the sheet is still there")
	}
}

// Somebody who listens where a killed network did, and says nothing, keeps nobody out.
func TestSilentControlAddress(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, SheetFile), []byte(`{"control":"http://`+l.Addr().String()+`"}`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, lockFile), []byte("1\n"), 0o600)) // and its lock file is there, too
	c := Config{DataDir: dir}
	must(t, c.hold(t.Context()))
	must(t, c.hold(t.Context()))
	if b, err := os.ReadFile(filepath.Join(dir, lockFile)); err != nil || string(b) != fmt.Sprintf("%d\n", os.Getpid()) {
		t.Errorf("%q, %v", b, err)
	}
	must(t, c.release())
	must(t, c.release())
}

// Who waits for a network to end gets the directory when it has, and not the lock of a file that was removed meanwhile.
func TestHoldWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := Config{DataDir: dir}, Config{DataDir: dir}
	must(t, first.hold(t.Context()))
	got := make(chan error, 1)
	go func() { got <- second.hold(t.Context()) }()
	must(t, os.Remove(filepath.Join(dir, lockFile)))
	must(t, first.release())
	must(t, <-got)
	defer func() { must(t, second.release()) }()
	if !isNamed(second.held) {
		t.Error("a lock without a name")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := first.hold(ctx); err == nil {
		t.Error("two hold the directory")
	}
}

// A start that fails leaves a new directory not made, one that is there free, and takes nothing away that is not its own.
func TestFailedStartReleases(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		if _, err := Up(t.Context(), Config{DataDir: dir, Nodes: -1}); err == nil || strings.Contains(err.Error(), "runs already") {
			t.Errorf("%v", err)
		}
	}
	fresh := filepath.Join(dir, "new")
	if _, err := Up(t.Context(), Config{DataDir: fresh, Nodes: -1}); err == nil || exists(fresh) {
		t.Errorf("%v", err)
	}
	own := filepath.Join(dir, "own")
	must(t, os.WriteFile(own, nil, 0o600))
	if _, err := Up(t.Context(), Config{DataDir: dir, Ephemeral: true, State: filepath.Join(dir, "nothing")}); err == nil || !exists(own) {
		t.Errorf("%v", err)
	}
}
