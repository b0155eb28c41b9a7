package addrbook

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

var start = time.Unix(1_800_000_000, 0)

func newBook(seed uint64) *Book {
	var salt [32]byte
	binary.LittleEndian.PutUint64(salt[:], seed)
	return New(salt, rand.New(rand.NewPCG(seed, 1)))
}

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func told(now time.Time, addrs ...netip.AddrPort) []wire.TimedAddr {
	var list []wire.TimedAddr
	for _, a := range addrs {
		list = append(list, wire.TimedAddr{Time: uint32(now.Unix()), NetAddr: wire.NetAddr{Services: wire.NodeNetwork, Addr: a}})
	}
	return list
}

// public makes a public IPv4 address out of a number; numbers that differ give addresses that differ.
func public(n uint32) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(30 + n>>24%4), byte(n >> 16), byte(n >> 8), byte(n)}), 8333)
}

func TestServices(t *testing.T) {
	b := newBook(1)
	if s, ok := b.Services(public(1)); ok || s != 0 {
		t.Errorf("an unknown address offers %b", s)
	}
	b.Add(start, told(start, public(1)), public(2))
	if s, ok := b.Services(public(1)); !ok || s != wire.NodeNetwork {
		t.Errorf("told: %b", s)
	}
	b.Good(start, public(1), wire.NodeNetwork|wire.NodeP2PV2)
	if s, ok := b.Services(public(1)); !ok || s != wire.NodeNetwork|wire.NodeP2PV2 {
		t.Errorf("said itself: %b", s)
	}
}

// check is the Book's sanity check: every entry stands exactly where it says, and where it may.
func check(t *testing.T, b *Book) {
	t.Helper()
	freshSlots, triedSlots := 0, 0
	for i, e := range b.all {
		if e.index != i || b.byAddr[e.addr] != e {
			t.Fatalf("%s is not where the index says", e.addr)
		}
		if len(e.places) == 0 || len(e.places) > maxPlaces || e.tried && len(e.places) != 1 {
			t.Fatalf("%s has %d places, tried %v", e.addr, len(e.places), e.tried)
		}
		for _, p := range e.places {
			tab := &b.fresh
			if e.tried {
				tab = &b.tried
				triedSlots++
				if p != b.triedPlace(e.addr) {
					t.Fatalf("%s stands at %v in tried", e.addr, p)
				}
			} else {
				freshSlots++
				if p != b.slot("new slot", p.bucket, e.addr) {
					t.Fatalf("%s stands at %v in new", e.addr, p)
				}
			}
			if tab.at(p) != e {
				t.Fatalf("%v does not hold %s", p, e.addr)
			}
		}
	}
	if len(b.all) != len(b.byAddr) || len(b.all) > MaxAddrs || freshSlots != b.fresh.size || triedSlots != b.tried.size {
		t.Fatalf("%d addresses, %d by address, %d of %d places in new, %d of %d in tried",
			len(b.all), len(b.byAddr), freshSlots, b.fresh.size, triedSlots, b.tried.size)
	}
	if len(b.collisions) > maxCollisions {
		t.Fatalf("%d collisions", len(b.collisions))
	}
	checkTable(t, &b.fresh)
	checkTable(t, &b.tried)
}

func checkTable(t *testing.T, tab *table) {
	t.Helper()
	used := 0
	for i, bk := range tab.buckets {
		if bk == nil {
			continue
		}
		used++
		n := 0
		for _, e := range bk.slots {
			if e != nil {
				n++
			}
		}
		if n == 0 || n != bk.n || tab.used[bk.index] != i {
			t.Fatalf("bucket %d counts %d of %d", i, bk.n, n)
		}
	}
	if used != len(tab.used) {
		t.Fatalf("%d buckets used, %d listed", used, len(tab.used))
	}
}

