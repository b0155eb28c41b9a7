package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// A guest is a node of another make, or of the same, that runs elsewhere and joins the network: one of the network's nodes keeps a connection to it,
// as to any peer. Beside that the laboratory asks it now and then, on a connection of its own, for its headers (getheaders, which
// every node answers), and compares them with those of the network. A difference that stays while nothing moves is told: one of both refuses
// what the other takes.
const (
	guestEvery    = 2 * time.Second  // how often a guest is asked
	guestTimeout  = 5 * time.Second  // for it to answer
	guestPatience = 10 * time.Second // how long a difference may last before it is told
	guestLookback = 1500             // blocks; an answer has at most 2000 headers
	maxGuests     = 100
	maxGreeting   = 100 // messages that it may send before its headers
)

// GuestStatus is what is known of a guest.
type GuestStatus struct {
	Addr   string     `json:"addr"`
	Host   int        `json:"host"`   // the node that keeps a connection to it
	Agent  string     `json:"agent"`  // what it calls itself
	State  string     `json:"state"`  // "unknown", "agrees", "behind", "ahead" or "diverges"
	Tip    types.Hash `json:"tip"`    // of its best chain
	Height int32      `json:"height"` // of Tip
	Fork   int32      `json:"fork"`   // height of the last block that it and the host have in common
	Detail string     `json:"detail,omitempty"`
	Told   bool       `json:"told"` // the difference lasts, and was told
}

// guests are a network's; guarded by mu.
type guests struct {
	mu    sync.Mutex
	list  []*guest
	loops sync.WaitGroup
}

type guest struct {
	addr   netip.AddrPort
	status GuestStatus
	ours   types.Hash // the host's tip when the guest was asked last
	since  time.Time  // of status and ours
}

// AddGuest lets node i (−1: the first that runs) keep a connection to a node elsewhere, which must have the same rules and magic.
func (n *Net) AddGuest(i int, address string) error {
	addr, err := netip.ParseAddrPort(address)
	if err != nil || addr.Port() == 0 {
		return fmt.Errorf("a guest is at an address like 127.0.0.1:18444, not %q", address)
	}
	nd, err := n.pick(i)
	if err != nil {
		return err
	}
	n.guests.mu.Lock()
	defer n.guests.mu.Unlock()
	for _, g := range n.guests.list {
		if g.addr == addr {
			return fmt.Errorf("%s is a guest already", addr)
		}
	}
	if len(n.guests.list) >= maxGuests {
		return fmt.Errorf("a network has at most %d guests", maxGuests)
	}
	g := &guest{addr: addr, status: GuestStatus{Addr: addr.String(), Host: n.indexOf(nd), State: "unknown"}, since: n.cfg.Now()}
	n.guests.list = append(n.guests.list, g)
	nd.AddPeer(addr)
	n.guests.loops.Add(1)
	go func() {
		defer n.guests.loops.Done()
		n.watchGuest(g)
	}()
	n.watch.tell(Event{Kind: "guest", Node: g.status.Host, Detail: addr.String() + " joins"})
	return nil
}

// Guests tells what is known of the guests.
func (n *Net) Guests() []GuestStatus {
	n.guests.mu.Lock()
	defer n.guests.mu.Unlock()
	var list []GuestStatus
	for _, g := range n.guests.list {
		list = append(list, g.status)
	}
	return list
}

// rejoin lets a node that was started again dial its guests.
func (n *Net) rejoin(i int) {
	n.guests.mu.Lock()
	defer n.guests.mu.Unlock()
	for _, g := range n.guests.list {
		if nd := n.running(i); nd != nil && g.status.Host == i {
			nd.AddPeer(g.addr)
		}
	}
}

// watchGuest asks until the network ends.
func (n *Net) watchGuest(g *guest) {
	for n.ctx.Err() == nil {
		if nd := n.running(g.status.Host); nd != nil {
			ours := nd.Chain().Tip().Hash()
			headers, agent, err := n.askGuest(g.addr, nd)
			n.noteGuest(g, nd, ours, agent, headers, err)
		}
		pause(n.ctx, nil, guestEvery)
	}
}

