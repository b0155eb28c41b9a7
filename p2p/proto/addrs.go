package proto

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

const (
	// A peer may tell of addrRate addresses a second, up to addrBurst at once; what is over is dropped. It may send
	// one at first, and addrBurst more after we asked.
	addrRate  = 0.1
	addrBurst = 1000
	// Addresses in a message of at most maxRelayed that are at most relayFresh old are passed on to relayTo peers.
	// Those of networks that cannot be reached from here go to relayForeign.
	maxRelayed   = 10
	relayFresh   = 10 * time.Minute
	relayTo      = 2
	relayForeign = 1
	gossipEvery  = 30 * time.Second // mean time between two addr messages to a peer; scaled
	ownAddrTime  = 24 * time.Hour   // mean time between two announcements of our own address
	maxKnownAdr  = 2500             // addresses that a peer is known to have at least
	// The answer to getaddr is the same for everybody for about a day, if it holds at least addrCacheLeast: else
	// asking often would show the whole book.
	addrCacheTime  = 24 * time.Hour
	addrCacheLeast = 100
	addrPenalty    = 5 * 24 * time.Hour // how much older an address with an impossible time is taken to be
)

// addrState is what is shared by all peers.
type addrState struct {
	cached      []wire.TimedAddr
	cachedUntil time.Time
}

// gossip is one peer's part: the exchange of addresses. There is none with block-relay peers, and with an inbound
// peer only once it has spoken of addresses itself.
type gossip struct {
	on       bool
	tokens   float64
	filled   time.Time // when tokens was computed
	answered bool      // getaddr was; once
	known    *salted.Rolling
	toTell   []wire.TimedAddrV2
	next     time.Time // when toTell goes out
	own      time.Time // when our own address goes out

	processed, limited uint64
}

func (m *Machine) startGossip(p *peer) {
	p.gossip = gossip{tokens: 1, filled: m.now, on: p.kind == Outbound || p.kind == Manual || p.kind == AddrFetch}
}

// greetGossip asks a peer that we dialled for addresses, once.
func (m *Machine) greetGossip(p *peer) {
	if !p.gossip.on {
		return
	}
	if m.ownAddr().Addr.IsValid() {
		p.gossip.own = m.now
	}
	if m.cfg.Book != nil {
		m.send(p, wire.GetAddr{})
		p.gossip.tokens += addrBurst
	}
}

// ownAddr is our address as we tell it; not valid if we have none.
func (m *Machine) ownAddr() wire.TimedAddr {
	a := wire.TimedAddr{Time: uint32(m.unix()), NetAddr: wire.NetAddr{Services: m.cfg.Services}}
	if l := m.cfg.Listen; l.IsValid() && !l.Addr().IsUnspecified() && l.Port() != 0 {
		a.Addr = l
	}
	return a
}

// onAddr takes the addresses of an addr message.
func (m *Machine) onAddr(p *peer, addrs []wire.TimedAddr) {
	v2 := make([]wire.TimedAddrV2, 0, len(addrs))
	for _, a := range addrs {
		v2 = append(v2, a.V2())
	}
	m.onAddrV2(p, v2)
}

// onAddrV2 takes addresses. Decoding has bounded their number and sizes. Only IPv4 and IPv6 addresses are kept; those of
// other networks that exist are passed on, as BIP155 asks, and all others are dropped.
func (m *Machine) onAddrV2(p *peer, addrs []wire.TimedAddrV2) {
	g := &p.gossip
	if p.kind == BlockRelay || m.cfg.Book == nil {
		return
	}
	g.start(m, p)
	g.refill(m.now)
	var good []wire.TimedAddr
	for _, a := range addrs {
		if !g.pay(p.perm) {
			continue
		}
		g.processed++
		v1, ok := a.V1()
		if !(ok || a.Gossiped()) || a.Services&(wire.NodeNetwork|wire.NodeNetworkLimited) == 0 || (ok && m.unwanted(v1.Addr)) {
			continue
		}
		a.Time = m.saneTime(a.Time)
		g.know(m, a)
		to := relayForeign
		if ok {
			v1.Time, to = a.Time, relayTo
			good = append(good, v1)
		}
		if len(addrs) <= maxRelayed && m.unix()-int64(a.Time) <= int64(relayFresh/time.Second) {
			m.passOn(p, a, to)
		}
	}
	if len(good) > 0 {
		m.cfg.Book.Add(m.clock(), good, p.addr)
		m.outbound.newAddresses(m.now)
	}
	m.fetched(p, len(addrs))
}

// pay takes one token for an address, and tells whether the address may be taken.
func (g *gossip) pay(perm Permissions) bool {
	switch {
	case g.tokens >= 1:
		g.tokens--
	case !perm.Has(PermAddr):
		g.limited++
		return false
	}
	return true
}

// start turns the exchange on with an inbound peer that spoke of addresses.
func (g *gossip) start(m *Machine, p *peer) {
	if g.on || p.kind != Inbound {
		return
	}
	g.on = true
	if m.ownAddr().Addr.IsValid() {
		g.own = m.now.Add(m.poisson(ownAddrTime))
	}
}

func (g *gossip) refill(now time.Time) {
	if g.tokens < addrBurst {
		g.tokens = min(g.tokens+now.Sub(g.filled).Seconds()*addrRate, addrBurst)
	}
	g.filled = now
}

func (g *gossip) know(m *Machine, a wire.TimedAddrV2) {
	if g.known == nil {
		g.known = salted.NewRolling(maxKnownAdr, m.key)
	}
	g.known.Add(netAddrKey(a))
}