func TestAddSelectGood(t *testing.T) {
	b := newBook(1)
	if _, ok := b.Select(start, false, nil); ok {
		t.Fatal("an empty book selects")
	}
	a := at("8.8.8.8:8333")
	b.Add(start, told(start, a), at("9.9.9.9:1"))
	if got, ok := b.Select(start, true, nil); !ok || got != a {
		t.Fatalf("selected %v, %v", got, ok)
	}
	b.Attempt(start, a)
	b.Good(start, a, wire.NodeWitness)
	if fresh, tried := b.Len(); fresh != 0 || tried != 1 {
		t.Fatalf("new %d, tried %d", fresh, tried)
	}
	if _, ok := b.Select(start, true, nil); ok {
		t.Error("a tried address is selected as new")
	}
	if got, ok := b.Select(start, false, nil); !ok || got != a {
		t.Errorf("selected %v, %v", got, ok)
	}
	if got := b.Sample(start, 10); len(got) != 1 || got[0].Services != wire.NodeWitness || got[0].Addr != a {
		t.Errorf("sample %v", got)
	}
	check(t, b)
}

func TestGoodAddsTheUnknown(t *testing.T) {
	b := newBook(1)
	b.Good(start, at("8.8.8.8:8333"), 1)
	b.Good(start, at("224.0.0.1:8333"), 1)
	b.Attempt(start, at("7.7.7.7:8333"))
	if fresh, tried := b.Len(); fresh != 0 || tried != 1 {
		t.Errorf("new %d, tried %d", fresh, tried)
	}
	check(t, b)
}

// A testnet on one host: every node is 127.0.0.1 with its own port.
func TestLoopbackTestnet(t *testing.T) {
	b := newBook(2)
	const nodes = 40
	groups := map[string]bool{}
	for i := range nodes {
		a := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(21000+i))
		groups[Group(a)] = true
		b.Add(start, told(start, a), at("127.0.0.1:50000"))
	}
	// Two may meet in one place; whoever lost it comes in when another tells of it.
	known, _ := b.Len()
	if len(groups) != nodes || known < nodes-3 {
		t.Fatalf("%d groups, %d addresses of %d", len(groups), known, nodes)
	}
	connected := map[netip.AddrPort]bool{}
	for range known {
		a, ok := b.Select(start, false, func(a netip.AddrPort) bool { return connected[a] })
		if !ok {
			t.Fatalf("nothing to select after %d of %d", len(connected), nodes)
		}
		connected[a] = true
		b.Good(start, a, 1)
		check(t, b)
	}
	if _, tried := b.Len(); tried < nodes*9/10 {
		t.Errorf("only %d of %d are in tried", tried, nodes)
	}
}

func TestGroup(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"8.8.1.1:1", "8.8.2.2:2", true},
		{"8.8.1.1:1", "8.9.1.1:1", false},
		{"8.8.1.1:1", "[::ffff:8.8.9.9]:3", true},
		{"8.8.1.1:1", "[2002:808:101::1]:3", true},
		{"8.8.1.1:1", "[64:ff9b::808:303]:3", true},
		{"8.8.1.1:1", "[2001:0:1:2:3:4:f7f7:fefe]:3", true},
		{"[2a00:1:2::1]:1", "[2a00:1:3::1]:2", true},
		{"[2a00:1:2::1]:1", "[2a00:2:2::1]:1", false},
		{"127.0.0.1:1", "127.0.0.1:2", false},
		{"127.0.0.1:1", "127.0.0.1:1", true},
		{"[::1]:1", "[::1]:2", false},
		{"10.0.0.1:1", "10.0.0.2:1", false},
		{"10.0.0.1:1", "10.0.0.1:2", true},
	} {
		if got := Group(at(c.a)) == Group(at(c.b)); got != c.same {
			t.Errorf("%s is %q, %s is %q", c.a, Group(at(c.a)), c.b, Group(at(c.b)))
		}
	}
	if Group(netip.AddrPort{}) != "none" {
		t.Errorf("no address: %q", Group(netip.AddrPort{}))
	}
}

