package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// up starts a test network in a directory of its own and waits until it is ready.
func (s *suite) up(ctx context.Context, nodes int, args ...string) (*process, time.Duration, error) {
	p, err := s.start(ctx, append([]string{"testnet", "up", "--ephemeral", "--ports", "auto", "--quiet", "--nodes", strconv.Itoa(nodes)}, args...)...)
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
	aims := map[int]string{4: "under 1.5", 20: "under 4"}
	for _, nodes := range slices.Sorted(maps.Keys(s.size.startRuns)) {
		f := figure{Name: fmt.Sprintf("%d nodes", nodes), Unit: "s", Aim: aims[nodes]}
		for i := range s.size.startRuns[nodes] + 1 {
			p, d, err := s.up(ctx, nodes)
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

// memory measures what a further idle node adds to a process.
func (s *suite) memory(ctx context.Context) (sec section, err error) {
	sec = section{Title: "Memory of an idle node", Text: fmt.Sprintf("Resident memory of the process of a network of %d nodes without miners, after %v of idleness, less "+
		"that of a network of one node, by the %d nodes between them. The networks run at the same time.", s.size.idleNodes, s.size.idle, s.size.idleNodes-1)}
	var large, small []*process
	defer func() {
		for _, p := range slices.Concat(large, small) {
			err = errors.Join(err, p.stop())
		}
	}()
	for range s.size.idleNets {
		for nodes, list := range map[int]*[]*process{s.size.idleNodes: &large, 1: &small} {
			p, _, err := s.up(ctx, nodes, "--miners", "0")
			if err != nil {
				return sec, err
			}
			*list = append(*list, p)
		}
	}
	if err := pause(ctx, s.size.idle); err != nil {
		return sec, err
	}
	all := figure{Name: fmt.Sprintf("%d nodes", s.size.idleNodes), Unit: "MB"}
	one := figure{Name: "1 node", Unit: "MB"}
	each := figure{Name: "each further node", Unit: "MB", Aim: "under 15"}
	for i := range large {
		a, err := large[i].rss()
		if err != nil {
			return sec, err
		}
		b, err := small[i].rss()
		if err != nil {
			return sec, err
		}
		all.Runs, one.Runs = append(all.Runs, a), append(one.Runs, b)
		each.Runs = append(each.Runs, (a-b)/float64(s.size.idleNodes-1))
	}
	sec.Figures = []figure{each, all, one}
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
