package addrbook

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

const (
	// maxCollisions bounds how many newcomers wait for the holder of their place in tried to be dialled.
	maxCollisions = 10
	// collisionWindow is how long one waits.
	collisionWindow = 40 * time.Minute
	// keepGood is how long a holder that answered keeps its place without a test.
	keepGood = 4 * time.Hour
	// luckyPicks is how often Select picks by chance before it looks at scanned addresses in a row.
	luckyPicks, scanned = 64, 4096
	// Sample gives at most samplePercent of the book, so that nobody reads the whole of it, but sampleMin in
	// any case.
	sampleMin, samplePercent = 16, 23
	// MaxAnchors is how many anchors a Book keeps.
	MaxAnchors = 8
)

// Book is the address book of one node.
type Book struct {
	salt       [32]byte
	rng        *rand.Rand
	byAddr     map[netip.AddrPort]*entry
	all        []*entry
	fresh      table // "new"
	tried      table
	collisions []collision
	lastGood   int64 // when any address last answered
	anchors    []netip.AddrPort
}

// collision is a newcomer that answered but found its place in tried taken.
type collision struct {
	newcomer netip.AddrPort
	since    int64
}

// New makes an empty Book. The salt must be secret and random: it decides who has which place.
func New(salt [32]byte, rng *rand.Rand) *Book {
	return &Book{
		salt: salt, rng: rng,
		byAddr: make(map[netip.AddrPort]*entry),
		fresh:  newTable(newBuckets), tried: newTable(triedBuckets),
		lastGood: 1,
	}
}

// Len returns how many addresses stand in new and in tried.
func (b *Book) Len() (fresh, tried int) {
	return len(b.all) - b.tried.size, b.tried.size
}

// Add notes addresses of which source told; the zero source is ourselves (seeds, flags). It drops what cannot
// be dialled, what source may not speak of (private addresses from public sources), what was last seen
// too long ago, and what finds no place. Times that cannot be are taken as five days ago.
func (b *Book) Add(now time.Time, addrs []wire.TimedAddr, source netip.AddrPort) {
	source = canonical(source)
	for _, a := range addrs {
		a.Addr = canonical(a.Addr)
		if believable(a.Addr, source) {
			b.add(now, a, source)
		}
	}
}

func (b *Book) add(now time.Time, a wire.TimedAddr, source netip.AddrPort) {
	penalty := gossipPenalty
	if !source.IsValid() || a.Addr == source {
		penalty = 0
	}
	seen := toldTime(a.Time, now, penalty)
	if now.Unix()-seen > seconds(horizon) {
		return
	}
	e := b.byAddr[a.Addr]
	if e == nil {
		e = b.enter(&entry{addr: a.Addr, source: source, services: a.Services, seen: seen})
	} else if !b.refresh(e, a, seen, now) {
		return
	}
	b.placeNew(now, e, b.newPlace(e.addr, source))
}

// refresh notes what is new about a known address, and decides whether it shall have one more place in
// new: the more it has, the less likely.
func (b *Book) refresh(e *entry, a wire.TimedAddr, seen int64, now time.Time) bool {
	if e.tried {
		// What we saw ourselves is not overwritten by hearsay.
		e.seen = max(e.seen, seen)
		return false
	}
	e.services |= a.Services
	if seen <= e.seen {
		return false
	}
	interval := 24 * time.Hour
	if now.Unix()-seen < seconds(interval) {
		interval = time.Hour
	}
	if e.seen < seen-seconds(interval) {
		e.seen = seen
	}
	return len(e.places) < maxPlaces && b.rng.IntN(1<<len(e.places)) == 0
}

// placeNew puts an entry into a place of new if that is free or can be freed. An entry that has no
// place at all after that is forgotten.
func (b *Book) placeNew(now time.Time, e *entry, p place) {
	holder := b.fresh.at(p)
	if holder == e {
		return
	}
	if holder != nil && (holder.terrible(now) || len(holder.places) > 1 && len(e.places) == 0) {
		b.leaveNew(holder, p)
		holder = nil
	}
	if holder == nil {
		b.fresh.put(p, e)
		e.places = append(e.places, p)
	}
	if len(e.places) == 0 {
		b.forget(e)
	}
}

