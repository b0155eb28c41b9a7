package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/cairn-chain/cairn/p2p"
)

// errCut is what dialling across a partition fails with.
var errCut = errors.New("the laboratory has cut this connection")

// wires is the network between the nodes: real TCP on loopback, through one place that knows which node
// is at which end, so that it can cut connections and keep them cut.
type wires struct {
	mu    sync.Mutex
	at    map[netip.AddrPort]int // which node listens where
	group []int                  // of each node; nil: whole
	conns map[*wire]struct{}
}

// wire is one connection, seen from the end that dialled it.
type wire struct {
	net.Conn
	all      *wires
	from, to int
}

func newWires() *wires {
	return &wires{at: map[netip.AddrPort]int{}, conns: map[*wire]struct{}{}}
}

// listens notes where a node listens.
func (w *wires) listens(addr netip.AddrPort, node int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[addr] = node
}

// cut splits the network and closes what goes across; nil heals it.
func (w *wires) cut(group []int) {
	w.mu.Lock()
	w.group = group
	var crossing []*wire
	for c := range w.conns {
		if w.severed(c.from, c.to) {
			crossing = append(crossing, c)
		}
	}
	w.mu.Unlock()
	for _, c := range crossing {
		c.Close()
	}
}

// severed is called with the lock held.
func (w *wires) severed(a, b int) bool {
	return w.group != nil && a < len(w.group) && b < len(w.group) && w.group[a] != w.group[b]
}

// groups returns the partition, nil if there is none.
func (w *wires) groups() []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.group
}

// end is the transport of one node.
type end struct {
	all  *wires
	node int
}

// Dial connects unless the other end is a node across a partition.
func (e end) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	e.all.mu.Lock()
	to, known := e.all.at[addr]
	cut := known && e.all.severed(e.node, to)
	e.all.mu.Unlock()
	if cut {
		return nil, errCut
	}
	conn, err := p2p.TCP{}.Dial(ctx, addr)
	if err != nil || !known {
		return conn, err
	}
	c := &wire{Conn: conn, all: e.all, from: e.node, to: to}
	e.all.mu.Lock()
	// A cut may have come while the connection was made.
	if cut = e.all.severed(e.node, to); !cut {
		e.all.conns[c] = struct{}{}
	}
	e.all.mu.Unlock()
	if cut {
		conn.Close()
		return nil, errCut
	}
	return c, nil
}

// Listen takes connections on loopback.
func (e end) Listen(addr string) (net.Listener, error) { return p2p.TCP{}.Listen(addr) }

// Close ends the connection.
func (c *wire) Close() error {
	c.all.mu.Lock()
	delete(c.all.conns, c)
	c.all.mu.Unlock()
	return c.Conn.Close()
}
