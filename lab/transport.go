package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/cairn-chain/cairn/lab/shape"
	"github.com/cairn-chain/cairn/p2p"
)

// errCut is what dialling across a partition fails with.
var errCut = errors.New("the laboratory has cut this connection")

// pair is an ordered pair of nodes: a direction.
type pair struct{ from, to int }

// edge is the link that a direction is of.
func (p pair) edge() edge { return edge{min(p.from, p.to), max(p.from, p.to)} }

// wires is the network between the nodes: real TCP on loopback, through one place that knows which node
// is at which end, so that it can cut connections and keep them cut, and shape each direction.
//
// The end that dials knows where it dials to, and notes from which address. The end that accepts looks there who it
// talks to, when it first writes: whoever dialled has spoken before.
type wires struct {
	seed uint64

	mu      sync.Mutex
	at      map[netip.AddrPort]int // which node listens where
	dialled map[netip.AddrPort]int // which node has a connection from there
	group   []int                  // of each node; nil: whole
	oneWay  bool                   // the first group hears the others, but not the other way round
	cuts    map[edge]bool
	shapes  map[pair]shape.Shape // only those that are not zero
	dirs    map[pair]*shape.Direction
	conns   map[*line]struct{}
}

// line is one connection, seen from the end that dialled it.
type line struct {
	*shape.Conn
	all      *wires
	from, to int
	local    netip.AddrPort
}

func newWires(seed uint64) *wires {
	return &wires{seed: seed, at: map[netip.AddrPort]int{}, dialled: map[netip.AddrPort]int{}, cuts: map[edge]bool{},
		shapes: map[pair]shape.Shape{}, dirs: map[pair]*shape.Direction{}, conns: map[*line]struct{}{}}
}

// listens notes where a node listens.
func (w *wires) listens(addr netip.AddrPort, node int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[addr] = node
}

// change alters cuts, groups or shapes under the lock, and makes the connections be as they say then.
func (w *wires) change(f func()) {
	w.mu.Lock()
	f()
	var crossing []*line
	for c := range w.conns {
		if w.severed(c.from, c.to) {
			crossing = append(crossing, c)
		}
	}
	for p, d := range w.dirs {
		if s := w.effective(p); s != d.Shape() {
			d.Set(s)
		}
	}
	w.mu.Unlock()
	for _, c := range crossing {
		c.Close()
	}
}

// split cuts the network into groups; nil heals it. One way, connections stay, but what the first group sends does not arrive in
// the others.
func (w *wires) split(group []int, oneWay bool) {
	w.change(func() { w.group, w.oneWay = group, oneWay })
}

// effective is the shape of a direction with what a one-way partition makes of it. It is called with the lock held.
func (w *wires) effective(p pair) shape.Shape {
	s := w.shapes[p]
	s.Blocked = s.Blocked || (w.oneWay && w.apart(p.from, p.to) && w.group[p.from] == 1)
	return s
}

// apart tells whether a partition is between two nodes. It is called with the lock held.
func (w *wires) apart(a, b int) bool {
	return w.group != nil && a < len(w.group) && b < len(w.group) && w.group[a] != w.group[b]
}

// severed tells whether two nodes can have no connection. It is called with the lock held.
func (w *wires) severed(a, b int) bool {
	return w.cuts[pair{a, b}.edge()] || (!w.oneWay && w.apart(a, b))
}

// reachable tells whether a new connection between two nodes can be made: one needs both directions.
func (w *wires) reachable(a, b int) bool {
	return !w.severed(a, b) && !w.effective(pair{a, b}).Blocked && !w.effective(pair{b, a}).Blocked
}

// partition returns the groups, nil if there are none.
func (w *wires) partition() (group []int, oneWay bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.group, w.oneWay
}

// direction returns what all connections in a direction share. It is called with the lock held.
func (w *wires) direction(p pair) *shape.Direction {
	d := w.dirs[p]
	if d == nil {
		d = shape.NewDirection(w.seed, uint64(p.from)<<32|uint64(p.to))
		d.Set(w.effective(p))
		w.dirs[p] = d
	}
	return d
}

// end is the transport of one node.
type end struct {
	all  *wires
	node int
}

// Dial connects unless the other end is a node that is out of reach.
func (e end) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	e.all.mu.Lock()
	to, known := e.all.at[addr]
	cut := known && !e.all.reachable(e.node, to)
	e.all.mu.Unlock()
	if cut {
		return nil, errCut
	}
	conn, err := p2p.TCP{}.Dial(ctx, addr)
	if err != nil || !known {
		return conn, err
	}
	c := e.all.note(conn, pair{e.node, to})
	if c == nil {
		conn.Close()
		return nil, errCut
	}
	return c, nil
}

// note takes a new connection in, nil if a cut has come while it was made.
func (w *wires) note(conn net.Conn, p pair) *line {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.reachable(p.from, p.to) {
		return nil
	}
	c := &line{Conn: shape.NewConn(conn, w.direction(p)), all: w, from: p.from, to: p.to, local: addrOf(conn.LocalAddr())}
	w.conns[c] = struct{}{}
	w.dialled[c.local] = p.from
	return c
}

// Close ends the connection.
func (c *line) Close() error {
	c.all.mu.Lock()
	if _, open := c.all.conns[c]; open {
		delete(c.all.conns, c)
		delete(c.all.dialled, c.local)
	}
	c.all.mu.Unlock()
	return c.Conn.Close()
}

// Listen takes connections on loopback.
func (e end) Listen(addr string) (net.Listener, error) {
	l, err := p2p.TCP{}.Listen(addr)
	if err != nil {
		return nil, err
	}
	return &listener{l, e}, nil
}

type listener struct {
	net.Listener
	end end
}

// Accept returns connections whose writes find their direction by themselves.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return shape.NewLateConn(c, func() *shape.Direction { return l.end.toward(addrOf(c.RemoteAddr())) }), nil
}

// toward is the direction to whoever dialled from an address; nil if that is no node of this network.
func (e end) toward(addr netip.AddrPort) *shape.Direction {
	e.all.mu.Lock()
	defer e.all.mu.Unlock()
	from, ours := e.all.dialled[addr]
	if !ours {
		return nil
	}
	return e.all.direction(pair{e.node, from})
}

func addrOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		ap := t.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
