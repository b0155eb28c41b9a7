package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"
)

// TestMain lets the test binary be the program cairn, which is how the scripts run it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cairn": main})
}

// The command line as users see it: testdata/script holds sessions.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) < 7 {
		t.Fatalf("found %d scripts: %v", len(files), err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("CAIRN_HOME", filepath.Join(e.WorkDir, "home"))
			return nil
		},
		UpdateScripts: os.Getenv("CAIRN_UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": scriptExits, "await": scriptAwait, "until": scriptUntil, "keep": scriptKeep, "flip": scriptFlip, "cut": scriptCut, "port": scriptPort,
		},
	})
}

// scriptExits is `exits CODE ARGUMENT...`: cairn ends with that code, and if it is not 0 with one line on standard error.
func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARGUMENT...")
	}
	code := 0
	var exit *exec.ExitError
	err := ts.Exec("cairn", args[1:]...)
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, not %s", code, args[0])
	}
	if text := ts.ReadFile("stderr"); code != 0 && (strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "cairn: ")) {
		ts.Fatalf("not one line that begins with cairn: %q", text)
	}
}

// scriptAwait is `await FILE`: a program in the background has written the file.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	poll(ts, args[0]+" did not come", func() bool {
		_, err := os.Stat(ts.MkAbs(args[0]))
		return err == nil
	})
}

// scriptUntil is `until PATTERN ARGUMENT...`: cairn is run again and again until it prints what matches.
func scriptUntil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until PATTERN ARGUMENT...")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	poll(ts, "it never printed "+args[0], func() bool {
		return ts.Exec("cairn", args[1:]...) == nil && pattern.MatchString(ts.ReadFile("stdout"))
	})
}

// pollEnd ends a wait for what does not come.
const pollEnd = 5 * time.Minute

func poll(ts *testscript.TestScript, failure string, look func() bool) {
	deadline := time.NewTimer(pollEnd)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-deadline.C:
			ts.Fatalf("%s", failure)
		}
	}
}

// scriptKeep is `keep NAME`: the last word of standard output becomes a variable.
func scriptKeep(ts *testscript.TestScript, neg bool, args []string) {
	words := strings.Fields(ts.ReadFile("stdout"))
	if neg || len(args) != 1 || len(words) == 0 {
		ts.Fatalf("usage: keep NAME, after a command that printed something")
	}
	ts.Setenv(args[0], words[len(words)-1])
}

// scriptPort is `port NAME`: a port of this host that nobody listens on becomes a variable.
func scriptPort(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: port NAME")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	ts.Check(l.Close())
}

// scriptFlip is `flip FILE OFFSET NEW`: a copy of the file with all bits of one byte flipped.
func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	at, data := scriptFile(ts, neg, args)
	data[at] = ^data[at]
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data, 0o600))
}

// scriptCut is `cut FILE LENGTH NEW`: a copy of the file's beginning.
func scriptCut(ts *testscript.TestScript, neg bool, args []string) {
	at, data := scriptFile(ts, neg, args)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), data[:at], 0o600))
}

func scriptFile(ts *testscript.TestScript, neg bool, args []string) (at int, data []byte) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: flip|cut FILE POSITION NEW")
	}
	data = []byte(ts.ReadFile(args[0]))
	at, err := strconv.Atoi(args[1])
	if ts.Check(err); at < 0 || at >= len(data) {
		ts.Fatalf("%s has %d bytes", args[0], len(data))
	}
	return at, data
}

// Every command has help, which ends with exit code 0, tells what the command is for, describes every flag, and has an example.
func TestHelpOfEveryCommand(t *testing.T) {
	count := 0
	var visit func(path []string, c *cli.Command)
	visit = func(path []string, c *cli.Command) {
		count++
		path = append(path, c.Name)
		name := strings.Join(path, " ")
		app := newApp()
		var out bytes.Buffer
		app.Writer, app.ErrWriter = &out, io.Discard
		if err := app.RunContext(t.Context(), flagsFirst(app, append(path, "--help"))); err != nil {
			t.Errorf("%s --help: %v", name, err)
		}
		if text := out.String(); !strings.Contains(text, name+" - "+c.Usage) || !strings.Contains(text, "Example") || c.Usage == "" {
			t.Errorf("%s --help has no usage or example:\n%s", name, text)
		}
		for _, f := range c.Flags {
			if d, ok := f.(cli.DocGenerationFlag); !ok || d.GetUsage() == "" {
				t.Errorf("%s --%s is not described", name, f.Names()[0])
			}
		}
		for _, sub := range c.Subcommands {
			visit(path, sub)
		}
	}
	for _, c := range newApp().Commands {
		if !c.Hidden {
			visit([]string{"cairn"}, c)
		}
	}
	if count < 30 {
		t.Fatalf("only %d commands found", count)
	}
}