// netAddrKey makes an address of any network, with its port, look like a hash.
func netAddrKey(a wire.TimedAddrV2) types.Hash {
	if v1, ok := a.V1(); ok {
		return addrPortKey(v1.Addr)
	}
	return types.DoubleSHA256(append([]byte{byte(a.Network), byte(a.Port), byte(a.Port >> 8)}, a.Addr...))
}

// addrPortKey does so with the port.
func addrPortKey(a netip.AddrPort) types.Hash {
	h := addrKey(a.Addr())
	binary.LittleEndian.PutUint16(h[16:], a.Port())
	return h
}

// saneTime mends times from the far past or the future.
func (m *Machine) saneTime(t uint32) uint32 {
	now := m.unix()
	if t <= 100_000_000 || int64(t) > now+600 {
		return uint32(max(now-int64(addrPenalty/time.Second), 0))
	}
	return t
}

// passOn queues a fresh address for n peers. Which ones depends on the address, the day and a salt, so that
// telling us again, or through another peer, reaches nobody else.
func (m *Machine) passOn(from *peer, a wire.TimedAddrV2, n int) {
	short := m.key.With(m.key.Short(netAddrKey(a)), uint64(m.unix()/86400))
	_, everyones := a.V1()
	var to []*peer
	for _, p := range m.order {
		if p != from && p.ready() && p.gossip.on && (everyones || p.hs.addrV2) {
			to = append(to, p)
		}
	}
	rank := func(p *peer) uint64 { return m.key.With(short, uint64(p.id)) }
	slices.SortFunc(to, func(a, b *peer) int {
		if rank(a) > rank(b) {
			return -1
		}
		return 1
	})
	for _, p := range to[:min(len(to), n)] {
		m.tellAddr(p, a)
	}
}

// tellAddr queues an address for a peer that does not know it.
func (m *Machine) tellAddr(p *peer, a wire.TimedAddrV2) {
	g := &p.gossip
	if g.known != nil && g.known.Has(netAddrKey(a)) || len(g.toTell) >= wire.MaxAddrs {
		return
	}
	g.know(m, a)
	g.toTell = append(g.toTell, a)
	if g.next.IsZero() {
		g.next = m.now.Add(m.poisson(m.cfg.scaled(gossipEvery)))
	}
}

// onGetAddr answers once, and only who dialled us: a node that asked all whom it dialled could otherwise tell
// their books apart and follow them.
func (m *Machine) onGetAddr(p *peer) {
	if p.kind != Inbound || p.gossip.answered || m.cfg.Book == nil {
		return
	}
	p.gossip.start(m, p)
	p.gossip.answered = true
	if p.perm.Has(PermAddr) {
		m.tellSample(p, m.cfg.Book.Sample(m.clock(), wire.MaxAddrs))
		return
	}
	if m.due(m.addrs.cachedUntil) || len(m.addrs.cached) < addrCacheLeast {
		m.addrs.cached = m.cfg.Book.Sample(m.clock(), wire.MaxAddrs)
		m.addrs.cachedUntil = m.now.Add(addrCacheTime/2 + m.poisson(addrCacheTime/2))
	}
	m.tellSample(p, m.addrs.cached)
}

func (m *Machine) tellSample(p *peer, sample []wire.TimedAddr) {
	list := make([]wire.TimedAddrV2, min(len(sample), wire.MaxAddrs))
	for i := range list {
		list[i] = sample[i].V2()
	}
	if len(list) > 0 {
		m.sendAddrs(p, list)
	}
}

// sendAddrs tells a peer of addresses in the message that it understands.
func (m *Machine) sendAddrs(p *peer, list []wire.TimedAddrV2) {
	if p.hs.addrV2 {
		m.send(p, wire.AddrV2{Addrs: list})
		return
	}
	v1 := make([]wire.TimedAddr, 0, len(list))
	for _, a := range list {
		if old, ok := a.V1(); ok {
			v1 = append(v1, old)
		}
	}
	m.send(p, wire.Addr{Addrs: v1})
}

// gossipMore sends what is due.
func (m *Machine) gossipMore(p *peer) {
	g := &p.gossip
	if m.due(p.fetchDeadline()) {
		m.drop(p, "addresses not fetched in time", "")
		return
	}
	if m.due(g.own) {
		g.own = m.now.Add(m.poisson(ownAddrTime))
		g.known = nil // those that we told long ago may be told again
		m.sendAddrs(p, []wire.TimedAddrV2{m.ownAddr().V2()})
	}
	if m.due(g.next) {
		m.sendAddrs(p, g.toTell)
		g.toTell, g.next = nil, time.Time{}
	}
}

func (m *Machine) gossipDeadlines(p *peer, e *earliest) {
	e.add(p.fetchDeadline())
	e.add(p.gossip.own)
	e.add(p.gossip.next)
}

// bookGood tells the book that an address is that of a node.
func (m *Machine) bookGood(p *peer) {
	if m.cfg.Book != nil && p.addr.IsValid() {
		m.cfg.Book.Good(m.clock(), p.addr, p.hs.theirs.Services)
	}
}

// noPool is a mempool with nothing in it.
type noPool struct{}

func (noPool) Have(types.Hash) bool                    { return false }
func (noPool) Get(types.Hash) (*types.Tx, int64, bool) { return nil, 0, false }
func (noPool) FeeFloor() int64                         { return 0 }
func (noPool) IDs() []types.Hash                       { return nil }
func (noPool) WitnessIDs(int, []types.Hash) int        { return 0 }