// Nobody can tell us of addresses that reach less far than his own.
func TestWhoMaySpeakOfWhat(t *testing.T) {
	for _, c := range []struct {
		addr, source string
		want         bool
	}{
		{"8.8.8.8:1", "9.9.9.9:1", true},
		{"8.8.8.8:1", "127.0.0.1:1", true},
		{"8.8.8.8:1", "10.0.0.1:1", true},
		{"10.0.0.1:1", "9.9.9.9:1", false},
		{"10.0.0.1:1", "192.168.0.1:1", true},
		{"127.0.0.1:1", "9.9.9.9:1", false},
		{"127.0.0.1:1", "10.0.0.1:1", false},
		{"127.0.0.1:1", "[::1]:9", true},
		{"[::ffff:127.0.0.1]:1", "9.9.9.9:1", false},
		{"8.8.8.8:0", "9.9.9.9:1", false},
		{"0.0.0.0:1", "9.9.9.9:1", false},
		{"0.1.2.3:1", "9.9.9.9:1", false},
		{"255.255.255.255:1", "9.9.9.9:1", false},
		{"224.0.0.1:1", "9.9.9.9:1", false},
		{"169.254.0.1:1", "127.0.0.1:1", false},
		{"[fe80::1]:1", "127.0.0.1:1", false},
		{"[::]:1", "127.0.0.1:1", false},
		{"[fc00::1]:1", "9.9.9.9:1", false},
		{"100.64.0.1:1", "9.9.9.9:1", false},
	} {
		b := newBook(3)
		b.Add(start, told(start, at(c.addr)), at(c.source))
		if fresh, _ := b.Len(); (fresh == 1) != c.want {
			t.Errorf("%s told by %s: taken %v", c.addr, c.source, fresh == 1)
		}
	}
	b := newBook(3)
	b.Add(start, told(start, at("127.0.0.1:1"), at("10.0.0.1:1")), netip.AddrPort{})
	b.Add(start, []wire.TimedAddr{{}}, netip.AddrPort{})
	if fresh, _ := b.Len(); fresh != 2 {
		t.Errorf("of our own %d are taken", fresh)
	}
}

// The attacker commands two networks, and tells of any number of addresses in them and elsewhere.
func TestEclipseByNew(t *testing.T) {
	b := newBook(4)
	honest := map[netip.AddrPort]bool{}
	for i := range uint32(400) {
		a := public(i<<16 | 7)
		honest[a] = true
		b.Add(start, told(start, a), public((i*31%997)<<16|9))
	}
	before, _ := b.Len()
	rng := rand.New(rand.NewPCG(9, 9))
	for range 60_000 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(60 + rng.IntN(100)), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}), 8333)
		source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{50, byte(rng.IntN(2)), byte(rng.Uint32()), 1}), 1)
		b.Add(start, told(start, a), source)
	}
	check(t, b)
	fresh, _ := b.Len()
	if most := 2 * newBucketsPerSource * bucketSize; fresh-before > most {
		t.Errorf("two groups of sources placed %d addresses, at most %d are possible", fresh-before, most)
	}
	kept := 0
	for a := range honest {
		if b.byAddr[a] != nil {
			kept++
		}
	}
	if kept != before {
		t.Errorf("the attack drove out %d of %d honest addresses", before-kept, before)
	}
	picked := 0
	for range 2000 {
		if a, ok := b.Select(start, true, nil); ok && honest[a] {
			picked++
		}
	}
	// 400 honest addresses are in about 330 buckets, the attacker's 8192 in 128.
	if picked < 1000 {
		t.Errorf("only %d of 2000 picks are honest", picked)
	}
}

// The attacker really runs nodes, but in two groups: they get at most 16 of 256 buckets of tried.
func TestEclipseByTried(t *testing.T) {
	b := newBook(5)
	for i := range uint32(40_000) {
		b.Good(start.Add(time.Duration(i)*time.Second), netip.AddrPortFrom(netip.AddrFrom4([4]byte{50, byte(i % 2), byte(i >> 8), byte(i)}), 8333), 1)
	}
	check(t, b)
	if _, tried := b.Len(); tried > 2*triedBucketsPerGroup*bucketSize {
		t.Errorf("two groups hold %d places of tried", tried)
	}
}

// The addresses of one group, told by one group of sources, share one bucket.
func TestOneGroupOneSource(t *testing.T) {
	b := newBook(6)
	for i := range uint32(5000) {
		b.Add(start, told(start, netip.AddrPortFrom(netip.AddrFrom4([4]byte{70, 1, byte(i >> 8), byte(i)}), 8333)), at("9.9.9.9:1"))
	}
	if fresh, _ := b.Len(); fresh > bucketSize || len(b.fresh.used) != 1 {
		t.Errorf("%d addresses in %d buckets", fresh, len(b.fresh.used))
	}
	check(t, b)
}

