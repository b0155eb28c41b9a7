package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/sim"
)

func simCommand() *cli.Command {
	return &cli.Command{
		Name: "sim", Usage: "networks of nodes in virtual time, the same for the same seed", OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn sim run docs/sim/fork.toml --seed 7 --out report",
		Subcommands: []*cli.Command{
			{
				Name: "run", ArgsUsage: "FILE", Usage: "run a scenario file and write its report", Action: simRun, OnUsageError: wrongUsage,
				Description: "Example:\n\n    cairn sim run docs/sim/fork.toml --seed 7 --out report",
				Flags: []cli.Flag{
					&cli.Uint64Flag{Name: "seed", Value: 1, EnvVars: env("sim-seed"), Usage: "what all chance follows from"},
					&cli.StringFlag{Name: "out", Value: "report", EnvVars: env("sim-out"), Usage: "`DIR` for the report"},
				},
			},
			simValidateCommand(),
		},
	}
}

// simGCPercent lets the collector run less often: a simulation is short, and most of what it makes stays.
const simGCPercent = 300

func simRun(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("which scenario? see `cairn sim run --help`")
	}
	text, err := os.ReadFile(c.Args().First())
	if err != nil {
		return err
	}
	cfg, err := sim.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Args().First(), err)
	}
	debug.SetGCPercent(simGCPercent)
	begin := time.Now()
	w, err := sim.New(cfg, c.Uint64("seed"), nil)
	if err != nil {
		return err
	}
	if err := w.Run(c.Context); err != nil {
		return err
	}
	rep := w.Report()
	out, err := rep.JSON()
	if err != nil {
		return err
	}
	dir := c.String("out")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "report.json"), out, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d nodes, %d blocks found, %d stale, tip %s\n", cfg.Nodes, rep.Found, rep.Stale, rep.Tip)
	fmt.Fprintf(c.App.Writer, "%s of virtual time in %s; the report is in %s\n", rep.Mined, time.Since(begin).Round(time.Millisecond), dir)
	return nil
}
