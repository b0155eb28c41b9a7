package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/web"
)

// The page of the network, at its control address. What it shows is package web's; here is what it reads of the network.

// maxLog bounds the events that a page is told of.
const maxLog = 60

// pageLog keeps the last events, without those that are one a node and block.
type pageLog struct {
	mu   sync.Mutex
	next uint64
	last []web.Event
}

func (l *pageLog) note(e Event) {
	if e.Kind == "tip" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(l.last, web.Event{ID: l.next, At: e.At, Kind: e.Kind, Node: e.Node, Hash: e.Hash, Height: e.Height, Off: e.Off, On: e.On,
		Returned: e.Returned, Detail: e.Detail})
	l.next++
	if len(l.last) > maxLog {
		l.last = slices.Delete(l.last, 0, len(l.last)-maxLog)
	}
}

func (l *pageLog) events() []web.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.last)
}

// page is the network as web sees it.
type page struct {
	net *Net
	log pageLog

	mu      sync.Mutex
	balance string    // of the faucet
	again   time.Time // when it is to be summed up anew
}

// faucetPause bounds how often the faucet's coins are summed up for the page.
const faucetPause = time.Second

// note takes every event, and passes it on.
func (p *page) note(e Event) {
	p.log.note(e)
	p.net.cfg.OnEvent(e)
}

func (p *page) open() (*web.Site, error) {
	params := p.net.params
	return web.New(web.Config{Source: p, Orders: p,
		About: web.About{Network: params.Name, Genesis: params.Genesis.Hash(), Version: node.Version, Seed: p.net.cfg.Seed, Spacing: params.TargetSpacing}})
}

// Picture implements web.Source.
func (p *page) Picture() web.Picture {
	n := p.net
	pic := web.Picture{Log: p.log.events(), Links: n.pageLinks(), Mining: string(n.mode()), Traffic: n.TrafficStatus().On, Shift: time.Duration(n.clock.shift.Load())}
	if g, _ := n.wires.partition(); g != nil {
		pic.Partition = groupsText(g)
	}
	for i := range n.nodes {
		m := n.pageMember(i)
		if i < len(n.names) {
			m.Name = n.names[i]
		}
		pic.Nodes = append(pic.Nodes, m)
	}
	pic.Faucet = p.faucet()
	return pic
}

func (p *page) faucet() string {
	now := time.Now()
	p.mu.Lock()
	balance, due := p.balance, now.After(p.again)
	if due {
		p.again = now.Add(faucetPause)
	}
	p.mu.Unlock()
	if !due {
		return balance
	}
	if nd, err := p.net.pick(-1); err == nil {
		balance = coins(p.net.faucet.balance(nd))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.balance = balance
	return balance
}

func (n *Net) pageMember(i int) web.Member {
	n.mu.Lock()
	m := n.nodes[i]
	nd, out := m.node, web.Member{State: m.state, Miner: m.mining, Share: m.share}
	n.mu.Unlock()
	if nd == nil {
		return out
	}
	out = nd.PageMember()
	out.Miner, out.Share = m.mining, m.share
	return out
}

// Sighting implements web.Source.
func (p *page) Sighting(h types.Hash) (web.Sighting, bool) {
	w := p.net.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.blocks[h]
	if !ok {
		return web.Sighting{}, false
	}
	return web.Sighting{Finder: s.finder, Seen: maps.Clone(s.seen)}, true
}

// Do implements web.Orders.
func (p *page) Do(ctx context.Context, o web.Order) (r web.Result, err error) {
	n := p.net
	switch o.What {
	case "mine":
		hashes, err := n.Mine(ctx, o.Node, o.Count)
		for _, h := range hashes {
			r.Hashes = append(r.Hashes, h.String())
		}
		return r, err
	case "faucet":
		id, err := n.Faucet(ctx, o.Node, o.Address, o.Amount, false)
		return web.Result{TxID: id.String()}, err
	case "partition":
		group, err := ParseGroups(o.Groups, len(n.nodes))
		if err != nil {
			return r, err
		}
		return r, n.Partition(group)
	case "heal":
		n.Heal()
		return r, nil
	case "cut", "join":
		return r, n.pageCut(o.Links, o.What == "cut")
	}
	return n.pageVerb(ctx, o)
}

// pageVerbs are the verbs that the page may give as people write them, each with the flags that it may set. None of them ends
// the network, or reads or writes a file under a name that the page chooses.
var pageVerbs = map[string][]string{
	"stop": nil, "kill": nil, "start": nil, "time": nil, "mining": nil, "snapshot": nil, "revert": nil, "snapshots": nil,
	"link": {"latency", "jitter", "loss", "bandwidth", "clear"}, "reorg": {"node", "depth"}, "traffic": {"rate", "rbf"},
}

// pageVerb carries out a verb for the page.
func (n *Net) pageVerb(ctx context.Context, o web.Order) (r web.Result, err error) {
	flags, ok := pageVerbs[o.What]
	if !ok {
		return r, fmt.Errorf("unknown order %q", o.What)
	}
	for name := range o.Flags {
		if !slices.Contains(flags, name) {
			return r, fmt.Errorf("the page may not set --%s of %s", name, o.What)
		}
	}
	a, err := n.Carry(ctx, Order{What: o.What, Node: -1, Args: o.Args, Flags: o.Flags})
	return web.Result{Lines: a.Lines, Result: a.Result}, err
}

// forPage tells whether a request is the page's. What has a token, or asks for what only tokens open, is an order.
func forPage(r *http.Request) bool {
	return r.Header.Get("Authorization") == "" && r.URL.Path != "/status" && r.URL.Path != "/logs" && (r.URL.Path != "/" || r.Method == http.MethodGet)
}

// pageLinks lists the topology.
func (n *Net) pageLinks() []web.Link {
	var list []web.Link
	for _, l := range n.Links() {
		note := l.AtoB
		if l.BtoA != l.AtoB {
			note = fmt.Sprintf("%d→%d %s, %d→%d %s", l.A, l.B, orPlain(l.AtoB), l.B, l.A, orPlain(l.BtoA))
		}
		list = append(list, web.Link{A: l.A, B: l.B, Up: l.Up, Cut: l.Cut, Note: note})
	}
	return list
}

func orPlain(shape string) string {
	if shape == "" {
		return "as fast as it goes"
	}
	return shape
}

// pageCut cuts links, or lets them be again.
func (n *Net) pageCut(pairs [][2]int, cut bool) error {
	var links []Link
	for _, p := range pairs {
		if !slices.Contains(n.edges, (pair{p[0], p[1]}).edge()) {
			return fmt.Errorf("nodes %d and %d have no link", p[0], p[1])
		}
		links = append(links, Link{p[0], p[1]})
	}
	switch {
	case len(links) == 0:
		return errors.New("no link is named")
	case cut:
		n.Cut(links...)
	default:
		n.Mend(links...)
	}
	return nil
}
