package sim

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The heap gives what a stable sort would.
func TestQueueAgainstSort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue
		var twin []event
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if q.len() > 0 && rapid.Bool().Draw(t, "pop") {
				want := slices.MinFunc(twin, func(a, b event) int {
					if a.before(&b) {
						return -1
					}
					return 1
				})
				twin = slices.DeleteFunc(twin, func(e event) bool { return e.seq == want.seq })
				if got := q.pop(); got.seq != want.seq || got.at != want.at {
					t.Fatalf("popped %d at %d, want %d at %d", got.seq, got.at, want.seq, want.at)
				}
				continue
			}
			e := event{at: rapid.Int64Range(0, 20).Draw(t, "at")}
			q.push(e)
			e.seq = q.seq
			twin = append(twin, e)
		}
		if q.len() != len(twin) {
			t.Fatalf("%d events left, want %d", q.len(), len(twin))
		}
	})
}

func TestLink(t *testing.T) {
	const second = int64(time.Second)
	up := uplink{rate: 16_000} // 2 kB a second
	d := direction{latency: second / 10, rate: 8000}
	if at := d.arrival(0, &up, 1000, 0); at != second+second/10 {
		t.Errorf("a kilobyte at a kilobyte a second arrives at %d", at)
	}
	if at := d.arrival(0, &up, 1000, 0); at != 2*second+second/10 {
		t.Errorf("the next, behind it, at %d", at)
	}
	other := direction{latency: second / 10}
	if at := other.arrival(0, &up, 0, 0); at != up.free+second/10 || up.free != second {
		t.Errorf("on another link, after the sender's line is free, not the slow link: %d, line free at %d", at, up.free)
	}
	late := direction{latency: second}
	first := late.arrival(0, &uplink{}, 10, 5*second)
	if next := late.arrival(second, &uplink{}, 10, 0); next < first {
		t.Errorf("a message sent later arrives at %d, before %d", next, first)
	}
}

func TestPick(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var got [3]int
	for range 3000 {
		got[pick(r, []int64{1, 0, 2})]++
	}
	if got[1] != 0 || got[0] < 850 || got[0] > 1150 {
		t.Errorf("picked %v for weights 1, 0, 2", got)
	}
}
