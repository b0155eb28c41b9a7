package proto

import (
	"net/netip"
	"slices"
	"time"
)

const (
	dialEvery = 500 * time.Millisecond // between two dials from the book
	// After the book had nothing, so long until it is asked again; doubled each time.
	bookIdleLeast = 10 * time.Second
	bookIdleMost  = 2 * time.Minute
	feelerEvery   = 2 * time.Minute // mean
	// A manual peer is dialled again after redialLeast, doubled with each failure up to redialMost. A connection that
	// lived redialStable starts anew.
	redialLeast  = 500 * time.Millisecond
	redialMost   = 30 * time.Second
	redialStable = time.Minute
	// If the tip is older than three block spacings (and staleLeast) and nothing is being downloaded, one more outbound
	// peer is allowed, looked at every staleCheck; the one that last told of a block the longest ago goes once it
	// stands, but none younger than extraGrace.
	staleCheck = 10 * time.Minute
	staleLeast = 10 * time.Minute
	extraGrace = 30 * time.Second
	maxSelf    = 16
	maxManual  = 1000
)

// outboundState is whom we dial and when.
//
// Peers from the book are dialled one at a time until all places are taken, never two in one net group, never an
// address that is discouraged, connected, being dialled, or ourselves. When all places are taken a feeler tests an
// address that nobody of us has been at, so that the book knows live ones when they are needed. Anchors, the
// block-relay peers of the last run, are dialled first, so that a restart does not hand us to whoever filled the book.
type outboundState struct {
	manual   []*manual
	anchors  []addrPort
	dialing  []dialling
	self     []addrPort
	nextDial time.Time
	bookIdle time.Duration
	feeler   time.Time
	stale    time.Time // the next look at the tip's age
	extra    bool      // one more is allowed
	seeds    seedState
}

// manual is an address to keep a connection to.
type manual struct {
	addr  addrPort
	once  bool // onetry: no second dial
	busy  bool // connected or being dialled
	again bool // asked for once more while the connection was ending
	wait  time.Duration
	next  time.Time
	since time.Time // of the connection; the zero time while there is none
}

type dialling struct {
	addr addrPort
	kind ConnKind
}

func (o *outboundState) init(cfg *Config) {
	for _, a := range cfg.Manual {
		o.addManual(a, false)
	}
	o.anchors = slices.Clone(cfg.Anchors[:min(len(cfg.Anchors), cfg.Limits.BlockRelay)])
	o.bookIdle = bookIdleLeast
	for _, a := range cfg.Seeds {
		o.addSeed(a, time.Time{})
	}
}

func (o *outboundState) start(m *Machine) {
	for _, n := range o.manual {
		n.next = m.now
	}
	if _, free := m.freePlace(); free {
		o.nextDial = m.now
	}
	o.seeds.start(m)
	if m.cfg.Book != nil {
		if m.cfg.Limits.Feelers {
			o.feeler = m.now.Add(m.poisson(feelerEvery))
		}
		if m.cfg.Limits.Outbound > 0 {
			o.stale = m.now.Add(staleCheck)
		}
	}
}

func (o *outboundState) find(a addrPort) *manual {
	for _, n := range o.manual {
		if n.addr == a {
			return n
		}
	}
	return nil
}

func (o *outboundState) addManual(a addrPort, once bool) *manual {
	if n := o.find(a); n != nil {
		n.once = n.once && once
		return n
	}
	if !a.IsValid() || len(o.manual) >= maxManual {
		return nil
	}
	n := &manual{addr: a, once: once, wait: redialLeast}
	o.manual = append(o.manual, n)
	return n
}

func (o *outboundState) noteSelf(a addrPort) {
	if !slices.Contains(o.self, a) && a.IsValid() {
		o.self = append(o.self, a)
		o.self = o.self[max(len(o.self)-maxSelf, 0):]
	}
}

// newAddresses: the book may have something again.
func (o *outboundState) newAddresses(now time.Time) {
	if o.bookIdle > bookIdleLeast {
		o.bookIdle = bookIdleLeast
		if !o.nextDial.IsZero() && o.nextDial.After(now.Add(dialEvery)) {
			o.nextDial = now.Add(dialEvery)
		}
	}
}

func (m *Machine) addManual(a addrPort, once bool) {
	n := m.outbound.addManual(a, once)
	switch {
	case n == nil:
	case !n.busy:
		n.next = m.now
	case once:
		n.again = m.ending(a)
	}
}

