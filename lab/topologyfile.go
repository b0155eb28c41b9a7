package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/cairn-chain/cairn/lab/shape"
)

// maxTopologyFile bounds the size of a topology file.
const maxTopologyFile = 16 << 20

// topologyFile is the copy of a topology file in the data directory.
const topologyFile = "network-topology.toml"

// layout is how a network is connected: its links, what they are like, and what its nodes are called.
type layout struct {
	nodes  int // 0: any number
	edges  []edge
	shapes map[pair]shape.Shape
	names  []string
}

// fileTopology is a topology file:
//
//	[[node]]
//	name = "alice"          # letters, digits and _; not only digits
//	region = "europe"       # may be left out
//
//	[[link]]
//	between = ["alice", "bob"]
//	latency = "80ms±8ms"    # as in `cairn testnet link`; left out, that between the regions if both nodes have one
//	jitter = "5ms"
//	loss = "1%"
//	bandwidth = "10Mbit"
//	back = { latency = "200ms" }   # from the second to the first, where it differs
type fileTopology struct {
	Node []struct{ Name, Region string }
	Link []struct {
		Between []string
		fileShape
		Back *fileShape
	}
}

// fileShape is a shape as text; what is empty is not set.
type fileShape struct{ Latency, Jitter, Loss, Bandwidth string }

// isFile tells whether a topology is the name of a file.
func (t Topology) isFile() bool { return strings.HasSuffix(string(t), ".toml") }

// layout reads or draws how the network is connected.
func (c *Config) layout() (layout, error) {
	if !c.Topology.isFile() {
		edges, err := c.Topology.edges(c.Nodes, rand.New(rand.NewPCG(c.Seed, 0)))
		return layout{edges: edges}, err
	}
	text, err := c.topologyText()
	if err != nil {
		return layout{}, err
	}
	l, err := parseTopology(text)
	if err != nil {
		return layout{}, fmt.Errorf("%s: %w", c.Topology, err)
	}
	if l.nodes > MaxNodes || (c.Nodes != 0 && c.Nodes != l.nodes) {
		return layout{}, fmt.Errorf("%s describes %d nodes, not %d", c.Topology, l.nodes, c.Nodes)
	}
	return l, nil
}

