package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// simSeed is that of the simulated day.
const simSeed = "7"

// simText is the scenario file of a network of so many nodes; that of a thousand nodes for a day is docs/sim/day.toml.
func simText(nodes int, length time.Duration) string {
	return fmt.Sprintf("nodes = %d\nduration = %q\n\n[topology]\noutbound = 8\nblock_relay = 2\n\n[traffic]\ninterval = \"10m\"\nbatch = 4\n", nodes, length)
}

// simulated measures a network in virtual time, each run in a process of its own.
func (s *suite) simulated(ctx context.Context) (section, error) {
	sec := section{Title: "A simulated day", Text: fmt.Sprintf("`cairn sim run --seed %s` of a network as in docs/sim/day.toml: %d nodes, each of which dials eight others and two more for blocks only, "+
		"for %v of virtual time and half an hour after it, with the report. One thread simulates; the garbage collector has others.", simSeed, s.size.simNodes, s.size.simLength)}
	wall := figure{Name: "from start to end", Unit: "s", Aim: "under 60"}
	cpu := figure{Name: "– processor time", Unit: "s"}
	peak := figure{Name: "– most resident memory", Unit: "MB", Aim: "under 8,000"}
	events := figure{Name: "– events", Unit: "events/s"}
	for i := range s.size.simRuns {
		t, mem, n, err := s.simulate(ctx, fmt.Sprint("sim-", i))
		if err != nil {
			return sec, err
		}
		wall.Runs, cpu.Runs = append(wall.Runs, t.wall.Seconds()), append(cpu.Runs, t.cpu.Seconds())
		events.rate(n, t)
		if mem > 0 {
			peak.Runs = append(peak.Runs, float64(mem)/1e6)
		}
	}
	sec.Figures = []figure{wall, cpu}
	if len(peak.Runs) > 0 {
		sec.Figures = append(sec.Figures, peak)
	}
	sec.Figures = append(sec.Figures, events)
	return sec, nil
}

// simulate is one run: how long it took, the most bytes that it had resident (0: unknown), and how many events were simulated.
func (s *suite) simulate(ctx context.Context, name string) (t took, peak int64, events int, err error) {
	file, out := filepath.Join(s.dir, name+".toml"), filepath.Join(s.dir, name)
	if err := os.WriteFile(file, []byte(simText(s.size.simNodes, s.size.simLength)), 0o644); err != nil {
		return t, 0, 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(out)) }()
	begin, cmd := time.Now(), s.command(ctx, "sim", "run", file, "--seed", simSeed, "--out", out)
	if text, err := cmd.CombinedOutput(); err != nil {
		return t, 0, 0, fmt.Errorf("sim run: %w\n%s", err, text)
	}
	t = took{time.Since(begin), cpuOf(cmd)}
	b, err := os.ReadFile(filepath.Join(out, "report.json"))
	if err != nil {
		return t, 0, 0, err
	}
	var report struct{ Events int }
	if err := json.Unmarshal(b, &report); err != nil {
		return t, 0, 0, err
	}
	if report.Events <= 0 {
		return t, 0, 0, fmt.Errorf("the report of %s tells of %d events", name, report.Events)
	}
	return t, peakOf(cmd), report.Events, nil
}
