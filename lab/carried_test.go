package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/node"
)

// A network that was made of a topology file is the same in another place: names, links, what these are like, who mines and how, seed and clock.
func TestStateCarriesTopology(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cities.toml")
	must(t, os.WriteFile(file, []byte(threeCities), 0o600))
	n, ctx := up(t, Config{Topology: Topology(file), Seed: 7, Mining: Manual, Miners: 2, Hashpower: []string{"3", "1"}, DataDir: t.TempDir()})
	n.say(t, ctx, "link attic-berlin --latency 5ms --one-way")
	n.say(t, ctx, "cut berlin-tokyo")
	_, err := n.Advance(36 * time.Hour)
	must(t, err)
	mustSnapshot(t, ctx, n, "a")
	state := filepath.Join(t.TempDir(), "s.state")
	must(t, n.SaveSnapshot("a", state))
	links, status := n.linkLines(t, ctx), n.Status()
	mustRevert(t, ctx, n, "a")
	edges, shares := slices.Clone(n.edges), slices.Clone(n.shares)
	must(t, n.Down())
	must(t, os.Remove(file))

	dir := t.TempDir()
	for _, cfg := range []Config{{DataDir: dir, Miners: -1, State: state}, {DataDir: dir, Miners: -1}} {
		again, ctx := upOnly(t, cfg)
		if got := again.linkLines(t, ctx); cfg.State != "" && !slices.Equal(got, links) {
			t.Errorf("links:\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(links, "\n"))
		}
		if !slices.Equal(again.edges, edges) || !slices.Equal(again.names, []string{"berlin", "tokyo", "attic"}) || !slices.Equal(again.shares, shares) {
			t.Errorf("%+v %q %v", again.edges, again.names, again.shares)
		}
		s := again.Status()
		if s.Seed != 7 || s.Topology != status.Topology || again.MiningMode() != Manual || again.nodes[2].mining || !again.nodes[0].mining {
			t.Errorf("%+v", s)
		}
		if d := again.Now().Sub(n.Now()); d < -12*time.Hour || d > 12*time.Hour {
			t.Errorf("the clock is %v off", d)
		}
		again.say(t, ctx, "mine --node tokyo")
		mustRevert(t, ctx, again, "a")
		must(t, again.Down())
	}

	// With another file the snapshot is refused, and the line that the refusal names brings its network back.
	must(t, os.WriteFile(file, []byte(strings.Replace(threeCities, `"attic", "berlin"`, `"attic", "tokyo"`, 1)), 0o600))
	other, ctx := upOnly(t, Config{DataDir: dir, Miners: -1, Topology: Topology(file)})
	_, err = other.Revert(ctx, "a")
	if err == nil || !strings.Contains(err.Error(), "up --topology "+filepath.Join(dir, snapshotsDir, "a", topologyFile)) {
		t.Fatalf("with another topology file: %v", err)
	}
	must(t, other.Down())
	back, ctx := upOnly(t, Config{DataDir: dir, Miners: -1, Topology: Topology(filepath.Join(dir, snapshotsDir, "a", topologyFile))})
	mustRevert(t, ctx, back, "a")
	if got := back.linkLines(t, ctx); !slices.Equal(got, links) {
		t.Errorf("links:\n%s", strings.Join(got, "\n"))
	}
}

// linkLines are the lines of `links`, whether or not the nodes have found each other by now.
func (n *Net) linkLines(t *testing.T, ctx context.Context) []string {
	t.Helper()
	return strings.Split(strings.ReplaceAll(strings.Join(n.say(t, ctx, "links").Lines, "\n"), "  down  ", "  up  "), "\n")
}

// A revert that was broken off brings its topology file with it.
func TestBrokenOffRevertBringsTopology(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "cities.toml")
	must(t, os.WriteFile(file, []byte(threeCities), 0o600))
	data := filepath.Join(dir, "net")
	n, ctx := upOnly(t, Config{Topology: Topology(file), DataDir: data})
	mustSnapshot(t, ctx, n, "a")
	must(t, n.Down())
	must(t, os.Remove(filepath.Join(data, topologyFile)))
	must(t, os.WriteFile(filepath.Join(data, temporary(topologyFile)+"1"), nil, 0o600))
	must(t, writeDurably(filepath.Join(data, revertingFile), []byte("a\n")))
	again, _ := upOnly(t, Config{DataDir: data, Miners: -1})
	if !slices.Equal(again.names, n.names) || again.cfg.carried != threeCities {
		t.Errorf("%q, %q", again.names, again.cfg.carried)
	}
	if left, _ := filepath.Glob(filepath.Join(data, temporary(topologyFile)+"*")); left != nil {
		t.Errorf("%v is left", left)
	}
}

