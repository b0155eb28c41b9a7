package lab

import (
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseGroups(t *testing.T) {
	for _, c := range []struct {
		text, want string // want: the text that means the same, or the error
	}{
		{"0,1/2,3", "0,1/2,3"},
		{"0-1/2-3", "0,1/2,3"},
		{"2", "0,1,3/2"},
		{" 3 / 0", "0/1,2/3"},
		{"0,1,2,3", "leaves all nodes in one group"},
		{"0/0", "in two groups"},
		{"0/4", "the nodes are 0 to 3"},
		{"-1/2", "the nodes are 0 to 3"},
		{"", "not a node's number"},
		{"a/b", "not a node's number"},
		{"3-1/0", "the nodes are 0 to 3"},
		{"0,/1", "not a node's number"},
	} {
		got, err := ParseGroups(c.text, 4)
		switch {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%q: %v", c.text, err)
		case err == nil && groupsText(got) != c.want:
			t.Errorf("%q means %q, not %q", c.text, groupsText(got), c.want)
		}
	}
}

// Every topology connects all nodes, names each edge once with the lower node first, and is the same for the same seed.
func TestTopologies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "nodes")
		kind := rapid.SampledFrom([]Topology{Ring, Line, Star, Mesh, Random, KOut, "k-out:2", SmallWorld, "small-world:6:0.5", ErdosRenyi, "erdos-renyi:0.01"}).Draw(t, "topology")
		seed := rapid.Uint64().Draw(t, "seed")
		edges, err := kind.edges(n, rand.New(rand.NewPCG(seed, 0)))
		if err != nil {
			t.Fatal(err)
		}
		again, _ := kind.edges(n, rand.New(rand.NewPCG(seed, 0)))
		root := make([]int, n)
		for i := range root {
			root[i] = i
		}
		find := func(i int) int {
			for root[i] != i {
				i = root[i]
			}
			return i
		}
		for i, e := range edges {
			if e.a >= e.b || e != again[i] || (i > 0 && edges[i-1] == e) {
				t.Fatalf("edge %d is %v", i, e)
			}
			root[find(e.a)] = find(e.b)
		}
		for i := range n {
			if find(i) != find(0) {
				t.Fatalf("node %d is not connected in %s of %d", i, kind, n)
			}
		}
	})
}

func TestConfigRefuses(t *testing.T) {
	for want, cfg := range map[string]Config{
		"needs a data directory": {},
		"1 to 1000 nodes":        {DataDir: "x", Nodes: 1001},
		"cannot mine":            {DataDir: "x", Nodes: 2, Miners: 3},
		"names 1 miners":         {DataDir: "x", Miners: 2, Hashpower: []string{"1"}},
		"whole number":           {DataDir: "x", BlockTime: 1500 * time.Millisecond},
		"unknown topology":       {DataDir: "x", Topology: "tree"},
		"cairn or regtest":       {DataDir: "x", Network: "mainnet"},
		"leaves no room":         {DataDir: "x", BasePort: 65500},
		"neither a weight":       {DataDir: "x", Miners: 1, Hashpower: []string{"NaN"}},
		"all weights or all":     {DataDir: "x", Miners: 2, Hashpower: []string{"1", "10%"}},
		"of a core":              {DataDir: "x", Miners: 1, Hashpower: []string{"101%"}},
	} {
		if err := cfg.settle(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

// What is refused leaves nothing behind.
func TestNoDirectoryForNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	_, err := Up(t.Context(), Config{Ephemeral: true, Nodes: 2, Miners: 3})
	var wrong *ConfigError
	if !errors.As(err, &wrong) {
		t.Errorf("%v is no ConfigError", err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestShares(t *testing.T) {
	cfg := Config{Miners: 2, Hashpower: []string{"3", "1"}}
	got, err := cfg.shares()
	if err != nil || got[0] < 0.1499 || got[0] > 0.1501 || got[1] < 0.0499 || got[1] > 0.0501 {
		t.Errorf("weights 3 and 1 share %v, %v", got, err)
	}
}
