package lab

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Topology names how nodes are connected at the start.
type Topology string

// The topologies.
const (
	Ring   Topology = "ring"
	Line   Topology = "line"
	Star   Topology = "star"   // all to node 0
	Mesh   Topology = "mesh"   // all to all
	Random Topology = "random" // a random tree, and as many further edges as there are nodes
)

// edge connects two nodes; the first is the lower.
type edge struct{ a, b int }

// edges returns the edges between n nodes, sorted. Only Random draws from rng.
func (t Topology) edges(n int, rng *rand.Rand) ([]edge, error) {
	set := map[edge]bool{}
	add := func(a, b int) {
		if a != b {
			set[edge{min(a, b), max(a, b)}] = true
		}
	}
	switch t {
	case Ring, Line:
		for i := 1; i < n; i++ {
			add(i-1, i)
		}
		if t == Ring {
			add(n-1, 0)
		}
	case Star:
		for i := 1; i < n; i++ {
			add(0, i)
		}
	case Mesh:
		for i := range n {
			for j := range i {
				add(i, j)
			}
		}
	case Random:
		randomEdges(n, rng, add)
	default:
		return nil, fmt.Errorf("unknown topology %q: ring, line, star, mesh or random", string(t))
	}
	var out []edge
	for e := range set {
		out = append(out, e)
	}
	slices.SortFunc(out, func(x, y edge) int {
		if x.a != y.a {
			return x.a - y.a
		}
		return x.b - y.b
	})
	return out, nil
}

func randomEdges(n int, rng *rand.Rand, add func(a, b int)) {
	for i := 1; i < n; i++ {
		add(i, rng.IntN(i))
	}
	for range n {
		add(rng.IntN(n), rng.IntN(n))
	}
}

// ParseGroups reads a partition like 0,1/2,3 of n nodes. Nodes that are not named form a further group.
// Ranges like 0-4 are allowed.
func ParseGroups(s string, n int) ([]int, error) {
	group := make([]int, n)
	named := make([]bool, n)
	for g, part := range strings.Split(s, "/") {
		for _, field := range strings.Split(part, ",") {
			from, to, err := parseRange(strings.TrimSpace(field), n)
			if err != nil {
				return nil, err
			}
			for i := from; i <= to; i++ {
				if named[i] {
					return nil, fmt.Errorf("node %d is in two groups", i)
				}
				named[i], group[i] = true, g+1
			}
		}
	}
	first := group[0]
	if !slices.ContainsFunc(group, func(g int) bool { return g != first }) {
		return nil, fmt.Errorf("%q leaves all nodes in one group: name two, as in 0,1/2,3", s)
	}
	return group, nil
}

func parseRange(s string, n int) (from, to int, err error) {
	var extra string
	if k, _ := fmt.Sscanf(s, "%d-%d%s", &from, &to, &extra); k != 2 {
		if k, _ := fmt.Sscanf(s, "%d%s", &from, &extra); k != 1 {
			return 0, 0, fmt.Errorf("%q is not a node's number or a range like 0-4", s)
		}
		to = from
	}
	if from < 0 || to >= n || from > to {
		return 0, 0, fmt.Errorf("%q: the nodes are 0 to %d", s, n-1)
	}
	return from, to, nil
}