func (o *outboundState) removeManual(a addrPort) {
	o.manual = slices.DeleteFunc(o.manual, func(n *manual) bool { return n.addr == a })
}

// redial starts all back-offs anew.
func (m *Machine) redial() {
	for _, n := range m.outbound.manual {
		n.wait = redialLeast
		if !n.busy {
			n.next = m.now
		}
	}
}

func (m *Machine) dial(a addrPort, kind ConnKind) {
	m.outbound.dialing = append(m.outbound.dialing, dialling{a, kind})
	if m.cfg.Book != nil {
		m.cfg.Book.Attempt(m.clock(), a)
	}
	m.emit(Dial{Addr: a, Kind: kind})
}

// endDial forgets that an address is being dialled.
func (o *outboundState) endDial(a addrPort, kind ConnKind) {
	if i := slices.Index(o.dialing, dialling{a, kind}); i >= 0 {
		o.dialing = slices.Delete(o.dialing, i, i+1)
	}
}

func (m *Machine) dialFailed(e DialFailed) {
	m.outbound.endDial(e.Addr, e.Kind)
	if e.Kind == Manual {
		m.outbound.later(e.Addr, m.now)
	}
}

// dialled: a connection that we wanted stands.
func (m *Machine) dialled(p *peer) {
	m.outbound.endDial(p.addr, p.kind)
	if n := m.outbound.find(p.addr); n != nil && p.kind == Manual {
		n.busy, n.since = true, m.now
	}
}

// manualGone: if the peer was a manual one it is dialled again soon.
func (m *Machine) manualGone(p *peer) {
	if p.kind != Manual {
		return
	}
	for _, q := range m.order {
		if q.kind == Manual && q.addr == p.addr {
			return // another connection to it stands
		}
	}
	m.outbound.later(p.addr, m.now)
}

func (o *outboundState) later(a addrPort, now time.Time) {
	n := o.find(a)
	if n == nil {
		return
	}
	if n.again {
		n.busy, n.again, n.since, n.next = false, false, time.Time{}, now
		return
	}
	if n.once {
		o.manual = slices.DeleteFunc(o.manual, func(x *manual) bool { return x == n })
		return
	}
	if !n.since.IsZero() && now.Sub(n.since) >= redialStable {
		n.wait = redialLeast
	}
	n.busy, n.since, n.next = false, time.Time{}, now.Add(n.wait)
	n.wait = min(2*n.wait, redialMost)
}

// dialOut dials whoever is due.
func (m *Machine) dialOut() {
	o := &m.outbound
	for _, n := range o.manual {
		if !n.busy && m.due(n.next) {
			n.busy = true
			n.next = time.Time{}
			if !slices.Contains(o.self, n.addr) {
				m.dial(n.addr, Manual)
			}
		}
	}
	m.checkStale()
	m.dialSeed()
	m.dialFree()
	if m.due(o.feeler) {
		o.feeler = m.now.Add(m.poisson(feelerEvery))
		m.dialFeeler()
	}
}

// dialFree dials while places are free; the timer runs only then.
func (m *Machine) dialFree() {
	o := &m.outbound
	kind, free := m.freePlace()
	switch {
	case !free:
		o.nextDial = time.Time{}
	case o.nextDial.IsZero():
		o.nextDial = m.now.Add(dialEvery)
	case m.due(o.nextDial):
		o.nextDial = m.now.Add(m.dialOne(kind))
	}
}

// dialOne dials an address for a free place and returns how long to wait until the next.
func (m *Machine) dialOne(kind ConnKind) time.Duration {
	o, avoid := &m.outbound, m.avoiding()
	for kind == BlockRelay && len(o.anchors) > 0 {
		a := o.anchors[0]
		o.anchors = o.anchors[1:]
		if !avoid(a) {
			m.dial(a, kind)
			return dialEvery
		}
	}
	if m.cfg.Book == nil {
		return bookIdleMost
	}
	a, ok := m.cfg.Book.Select(m.clock(), false, avoid)
	if !ok || avoid(a) {
		wait := o.bookIdle
		o.bookIdle = min(2*o.bookIdle, bookIdleMost)
		return wait
	}
	o.bookIdle = bookIdleLeast
	m.dial(a, kind)
	return dialEvery
}

