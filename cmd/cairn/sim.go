package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/sim"
)

func simCommand() *cli.Command {
	return &cli.Command{
		Name: "sim", Usage: "networks of nodes in virtual time, the same for the same seed", OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn sim run docs/sim/small.toml --seed 7 --out report",
		Subcommands: []*cli.Command{
			{
				Name: "run", ArgsUsage: "FILE", Usage: "run a scenario file and write its report", Action: simRun, OnUsageError: wrongUsage,
				Description: "Example:\n\n    cairn sim run docs/sim/small.toml --seed 7 --out report",
				Flags: []cli.Flag{
					&cli.Uint64Flag{Name: "seed", Value: 1, EnvVars: env("sim-seed"), Usage: "what all chance follows from"},
					&cli.StringFlag{Name: "out", Value: "report", EnvVars: env("sim-out"), Usage: "`DIR` for the report: report.html, report.json and tables; those of an earlier run are replaced"},
					&cli.StringFlag{Name: "log", EnvVars: env("sim-log"), Usage: "write what happens to `FILE`, for `cairn sim replay`"},
				},
			},
			{
				Name: "replay", ArgsUsage: "FILE", Usage: "step through an event log", Action: simReplay, OnUsageError: wrongUsage,
				Description: "Example:\n\n    cairn sim replay events.jsonl --node 3 --from 2h --until 3h",
				Flags: []cli.Flag{
					&cli.IntFlag{Name: "node", Value: -1, DefaultText: "all", Usage: "only what happens at this node"},
					&cli.StringFlag{Name: "kind", Usage: "only events of this kind: " + strings.Join(eventKinds, ", ")},
					&cli.DurationFlag{Name: "from", Usage: "begin at this `TIME` since the start, as 90m or 2h"},
					&cli.DurationFlag{Name: "until", DefaultText: "the end", Usage: "end at this `TIME` since the start"},
					&cli.BoolFlag{Name: "step", Usage: "wait for the return key after each event"},
				},
			},
			simValidateCommand(),
		},
	}
}

// simGCPercent lets the collector run less often: a simulation is short, and most of what it makes stays.
const simGCPercent = 600

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
	defer debug.SetGCPercent(debug.SetGCPercent(simGCPercent))
	begin := time.Now()
	// A place that cannot be written to is to be known before the work, not after it.
	_, missing := os.Stat(c.String("out"))
	if err := os.MkdirAll(c.String("out"), 0o755); err != nil {
		return err
	}
	rep, err := simulate(c, cfg)
	if err != nil {
		if missing != nil {
			err = errors.Join(err, os.Remove(c.String("out")))
		}
		return err
	}
	if err := writeReport(c.String("out"), rep); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d nodes, %d blocks found, %d stale, tip %s\n", cfg.Nodes, rep.Found, rep.Stale, rep.Tip)
	fmt.Fprintf(c.App.Writer, "%s of virtual time in %s; the report is %s\n", rep.Mined, time.Since(begin).Round(time.Millisecond),
		filepath.Join(c.String("out"), "report.html"))
	return nil
}

// simulate runs a scenario, with an event log if one is asked for.
func simulate(c *cli.Context, cfg sim.Config) (rep *sim.Report, err error) {
	var tell func(sim.Happening)
	if name := c.String("log"); name != "" {
		f, err := os.Create(name)
		if err != nil {
			return nil, err
		}
		buf := bufio.NewWriter(f)
		enc := json.NewEncoder(buf)
		var failed error
		tell = func(h sim.Happening) { failed = errors.Join(failed, enc.Encode(h)) }
		defer func() {
			if lost := errors.Join(failed, buf.Flush(), f.Close()); lost != nil {
				rep, err = nil, errors.Join(err, lost)
			}
		}()
	}
	w, err := sim.New(cfg, c.Uint64("seed"), tell)
	if err != nil {
		return nil, err
	}
	if err := w.Run(c.Context); err != nil {
		return nil, err
	}
	return w.Report(), nil
}

func writeReport(dir string, rep *sim.Report) error {
	files, err := rep.CSV()
	if err != nil {
		return err
	}
	if files["report.json"], err = rep.JSON(); err != nil {
		return err
	}
	if files["report.html"], err = rep.HTML(); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// eventKinds are the kinds of an event log.
var eventKinds = []string{"found", "block", "tip", "fault", "disconnect"}

func simReplay(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("which event log? see `cairn sim replay --help`")
	}
	if k := c.String("kind"); k != "" && !slices.Contains(eventKinds, k) {
		return usagef("no event is of the kind %q: %s", k, strings.Join(eventKinds, ", "))
	}
	f, err := os.Open(c.Args().First())
	if err != nil {
		return err
	}
	defer f.Close()
	log, keys := sim.NewReplay(f), bufio.NewReader(os.Stdin)
	for shown := 0; ; {
		h, err := log.Next()
		switch {
		case err != nil:
			return replayed(err, shown)
		case c.IsSet("until") && h.At > c.Duration("until"):
			return nil
		case !wanted(c, h):
			continue
		}
		line := h.String()
		if h.Kind == "tip" {
			tips, agree := log.Tips(h.Hash)
			line += fmt.Sprintf("; nodes there: %d, different tips: %d", agree, tips)
		}
		fmt.Fprintln(c.App.Writer, line)
		shown++
		if c.Bool("step") {
			if _, err := keys.ReadString('\n'); err != nil {
				return nil // nobody is there to press keys any more
			}
		}
	}
}

// replayed is how a replay ends with err, after so many events were shown.
func replayed(err error, shown int) error {
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case shown == 0:
		return errors.New("no event of the log is like that")
	}
	return nil
}

func wanted(c *cli.Context, h sim.Happening) bool {
	return h.At >= c.Duration("from") && (!c.IsSet("node") || int(h.Node) == c.Int("node")) && (c.String("kind") == "" || h.Kind == c.String("kind"))
}