// What a head says of its topology is not believed: it names no file of this host, and its text is checked as one that a user gives.
func TestHostileTopologyInHead(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.toml")
	must(t, os.WriteFile(secret, []byte(threeCities), 0o600))
	with := func(topology Topology, text string) *head {
		return &head{Format: snapshotFormat, Layout: node.DataFormat, Name: "a", Topology: text, Nodes: make([]nodeHead, 3),
			Network: saved{Format: savedFormat, Network: "regtest", BlockTime: time.Second, Nodes: 3, Topology: topology}}
	}
	read := func(h *head) error {
		b, err := json.Marshal(h)
		must(t, err)
		_, err = parseHead("f", b)
		return err
	}
	must(t, read(with(topologyFile, threeCities)))
	must(t, read(with(topologyFile, ""))) // as early ones are
	must(t, read(with(Ring, "")))
	node := "[[node]]\nname = \"a\"\n[[node]]\nname = \"b\"\n[[node]]\nname = \"c\"\n"
	for _, c := range []struct {
		what     string
		topology Topology
		text     string
		want     string
	}{
		{"a file of this host", Topology(secret), "", "a topology file"},
		{"one beside it", Topology(secret), threeCities, "a topology file"},
		{"one above", "../network-topology.toml", threeCities, "a topology file"},
		{"a file for a ring", Ring, threeCities, "for a"},
		{"other nodes", topologyFile, "[[node]]\nname = \"a\"", "names 1 nodes of 3"},
		{"a name", topologyFile, "[[node]]\nname = \"../a\"", "not a node's name"},
		{"a name of two lines", topologyFile, "[[node]]\nname = \"a\\nb\"", "not a node's name"},
		{"a link of two lines", topologyFile, node + "[[link]]\nbetween=[\"a\\u001b\\n\", \"b\"]", "named above"},
		{"a shape", topologyFile, node + "[[link]]\nbetween=[\"a\",\"b\"]\nloss=\"200%\"", "loss"},
		{"no TOML", topologyFile, "\x00", "topology file"},
		{"too long", topologyFile, threeCities + strings.Repeat("\n", maxTopologyFile), "bytes for a"},
		{"deep", topologyFile, "x = " + strings.Repeat("[", maxTopologyFile/2), "within brackets"},
		{"deep behind strings and comments", topologyFile, strings.Repeat("x = [\"]#\\\"\", ']#', #]\n", maxNesting+1), "within brackets"},
		{"deep in tables", topologyFile, "x = " + strings.Repeat("{x=", maxNesting+1), "within brackets"},
		{"a string of several lines", topologyFile, "[[node]]\nname = \"\"\"a\n\"\"\"", "several lines"},
	} {
		err := read(with(c.topology, c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// A state file that was written before topology files were kept in it is refused with the way out, not with a file that is missing.
func TestEarlyStateFileOfTopology(t *testing.T) {
	h := &head{Format: snapshotFormat, Layout: node.DataFormat, Name: "a", Nodes: make([]nodeHead, 3),
		Network: saved{Format: savedFormat, Network: "regtest", BlockTime: time.Second, Seed: 1, Nodes: 3, Topology: topologyFile}}
	var b bytes.Buffer
	must(t, packTo(&b, t.TempDir(), h))
	file := filepath.Join(t.TempDir(), "early.state")
	must(t, os.WriteFile(file, b.Bytes(), 0o600))
	dir := filepath.Join(t.TempDir(), "new")
	_, err := Up(t.Context(), Config{DataDir: dir, Miners: -1, State: file, NoServices: true})
	if err == nil || !strings.Contains(err.Error(), "snapshot it again") || exists(dir) {
		t.Errorf("%v", err)
	}
}