// freePlace tells which kind of peer is missing: block-relay while there are anchors, then full relay first.
func (m *Machine) freePlace() (ConnKind, bool) {
	if m.cfg.Book == nil && len(m.outbound.anchors) == 0 {
		return 0, false
	}
	full, blocks := m.count(Outbound), m.count(BlockRelay)
	l := m.cfg.Limits
	if m.outbound.extra {
		l.Outbound++
	}
	switch {
	case len(m.outbound.anchors) > 0 && blocks < l.BlockRelay:
		return BlockRelay, true
	case m.cfg.Book == nil:
		return 0, false
	case full < l.Outbound:
		return Outbound, true
	case blocks < l.BlockRelay:
		return BlockRelay, true
	}
	return 0, false
}

// count is how many connections of a kind stand or are being dialled.
func (m *Machine) count(kind ConnKind) int {
	n := 0
	for _, p := range m.order {
		if p.kind == kind && !p.closing {
			n++
		}
	}
	for _, d := range m.outbound.dialing {
		if d.kind == kind {
			n++
		}
	}
	return n
}

// avoiding returns what tells whether an address from the book is not to be dialled. The book may ask it of thousands,
// so the peers are looked at once.
func (m *Machine) avoiding() func(addrPort) bool {
	addrs, groups := map[addrPort]bool{m.cfg.Listen: true}, map[string]bool{}
	for _, n := range m.outbound.manual {
		addrs[n.addr] = true
	}
	for _, a := range m.outbound.self {
		addrs[a] = true
	}
	for _, p := range m.order {
		addrs[p.addr] = true
		if p.kind != Inbound && p.kind != Feeler && p.kind != AddrFetch {
			groups[m.cfg.NetGroup(p.addr)] = true
		}
	}
	for _, d := range m.outbound.dialing {
		addrs[d.addr], groups[m.cfg.NetGroup(d.addr)] = true, true
	}
	return func(a addrPort) bool {
		return !a.IsValid() || addrs[a] || m.unwanted(a) || groups[m.cfg.NetGroup(a)]
	}
}

// dialFeeler tests an address once all places are taken.
func (m *Machine) dialFeeler() {
	if _, free := m.freePlace(); free || m.count(Feeler) > 0 {
		return
	}
	avoid := m.avoiding()
	if a, ok := m.cfg.Book.Select(m.clock(), true, avoid); ok && !avoid(a) {
		m.dial(a, Feeler)
	}
}

// checkStale allows one more outbound peer if no block has come for long, and takes one away once there is one
// too many.
func (m *Machine) checkStale() {
	o := &m.outbound
	if !m.due(o.stale) {
		return
	}
	o.stale = m.now.Add(staleCheck)
	age := max(3*time.Duration(m.cfg.Params.TargetSpacing)*time.Second, staleLeast)
	o.extra = m.now.Sub(m.tipAt) > age && len(m.blocks.flights) == 0
	if o.extra {
		o.nextDial = m.now
	}
	if m.count(Outbound) > m.cfg.Limits.Outbound {
		m.dropExtra()
	}
}

// dropExtra drops the full-relay peer that was of the least use.
func (m *Machine) dropExtra() {
	var worst *peer
	for _, p := range m.order {
		if p.kind != Outbound || !p.ready() || p.sync.lag.protected || len(p.dl.queue) > 0 || m.now.Sub(p.since) < extraGrace {
			continue
		}
		if worst == nil || p.lastBlock.Before(worst.lastBlock) || (p.lastBlock.Equal(worst.lastBlock) && p.since.After(worst.since)) {
			worst = p
		}
	}
	if worst != nil {
		m.drop(worst, "one outbound peer too many", "")
		m.outbound.extra = false
	}
}

func (m *Machine) outboundDeadlines(e *earliest) {
	o := &m.outbound
	for _, n := range o.manual {
		if !n.busy {
			e.add(n.next)
		}
	}
	e.add(o.seeds.next)
	e.add(o.nextDial)
	e.add(o.feeler)
	e.add(o.stale)
}

// Anchors are the addresses of block-relay peers that stand, to be dialled first after a restart. At most
// Limits.BlockRelay.
func (m *Machine) Anchors() []netip.AddrPort {
	var out []netip.AddrPort
	for _, p := range m.order {
		if p.kind == BlockRelay && p.ready() && p.downloadable() {
			out = append(out, p.addr)
		}
	}
	return out
}
