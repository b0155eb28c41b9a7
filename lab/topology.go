package lab

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
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
	// KOut: every node has links to so many others at random, as Bitcoin's outbound peers; k-out:4 for another number than 8.
	KOut Topology = "k-out"
	// SmallWorld: a ring in which each node has links to its four nearest, a tenth of them moved to random ends (Watts and Strogatz, 1998);
	// small-world:6:0.2 for other numbers.
	SmallWorld Topology = "small-world"
	// ErdosRenyi: every pair has a link with the same probability, by default twice the one at which such a graph hangs together;
	// erdos-renyi:0.3 for another.
	ErdosRenyi Topology = "erdos-renyi"
)

// edge connects two nodes; the first is the lower.
type edge struct{ a, b int }

// edges returns the edges between n nodes, sorted. The random ones draw from rng; what does not hang together by chance is joined by
// further links.
func (t Topology) edges(n int, rng *rand.Rand) ([]edge, error) {
	set := map[edge]bool{}
	add := func(a, b int) {
		if a != b {
			set[edge{min(a, b), max(a, b)}] = true
		}
	}
	if err := t.draw(n, rng, add); err != nil {
		return nil, err
	}
	join(n, set, rng, add)
	var out []edge
	for e := range set {
		out = append(out, e)
	}
	sortEdges(out)
	return out, nil
}

func sortEdges(list []edge) {
	slices.SortFunc(list, func(x, y edge) int {
		if x.a != y.a {
			return x.a - y.a
		}
		return x.b - y.b
	})
}

func (t Topology) draw(n int, rng *rand.Rand, add func(a, b int)) error {
	kind, numbers, err := t.numbers()
	if err != nil {
		return err
	}
	switch kind {
	case Ring, Line, Star, Mesh:
		kind.plainEdges(n, add)
	case Random:
		randomEdges(n, rng, add)
	case KOut:
		kOutEdges(n, int(numbers[0]), rng, add)
	case SmallWorld:
		smallWorldEdges(n, int(numbers[0]), numbers[1], rng, add)
	case ErdosRenyi:
		erdosRenyiEdges(n, numbers[0], rng, add)
	default:
		return fmt.Errorf("unknown topology %q: ring, line, star, mesh, random, k-out, small-world, erdos-renyi, or a file that ends in .toml", string(t))
	}
	return nil
}

func (t Topology) plainEdges(n int, add func(a, b int)) {
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
	}
}

// numbers splits k-out:4 into its kind and numbers, with defaults for those that are not there.
func (t Topology) numbers() (kind Topology, numbers []float64, err error) {
	parts := strings.Split(string(t), ":")
	kind = Topology(parts[0])
	most := map[Topology][]float64{KOut: {8}, SmallWorld: {4, 0.1}, ErdosRenyi: {0}}[kind]
	if len(parts)-1 > len(most) {
		return kind, nil, fmt.Errorf("topology %q has too many numbers", string(t))
	}
	numbers = slices.Clone(most)
	for i, text := range parts[1:] {
		v, err := strconv.ParseFloat(text, 64)
		isShare := kind == ErdosRenyi || i == 1
		if err != nil || !(v > 0) || (isShare && v > 1) || (!isShare && (v > MaxNodes || v != math.Trunc(v))) {
			return kind, nil, fmt.Errorf("%q in topology %q is out of bounds", text, string(t))
		}
		numbers[i] = v
	}
	return kind, numbers, nil
}

func kOutEdges(n, k int, rng *rand.Rand, add func(a, b int)) {
	for i := range n {
		chosen := map[int]bool{i: true}
		for len(chosen) <= min(k, n-1) {
			j := rng.IntN(n)
			if !chosen[j] {
				chosen[j] = true
				add(i, j)
			}
		}
	}
}

func smallWorldEdges(n, k int, p float64, rng *rand.Rand, add func(a, b int)) {
	for i := range n {
		for d := 1; d <= max(k/2, 1); d++ {
			to := (i + d) % n
			if rng.Float64() < p {
				to = rng.IntN(n)
			}
			add(i, to)
		}
	}
}

func erdosRenyiEdges(n int, p float64, rng *rand.Rand, add func(a, b int)) {
	if p == 0 && n > 1 {
		p = min(2*math.Log(float64(n))/float64(n), 1)
	}
	for i := range n {
		for j := range i {
			if rng.Float64() < p {
				add(i, j)
			}
		}
	}
}

// join adds a link from each piece that does not hang together with node 0 to a random node before its first.
func join(n int, set map[edge]bool, rng *rand.Rand, add func(a, b int)) {
	near := make([][]int, n)
	for e := range set {
		near[e.a], near[e.b] = append(near[e.a], e.b), append(near[e.b], e.a)
	}
	seen := make([]bool, n)
	for first := range n {
		if seen[first] {
			continue
		}
		if first > 0 {
			add(first, rng.IntN(first))
		}
		for todo := []int{first}; len(todo) > 0; {
			i := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !seen[i] {
				seen[i] = true
				todo = append(todo, near[i]...)
			}
		}
	}
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
