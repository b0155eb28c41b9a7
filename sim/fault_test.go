package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the topology, the faults and the seed: after the quiet no node stands on another tip, and no node has disconnected
// another. A tie cannot remain, since a last block decides it.
func TestNetworksAgreeInTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{
			Nodes: rapid.IntRange(2, 10).Draw(t, "nodes"), Duration: 2 * time.Hour, Interval: 4 * time.Minute,
			Topology:        Topology{Kind: rapid.SampledFrom([]string{"random", "mesh", "line", "ring", "star"}).Draw(t, "kind")},
			NoCompactBlocks: rapid.Bool().Draw(t, "whole blocks"), Traffic: Traffic{Interval: 10 * time.Minute, Batch: 2},
			Faults: []Fault{
				{Kind: "partition", At: 30 * time.Minute, Until: 90 * time.Minute, Share: rapid.IntRange(1, 99).Draw(t, "cut")},
				{Kind: "slow", At: 20 * time.Minute, Until: 2 * time.Hour, Share: 50, Factor: rapid.Int64Range(1, 20).Draw(t, "slow")},
				{Kind: "power", At: 100 * time.Minute, Percent: 50},
			},
		}
		w, err := New(cfg.Complete(), rapid.Uint64().Draw(t, "seed"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		works := map[string]bool{}
		for _, n := range w.nodes {
			works[fmt.Sprint(n.chain.Tip().Work())] = true
		}
		if len(works) != 1 || w.record.disconnects != 0 {
			t.Fatalf("%d nodes stand at %d different works, %d were disconnected", len(w.nodes), len(works), w.record.disconnects)
		}
	})
}

// A partition makes two branches, and healing it a reorganization on the weaker side.
func TestPartitionReorganizes(t *testing.T) {
	cfg := small()
	cfg.Duration = 10 * time.Hour
	cfg.Faults = []Fault{{Kind: "partition", At: time.Hour, Until: 6 * time.Hour, Share: 40}}
	rep := runTo(t, cfg, 4).Report()
	deepest := 0
	for _, r := range rep.Reorgs {
		deepest = max(deepest, r.Depth)
	}
	if rep.TipsAtEnd != 1 || deepest < 3 || rep.Stale < 3 {
		t.Errorf("tips %d, deepest reorganization %d, stale %d", rep.TipsAtEnd, deepest, rep.Stale)
	}
}

func TestRunEndsWithContext(t *testing.T) {
	w, err := New(small().Complete(), 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

func TestLogAndReplay(t *testing.T) {
	var log strings.Builder
	enc := json.NewEncoder(&log)
	cfg := small()
	cfg.Faults = []Fault{{Kind: "partition", At: time.Hour, Until: 2 * time.Hour, Share: 50}}
	w, err := New(cfg.Complete(), 7, func(h Happening) {
		if err := enc.Encode(h); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	kinds, last := map[string]int{}, Happening{}
	p := NewReplay(strings.NewReader(log.String()))
	for {
		h, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || h.At < last.At || h.String() == "" {
			t.Fatalf("%v after %v: %v", h, last, err)
		}
		if kinds[h.Kind]++; h.Kind == "tip" {
			last = h
		}
	}
	if tips, agree := p.Tips(last.Hash); tips != 1 || agree != 20 || last.Hash != w.record.best.Hash().String() {
		t.Errorf("the log ends with %d tips, %d nodes at the last", tips, agree)
	}
	if kinds["found"] != len(w.record.blocks) || kinds["block"] < 19*(len(w.record.blocks)-3) || kinds["fault"] != 2 {
		t.Errorf("the log has %v, %d blocks were found", kinds, len(w.record.blocks))
	}
	for _, bad := range []string{"{", "[]\n", strings.Repeat("x", maxLine+1)} {
		if _, err := NewReplay(strings.NewReader(bad)).Next(); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("a bad log of %d bytes: %v", len(bad), err)
		}
	}
}

func TestReportFiles(t *testing.T) {
	cfg := small()
	cfg.Title = "a <b> & c"
	rep := runTo(t, cfg, 3).Report()
	page, err := rep.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a &lt;b&gt; &amp; c", "How far a block has come", "Bytes sent by type", "share of revenue", "seed 3", "&#34;nodes&#34;: 20"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, not := range []string{"<script", "http://", "https://", "src=", "<b>"} {
		if strings.Contains(string(page), not) {
			t.Errorf("the page has %q", not)
		}
	}
	tables, err := rep.CSV()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(tables["blocks.csv"]), "\n"); got != rep.Found+1 {
		t.Errorf("%d lines for %d blocks", got, rep.Found)
	}
	if len(tables) != 5 || strings.Count(string(tables["propagation.csv"]), "\n") != 101 {
		t.Errorf("%d tables", len(tables))
	}
}
