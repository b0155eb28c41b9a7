package clients

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds the wait for a start, which takes a second on an idle machine.
const patience = 3 * time.Minute

// cairnProgram is the built program.
var cairnProgram string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cairn-clients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	cairnProgram = filepath.Join(dir, "cairn")
	build := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-o", cairnProgram, "./cmd/cairn")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// output takes what a process says, and rings whenever it said something.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	bell chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.bell <- struct{}{}:
	default:
	}
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// node is a running Cairn on regtest, with REST and all indexes.
type node struct {
	url, host, cookie string
	dir               string // its --data
}

var rpcLine = regexp.MustCompile(`(?m)^  rpc      http://(\S+) \(cookie (.+)\)$`)

// start starts a node and waits until it answers; it ends with the test, and must end well.
func start(t *testing.T, flags ...string) *node {
	t.Helper()
	n := &node{dir: filepath.Join(t.TempDir(), "data")}
	cmd := exec.Command(cairnProgram, append([]string{"node", "--network", "regtest", "--data", n.dir, "--listen", "none", "--rpc-listen", "127.0.0.1:0",
		"--http-listen", "none", "--rest", "--txindex", "--txospenderindex", "--scripthashindex", "--blockfilterindex", "1", "--log-file", "-"}, flags...)...)
	out := &output{bell: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("cairn: %v\n%s", err, out)
		}
	})
	late := time.NewTimer(patience)
	defer late.Stop()
	for !strings.Contains(out.String(), "Ctrl-C") {
		select {
		case <-out.bell:
		case <-late.C:
			t.Fatalf("cairn does not start:\n%s", out)
		}
	}
	m := rpcLine.FindStringSubmatch(out.String())
	if m == nil {
		t.Fatalf("cairn does not say where its RPC is:\n%s", out)
	}
	n.host, n.url, n.cookie = m[1], "http://"+m[1], m[2]
	return n
}

// missing skips a test for want of something, or fails it where everything is required.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CAIRN_CLIENTS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// drive runs somebody's program against a node; it says ok and a name after each step, and done at the end.
func drive(t *testing.T, steps int, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "done") {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	if n := strings.Count("\n"+string(out), "\nok "); n != steps {
		t.Errorf("%d of %d steps:\n%s", n, steps, out)
	}
	t.Logf("%s", bytes.TrimSpace(out))
}

// TestNPM drives a node by the npm package bitcoin-core. What it depends on is pinned by package-lock.json and comes from the registry that npm is
// set up for, without running anybody's install scripts.
func TestNPM(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, "%s is not there (Debian: nodejs npm)", program)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "npm"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		missing(t, "npm ci: %v\n%s", err, out)
	}
	n := start(t)
	drive(t, 9, "node", filepath.Join(dir, "scenario.js"), n.url, n.cookie)
}

// TestLockfileNamesNoHost: a lock file that says where packages came from would bind everybody to that place.
func TestLockfileNamesNoHost(t *testing.T) {
	lock, err := os.ReadFile(filepath.Join("testdata", "npm", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(lock, []byte(`"resolved"`)) || !bytes.Contains(lock, []byte(`"integrity"`)) {
		t.Error("package-lock.json has addresses or lacks checksums: make it by npm install --omit-lockfile-registry-resolved")
	}
}