// leaveNew takes a place in new from its holder, who is forgotten if it was the last.
func (b *Book) leaveNew(e *entry, p place) {
	b.fresh.clear(p)
	e.places = slices.DeleteFunc(e.places, func(q place) bool { return q == p })
	if len(e.places) == 0 {
		b.forget(e)
	}
}

func (b *Book) enter(e *entry) *entry {
	e.index = len(b.all)
	b.all = append(b.all, e)
	b.byAddr[e.addr] = e
	return e
}

// forget drops an entry that has no place.
func (b *Book) forget(e *entry) {
	b.swap(e.index, len(b.all)-1)
	b.all[len(b.all)-1] = nil
	b.all = b.all[:len(b.all)-1]
	delete(b.byAddr, e.addr)
}

func (b *Book) swap(i, j int) {
	b.all[i], b.all[j] = b.all[j], b.all[i]
	b.all[i].index, b.all[j].index = i, j
}

// Attempt notes that an address is being dialled. It counts against the address only if any address
// answered since the last try that counted: being offline ourselves condemns nobody.
func (b *Book) Attempt(now time.Time, addr netip.AddrPort) {
	e := b.byAddr[canonical(addr)]
	if e == nil {
		return
	}
	e.lastTry = now.Unix()
	e.streak++
	if e.counted < b.lastGood {
		e.counted = e.lastTry
		e.fails++
	}
}

// Good notes that we dialled an address and that it completed the handshake, offering these services.
// The address moves to tried. If its place there is taken by another that answered well, it waits in
// new until Select(newOnly) had the other dialled. An unknown address is added first. It is not to be called for
// inbound connections, whose port is not one to dial.
func (b *Book) Good(now time.Time, addr netip.AddrPort, services wire.Services) {
	addr = canonical(addr)
	if !believable(addr, netip.AddrPort{}) {
		return
	}
	e := b.byAddr[addr]
	if e == nil {
		e = b.enter(&entry{addr: addr, seen: now.Unix()})
	}
	e.lastGood, e.lastTry, b.lastGood = now.Unix(), now.Unix(), now.Unix()
	e.fails, e.streak, e.services = 0, 0, services
	b.resolve(now)
	if !e.tried {
		b.promote(now, e)
	}
}

// promote moves an entry of new to tried, or lets it wait for the place.
func (b *Book) promote(now time.Time, e *entry) {
	p := b.triedPlace(e.addr)
	holder := b.tried.at(p)
	if holder == nil || holder.terrible(now) || holder.failing(now) {
		b.moveToTried(now, e, p)
		return
	}
	waits := slices.ContainsFunc(b.collisions, func(c collision) bool { return c.newcomer == e.addr })
	if !waits && len(b.collisions) < maxCollisions && now.Unix()-holder.lastGood >= seconds(keepGood) {
		b.collisions = append(b.collisions, collision{e.addr, now.Unix()})
	}
	if len(e.places) == 0 {
		b.placeNew(now, e, b.newPlace(e.addr, e.source))
	}
}

// moveToTried gives e the place, and its holder, if any, a place in new at the cost of whoever is there.
func (b *Book) moveToTried(now time.Time, e *entry, p place) {
	for _, q := range e.places {
		b.fresh.clear(q)
	}
	e.places = nil
	if holder := b.tried.at(p); holder != nil {
		b.tried.clear(p)
		holder.places, holder.tried = nil, false
		q := b.newPlace(holder.addr, holder.source)
		if other := b.fresh.at(q); other != nil {
			b.leaveNew(other, q)
		}
		b.placeNew(now, holder, q)
	}
	b.tried.put(p, e)
	e.places, e.tried = []place{p}, true
}

// resolve settles the collisions that can be: the newcomer gets its place if the holder was dialled and
// did not answer; it goes on waiting while the holder is untested; it stops waiting if the holder
// answered or the time is over. Nobody loses a place in tried without having been dialled in vain.
func (b *Book) resolve(now time.Time) {
	waiting := b.collisions
	b.collisions = nil
	for _, c := range waiting {
		e := b.byAddr[c.newcomer]
		if e == nil || e.tried {
			continue
		}
		p := b.triedPlace(e.addr)
		holder := b.tried.at(p)
		switch {
		case holder == nil || holder.failing(now):
			b.moveToTried(now, e, p)
		case holder.lastGood < c.since && abs(now.Unix()-c.since) < seconds(collisionWindow):
			b.collisions = append(b.collisions, c)
		}
	}
}

