package txrequest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/salted"
	"github.com/cairn-chain/cairn/types"
)

type peer uint64

var start = time.Unix(1_700_000_000, 0)

// dumbTracker is the specification with no thought for speed: one list of announcements.
type dumbTracker struct {
	key  salted.Key
	list []dumbAnn
}

type dumbAnn struct {
	h types.Hash
	announcement[peer]
}

func (d *dumbTracker) announce(id peer, h types.Hash, preferred bool, at time.Time) {
	n := 0
	for _, a := range d.list {
		if a.peer == id && a.h == h {
			return
		}
		if a.peer == id {
			n++
		}
	}
	if n < MaxAnnounced {
		d.list = append(d.list, dumbAnn{h, announcement[peer]{peer: id, preferred: preferred, at: at}})
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

func (d *dumbTracker) advance(now time.Time) (out []Ask[peer]) {
	d.set(annDone, func(a *dumbAnn) bool { return a.state == annAsked && !now.Before(a.at) })
	best := map[types.Hash]int{}
	for i, a := range d.list {
		rank := func(a dumbAnn) uint64 { return d.key.With(d.key.Short(a.h), uint64(a.peer)) }
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
		d.list[i].state, d.list[i].at = annAsked, now.Add(Expiry)
		out = append(out, Ask[peer]{d.list[i].peer, h, false})
	}
	return out
}

func (d *dumbTracker) gone(id peer) {
	d.list = slices.DeleteFunc(d.list, func(a dumbAnn) bool { return a.peer == id })
	d.sweep()
}

func sortAsks(a []Ask[peer]) []Ask[peer] {
	slices.SortFunc(a, func(x, y Ask[peer]) int { return x.Hash.Compare(y.Hash) })
	return a
}

// twinRun drives both trackers by the bytes of ops.
func twinRun(t *testing.T, ops []byte) {
	key := salted.Key{3, 4}
	fast, dumb := New[peer](key), &dumbTracker{key: key}
	now := start
	for len(ops) >= 3 {
		op, a, b := ops[0], ops[1], ops[2]
		ops = ops[3:]
		id, h := peer(a%5+1), types.Hash{b % 7}
		switch op % 7 {
		case 0, 1:
			at := now.Add(time.Duration(op/7%4) * time.Second)
			fast.Announce(id, h, false, id < 3, at)
			dumb.announce(id, h, id < 3, at)
		case 2:
			fast.Answered(id, h)
			dumb.set(annDone, func(x *dumbAnn) bool { return x.peer == id && x.h == h })
		case 3:
			fast.Forget(h)
			dumb.set(annDone, func(x *dumbAnn) bool { return x.h == h })
		case 4:
			fast.Gone(id)
			dumb.gone(id)
		case 5:
			now = now.Add(time.Duration(a) * 300 * time.Millisecond)
		}
		got, want := sortAsks(fast.Advance(now)), sortAsks(dumb.advance(now))
		if !slices.Equal(got, want) {
			t.Fatalf("asked %v, the dumb twin %v", got, want)
		}
		if err := fast.Check(); err != nil {
			t.Fatal(err)
		}
		if next := fast.Next(); !next.IsZero() && !next.After(now) {
			t.Fatalf("next is %v at %v", next, now)
		}
		if len(dumb.list) == 0 != (len(fast.txs) == 0) {
			t.Fatalf("%d announcements in the dumb twin, %d transactions", len(dumb.list), len(fast.txs))
		}
	}
}

func FuzzTracker(f *testing.F) {
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
	tr, h := New[peer](salted.Key{1, 2}), types.Hash{9}
	for id := peer(1); id <= 20; id++ {
		tr.Announce(id, h, true, id == 13, start)
	}
	got := tr.Advance(start)
	if len(got) != 1 || got[0] != (Ask[peer]{13, h, true}) {
		t.Fatalf("asked %v", got)
	}
	// Silent: after the expiry exactly one other is asked, and 13 never again.
	for n := range 19 {
		now := start.Add(time.Duration(n+1) * Expiry)
		if got = tr.Advance(now); len(got) != 1 || got[0].Peer == 13 {
			t.Fatalf("after expiry %d asked %v", n, got)
		}
		tr.Announce(13, h, true, true, now)
	}
}

func TestTrackerBoundsAnnouncements(t *testing.T) {
	tr := New[peer](salted.Key{1, 2})
	for i := range MaxAnnounced + 500 {
		tr.Announce(1, types.Hash{byte(i), byte(i >> 8)}, true, false, start)
	}
	if n := len(tr.txs); n != MaxAnnounced {
		t.Errorf("%d announcements kept", n)
	}
	tr.Gone(1)
	if len(tr.txs)+len(tr.peers)+len(tr.queue) != 0 {
		t.Error("something is left of a peer that is gone")
	}
}

// One peer is never asked for more than it has slots, and what waits for it is asked as soon as it answers, or of
// somebody else.
func TestTrackerBoundsRequests(t *testing.T) {
	tr := New[peer](salted.Key{1, 2})
	hash := func(i int) types.Hash { return types.Hash{byte(i), byte(i >> 8), 1} }
	for i := range 3 * MaxInRequest {
		tr.Announce(1, hash(i), true, true, start)
	}
	step := func(want int) (out []Ask[peer]) {
		t.Helper()
		out = tr.Advance(start)
		if err := tr.Check(); err != nil {
			t.Fatal(err)
		}
		if len(out) != want {
			t.Fatalf("%d asked, not %d", len(out), want)
		}
		return out
	}
	first := step(MaxInRequest)
	step(0)
	if next := tr.Next(); !next.After(start) {
		t.Fatalf("waiting for an answer is due at %v", next)
	}
	for _, a := range first[:10] {
		tr.Forget(a.Hash)
	}
	step(10)
	// The rest is asked of a second peer, although the first is preferred.
	for i := range 3 * MaxInRequest {
		tr.Announce(2, hash(i), true, false, start)
	}
	if out := step(MaxInRequest); out[0].Peer != 2 {
		t.Fatalf("asked %v", out[0])
	}
	tr.Gone(2)
	step(0)
	tr.Gone(1)
	if len(tr.txs)+len(tr.peers)+len(tr.queue) != 0 {
		t.Error("something is left of peers that are gone")
	}
}

// With few requests a peer may have out, whatever happens in between: nobody is asked for more, and in the end every transaction was
// asked for until all peers that announced it had answered.
func TestNothingStaysParked(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 30 {
		tr, now := New[peer](salted.Key{3, 4}), start
		out := map[peer][]Ask[peer]{}
		step := func() {
			for _, a := range tr.Advance(now) {
				out[a.Peer] = append(out[a.Peer], a)
			}
			if err := tr.Check(); err != nil {
				t.Fatal(err)
			}
		}
		for range 200 {
			id := peer(rng.IntN(3) + 1)
			switch rng.IntN(8) {
			case 0:
				for range 80 {
					tr.Announce(id, types.Hash{byte(rng.IntN(200)), byte(rng.IntN(4))}, true, id == 1, now.Add(time.Duration(rng.IntN(3))*time.Second))
				}
			case 1, 2, 3:
				for _, a := range out[id] {
					tr.Answered(id, a.Hash)
				}
				out[id] = nil
			case 4:
				for _, a := range out[id][:len(out[id])/2] {
					tr.Postpone(id, a.Hash, now.Add(time.Second))
				}
			case 5:
				now = now.Add(time.Duration(rng.IntN(20)) * time.Second)
			case 6:
				if len(out[id]) > 0 {
					tr.Forget(out[id][0].Hash)
				}
			case 7:
				if rng.IntN(10) == 0 {
					tr.Gone(id)
					out[id] = nil
				}
			}
			step()
		}
		for n := 0; tr.Len() > 0; n++ {
			if n > 1000 {
				t.Fatalf("%d transactions are asked of nobody", tr.Len())
			}
			if next := tr.Next(); next.After(now) {
				now = next
			}
			step()
			for id, asks := range out {
				for _, a := range asks {
					tr.Answered(id, a.Hash)
				}
				out[id] = nil
			}
		}
		if len(tr.peers)+len(tr.queue) != 0 {
			t.Error("something is left of what was answered")
		}
	}
}
