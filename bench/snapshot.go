package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// snapshotNodes is how many nodes are kept and go back.
const snapshotNodes = 4

// snapshots measures how long a network stands still for a snapshot, and how long it takes to go back.
func (s *suite) snapshots(ctx context.Context) (sec section, err error) {
	sec = section{Title: "Snapshot and revert of a network", Text: fmt.Sprintf("`Net.Snapshot` and `Net.Revert` in this process: %d nodes of regtest in a ring on Badger, with RPC and HTTP, "+
		"%s empty blocks. The first snapshot has in it what the nodes had only in memory; after each of the others three blocks are mined, then the network goes back. A revert ends when all "+
		"nodes run again; connected again they are a little later. The first revert is not counted.", snapshotNodes, number(float64(s.size.snapshotBlocks)))}
	dir := filepath.Join(s.dir, "snapshots")
	n, err := lab.Up(ctx, lab.Config{Nodes: snapshotNodes, Network: "regtest", DataDir: dir})
	if err != nil {
		return sec, err
	}
	defer func() { err = errors.Join(err, n.Down(), os.RemoveAll(dir)) }()
	first := n.Node(0)
	if _, err := n.Mine(ctx, 0, s.size.snapshotBlocks-int(first.Chain().Tip().Height())); err != nil {
		return sec, err
	}
	if err := n.AwaitOneTip(ctx, int32(s.size.snapshotBlocks)); err != nil {
		return sec, err
	}
	fresh := figure{Name: "first snapshot", Unit: "ms"}
	snapshot := figure{Name: "snapshot", Unit: "ms", Aim: "under 100"}
	cpu := figure{Name: "– processor time", Unit: "ms"}
	size := figure{Name: "– on disk", Unit: "MB"}
	revert := figure{Name: "revert", Unit: "ms", Aim: "under 100"}
	revertCPU := figure{Name: "– processor time", Unit: "ms"}
	whole := figure{Name: "– until all are connected", Unit: "ms"}
	for i := range s.size.snapshotRuns + 1 {
		name := fmt.Sprint("run-", i)
		var kept lab.Snapshot
		t, err := timed(func() (err error) { kept, err = n.Snapshot(ctx, name); return err })
		if err != nil {
			return sec, err
		}
		if i == 0 {
			fresh.Runs = append(fresh.Runs, milliseconds(t.wall))
		} else {
			snapshot.Runs, cpu.Runs = append(snapshot.Runs, milliseconds(t.wall)), append(cpu.Runs, milliseconds(t.cpu))
			size.Runs = append(size.Runs, float64(kept.Bytes)/1e6)
		}
		if _, err := n.Mine(ctx, 0, 3); err != nil {
			return sec, err
		}
		if err := n.AwaitOneTip(ctx, int32(s.size.snapshotBlocks)+3); err != nil {
			return sec, err
		}
		begin := time.Now()
		if t, err = timed(func() error { _, err := n.Revert(ctx, name); return err }); err != nil {
			return sec, err
		}
		if err := n.AwaitWhole(ctx); err != nil {
			return sec, err
		}
		if i > 0 {
			revert.Runs, revertCPU.Runs = append(revert.Runs, milliseconds(t.wall)), append(revertCPU.Runs, milliseconds(t.cpu))
			whole.Runs = append(whole.Runs, milliseconds(time.Since(begin)))
		}
	}
	sec.Figures = []figure{fresh, snapshot, cpu, size, revert, revertCPU, whole}
	return sec, nil
}
