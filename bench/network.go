package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// up starts a test network, in the directory that args name, and waits until it is ready.
func (s *suite) up(ctx context.Context, nodes int, args ...string) (*process, time.Duration, error) {
	p, err := s.start(ctx, append([]string{"testnet", "up", "--ports", "auto", "--quiet", "--nodes", strconv.Itoa(nodes)}, args...)...)
	if err != nil {
		return nil, 0, err
	}
	if _, err := p.line(ctx, "ready"); err != nil {
		return nil, 0, errors.Join(err, p.stop())
	}
	return p, time.Since(p.begun), nil
}

// starts measures the time from the start of the program to a network whose accounts can spend.
func (s *suite) starts(ctx context.Context) (section, error) {
	sec := section{Title: "Start of a network", Text: "`cairn testnet up --ephemeral --ports auto --quiet`, two miners, a ring: from the start of the process to its " +
		"`ready` line, when all nodes run and the ten accounts can spend. The first start is not counted."}
	aims := map[int]string{5: "under 1.5", 20: "under 4", 100: "under 5"}
	for _, nodes := range slices.Sorted(maps.Keys(s.size.startRuns)) {
		f := figure{Name: fmt.Sprintf("%d nodes", nodes), Unit: "s", Aim: aims[nodes]}
		for i := range s.size.startRuns[nodes] + 1 {
			p, d, err := s.up(ctx, nodes, "--ephemeral")
			if err != nil {
				return sec, err
			}
			if err := p.stop(); err != nil {
				return sec, err
			}
			if i > 0 {
				f.Runs = append(f.Runs, d.Seconds())
			}
		}
		sec.Figures = append(sec.Figures, f)
	}
	return sec, nil
}

// idler is a network that does nothing.
type idler struct {
	*process
	nodes int
	grown bool // it has a chain of size.idleBlocks
}

// idle starts a network without miners.
func (s *suite) idle(ctx context.Context, nodes int, grown bool, number int) (*idler, error) {
	if !grown {
		p, _, err := s.up(ctx, nodes, "--ephemeral", "--miners", "0")
		return &idler{p, nodes, grown}, err
	}
	dir := filepath.Join(s.dir, fmt.Sprintf("idle-%d-%d", nodes, number))
	p, _, err := s.up(ctx, nodes, "--data", dir, "--miners", "0", "--network", "regtest")
	if err != nil {
		return nil, err
	}
	out, err := s.command(ctx, "testnet", "mine", strconv.Itoa(s.size.idleBlocks), "--data", dir).CombinedOutput()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("testnet mine: %w\n%s", err, out), p.stop())
	}
	return &idler{p, nodes, grown}, nil
}

// memory measures what a further idle node adds to a process.
func (s *suite) memory(ctx context.Context) (sec section, err error) {
	more := s.size.idleNodes - 1
	sec = section{Title: "Memory of an idle node", Text: fmt.Sprintf("Resident memory of the process of a network of %d nodes without miners, after %v of idleness, less "+
		"that of a network of one node, by the %d nodes between them: of new networks, and of networks (regtest) that have got a chain of %s empty blocks since their start. All run at the same time.",
		s.size.idleNodes, s.size.idle, more, number(float64(s.size.idleBlocks)))}
	var nets []*idler
	defer func() {
		for _, n := range nets {
			err = errors.Join(err, n.stop())
		}
	}()
	for i := range s.size.idleNets {
		for _, grown := range []bool{false, true} {
			for _, nodes := range []int{s.size.idleNodes, 1} {
				n, err := s.idle(ctx, nodes, grown, i)
				if err != nil {
					return sec, err
				}
				nets = append(nets, n)
			}
		}
	}
	if err := pause(ctx, s.size.idle); err != nil {
		return sec, err
	}
	for _, kind := range []struct {
		grown bool
		name  string
	}{{false, "new"}, {true, number(float64(s.size.idleBlocks)) + " blocks"}} {
		all := figure{Name: fmt.Sprintf("– %d nodes", s.size.idleNodes), Unit: "MB"}
		one := figure{Name: "– 1 node", Unit: "MB"}
		for _, n := range nets {
			if n.grown != kind.grown {
				continue
			}
			mb, err := n.rss()
			if err != nil {
				return sec, err
			}
			if n.nodes == 1 {
				one.Runs = append(one.Runs, mb)
			} else {
				all.Runs = append(all.Runs, mb)
			}
		}
		each := figure{Name: "each further node, " + kind.name, Unit: "MB", Aim: "under 15", Difference: true}
		for i := range all.Runs {
			each.Runs = append(each.Runs, (all.Runs[i]-one.Runs[i])/float64(more))
		}
		sec.Figures = append(sec.Figures, each, all, one)
	}
	return sec, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