// collide returns two addresses with the same place in tried.
func collide(b *Book) (holder, newcomer netip.AddrPort) {
	seen := map[place]netip.AddrPort{}
	for i := uint32(1); ; i++ {
		a := public(i << 8)
		p := b.triedPlace(a)
		if other, ok := seen[p]; ok {
			return other, a
		}
		seen[p] = a
	}
}

func TestTestBeforeEvict(t *testing.T) {
	type step func(b *Book, now time.Time, holder netip.AddrPort)
	later := start.Add(5 * time.Hour)
	for _, c := range []struct {
		name  string
		test  step
		after time.Duration
		evict bool
	}{
		{"the holder is never dialled", func(*Book, time.Time, netip.AddrPort) {}, 2 * time.Hour, false},
		{"the holder answers", func(b *Book, now time.Time, a netip.AddrPort) {
			b.Attempt(now, a)
			b.Good(now.Add(time.Second), a, 1)
		}, 2 * time.Minute, false},
		{"the holder does not answer", func(b *Book, now time.Time, a netip.AddrPort) { b.Attempt(now, a) }, 2 * time.Minute, true},
		{"the dial is still under way", func(b *Book, now time.Time, a netip.AddrPort) { b.Attempt(now, a) }, 10 * time.Second, false},
	} {
		b := newBook(7)
		holder, newcomer := collide(b)
		b.Good(start, holder, 1)
		b.Good(later, newcomer, 1)
		check(t, b)
		if !b.byAddr[holder].tried || b.byAddr[newcomer].tried {
			t.Fatalf("%s: the holder lost its place at once", c.name)
		}
		if a, ok := b.Select(later, true, nil); !ok || a != holder {
			t.Fatalf("%s: a feeler goes to %v, not to the holder", c.name, a)
		}
		c.test(b, later, holder)
		b.Select(later.Add(c.after), true, nil)
		check(t, b)
		if got := b.byAddr[newcomer].tried; got != c.evict {
			t.Errorf("%s: the newcomer has the place: %v", c.name, got)
		}
		if b.byAddr[holder] == nil || b.byAddr[holder].tried == c.evict {
			t.Errorf("%s: the holder is not where it should be", c.name)
		}
	}
}

// A holder that answered within four hours isn't even tested.
func TestRecentHolderKeepsItsPlace(t *testing.T) {
	b := newBook(8)
	holder, newcomer := collide(b)
	b.Good(start, holder, 1)
	b.Good(start.Add(time.Hour), newcomer, 1)
	if len(b.collisions) != 0 || !b.byAddr[holder].tried {
		t.Errorf("%d collisions", len(b.collisions))
	}
	check(t, b)
}

func TestBackOff(t *testing.T) {
	b := newBook(9)
	a := at("127.0.0.1:21333")
	b.Add(start, told(start, a), netip.AddrPort{})
	now := start
	for i, want := range []time.Duration{10, 20, 40, 80, 160, 320, 600, 600} {
		b.Attempt(now, a)
		wait := want * time.Second
		if _, ok := b.Select(now.Add(wait-time.Second), false, nil); ok {
			t.Errorf("try %d: selected before %s", i+1, wait)
		}
		now = now.Add(wait)
		if _, ok := b.Select(now, false, nil); !ok {
			t.Errorf("try %d: not selected after %s", i+1, wait)
		}
	}
	b.Good(now, a, 1)
	if _, ok := b.Select(now, false, nil); !ok {
		t.Error("an address that answered has to wait")
	}
	if backOff(1000) != backOffMax {
		t.Errorf("back-off after 1000 tries is %s", backOff(1000))
	}
}

