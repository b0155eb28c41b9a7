package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var _ = addVerbs(
	Verb{Name: "snapshot", Args: "[NAME]", Max: 1, Help: "keep what the network is now, to go back to it", Example: "before-the-cut",
		Flags: []VerbFlag{{"state", "FILE", "write it to a file too, for `cairn testnet up --state FILE` in another place; without a NAME only there"}}, do: doSnapshot},
	Verb{Name: "revert", Args: "NAME", Min: 1, Max: 1, Help: "make the network what it was at a snapshot", Example: "before-the-cut", do: doRevert},
	Verb{Name: "snapshots", Help: "list the snapshots, or remove one", Example: "--remove before-the-cut",
		Flags: []VerbFlag{{"remove", "NAME", "remove this one"}}, do: doSnapshots},
)

func doSnapshot(ctx context.Context, n *Net, c call) (a Answer, err error) {
	name, file := c.arg(0), c.flags["state"]
	begin := time.Now()
	switch {
	case name == "" && file == "":
		return a, errors.New("a snapshot needs a name: `cairn testnet snapshot NAME`")
	case name == "":
		if err := n.Save(ctx, file); err != nil {
			return a, err
		}
		return said("the network is in %s: `cairn testnet up --data DIR --state %s` makes it anew", file, file), nil
	}
	s, err := n.Snapshot(ctx, name)
	if err != nil {
		return a, err
	}
	a = said("kept as %s in %v: %s", name, time.Since(begin).Round(time.Millisecond), s.text())
	a.Result = s
	if file == "" {
		return a, nil
	}
	a.Lines = append(a.Lines, "and in "+file)
	return a, n.SaveSnapshot(name, file)
}

func doRevert(ctx context.Context, n *Net, c call) (a Answer, err error) {
	begin := time.Now()
	s, err := n.Revert(ctx, c.arg(0))
	if err != nil {
		return a, err
	}
	a = said("back at %s in %v: %s", c.arg(0), time.Since(begin).Round(time.Millisecond), s.text())
	a.Result = s
	return a, nil
}

func doSnapshots(_ context.Context, n *Net, c call) (a Answer, err error) {
	if c.has("remove") {
		return said("removed %s", c.flags["remove"]), n.RemoveSnapshot(c.flags["remove"])
	}
	list, err := n.Snapshots()
	if err != nil {
		return a, err
	}
	a.Result = list
	if len(list) == 0 {
		a.Lines = []string{"no snapshots: `cairn testnet snapshot NAME` makes one"}
	}
	for _, s := range list {
		a.Lines = append(a.Lines, s.Name+"  "+s.text())
	}
	return a, nil
}

func (s Snapshot) text() string {
	if s.Error != "" {
		return s.Error
	}
	return fmt.Sprintf("%s, %d nodes, height %d, %.1f MB", s.Taken.UTC().Format("2006-01-02 15:04:05"), s.Nodes, s.Height, float64(s.Bytes)/1e6)
}
