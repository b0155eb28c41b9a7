package proto

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// dumbTracker is the specification of txrequest.go with no thought for speed: one list of announcements.
type dumbTracker struct {
	key  hashKey
	list []dumbAnn
}

type dumbAnn struct {
	h types.Hash
	announcement
}

func (d *dumbTracker) announce(peer PeerID, h types.Hash, preferred bool, at time.Time) {
	n := 0
	for _, a := range d.list {
		if a.peer == peer && a.h == h {
			return
		}
		if a.peer == peer {
			n++
		}
	}
	if n < maxAnnounced {
		d.list = append(d.list, dumbAnn{h, announcement{peer: peer, preferred: preferred, at: at}})
	}
}

// sweep forgets transactions of which all announcements are done.
func (d *dumbTracker) sweep() {
	live := map[types.Hash]bool{}
	for _, a := range d.list {
		live[a.h] = live[a.h] || a.state != annDone
	}
	d.list = slices.DeleteFunc(d.list, func(a dumbAnn) bool { return !live[a.h] })
}

func (d *dumbTracker) set(state annState, which func(*dumbAnn) bool) {
	for i := range d.list {
		if which(&d.list[i]) {
			d.list[i].state = state
		}
	}
	d.sweep()
}

func (d *dumbTracker) advance(now time.Time) (out []txAsk) {
	d.set(annDone, func(a *dumbAnn) bool { return a.state == annAsked && !now.Before(a.at) })
	best := map[types.Hash]int{}
	for i, a := range d.list {
		rank := func(a dumbAnn) uint64 { return d.key.with(d.key.short(a.h), uint64(a.peer)) }
		busy := slices.ContainsFunc(d.list, func(b dumbAnn) bool { return b.h == a.h && b.state == annAsked })
		if busy || a.state != annWaiting || now.Before(a.at) {
			continue
		}
		j, ok := best[a.h]
		b := d.list[max(j, 0)]
		if !ok || (a.preferred && !b.preferred) || (a.preferred == b.preferred && rank(a) > rank(b)) {
			best[a.h] = i
		}
	}
	for h, i := range best {
		d.list[i].state, d.list[i].at = annAsked, now.Add(txExpiry)
		out = append(out, txAsk{d.list[i].peer, h, false})
	}
	return out
}

func (d *dumbTracker) gone(peer PeerID) {
	d.list = slices.DeleteFunc(d.list, func(a dumbAnn) bool { return a.peer == peer })
	d.sweep()
}

func sortAsks(a []txAsk) []txAsk {
	slices.SortFunc(a, func(x, y txAsk) int { return x.hash.Compare(y.hash) })
	return a
}

// twinRun drives both trackers by the bytes of ops.
func twinRun(t *testing.T, ops []byte) {
	key := hashKey{3, 4}
	fast, dumb := newTxTracker(key), &dumbTracker{key: key}
	now := testStart
	for len(ops) >= 3 {
		op, a, b := ops[0], ops[1], ops[2]
		ops = ops[3:]
		peer, h := PeerID(a%5+1), types.Hash{b % 7}
		switch op % 7 {
		case 0, 1:
			at := now.Add(time.Duration(op/7%4) * time.Second)
			fast.announce(peer, h, false, peer < 3, at)
			dumb.announce(peer, h, peer < 3, at)
		case 2:
			fast.answered(peer, h)
			dumb.set(annDone, func(x *dumbAnn) bool { return x.peer == peer && x.h == h })
		case 3:
			fast.forget(h)
			dumb.set(annDone, func(x *dumbAnn) bool { return x.h == h })
		case 4:
			fast.gone(peer)
			dumb.gone(peer)
		case 5:
			now = now.Add(time.Duration(a) * 300 * time.Millisecond)
		}
		got, want := sortAsks(fast.advance(now)), sortAsks(dumb.advance(now))
		if !slices.Equal(got, want) {
			t.Fatalf("asked %v, the dumb twin %v", got, want)
		}
		if err := fast.check(); err != nil {
			t.Fatal(err)
		}
		if next := fast.next(); !next.IsZero() && !next.After(now) {
			t.Fatalf("next is %v at %v", next, now)
		}
		if len(dumb.list) == 0 != (len(fast.txs) == 0) {
			t.Fatalf("%d announcements in the dumb twin, %d transactions", len(dumb.list), len(fast.txs))
		}
	}
}

func FuzzTxTracker(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 5, 255, 0, 2, 1, 0, 3, 0, 0})
	f.Add([]byte{7, 0, 0, 14, 1, 0, 5, 7, 0, 5, 200, 0, 4, 1, 0, 4, 0, 0})
	f.Fuzz(func(t *testing.T, ops []byte) { twinRun(t, ops[:min(len(ops), 3000)]) })
}

func TestTrackerAgainstTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		ops := make([]byte, 600)
		for i := range ops {
			ops[i] = byte(rng.Uint32())
		}
		twinRun(t, ops)
	}
}

func TestTrackerPrefersOutbound(t *testing.T) {
	tr, h := newTxTracker(hashKey{1, 2}), types.Hash{9}
	for id := PeerID(1); id <= 20; id++ {
		tr.announce(id, h, true, id == 13, testStart)
	}
	got := tr.advance(testStart)
	if len(got) != 1 || got[0] != (txAsk{13, h, true}) {
		t.Fatalf("asked %v", got)
	}
	// Silent: after the expiry exactly one other is asked, and 13 never again.
	for n := range 19 {
		now := testStart.Add(time.Duration(n+1) * txExpiry)
		if got = tr.advance(now); len(got) != 1 || got[0].peer == 13 {
			t.Fatalf("after expiry %d asked %v", n, got)
		}
		tr.announce(13, h, true, true, now)
	}
}

func TestTrackerBoundsAnnouncements(t *testing.T) {
	tr := newTxTracker(hashKey{1, 2})
	for i := range maxAnnounced + 500 {
		tr.announce(1, types.Hash{byte(i), byte(i >> 8)}, true, false, testStart)
	}
	if n := len(tr.txs); n != maxAnnounced {
		t.Errorf("%d announcements kept", n)
	}
	tr.gone(1)
	if len(tr.txs)+len(tr.peers)+len(tr.queue) != 0 {
		t.Error("something is left of a peer that is gone")
	}
}
