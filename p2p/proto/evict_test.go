package proto

import (
	"fmt"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// crowd makes n candidates of an attacker in one group, connected one after the other from start on.
func crowd(n int, from PeerID, group string, start time.Time) (out []candidate) {
	for i := range n {
		out = append(out, candidate{
			id: from + PeerID(i), since: start.Add(time.Duration(i) * time.Second), group: group,
			salted: hashKey{1, 2}.text(group), minPing: time.Second,
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
