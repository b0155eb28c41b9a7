package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/lab/scenario"
)

func runCommand() *cli.Command {
	return &cli.Command{
		Name: "run", ArgsUsage: "FILE...", Usage: "run experiments that are written down, each in a network of its own", Action: testnetRun, OnUsageError: wrongUsage,
		Description: "The exit code is 1 if an expectation is not met. docs/testnet.md tells how such a file is written.\n\nExample:\n\n    cairn testnet run scenarios/*.txt",
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "seed", EnvVars: env("testnet-seed"), DefaultText: "that of the file, else 1", Usage: "what accounts and chance follow from"},
			&cli.BoolFlag{Name: "check", Usage: "only read the files and tell what is wrong in them"},
			&cli.BoolFlag{Name: "quiet", EnvVars: env("testnet-quiet"), Usage: "print nothing but errors"},
		},
	}
}

func testnetRun(c *cli.Context) error {
	if !c.Args().Present() {
		return usagef("run needs a scenario: `cairn testnet run FILE`")
	}
	var files []*scenario.File
	var wrong error // of all files, so that they can be mended at once
	for _, name := range c.Args().Slice() {
		f, err := readScenario(name)
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		if c.IsSet("seed") {
			f.Network.Seed = c.Uint64("seed")
		}
		files = append(files, f)
	}
	if wrong != nil {
		return wrong
	}
	out := c.App.Writer
	if c.Bool("quiet") {
		out = io.Discard
	}
	if c.Bool("check") {
		for _, f := range files {
			fmt.Fprintf(out, "%s: %d steps, nothing wrong\n", f.Name, len(f.Steps))
		}
		return nil
	}
	// Whoever reads may stop reading (`| head`): the network has to be ended and removed then, too. The signal does not tell: connections
	// that break raise it as well, once somebody asks for it.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := context.WithCancel(c.Context)
	defer stop()
	for _, f := range files {
		if err := scenario.Run(ctx, f, &audience{out, stop}); err != nil {
			return err
		}
	}
	return nil
}

// audience passes on what a run tells, and calls left when that fails.
type audience struct {
	w    io.Writer
	left func()
}

func (a *audience) Write(b []byte) (int, error) {
	n, err := a.w.Write(b)
	if err != nil {
		a.left()
	}
	return n, err
}

func readScenario(name string) (*scenario.File, error) {
	r, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return scenario.Parse(name, r)
}