// Being offline ourselves makes nobody terrible: failures count once between two successes of anyone.
func TestOfflineCondemnsNobody(t *testing.T) {
	b := newBook(10)
	a, other := at("8.8.8.8:1"), at("9.9.9.9:1")
	b.Add(start, told(start, a), other)
	now := start
	for range 50 {
		b.Attempt(now, a)
		now = now.Add(time.Hour)
	}
	if e := b.byAddr[a]; e.fails != 1 || e.terrible(now) {
		t.Fatalf("%d failures counted", e.fails)
	}
	for range 2 {
		b.Good(now, other, 1)
		now = now.Add(time.Hour)
		b.Attempt(now, a)
		now = now.Add(time.Hour)
	}
	if e := b.byAddr[a]; e.fails != 3 || !e.terrible(now) {
		t.Errorf("%d failures counted", e.fails)
	}
	if got := b.Sample(now, 10); len(got) != 1 || got[0].Addr != other {
		t.Errorf("a terrible address is told to others: %v", got)
	}
}

func TestTerrible(t *testing.T) {
	now := start.Unix()
	day := int64(24 * 3600)
	for _, c := range []struct {
		name string
		e    entry
		want bool
	}{
		{"fresh", entry{seen: now}, false},
		{"not seen for a month", entry{seen: now - 31*day}, true},
		{"not seen for a month, but answered", entry{seen: now - 31*day, lastGood: now - day}, false},
		{"never answered thrice", entry{seen: now, fails: 3}, true},
		{"never answered thrice, dialled just now", entry{seen: now, fails: 3, lastTry: now - 5}, false},
		{"ten failures in a week", entry{seen: now, lastGood: now - 8*day, fails: 10}, true},
		{"ten failures in a day", entry{seen: now, lastGood: now - day, fails: 10}, false},
		{"our clock went back ten years", entry{seen: now + 3650*day, lastGood: now + 3650*day, lastTry: now + 3650*day}, false},
	} {
		if got := c.e.terrible(start); got != c.want {
			t.Errorf("%s: terrible %v", c.name, got)
		}
	}
}

// Times that others tell are bounded on both sides, whatever they are.
func TestToldTimes(t *testing.T) {
	for _, c := range []struct {
		name string
		time uint32
		want int64 // seconds before start; -1: not taken
	}{
		{"now", uint32(start.Unix()), 2 * 3600},
		{"zero", 0, 5*86400 + 2*3600},
		{"the end of time", 1<<32 - 1, 5*86400 + 2*3600},
		{"five minutes ahead", uint32(start.Unix() + 300), 2*3600 - 300},
		{"an hour ahead", uint32(start.Unix() + 3600), 5*86400 + 2*3600},
		{"forty days ago", uint32(start.Unix() - 40*86400), -1},
	} {
		b := newBook(11)
		a := at("8.8.8.8:1")
		b.Add(start, []wire.TimedAddr{{Time: c.time, NetAddr: wire.NetAddr{Addr: a}}}, at("9.9.9.9:1"))
		switch e := b.byAddr[a]; {
		case e == nil:
			if c.want != -1 {
				t.Errorf("%s: not taken", c.name)
			}
		case start.Unix()-e.seen != c.want:
			t.Errorf("%s: taken as %d s ago, want %d", c.name, start.Unix()-e.seen, c.want)
		}
	}
}

// Our own clock may jump ten years either way: the book goes on working.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{10 * 365 * 24 * time.Hour, -10 * 365 * 24 * time.Hour} {
		b := newBook(12)
		a := at("127.0.0.1:1")
		b.Add(start, told(start, a), netip.AddrPort{})
		b.Attempt(start, a)
		now := start.Add(jump)
		if got, ok := b.Select(now, false, nil); !ok || got != a {
			t.Errorf("after a jump of %s nothing is selected", jump)
		}
		b.Good(now, a, 1)
		b.Add(now, told(now, at("127.0.0.1:2")), a)
		if fresh, tried := b.Len(); fresh != 1 || tried != 1 {
			t.Errorf("after a jump of %s: new %d, tried %d", jump, fresh, tried)
		}
		check(t, b)
	}
}