// topologyText reads the file that a topology names, or the copy of it in the data directory.
func (c *Config) topologyText() ([]byte, error) {
	path := string(c.Topology)
	if path == topologyFile && c.carried != "" {
		return []byte(c.carried), nil
	}
	if path == topologyFile && c.DataDir != "" {
		if kept := filepath.Join(c.DataDir, topologyFile); exists(kept) {
			path = kept
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxTopologyFile {
		return nil, fmt.Errorf("%s is larger than %d MiB", path, maxTopologyFile>>20)
	}
	return os.ReadFile(path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// keepTopology copies a topology file into the data directory, so that the network can be resumed without the original.
func (c *Config) keepTopology() error {
	if !c.Topology.isFile() {
		return nil
	}
	text, err := c.topologyText()
	if err != nil {
		return err
	}
	c.Topology, c.carried = topologyFile, string(text)
	return writeDurably(filepath.Join(c.DataDir, topologyFile), text)
}

func parseTopology(text []byte) (l layout, err error) {
	if err := checkNesting(string(text)); err != nil {
		return l, err
	}
	var f fileTopology
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return l, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return l, fmt.Errorf("%s is no setting of a topology", unknown[0])
	}
	index := map[string]int{}
	for i, nd := range f.Node {
		if err := checkNodeName(nd.Name); err != nil {
			return l, err
		}
		if _, twice := index[nd.Name]; twice {
			return l, fmt.Errorf("two nodes are called %s", nd.Name)
		}
		index[nd.Name] = i
		l.names = append(l.names, nd.Name)
	}
	if l.nodes = len(f.Node); l.nodes == 0 {
		return l, errors.New("a topology needs nodes: [[node]] name = \"alice\"")
	}
	l.shapes = map[pair]shape.Shape{}
	seen := map[edge]bool{}
	for k, link := range f.Link {
		if err := l.addLink(f, index, k, seen); err != nil {
			return l, fmt.Errorf("link %d (%s): %w", k+1, plain(strings.Join(link.Between, ", ")), err)
		}
	}
	sortEdges(l.edges)
	return l, nil
}

// maxNesting bounds brackets within brackets; a topology needs two.
const maxNesting = 16

// checkNesting looks for brackets before the decoder does, which calls itself for each: a file of nothing else would use up the stack, and a state
// file may bring one from anywhere. Strings of several lines are refused, since nothing in a topology needs one.
func checkNesting(text string) error {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '#':
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
		case '"', '\'':
			if strings.HasPrefix(text[i:], strings.Repeat(string(c), 3)) {
				return errors.New("a topology has no strings of several lines")
			}
			i = stringEnd(text, i)
		case '[', '{':
			if depth++; depth > maxNesting {
				return errors.New("a topology has no brackets that deep within brackets")
			}
		case ']', '}':
			depth--
		}
	}
	return nil
}

// stringEnd is where the string ends that begins at i: at its quote, or at the end of its line, where the decoder refuses it.
func stringEnd(text string, i int) int {
	quote := text[i]
	for i++; i < len(text) && text[i] != quote && text[i] != '\n'; i++ {
		if quote == '"' && text[i] == '\\' {
			i++
		}
	}
	return i
}

func (l *layout) addLink(f fileTopology, index map[string]int, k int, seen map[edge]bool) error {
	link := f.Link[k]
	if len(link.Between) != 2 {
		return errors.New("a link is between two nodes")
	}
	a, okA := index[link.Between[0]]
	b, okB := index[link.Between[1]]
	if !okA || !okB || a == b {
		return errors.New("a link is between two nodes that are named above")
	}
	e := pair{a, b}.edge()
	if seen[e] {
		return errors.New("the link is there twice")
	}
	seen[e] = true
	l.edges = append(l.edges, e)
	var s shape.Shape
	var err error
	if ra, rb := f.Node[a].Region, f.Node[b].Region; ra != "" && rb != "" {
		if s.Latency, err = shape.Between(ra, rb); err != nil {
			return err
		}
	}
	if s, err = link.over(s); err != nil {
		return err
	}
	back := s
	if link.Back != nil {
		if back, err = link.Back.over(s); err != nil {
			return err
		}
	}
	l.set(pair{a, b}, s)
	l.set(pair{b, a}, back)
	return nil
}

func (l *layout) set(p pair, s shape.Shape) {
	if s != (shape.Shape{}) {
		l.shapes[p] = s
	}
}

// over changes a shape by what is set.
func (f fileShape) over(s shape.Shape) (shape.Shape, error) {
	c := call{flags: map[string]string{}}
	for name, value := range map[string]string{"latency": f.Latency, "jitter": f.Jitter, "loss": f.Loss, "bandwidth": f.Bandwidth} {
		if value != "" {
			c.flags[name] = value
		}
	}
	s, err := c.shape(s)
	if err != nil {
		return s, err
	}
	return s, s.Validate()
}

// plain is a text from a file as it may stand in a message: one line, and not long.
func plain(text string) string {
	q := fmt.Sprintf("%.80q", text)
	return q[1 : len(q)-1]
}

func checkNodeName(name string) error {
	if _, err := strconv.Atoi(name); err == nil || name == "" || name == "all" || strings.Trim(name, nameSigns) != "" {
		return fmt.Errorf("%q is not a node's name: letters, digits and _, not only digits", name)
	}
	return nil
}

const nameSigns = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// numbered replaces the names of nodes in an argument by their numbers.
func (n *Net) numbered(text string) string {
	if len(n.names) == 0 {
		return text
	}
	var out strings.Builder
	word := ""
	flush := func() {
		for i, name := range n.names {
			if name == word {
				word = strconv.Itoa(i)
				break
			}
		}
		out.WriteString(word)
		word = ""
	}
	for _, r := range text {
		if strings.ContainsRune(nameSigns, r) {
			word += string(r)
			continue
		}
		flush()
		out.WriteRune(r)
	}
	flush()
	return out.String()
}
