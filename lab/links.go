package lab

import (
	"fmt"
	"strings"

	"github.com/cairn-chain/cairn/lab/shape"
)

// LinkStatus is one link: two nodes that keep a connection, and what its directions are like.
type LinkStatus struct {
	A    int    `json:"a"` // the lower one
	B    int    `json:"b"`
	Up   bool   `json:"up"`  // there is a connection
	Cut  bool   `json:"cut"` // by cut or partition: there can be none
	AtoB string `json:"a_to_b,omitempty"`
	BtoA string `json:"b_to_a,omitempty"`
}

// Links are the network's links, sorted.
func (n *Net) Links() []LinkStatus {
	n.wires.mu.Lock()
	defer n.wires.mu.Unlock()
	up := map[edge]bool{}
	for c := range n.wires.conns {
		up[pair{c.from, c.to}.edge()] = true
	}
	out := make([]LinkStatus, 0, len(n.edges))
	for _, e := range n.edges {
		out = append(out, LinkStatus{A: e.a, B: e.b, Up: up[e], Cut: n.wires.severed(e.a, e.b),
			AtoB: n.wires.effective(pair{e.a, e.b}).String(), BtoA: n.wires.effective(pair{e.b, e.a}).String()})
	}
	return out
}

// Link is a link as somebody names it: from one node to another, in this order.
type Link struct{ From, To int }

// ParseLinks reads 0-1, 2-* (all links of node 2), or * or all (all links). The first node named is where a link goes out from.
func (n *Net) ParseLinks(text string) (links []Link, err error) {
	from, to, ok := strings.Cut(text, "-")
	if text == "*" || text == "all" {
		from, to = "*", "*"
	} else if !ok {
		return nil, fmt.Errorf("%q is not a link like 0-1, or 2-* for all of node 2, or all", text)
	}
	a, err := n.parseEnd(from)
	if err != nil {
		return nil, err
	}
	b, err := n.parseEnd(to)
	if err != nil {
		return nil, err
	}
	meant := func(named, node int) bool { return named < 0 || named == node }
	for _, e := range n.edges {
		switch {
		case meant(a, e.a) && meant(b, e.b):
			links = append(links, Link{e.a, e.b})
		case meant(a, e.b) && meant(b, e.a):
			links = append(links, Link{e.b, e.a})
		}
	}
	if len(links) == 0 {
		return nil, fmt.Errorf("nodes %s and %s have no link: `cairn testnet links` shows all", from, to)
	}
	return links, nil
}

// parseEnd returns −1 for a star.
func (n *Net) parseEnd(text string) (int, error) {
	if text == "*" {
		return -1, nil
	}
	i, _, err := parseRange(text, len(n.nodes))
	return i, err
}

// ShapeOf is the shape that was set for what From sends to To.
func (n *Net) ShapeOf(l Link) shape.Shape {
	n.wires.mu.Lock()
	defer n.wires.mu.Unlock()
	return n.wires.shapes[pair{l.From, l.To}]
}

// Shape sets what links are like from now on, in both directions or only from From to To.
func (n *Net) Shape(s shape.Shape, oneWay bool, links ...Link) error {
	if err := s.Validate(); err != nil {
		return err
	}
	n.steer.Lock()
	defer n.steer.Unlock()
	n.wires.change(func() {
		for _, l := range links {
			n.wires.set(pair{l.From, l.To}, s)
			if !oneWay {
				n.wires.set(pair{l.To, l.From}, s)
			}
		}
	})
	text := s.String()
	if text == "" {
		text = "as fast as it goes"
	}
	n.watch.tell(Event{Kind: "link", Node: -1, Detail: linksText(links, oneWay) + " " + text})
	return nil
}

// set is called with the lock held.
func (w *wires) set(p pair, s shape.Shape) {
	if s == (shape.Shape{}) {
		delete(w.shapes, p)
		return
	}
	w.shapes[p] = s
}

// Cut ends the connections of links, until they are healed.
func (n *Net) Cut(links ...Link) {
	n.steer.Lock()
	defer n.steer.Unlock()
	n.wires.change(func() {
		for _, l := range links {
			n.wires.cuts[pair{l.From, l.To}.edge()] = true
		}
	})
	n.watch.tell(Event{Kind: "cut", Node: -1, Detail: linksText(links, false)})
}

// Mend ends what Cut did to links. A partition stays.
func (n *Net) Mend(links ...Link) {
	n.steer.Lock()
	defer n.steer.Unlock()
	n.wires.change(func() {
		for _, l := range links {
			delete(n.wires.cuts, pair{l.From, l.To}.edge())
		}
	})
	n.redial()
	n.watch.tell(Event{Kind: "heal", Node: -1, Detail: linksText(links, false)})
}

func linksText(links []Link, oneWay bool) string {
	between := "-"
	if oneWay {
		between = "→"
	}
	var parts []string
	for _, l := range links {
		parts = append(parts, fmt.Sprintf("%d%s%d", l.From, between, l.To))
		if len(parts) == 8 && len(links) > 9 {
			parts = append(parts, fmt.Sprintf("and %d more", len(links)-8))
			break
		}
	}
	return strings.Join(parts, " ")
}
