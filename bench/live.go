package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// usage is what a process tells of itself at its metrics.
type usage struct{ files, goroutines, cpu float64 }

// livingNet is a network of live nodes that does nothing.
type livingNet struct {
	*process
	metrics string // where node 0 tells of the process
}

// live measures what a further idle node adds to a network: memory, files, goroutines, processor time.
func (s *suite) live(ctx context.Context) (section, error) {
	few, many := s.size.liveNodes[0], s.size.liveNodes[1]
	sec := section{Title: "What a live node takes", Text: fmt.Sprintf("Two new networks without miners in a ring, of %d and of %d nodes, each node with RPC and HTTP, %v after their starts. The process of the "+
		"larger one less that of the smaller one, by the %d nodes between them. Processor time is that of %v more.", few, many, s.size.liveIdle, many-few, s.size.liveIdle)}
	names := []figure{{Name: "resident memory", Unit: "MB", Aim: "under 5", Difference: true}, {Name: "open files", Unit: "files"}, {Name: "goroutines", Unit: "goroutines"},
		{Name: "processor time a second", Unit: "ms", Difference: true}, {Name: fmt.Sprintf("resident memory of all %d", many), Unit: "MB"}}
	for range s.size.liveRuns {
		values, err := s.livePair(ctx, few, many)
		if err != nil {
			return sec, err
		}
		for i, v := range values {
			names[i].Runs = append(names[i].Runs, v)
		}
	}
	sec.Figures = names
	return sec, nil
}

// livePair is one run of live, in the order of its figures.
func (s *suite) livePair(ctx context.Context, few, many int) (values []float64, err error) {
	var nets []*livingNet
	defer func() {
		for _, n := range nets {
			err = errors.Join(err, n.stop())
		}
	}()
	for _, nodes := range []int{few, many} {
		n, err := s.living(ctx, nodes)
		if err != nil {
			return nil, err
		}
		nets = append(nets, n)
	}
	if err := pause(ctx, s.size.liveIdle); err != nil {
		return nil, err
	}
	var memory [2]float64
	var first, second [2]usage
	for i, n := range nets {
		if memory[i], err = n.rss(); err != nil {
			return nil, err
		}
		if first[i], err = n.usage(ctx); err != nil {
			return nil, err
		}
	}
	begin := time.Now()
	if err := pause(ctx, s.size.liveIdle); err != nil {
		return nil, err
	}
	for i, n := range nets {
		if second[i], err = n.usage(ctx); err != nil {
			return nil, err
		}
	}
	seconds, more := time.Since(begin).Seconds(), float64(many-few)
	cpu := (second[1].cpu - first[1].cpu) - (second[0].cpu - first[0].cpu)
	return []float64{(memory[1] - memory[0]) / more, (first[1].files - first[0].files) / more, (first[1].goroutines - first[0].goroutines) / more,
		1000 * cpu / seconds / more, memory[1]}, nil
}

// living starts a network.
func (s *suite) living(ctx context.Context, nodes int) (*livingNet, error) {
	file := filepath.Join(s.dir, fmt.Sprintf("live-%d.json", nodes))
	p, _, err := s.up(ctx, nodes, "--ephemeral", "--miners", "0", "--config-out", file)
	if err != nil {
		return nil, err
	}
	var sheet lab.Sheet
	b, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(b, &sheet)
	}
	if err == nil && len(sheet.Nodes) != nodes {
		err = fmt.Errorf("%s lists %d nodes, not %d", file, len(sheet.Nodes), nodes)
	}
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return &livingNet{p, strings.TrimSuffix(sheet.Nodes[0].HTTP, "/") + "/metrics"}, nil
}

// usage asks the process.
func (n *livingNet) usage(ctx context.Context) (u usage, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, n.metrics, nil)
	if err != nil {
		return u, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return u, err
	}
	defer resp.Body.Close()
	found := 0
	sc := bufio.NewScanner(resp.Body)
	for sc.Scan() {
		name, text, _ := strings.Cut(sc.Text(), " ")
		into := map[string]*float64{"process_open_fds": &u.files, "go_goroutines": &u.goroutines, "process_cpu_seconds_total": &u.cpu}[name]
		if into == nil {
			continue
		}
		if *into, err = strconv.ParseFloat(text, 64); err != nil {
			return u, fmt.Errorf("%s: %w", n.metrics, err)
		}
		found++
	}
	if err := sc.Err(); err != nil {
		return u, err
	}
	if found != 3 {
		return u, fmt.Errorf("%s tells %d of 3 things", n.metrics, found)
	}
	return u, nil
}
