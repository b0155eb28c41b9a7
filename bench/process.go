package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// patience bounds the wait for a line and for an end. Nothing that is measured comes near.
const patience = 2 * time.Minute

// process is a started cairn. What it prints on standard output is read line by line.
type process struct {
	cmd    *exec.Cmd
	begun  time.Time
	lines  chan string
	stderr *bytes.Buffer
}

// command makes a cairn that ends with ctx: it is interrupted, and killed if that does not help.
func (s *suite) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+s.dir, "CAIRN_HOME="+s.dir)
	cmd.Dir = s.dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

func (s *suite) start(ctx context.Context, args ...string) (*process, error) {
	return startCommand(s.command(ctx, args...))
}

func startCommand(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, lines: make(chan string, 64), stderr: new(bytes.Buffer)}
	cmd.Stderr = p.stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.begun = time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.lines)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			p.lines <- sc.Text()
		}
	}()
	return p, nil
}

// line waits for a line that begins with prefix, blanks aside, and returns what follows.
func (p *process) line(ctx context.Context, prefix string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		select {
		case text, ok := <-p.lines:
			if !ok {
				return "", fmt.Errorf("%s ended before it printed %q", p, prefix)
			}
			if rest, ok := strings.CutPrefix(strings.TrimSpace(text), prefix); ok {
				return strings.TrimSpace(rest), nil
			}
		case <-ctx.Done():
			return "", fmt.Errorf("%s did not print %q: %w", p, prefix, ctx.Err())
		}
	}
}

func (p *process) String() string { return strings.Join(p.cmd.Args, " ") }

// stop interrupts the process and waits for its end. It must be called once for each that was started. That the context had ended it
// already is no error: whoever waited for the process has that error.
func (p *process) stop() error {
	signalErr := p.cmd.Process.Signal(os.Interrupt)
	if errors.Is(signalErr, os.ErrProcessDone) {
		signalErr = nil
	}
	hard := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() }) // Wait tells of it
	defer hard.Stop()
	for range p.lines { // Wait must not be called while the pipe is read
	}
	if err := p.cmd.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w\n%s", p, err, p.stderr)
	}
	return signalErr
}

// rss is the resident memory in MB of 10^6 bytes.
func (p *process) rss() (float64, error) { return p.memory("VmRSS") }

// memory is what the system says of the process in MB of 10^6 bytes: VmRSS, what is resident, or VmHWM, the most that was.
func (p *process) memory(what string) (float64, error) {
	name := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
	kib, ok := kibibytes(readFile(name), what)
	if !ok {
		return 0, fmt.Errorf("%s does not tell %s", name, what)
	}
	return float64(kib) * 1024 / 1e6, nil
}

// cpuOf is the processor time that a command has used, which has ended.
func cpuOf(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
