package node

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
)

// Peers by name. The machine knows addresses only; a name is looked up here, and its address handed to the machine. When that cannot be
// reached the name is looked up again, and the next of its addresses takes the place of the last one: the host may have moved, or be
// reachable by another of its addresses. Lookups of one name are nameRetryLeast apart at least, doubled each time up to
// nameRetryMost, until a connection stands.
const (
	nameRetryLeast = time.Second
	nameRetryMost  = time.Minute
	lookupTimeout  = 10 * time.Second
	maxNames       = 1000
)

// namedPeer is one name. Its fields are guarded by names.mu.
type namedPeer struct {
	text    string // as a person wrote it
	host    string
	port    uint16
	seed    bool // to be asked for addresses, once
	addr    netip.AddrPort
	due     bool
	unknown bool // the last lookup found nothing
	wait    time.Duration
	next    time.Time
}

// names are all names, and the goroutine that looks them up.
type names struct {
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	step   func(proto.Event)
	log    *slog.Logger
	now    func() time.Time // monotonic

	mu   sync.Mutex
	list []*namedPeer
	bell chan struct{}
}

func newNames(n *Node) *names {
	return &names{lookup: n.cfg.Net.Lookup, step: n.step, log: n.logOf(logNet), now: time.Now, bell: make(chan struct{}, 1)}
}

// add notes a name, to be looked up at once. It tells whether there is room.
func (s *names) add(text, host string, port uint16, seed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) >= maxNames {
		return false
	}
	s.list = append(s.list, &namedPeer{text: text, host: host, port: port, seed: seed, due: true, wait: nameRetryLeast})
	ring(s.bell)
	return true
}

// remove forgets a name and returns the address that it had.
func (s *names) remove(text string) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.list, func(p *namedPeer) bool { return p.text == text && !p.seed })
	if i < 0 {
		return netip.AddrPort{}
	}
	addr := s.list[i].addr
	s.list = slices.Delete(s.list, i, i+1)
	return addr
}

// addrOf is the address of a name, as far as it is known.
func (s *names) addrOf(text string) netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list {
		if p.text == text && !p.seed {
			return p.addr
		}
	}
	return netip.AddrPort{}
}

// note hears of dials that failed and connections that stand; it does not block.
func (s *names) note(ev proto.Event) {
	switch e := ev.(type) {
	case proto.DialFailed:
		if e.Kind == proto.Manual {
			s.each(e.Addr, func(p *namedPeer) { p.due = true })
			ring(s.bell)
		}
	case proto.Connected:
		if e.Kind == proto.Manual {
			s.each(e.Addr, func(p *namedPeer) { p.due, p.wait, p.next = false, nameRetryLeast, time.Time{} })
		}
	}
}

func (s *names) each(a netip.AddrPort, f func(*namedPeer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.list {
		if p.addr == a && a.IsValid() {
			f(p)
		}
	}
}

// run looks names up when it is time, until ctx ends.
func (s *names) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.bell:
		case <-timer.C:
		}
		for p := s.take(); p != nil && ctx.Err() == nil; p = s.take() {
			s.resolve(ctx, p)
		}
		timer.Reset(s.untilNext())
	}
}

// take returns a name that is to be looked up now.
func (s *names) take() *namedPeer {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, p := range s.list {
		if p.due && !now.Before(p.next) {
			p.due, p.next = false, now.Add(p.wait)
			p.wait = min(2*p.wait, nameRetryMost)
			return p
		}
	}
	return nil
}

func (s *names) untilNext() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := nameRetryMost
	for _, p := range s.list {
		if p.due {
			d = min(d, max(p.next.Sub(s.now()), 0))
		}
	}
	return d
}

// resolve looks one name up and lets the machine go to what came of it.
func (s *names) resolve(ctx context.Context, p *namedPeer) {
	look, cancel := context.WithTimeout(ctx, lookupTimeout)
	ips, err := s.lookup(look, p.host)
	cancel()
	s.mu.Lock()
	held := slices.Contains(s.list, p)
	was := p.addr
	now := p.pick(ips)
	level := slog.LevelDebug
	if !now.IsValid() {
		if p.due = true; !p.unknown {
			level = slog.LevelWarn // once, until it is known
		}
	} else {
		p.addr = now
	}
	p.unknown = !now.IsValid()
	s.mu.Unlock()
	switch {
	case ctx.Err() != nil || !held:
	case !now.IsValid():
		s.log.Log(ctx, level, "a peer's name cannot be looked up", "name", p.text, "err", err)
	case p.seed:
		s.step(proto.Seed{Addr: now})
	case now != was:
		s.step(proto.RemoveManual{Addr: was})
		s.step(proto.AddManual{Addr: now})
	}
}

// pick is the address after the present one, the first if that is not among them.
func (p *namedPeer) pick(ips []netip.Addr) netip.AddrPort {
	if len(ips) == 0 {
		return netip.AddrPort{}
	}
	at := func(i int) netip.AddrPort { return netip.AddrPortFrom(ips[i].Unmap().WithZone(""), p.port) }
	for i := range ips {
		if at(i) == p.addr {
			return at((i + 1) % len(ips))
		}
	}
	return at(0)
}
