package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const threeCities = `
[[node]]
name = "berlin"
region = "europe"
[[node]]
name = "tokyo"
region = "japan"
[[node]]
name = "attic"

[[link]]
between = ["berlin", "tokyo"]
bandwidth = "20Mbit"
back = { latency = "1ms" }
[[link]]
between = ["attic", "berlin"]
loss = "0.5%"
`

// The nodes of a file have its names, its links its shapes, and the network can be resumed when the file is gone.
func TestTopologyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "cities.toml")
	must(t, os.WriteFile(file, []byte(threeCities), 0o600))
	n, ctx := up(t, Config{Topology: Topology(file), DataDir: filepath.Join(dir, "net")})
	want := "0-1  up  0→1 latency 252ms±25.2ms, bandwidth 20Mbit  1→0 latency 1ms, bandwidth 20Mbit\n0-2  up  loss 0.5%"
	if got := strings.Join(n.say(t, ctx, "links").Lines, "\n"); got != want || n.Len() != 3 {
		t.Errorf("%d nodes, links:\n%s", n.Len(), got)
	}
	n.say(t, ctx, "mine --node tokyo")
	must(t, n.AwaitOneTip(ctx, 111))
	n.say(t, ctx, "cut berlin-tokyo")
	n.say(t, ctx, "partition attic/berlin,tokyo")
	n.refuses(t, ctx, "stop rome", "not a node's number")
	n.say(t, ctx, "stop tokyo")
	must(t, n.Down())
	must(t, os.Remove(file))
	again, ctx := up(t, Config{DataDir: filepath.Join(dir, "net"), Miners: -1})
	again.say(t, ctx, "mine --node attic")
	must(t, again.AwaitOneTip(ctx, 112))
}

func TestTopologyFileErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "needs nodes",
		"nodes = 3":                "no setting of a topology",
		"[[node]]\nname = \"3\"":   "not a node's name",
		"[[node]]\nname = \"a-b\"": "not a node's name",
		"[[node]]\nname = \"a\"\n[[node]]\nname=\"a\"":                                                                   "two nodes are called a",
		"[[node]]\nname = \"a\"\n[[link]]\nbetween=[\"a\"]":                                                              "link 1 (a): a link is between two nodes",
		"[[node]]\nname = \"a\"\n[[link]]\nbetween=[\"a\",\"b\"]":                                                        "named above",
		"[[node]]\nname = \"a\"\n[[link]]\nbetween=[\"a\",\"a\"]":                                                        "named above",
		"[[node]]\nname=\"a\"\n[[node]]\nname=\"b\"\n[[link]]\nbetween=[\"a\",\"b\"]\nloss=\"2\"":                        "loss",
		"[[node]]\nname=\"a\"\n[[node]]\nname=\"b\"\n[[link]]\nbetween=[\"a\",\"b\"]\nlatency=\"x\"":                     "not a latency",
		"[[node]]\nname=\"a\"\nregion=\"moon\"\n[[node]]\nname=\"b\"\nregion=\"japan\"\n[[link]]\nbetween=[\"a\",\"b\"]": "the regions are",
		"[[node]]\nname=\"a\"\n[[node]]\nname=\"b\"\n[[link]]\nbetween=[\"a\",\"b\"]\n[[link]]\nbetween=[\"b\",\"a\"]":   "link 2 (b, a): the link is there twice",
		"[[node]\n": "toml",
	} {
		if _, err := parseTopology([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
	file := filepath.Join(t.TempDir(), "t.toml")
	must(t, os.WriteFile(file, []byte(threeCities), 0o600))
	for want, cfg := range map[string]Config{
		"describes 3 nodes, not 5": {DataDir: "x", Topology: Topology(file), Nodes: 5},
		"no such file":             {DataDir: "x", Topology: "nowhere.toml"},
		"out of bounds":            {DataDir: "x", Topology: "k-out:0"},
		"too many numbers":         {DataDir: "x", Topology: "ring:3"},
		"is out of bounds":         {DataDir: "x", Topology: "small-world:4:2"},
	} {
		if err := cfg.settle(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
