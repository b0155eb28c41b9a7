package proto

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// turmoil drives a world through random events: blocks found anywhere, alone or many at once, connections that die while
// blocks are under way, nodes that begin anew with their chain, peers that swallow what they are asked for.
type turmoil struct {
	*world
	rng   *rand.Rand
	pairs [][2]int
	mutes map[int]bool
	salt  uint64
	// swallow: some nodes do not send what they are asked for.
	swallow bool
}

func newTurmoil(t *testing.T, seed uint64, nodes int, late time.Duration) *turmoil {
	w := newWorld(t, 0)
	w.now = w.now.Add(late)
	x := &turmoil{world: w, rng: rand.New(rand.NewPCG(seed, 1)), mutes: map[int]bool{}, salt: seed << 32}
	w.mute = func(from int, msg wire.Message) bool {
		switch msg.(type) {
		case wire.BlockMsg, wire.Headers:
			return x.mutes[from]
		}
		return false
	}
	shared := branch(rootNode, 30, 1)
	for i := range nodes {
		w.nodes = append(w.nodes, newRigAt(t, w.now, x.config(uint64(i))))
		w.nodes[i].chain.adoptAll(shared[:x.rng.IntN(30)+1])
		for range 2 {
			if j := x.rng.IntN(i + 1); j != i {
				x.pairs = append(x.pairs, [2]int{i, j})
			}
		}
		if i > 0 {
			x.pairs = append(x.pairs, [2]int{i, x.rng.IntN(i)})
		}
	}
	return x
}

func (x *turmoil) config(i uint64) func(*Config) {
	seed := x.rng.Uint64()
	return func(c *Config) {
		c.Rand = rand.New(rand.NewPCG(i, seed))
		c.TrickleScale = 0.1
	}
}

func (x *turmoil) pass(d time.Duration) { x.run(d, func() bool { return false }) }

// connect makes all connections that do not stand.
func (x *turmoil) connect() {
	stands := map[[2]int]bool{}
	for a, b := range x.conns {
		stands[[2]int{a.node, b.node}] = true
	}
	for _, p := range x.pairs {
		if !stands[p] {
			x.link(p[0], p[1])
			stands[p], stands[[2]int{p[1], p[0]}] = true, true
		}
	}
}

// find lets a node find n blocks.
func (x *turmoil) find(i, n int) {
	for range n {
		x.salt++
		x.nodes[i].chain.adopt(block(x.nodes[i].chain.tip, x.salt))
		x.push(0, i, TipChanged{})
	}
}

// restart begins a node anew with its chain; its connections die.
func (x *turmoil) restart(i int) {
	var ends []end
	for a := range x.conns {
		if a.node == i {
			ends = append(ends, a)
		}
	}
	slices.SortFunc(ends, func(a, b end) int { return int(a.peer) - int(b.peer) })
	for _, a := range ends {
		b := x.conns[a]
		delete(x.conns, a)
		delete(x.conns, b)
		x.push(0, b.node, Gone{b.peer})
	}
	x.queue = slices.DeleteFunc(x.queue, func(e timedEvent) bool { return e.node == i })
	sortQueue(x.queue)
	old := x.nodes[i].chain
	x.nodes[i] = newRigAt(x.t, x.now, func(c *Config) { x.config(uint64(i))(c); c.Chain = old })
	x.nodes[i].chain = old
}

func sortQueue(q eventQueue) {
	slices.SortFunc(q, func(a, b timedEvent) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.seq - b.seq
	})
}

func (x *turmoil) event() {
	i := x.rng.IntN(len(x.nodes))
	switch x.rng.IntN(9) {
	case 0, 1:
		x.find(i, 1)
	case 2:
		x.find(i, x.rng.IntN(40))
	case 3:
		side := x.rng.Uint64()
		x.cut(func(n int) bool { return side>>n&1 == 1 })
	case 4:
		x.restart(i)
	case 5:
		x.mutes[i] = x.swallow && !x.mutes[i]
	case 6, 7:
		x.connect()
	}
	x.pass(time.Duration(x.rng.IntN(2000)) * time.Millisecond)
}

// After any turmoil all nodes meet on the tip with the most work within seconds of the last disturbance. Where peers swallow
// what they are asked for, each request of theirs must have expired first. Half of the networks were asleep for days.
func TestTurmoilConverges(t *testing.T) {
	for seed := range uint64(30) {
		late := []time.Duration{0, 72 * time.Hour}[seed%2]
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			x := newTurmoil(t, seed, 3+int(seed%6), late)
			x.swallow = seed%3 == 2
			x.connect()
			for range 40 {
				x.event()
			}
			clear(x.mutes)
			x.connect()
			within := 5 * time.Second
			if x.swallow {
				within += headersResponse + 2*blockTimeoutLeast
			}
			x.settleOn(t, within)
		})
	}
}

// settleOn finds one more block, so that no two tips are equal, and waits for agreement.
func (x *turmoil) settleOn(t *testing.T, within time.Duration) {
	t.Helper()
	best := 0
	for i, r := range x.nodes {
		if r.chain.tip.Work().Cmp(x.nodes[best].chain.tip.Work()) > 0 {
			best = i
		}
	}
	x.find(best, 1)
	tip := x.nodes[best].chain.tip
	for end := x.now.Add(within); x.now.Before(end) && !x.agree(tip)(); {
		x.run(time.Second, x.agree(tip))
		x.connect() // what a machine gives up is made again, as manual connections are
	}
	x.mustAgree(tip, time.Second)
}
