package proto

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// crowd makes n candidates of an attacker in one group, connected one after the other from start on.
func crowd(n int, from PeerID, group string, start time.Time) (out []candidate) {
	for i := range n {
		out = append(out, candidate{
			id: from + PeerID(i), since: start.Add(time.Duration(i) * time.Second), group: group,
			salted: salted.Key{1, 2}.Text(group), minPing: time.Second,
		})
	}
	return out
}

func TestEvictsYoungestOfLargestGroup(t *testing.T) {
	all := crowd(60, 1, "evil", testStart)
	for i := range 30 {
		all = append(all, crowd(1, PeerID(100+i), fmt.Sprint("g", i), testStart.Add(time.Duration(i)*time.Minute))...)
	}
	id, ok := chooseEviction(all)
	if !ok || id != 60 {
		t.Errorf("evicted %d, %v", id, ok)
	}
}

func TestEvictionSparesTheUseful(t *testing.T) {
	for name, merit := range map[string]func(*candidate){
		"ping":  func(c *candidate) { c.minPing = time.Millisecond },
		"block": func(c *candidate) { c.lastBlock = testStart },
		"tx":    func(c *candidate) { c.lastTx = testStart },
		"old":   func(c *candidate) { c.since = testStart.Add(-time.Hour) },
	} {
		all := crowd(80, 1, "evil", testStart)
		all[79].since = testStart.Add(time.Hour)
		merit(&all[79]) // the youngest of the largest group, but for its merit
		if id, ok := chooseEviction(all); !ok || id == 80 {
			t.Errorf("%s: evicted %d, %v", name, id, ok)
		}
	}
}

func TestEvictionPrefersDiscouraged(t *testing.T) {
	all := crowd(80, 1, "evil", testStart)
	all[60].disliked, all[60].group = true, "alone"
	if id, _ := chooseEviction(all); id != 61 {
		t.Errorf("evicted %d", id)
	}
}

func TestFewAreNotEvicted(t *testing.T) {
	if id, ok := chooseEviction(crowd(20, 1, "evil", testStart)); ok {
		t.Errorf("evicted %d of 20", id)
	}
}

// An attacker fills all inbound places again and again: the honest peers that were there and useful stay (bad inputs 25).
func TestInboundFloodLeavesTheHonest(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Inbound = 60 })
	for id := PeerID(1); id <= 10; id++ {
		r.ready(id, Inbound)
		r.recv(id, wire.Pong{Nonce: r.m.peers[id].ping.nonce})
	}
	r.pass(time.Hour / 60)
	for id := PeerID(1000); id < 1400; id++ {
		a := testAddr(5000)
		r.now = r.now.Add(time.Millisecond)
		for _, d := range effects[Disconnect](r.step(Connected{Peer: id, Kind: Inbound, Addr: a, NetGroup: "evil"})) {
			r.step(Gone{d.Peer})
		}
	}
	for id := PeerID(1); id <= 10; id++ {
		if r.m.live(id) == nil {
			t.Errorf("peer %d was pushed out", id)
		}
	}
	if n := len(r.m.order); n != 60 {
		t.Errorf("%d peers", n)
	}
}

// Peers with PermNoBan take a place but are never among those who may go, and are let in when discouraged.
func TestNoBanIsNotEvicted(t *testing.T) {
	const places = 60
	r := newRig(t, func(c *Config) { c.Limits.Inbound = places })
	trusted := func(id PeerID) bool { return id%2 == 0 }
	for id := PeerID(1); id <= 4*places; id++ {
		e := Connected{Peer: id, Addr: testAddr(id), NetGroup: "one group"}
		if trusted(id) && id <= places {
			e.Permissions = PermNoBan
		}
		for _, eff := range r.step(e) {
			if d, ok := eff.(Disconnect); ok {
				if trusted(d.Peer) && d.Peer <= places {
					t.Fatalf("peer %d with noban went: %s", d.Peer, d.Why)
				}
				r.step(Gone{d.Peer})
			}
		}
	}
	kept := 0
	for _, p := range r.m.Peers() {
		if p.Permissions.Has(PermNoBan) {
			kept++
		}
	}
	if kept != places/2 || len(r.m.Peers()) > places {
		t.Errorf("%d with noban of %d peers", kept, len(r.m.Peers()))
	}
}

func TestParseGrant(t *testing.T) {
	for in, want := range map[string]string{"1.2.3.4": "[] true false 1.2.3.4", "noban@x": "[noban download] true false x", "all,out@x@y": "[bloomfilter noban forcerelay relay mempool download addr] false true x@y",
		"bloom,in,out,@x": "[bloomfilter] true true x", "forcerelay@": "[forcerelay relay] true false "} {
		g, rest, err := ParseGrant(in)
		if got := fmt.Sprint(g.Names(), g.In, g.Out, " ", rest); err != nil || got != strings.ReplaceAll(want, "  ", " ") {
			t.Errorf("%s: %q %v, want %q", in, got, err, want)
		}
	}
	if g, _, err := ParseGrant("x"); err != nil || fmt.Sprint(g.Resolve(true, false).Names()) != "[noban relay mempool download]" {
		t.Errorf("implicit: %v %v", g.Resolve(true, false).Names(), err)
	}
}