func TestSampleBounds(t *testing.T) {
	b := newBook(13)
	for i := range uint32(1000) {
		b.Add(start, told(start, public(i<<16|i)), public(i*7919<<16|1))
	}
	fresh, _ := b.Len()
	got := b.Sample(start, 1000)
	if want := fresh * samplePercent / 100; len(got) != want {
		t.Errorf("%d of %d addresses told, want %d", len(got), fresh, want)
	}
	seen := map[netip.AddrPort]bool{}
	for _, a := range got {
		if seen[a.Addr] {
			t.Errorf("%s told twice", a.Addr)
		}
		seen[a.Addr] = true
	}
	if n := len(b.Sample(start, 5)); n != 5 {
		t.Errorf("%d told, asked for 5", n)
	}
	check(t, b)
}

// What is told of a connected peer is the day only.
func TestSampleHidesWhenWeTalked(t *testing.T) {
	b := newBook(14)
	b.Add(start, told(start.Add(-72*time.Hour), at("8.8.8.8:1")), netip.AddrPort{})
	b.Good(start, at("8.8.8.8:1"), 1)
	if got := b.Sample(start, 1); len(got) != 1 || got[0].Time%86400 != 0 {
		t.Errorf("told %v", got)
	}
}

// A dumb twin: random operations on a small world, the sanity check after each, and what cannot be
// otherwise: what is tried answered us once, what is selected was added and is not skipped.
func TestRandomOperations(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomOperations(t, seed) })
	}
}

func randomOperations(t *testing.T, seed uint64) {
	b := newBook(seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	now := start
	added, good := map[netip.AddrPort]bool{}, map[netip.AddrPort]bool{}
	some := func() netip.AddrPort { return public(rng.Uint32N(40)<<16 | rng.Uint32N(200)) }
	for i := range 4000 {
		now = now.Add(time.Duration(rng.IntN(600)) * time.Second)
		a := some()
		switch rng.IntN(6) {
		case 0, 1, 2:
			b.Add(now, told(now.Add(-time.Duration(rng.IntN(40*24))*time.Hour), a), some())
			added[a] = true
		case 3:
			b.Attempt(now, a)
		case 4:
			b.Good(now, a, 1)
			good[a], added[a] = true, true
		case 5:
			skipped := some()
			got, ok := b.Select(now, rng.IntN(2) == 0, func(a netip.AddrPort) bool { return a == skipped })
			if ok && (!added[got] || got == skipped) {
				t.Fatalf("selected %s: added %v, skipped %v", got, added[got], got == skipped)
			}
		}
		if i%50 == 0 {
			check(t, b)
			for _, e := range b.all {
				if e.tried && !good[e.addr] {
					t.Fatalf("%s is tried and never answered", e.addr)
				}
			}
		}
	}
	check(t, b)
	b2, err := Decode(b.Encode(), rng)
	if err != nil {
		t.Fatal(err)
	}
	check(t, b2)
	if !slices.Equal(b2.Encode(), b.Encode()) {
		t.Error("another book after Encode and Decode")
	}
}

// Full tables stay within their bounds and take no more.
func TestBounds(t *testing.T) {
	b := newBook(15)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 150_000 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(30 + rng.IntN(60)), byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32())}), 1)
		b.Add(start, told(start, a), public(rng.Uint32()))
		if i%4 == 0 {
			b.Good(start, a, 1)
		}
	}
	check(t, b)
	fresh, tried := b.Len()
	if fresh > newBuckets*bucketSize || tried > triedBuckets*bucketSize || fresh < 30_000 || tried < 10_000 {
		t.Errorf("new %d, tried %d", fresh, tried)
	}
	if size := len(b.Encode()); size > 9_000_000 {
		t.Errorf("the encoding has %d bytes", size)
	}
}

// From the same seed come the same choices.
func TestDeterministic(t *testing.T) {
	run := func() (got []netip.AddrPort) {
		b := newBook(16)
		for i := range uint32(300) {
			b.Add(start, told(start, public(i<<16|i)), public(i*31<<16|1))
		}
		for range 50 {
			a, _ := b.Select(start, false, nil)
			b.Good(start, a, 1)
			got = append(got, a)
		}
		for _, a := range b.Sample(start, 20) {
			got = append(got, a.Addr)
		}
		return got
	}
	if a, b := run(), run(); !slices.Equal(a, b) || len(a) != 70 {
		t.Errorf("%d and %d choices that differ", len(a), len(b))
	}
}