// noteGuest compares the guest's headers with the host's chain, and tells what changed and what stays different.
func (n *Net) noteGuest(g *guest, nd *node.Node, ours types.Hash, agent string, headers []types.Header, err error) {
	s := GuestStatus{Addr: g.status.Addr, Host: g.status.Host, Agent: agent, State: "unknown"}
	if err != nil {
		s.Agent, s.Detail = g.status.Agent, guestFault(err)
	} else {
		compareGuest(&s, nd, headers)
	}
	now := n.cfg.Now()
	n.guests.mu.Lock()
	changed := s.State != g.status.State
	if changed || s.Tip != g.status.Tip || ours != g.ours {
		g.since, g.ours = now, ours
		s.Told = false
	} else {
		s.Told = g.status.Told
	}
	different := s.State == "behind" || s.State == "diverges"
	tellIt := different && !s.Told && now.Sub(g.since) >= guestPatience
	s.Told = s.Told || tellIt
	g.status = s
	n.guests.mu.Unlock()
	switch {
	case tellIt:
		n.watch.tell(Event{Kind: "guest", Node: s.Host, Hash: s.Tip, Height: s.Height, Detail: fmt.Sprintf("%s %s: %s", s.Addr, s.State, s.Detail)})
	case changed && (s.State == "agrees" || s.State == "diverges"):
		n.watch.tell(Event{Kind: "guest", Node: s.Host, Hash: s.Tip, Height: s.Height, Detail: s.Addr + " " + s.State})
	}
}

