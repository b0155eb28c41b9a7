package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience bounds every wait for something that takes a second or so on an idle machine.
	patience = 5 * time.Minute
	// glance is how often a waiting test looks.
	glance = 10 * time.Millisecond
)

// eventually looks again and again until look is content; look also tells the state, which a failure reports.
func eventually(t *testing.T, what string, look func() (state string, ok bool)) {
	t.Helper()
	begin := time.Now()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		state, ok := look()
		if ok {
			if took := time.Since(begin); took > time.Second {
				t.Logf("%.1f s until %s", took.Seconds(), what)
			}
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("not within %v: %s; at last: %s", patience, what, state)
		case <-tick.C:
		}
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

// user is somebody with a home directory and a place for data, alone on the machine as far as cairn can see.
type user struct {
	t   *testing.T
	dir string
	// testnet is the data directory that the user's commands about a testnet mean.
	testnet string
}

// newUser skips the test if end-to-end tests are not asked for.
func newUser(t *testing.T) *user {
	t.Helper()
	if program == "" {
		t.Skip("an end-to-end test: it runs with CAIRN_E2E=1")
	}
	dir := t.TempDir()
	return &user{t: t, dir: dir, testnet: filepath.Join(dir, "testnet")}
}

func (u *user) path(name string) string { return filepath.Join(u.dir, name) }

// environ is that of the tests without what would steer cairn.
func (u *user) environ() []string {
	env := []string{"CAIRN_HOME=" + u.path("home"), "CAIRN_TESTNET_DATA=" + u.testnet}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "CAIRN_") {
			env = append(env, kv)
		}
	}
	return env
}

// try runs one command to its end.
func (u *user) try(args ...string) (out, errOut string, code int) {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var stdout, stderr bytes.Buffer
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = u.environ(), u.dir, &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		u.t.Fatalf("cairn %s: %v", strings.Join(args, " "), err)
	}
	if ctx.Err() != nil {
		u.t.Fatalf("cairn %s did not end within %v\n%s%s", strings.Join(args, " "), patience, &stdout, &stderr)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// run runs a command that must work and returns what it printed.
func (u *user) run(args ...string) string {
	u.t.Helper()
	out, errOut, code := u.try(args...)
	if code != 0 {
		u.t.Fatalf("cairn %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errOut)
	}
	return strings.TrimSpace(out)
}

// json runs a command with --json and decodes what it prints.
func (u *user) json(into any, args ...string) {
	u.t.Helper()
	out := u.run(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		u.t.Fatalf("cairn %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// refused runs a command that must fail with exit code 1 and one line that says want.
func (u *user) refused(want string, args ...string) {
	u.t.Helper()
	out, errOut, code := u.try(args...)
	if code != 1 || strings.Count(errOut, "\n") != 1 || !strings.Contains(errOut, want) {
		u.t.Fatalf("cairn %s: exit code %d, want 1 and one line with %q\n%s%s", strings.Join(args, " "), code, want, out, errOut)
	}
}

// process is a program that goes on running beside the test.
type process struct {
	t      *testing.T
	name   string
	cmd    *exec.Cmd
	out    *buffer
	errOut *buffer
	ended  chan struct{}
}

// start starts cairn; what still runs when the test ends is killed.
func (u *user) start(args ...string) *process {
	u.t.Helper()
	return u.startProgram(program, args...)
}

func (u *user) startProgram(path string, args ...string) *process {
	u.t.Helper()
	p := &process{t: u.t, name: filepath.Base(path) + " " + strings.Join(args, " "), cmd: exec.Command(path, args...), out: &buffer{}, errOut: &buffer{}, ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = u.environ(), u.dir, p.out, p.errOut
	if err := p.cmd.Start(); err != nil {
		u.t.Fatalf("%s: %v", p.name, err)
	}
	go func() {
		_ = p.cmd.Wait() // the state tells how it ended
		close(p.ended)
	}()
	u.t.Cleanup(p.kill)
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

// kill ends the process with SIGKILL and waits until it is gone.
func (p *process) kill() {
	if p.running() {
		if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.t.Errorf("%s: %v", p.name, err)
		}
	}
	<-p.ended
}

// signal sends a signal that does not end the process.
func (p *process) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// stop sends a signal, after which the process must end with exit code 0.
func (p *process) stop(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
	if code := p.exit(); code != 0 {
		p.t.Fatalf("%s: exit code %d after %v\n%s", p.name, code, sig, p.output())
	}
}

// exit waits until the process has ended by itself and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	select {
	case <-p.ended:
	case <-deadline.C:
		p.t.Fatalf("%s did not end within %v\n%s", p.name, patience, p.output())
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) output() string { return p.out.String() + p.errOut.String() }

// says waits until the process has printed a line with text on standard output.
func (p *process) says(text string) {
	p.t.Helper()
	eventually(p.t, p.name+" says "+text, func() (string, bool) {
		said := strings.Contains(p.out.String(), text)
		if !said && !p.running() {
			p.t.Fatalf("%s ended with exit code %d without saying %q\n%s", p.name, p.cmd.ProcessState.ExitCode(), text, p.output())
		}
		return p.output(), said
	})
}
