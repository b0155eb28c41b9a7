package fees

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

func id(n int) (h types.Hash) {
	binary.LittleEndian.PutUint64(h[:], uint64(n))
	return h
}

// market is a mempool of transactions at a few feerates, from which each block takes those that were there long enough.
type market struct {
	e      *Estimator
	height int32
	next   int
	pool   map[int]offer
}

type offer struct {
	rate   int64
	height int32
}

// run lets blocks pass; each brings two transactions of each rate, and confirms those whose rate is confirmed after so many blocks.
func (m *market) run(blocks int, after map[int64]int32) {
	for range blocks {
		for rate := range after {
			for range 2 {
				m.next++
				m.e.Enter(id(m.next), m.height, rate)
				m.pool[m.next] = offer{rate, m.height}
			}
		}
		m.height++
		var ids []types.Hash
		for n, o := range m.pool {
			if wait := after[o.rate]; wait > 0 && m.height-o.height >= wait {
				ids = append(ids, id(n))
				delete(m.pool, n)
			}
		}
		m.e.Block(m.height, ids)
	}
}

func newMarket(height int32) *market {
	return &market{e: New(height), height: height, pool: map[int]offer{}}
}

func near(rate, want int64) bool {
	return float64(rate) > float64(want)*0.9 && float64(rate) < float64(want)*1.1
}

func TestSmart(t *testing.T) {
	m := newMarket(100)
	if _, _, ok := m.e.Smart(6, false); ok {
		t.Error("an estimate out of nothing")
	}
	m.run(300, map[int64]int32{50_000: 1, 10_000: 5, 2_000: 30, 1_000: 0})
	for _, c := range []struct {
		target int
		want   int64
	}{{1, 50_000}, {2, 50_000}, {4, 50_000}, {6, 50_000}, {10, 10_000}, {20, 10_000}, {100, 2_000}} {
		rate, blocks, ok := m.e.Smart(c.target, false)
		if !ok || !near(rate, c.want) || blocks != max(c.target, 2) {
			t.Errorf("target %d: %d for %d blocks (%v), want about %d", c.target, rate, blocks, ok, c.want)
		}
	}
	if _, blocks, _ := m.e.Smart(1008, false); blocks != 149 {
		t.Errorf("with 299 blocks of history the longest target is %d", blocks)
	}
	economical, _, _ := m.e.Smart(30, false)
	if conservative, _, _ := m.e.Smart(30, true); conservative < economical {
		t.Errorf("conservative %d, economical %d", conservative, economical)
	}
}

// When fees fall, the estimate follows, the economical one within the short horizon.
func TestEstimatesFollow(t *testing.T) {
	m := newMarket(0)
	m.run(200, map[int64]int32{50_000: 1, 5_000: 0})
	before, _, _ := m.e.Smart(3, false)
	for n := range m.pool {
		m.e.Leave(id(n))
		delete(m.pool, n)
	}
	m.run(150, map[int64]int32{50_000: 1, 5_000: 1})
	after, _, _ := m.e.Smart(3, false)
	if !near(before, 50_000) || !near(after, 5_000) {
		t.Errorf("%d, then %d", before, after)
	}
}

func TestRaw(t *testing.T) {
	m := newMarket(10)
	m.run(150, map[int64]int32{50_000: 1, 10_000: 5, 1_000: 0})
	r, ok := m.e.Raw(Short, 2, 0.95)
	if !ok || !near(int64(r.FeeRate), 50_000) || r.Decay != .962 || r.Scale != 1 || r.Pass.Start > 50_000 || r.Pass.End < 50_000 || r.Pass.WithinTarget < 40 {
		t.Errorf("short: %+v %v", r, ok)
	}
	if r.Fail.End == 0 || r.Fail.WithinTarget > 1 || r.Fail.TotalConfirmed < 40 {
		t.Errorf("what failed: %+v", r.Fail)
	}
	if r, ok := m.e.Raw(Medium, 48, 0.95); !ok || !near(int64(r.FeeRate), 10_000) || r.Scale != 2 || r.Fail.InMempool == 0 {
		t.Errorf("medium: %+v %v", r, ok)
	}
	for _, c := range []struct {
		at     Horizon
		target int
	}{{Short, 0}, {Short, 13}, {Medium, 49}, {Long, 1009}} {
		if _, ok := m.e.Raw(c.at, c.target, 0.95); ok {
			t.Errorf("%s knows target %d", c.at, c.target)
		}
	}
	if r, ok := New(5).Raw(Long, 5, 0.5); !ok || r.FeeRate != -1 {
		t.Errorf("out of nothing: %+v", r)
	}
}

// What left unconfirmed counts against its feerate; what a reorganization brings back does not count twice.
func TestLeaveAndReorganization(t *testing.T) {
	m := newMarket(0)
	for i := range 100 {
		for j := range 3 {
			m.e.Enter(id(3*i+j), m.height, 20_000)
		}
		if m.height++; i >= 10 {
			m.e.Leave(id(3 * (i - 10)))
			m.e.Leave(id(3 * (i - 10))) // a second time, and one that is not known
		}
		var ids []types.Hash
		if i >= 2 {
			ids = []types.Hash{id(3*(i-2) + 1), id(3*(i-2) + 2)}
		}
		m.e.Block(m.height, ids)
		m.e.Block(m.height, ids) // the same height again
	}
	r, ok := m.e.Raw(Short, 5, 0.5)
	if share := r.Pass.WithinTarget / (r.Pass.TotalConfirmed + r.Pass.LeftMempool + r.Pass.InMempool); !ok || share < 0.55 || share > 0.75 {
		t.Errorf("two of three were confirmed: %v of %+v", share, r)
	}
	m.e.Enter(id(1_000_000), m.height-1, 20_000)
	if _, known := m.e.tracked[id(1_000_000)]; known {
		t.Error("one that entered before the last block is counted")
	}
}

// No order of calls makes a count negative or an estimate out of bounds.
func TestCountsStaySane(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	e, height := New(0), int32(0)
	for i := range 20_000 {
		n := id(rng.IntN(500))
		switch rng.IntN(5) {
		case 0, 1, 2:
			e.Enter(n, height, rng.Int64N(math.MaxInt64))
		case 3:
			e.Leave(n)
		case 4:
			height += int32(rng.IntN(3)) - 1
			e.Block(height, []types.Hash{n, id(rng.IntN(500))})
		}
		if i%100 == 0 {
			if rate, _, ok := e.Smart(1+rng.IntN(1008), rng.IntN(2) == 0); ok && rate < 0 {
				t.Fatalf("estimate %d", rate)
			}
		}
		height = max(height, 0)
	}
	for _, h := range e.horizons {
		for b, n := range h.old {
			if n > MaxTracked || h.total[b] < 0 {
				t.Fatalf("bucket %d: %d old, %v in all", b, n, h.total[b])
			}
		}
	}
}

func ExampleEstimator() {
	e := New(100)
	e.Enter(types.Hash{1}, 100, 5000)
	e.Block(101, []types.Hash{{1}})
	_, _, ok := e.Smart(6, false)
	fmt.Println("one transaction is not enough:", ok)
	// Output: one transaction is not enough: false
}

func BenchmarkBlock(b *testing.B) {
	e := New(0)
	for i := range b.N {
		e.Block(int32(i+1), nil)
	}
}

func BenchmarkSmart(b *testing.B) {
	m := newMarket(0)
	m.run(200, map[int64]int32{50_000: 1, 10_000: 5})
	for b.Loop() {
		m.e.Smart(6, false)
	}
}
