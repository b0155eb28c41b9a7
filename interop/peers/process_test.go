package peers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// patience bounds every wait for something that takes some seconds on an idle machine. It only has to end what hangs.
	patience = 3 * time.Minute
	// glance is how often a waiting test looks.
	glance = 20 * time.Millisecond
)

// cairnProgram and btcdProgram are the built programs.
var cairnProgram, btcdProgram string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cairn-interop-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	cairnProgram = filepath.Join(dir, "cairn")
	if err := run("go", "build", "-C", filepath.Join("..", ".."), "-o", cairnProgram, "./cmd/cairn"); err != nil {
		return 1
	}
	if btcdProgram = os.Getenv("CAIRN_BTCD"); btcdProgram == "" {
		btcdProgram = filepath.Join(dir, "btcd")
		if err := run("go", "build", "-o", btcdProgram, "github.com/btcsuite/btcd"); err != nil {
			return 1
		}
	}
	return m.Run()
}

func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	err := cmd.Run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s %s: %v\n", name, strings.Join(args, " "), err)
	}
	return err
}

// within looks again and again until look is content, for as long as limit; look also tells the state.
func within(ctx context.Context, limit time.Duration, look func() (state string, ok bool)) (string, bool) {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		state, ok := look()
		if ok {
			return state, true
		}
		select {
		case <-ctx.Done():
			return state, false
		case <-deadline.C:
			return state, false
		case <-tick.C:
		}
	}
}

// eventually fails the test, with the last state, if look isn't content within patience.
func eventually(t *testing.T, what string, look func() (state string, ok bool)) {
	t.Helper()
	begin := time.Now()
	if state, ok := within(t.Context(), patience, look); !ok {
		t.Fatalf("not within %v: %s; at last: %s", patience, what, state)
	}
	if took := time.Since(begin); took > time.Second {
		t.Logf("%.1f s until %s", took.Seconds(), what)
	}
}

// buffer takes the output of a process while a test reads it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// process is a program that runs beside the test.
type process struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	out   *buffer
	ended chan struct{}
}

// start starts a program; what still runs when the test ends is killed.
func start(t *testing.T, dir, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(path), cmd: exec.Command(path, args...), out: &buffer{}, ended: make(chan struct{})}
	p.cmd.Env = []string{"HOME=" + dir, "CAIRN_HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the state tells how it ended
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// stop interrupts the process and waits until it is gone; it must end with exit code 0.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	select {
	case <-p.ended:
	case <-p.t.Context().Done():
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		p.t.Fatalf("%s: exit code %d\n%s", p.name, code, p.lastWords())
	}
}

// kill ends the process and waits until it is gone.
func (p *process) kill() {
	if p.running() {
		if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.t.Errorf("%s: %v", p.name, err)
		}
	}
	<-p.ended
	if p.t.Failed() {
		p.t.Logf("%s said at last:\n%s", p.name, p.lastWords())
	}
}

// lastWords are the last lines of the process's output, as much of each as tells what it is about.
func (p *process) lastWords() string {
	lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	lines = lines[max(0, len(lines)-25):]
	for i, line := range lines {
		lines[i] = line[:min(len(line), 200)]
	}
	return strings.Join(lines, "\n")
}