// Services returns what an address claims to offer, as it said itself or as others told; ok is false if it is not known.
func (b *Book) Services(addr netip.AddrPort) (s wire.Services, ok bool) {
	e := b.byAddr[canonical(addr)]
	if e == nil {
		return 0, false
	}
	return e.services, true
}

// Select picks an address to dial for which skip is false; nil skips nobody. With newOnly, for feelers, it
// picks from new, or the holder of a contested place in tried, which is to be tested. Addresses that did not
// answer lately are left out. ok is false if nothing was found.
func (b *Book) Select(now time.Time, newOnly bool, skip func(netip.AddrPort) bool) (addr netip.AddrPort, ok bool) {
	b.resolve(now)
	fits := func(e *entry) bool { return !e.waiting(now) && (skip == nil || !skip(e.addr)) }
	if newOnly {
		if e := b.contested(fits); e != nil {
			return e.addr, true
		}
	}
	factor := 1.0
	for range luckyPicks {
		e := b.toss(newOnly).pick(b.rng)
		if e == nil {
			break
		}
		if b.rng.Float64() < factor*e.chance() && fits(e) {
			return e.addr, true
		}
		factor *= 1.2
	}
	return b.scan(newOnly, fits)
}

// contested returns the holder of a place in tried for which a newcomer waits.
func (b *Book) contested(fits func(*entry) bool) *entry {
	for _, c := range b.collisions {
		holder := b.tried.at(b.triedPlace(c.newcomer))
		if holder != nil && fits(holder) {
			return holder
		}
	}
	return nil
}

// toss picks a table, one that is not empty if there is one.
func (b *Book) toss(newOnly bool) *table {
	switch {
	case newOnly, b.tried.size == 0:
		return &b.fresh
	case b.fresh.size == 0 || b.rng.IntN(2) == 0:
		return &b.tried
	}
	return &b.fresh
}

// scan looks at addresses in a row from a random one on: in a small book it finds whatever there is to find.
func (b *Book) scan(newOnly bool, fits func(*entry) bool) (netip.AddrPort, bool) {
	if len(b.all) == 0 {
		return netip.AddrPort{}, false
	}
	start := b.rng.IntN(len(b.all))
	for i := range min(len(b.all), scanned) {
		e := b.all[(start+i)%len(b.all)]
		if !(newOnly && e.tried) && fits(e) {
			return e.addr, true
		}
	}
	return netip.AddrPort{}, false
}

// Sample returns up to n random addresses to tell others: not the terrible ones, and of a large book at
// most 23 percent. The times are when others saw them, or the day on which they last answered us; no
// finer, so as not to show to whom we are connected.
func (b *Book) Sample(now time.Time, n int) []wire.TimedAddr {
	n = min(n, max(sampleMin, len(b.all)*samplePercent/100))
	var sample []wire.TimedAddr
	for i := 0; i < len(b.all) && len(sample) < n; i++ {
		b.swap(i, i+b.rng.IntN(len(b.all)-i))
		e := b.all[i]
		if e.terrible(now) {
			continue
		}
		day := e.lastGood - e.lastGood%seconds(24*time.Hour)
		sample = append(sample, wire.TimedAddr{
			Time:    uint32(max(e.seen, day, 0)),
			NetAddr: wire.NetAddr{Services: e.services, Addr: e.addr},
		})
	}
	return sample
}

// SetAnchors notes up to MaxAnchors addresses to which connections are to be made first after a restart.
func (b *Book) SetAnchors(addrs []netip.AddrPort) {
	b.anchors = slices.Clone(addrs[:min(len(addrs), MaxAnchors)])
}

// Anchors returns what SetAnchors noted, also over Encode and Decode.
func (b *Book) Anchors() []netip.AddrPort { return slices.Clone(b.anchors) }

func canonical(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