// guestFault tells people what is wrong with a guest that could not be asked.
func guestFault(err error) string {
	switch {
	case errors.Is(err, net.ErrClosed):
		return fmt.Sprintf("it does not answer within %v as a node of this network would; is it one, with the same magic?", guestTimeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "it closes the connection; is it a node, with the same magic?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there"
	}
	return err.Error()
}

// compareGuest says where the guest is, by the headers that follow a block of the host's chain.
func compareGuest(s *GuestStatus, nd *node.Node, headers []types.Header) {
	c := nd.Chain()
	tip := c.Tip()
	base := tip.At(max(0, tip.Height()-guestLookback))
	if len(headers) > 0 {
		if first := c.Lookup(headers[0].PrevHash); first != nil && first.Active() {
			base = tip.At(min(first.Height(), tip.Height()))
		}
	}
	s.Fork, s.Height, s.Tip = base.Height(), base.Height()+int32(len(headers)), base.Hash()
	if len(headers) > 0 {
		s.Tip = headers[len(headers)-1].Hash()
	}
	for i := range headers {
		if at := tip.At(base.Height() + 1 + int32(i)); at == nil || at.Hash() != headers[i].Hash() {
			break
		}
		s.Fork++
	}
	switch {
	case s.Fork == tip.Height() && s.Height == s.Fork:
		s.State = "agrees"
	case s.Fork == tip.Height():
		s.State, s.Detail = "ahead", fmt.Sprintf("it has %d blocks more", s.Height-s.Fork)
	case s.Height == s.Fork:
		s.State, s.Detail = "behind", fmt.Sprintf("it does not take block %d %s, which the network has", s.Fork+1, tip.At(s.Fork+1).Hash())
	default:
		s.State, s.Detail = "diverges", fmt.Sprintf("after block %d it has %d blocks of its own, up to %s, and the network %d", s.Fork, s.Height-s.Fork, s.Tip, tip.Height()-s.Fork)
	}
	for i := range headers {
		if known := c.Lookup(headers[i].Hash()); known != nil && known.Invalid() {
			s.State, s.Detail = "diverges", fmt.Sprintf("the network refuses its block %s", headers[i].Hash())
			return
		}
	}
}

// askGuest shakes hands and asks for the headers after a block that is some way behind the host's tip.
func (n *Net) askGuest(addr netip.AddrPort, nd *node.Node) (headers []types.Header, agent string, err error) {
	ctx, cancel := bounded(n.ctx, guestTimeout)
	defer cancel()
	conn, err := p2p.TCP{}.Dial(ctx, addr)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	t := &talk{conn: conn, magic: n.params.Magic}
	agent, err = t.greet(n.cfg.Now())
	if err != nil {
		return nil, agent, err
	}
	tip := nd.Chain().Tip()
	locator := []types.Hash{tip.At(max(0, tip.Height()-guestLookback)).Hash(), n.params.Genesis.Hash()}
	if err := t.send(wire.GetHeaders{Protocol: guestProtocol, Locator: slices.Compact(locator)}); err != nil {
		return nil, agent, err
	}
	for range maxGreeting {
		m, err := t.receive()
		if err != nil {
			return nil, agent, err
		}
		if h, ok := m.(wire.Headers); ok {
			return h.Headers, agent, nil
		}
	}
	return nil, agent, errors.New("it sends everything but headers")
}

const guestProtocol = 70016

// talk is a short conversation in version 1, which every node understands.
type talk struct {
	conn  net.Conn
	magic uint32
}

func (t *talk) send(m wire.Message) error {
	_, err := t.conn.Write(wire.AppendFrame(nil, t.magic, m))
	return err
}

// receive returns the next message; pings are answered.
func (t *talk) receive() (wire.Message, error) {
	head := make([]byte, wire.HeaderSize)
	if _, err := io.ReadFull(t.conn, head); err != nil {
		return nil, err
	}
	h, err := wire.ReadHeader(head, t.magic)
	if err != nil {
		return nil, err
	}
	payload := make([]byte, h.Length)
	if _, err := io.ReadFull(t.conn, payload); err != nil {
		return nil, err
	}
	if err := h.Check(payload); err != nil {
		return nil, err
	}
	m, err := wire.Decode(h.Command, payload)
	if ping, ok := m.(wire.Ping); ok {
		err = t.send(wire.Pong(ping))
	}
	return m, err
}

// greet shakes hands and returns what the other end calls itself.
func (t *talk) greet(now time.Time) (agent string, err error) {
	hello := wire.Version{Protocol: guestProtocol, Time: now.Unix(), Nonce: rand.Uint64(), UserAgent: "/cairn-lab:" + node.Version + "/"}
	if err := t.send(hello); err != nil {
		return "", err
	}
	for range maxGreeting {
		m, err := t.receive()
		if err != nil {
			return agent, err
		}
		switch m := m.(type) {
		case wire.Version:
			agent = wire.SafeString(m.UserAgent)
			err = t.send(wire.Verack{})
		case wire.Verack:
			return agent, nil
		}
		if err != nil {
			return agent, err
		}
	}
	return agent, errors.New("it does not shake hands")
}

var _ = addVerbs(
	Verb{Name: "guest", Args: "ADDRESS", Min: 1, Max: 1, Help: "let a node of any make join, which listens elsewhere", Example: "127.0.0.1:18444 --node 0",
		Flags: []VerbFlag{nodeFlag}, do: func(_ context.Context, n *Net, c call) (Answer, error) {
			i, err := c.node(n, -1)
			if err != nil {
				return Answer{}, err
			}
			return said("%s joins; `cairn testnet guests` tells whether it agrees", c.arg(0)), n.AddGuest(i, c.arg(0))
		}},
	Verb{Name: "guests", Help: "show the guests, and whether they agree with the network", do: func(_ context.Context, n *Net, _ call) (a Answer, err error) {
		list := n.Guests()
		a.Result = list
		for _, g := range list {
			line := g.Addr + "  "
			if g.Agent != "" {
				line += g.Agent + "  "
			}
			line += g.State
			if g.State != "unknown" {
				line += fmt.Sprintf(" at %d %s", g.Height, tail(g.Tip))
			}
			if g.Detail != "" {
				line += ": " + g.Detail
			}
			a.Lines = append(a.Lines, line)
		}
		return a, nil
	}},
)
