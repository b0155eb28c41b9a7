package proto

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// world is a network of machines with a seeded queue of events and virtual time.
type world struct {
	t     *testing.T
	now   time.Time
	rng   *rand.Rand
	nodes []*rig
	queue eventQueue
	seq   int
	conns map[end]end
	next  PeerID
	log   []string
	mute  func(from int, msg wire.Message) bool // true: the message never arrives
}

// end is one end of a connection.
type end struct {
	node int
	peer PeerID
}

type timedEvent struct {
	at   time.Time
	seq  int
	node int
	ev   Event
}

type eventQueue []timedEvent

func (q eventQueue) Len() int      { return len(q) }
func (q eventQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q eventQueue) Less(i, j int) bool {
	return q[i].at.Before(q[j].at) || (q[i].at.Equal(q[j].at) && q[i].seq < q[j].seq)
}
func (q *eventQueue) Push(x any) { *q = append(*q, x.(timedEvent)) }
func (q *eventQueue) Pop() any {
	x := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return x
}

func newWorld(t *testing.T, n int) *world {
	w := &world{t: t, now: testStart, rng: rand.New(rand.NewPCG(7, 7)), conns: map[end]end{}, next: 1}
	for i := range n {
		w.nodes = append(w.nodes, newRig(t, func(c *Config) {
			c.Rand = rand.New(rand.NewPCG(uint64(i), 99))
			c.TrickleScale = 0.1
		}))
	}
	return w
}

func (w *world) push(d time.Duration, node int, ev Event) {
	w.seq++
	heap.Push(&w.queue, timedEvent{w.now.Add(d), w.seq, node, ev})
}

// link connects a to b.
func (w *world) link(a, b int) {
	pa, pb := end{a, w.next}, end{b, w.next + 1}
	w.next += 2
	w.conns[pa], w.conns[pb] = pb, pa
	addr := func(n int) Connected {
		x := testAddr(PeerID(n + 500))
		return Connected{Addr: x, NetGroup: netGroup(x)}
	}
	ca, cb := addr(b), addr(a)
	ca.Peer, ca.Kind = pa.peer, Manual
	cb.Peer, cb.Kind = pb.peer, Inbound
	w.push(0, a, ca)
	w.push(0, b, cb)
}

// cut closes all connections between two groups.
func (w *world) cut(group func(int) bool) {
	var ends []end
	for a, b := range w.conns {
		if group(a.node) != group(b.node) {
			ends = append(ends, a)
		}
	}
	slices.SortFunc(ends, func(a, b end) int { return int(a.peer) - int(b.peer) })
	for _, a := range ends {
		delete(w.conns, a)
		w.push(0, a.node, Gone{a.peer})
	}
}

// run delivers events until the time has passed or done says so.
func (w *world) run(d time.Duration, done func() bool) {
	w.t.Helper()
	stop := w.now.Add(d)
	for steps := 0; !done(); steps++ {
		if steps > 2_000_000 {
			w.t.Fatal("too many steps")
		}
		node, at := -1, stop
		for i, r := range w.nodes {
			if next := r.m.NextTick(); next.Before(at) {
				node, at = i, next
			}
		}
		if len(w.queue) > 0 && !w.queue[0].at.After(at) {
			x := heap.Pop(&w.queue).(timedEvent)
			w.now = x.at
			w.deliver(x.node, x.ev)
			continue
		}
		if node < 0 {
			w.now = stop
			return
		}
		w.now = at
		w.deliver(node, Tick{})
	}
}

func (w *world) deliver(node int, ev Event) {
	r := w.nodes[node]
	r.now = w.now
	for _, eff := range r.step(ev) {
		switch e := eff.(type) {
		case Send:
			if len(w.log) < 1_000_000 {
				w.log = append(w.log, fmt.Sprintf("%v %d>%d %s", w.now.Sub(testStart), node, e.Peer, e.Msg.Command()))
			}
			w.carry(node, e.Peer, e.Msg)
		case ServeBlock:
			w.carry(node, e.Peer, r.serve(e))
		case ServeBlockTxns:
			m, _ := wire.NewBlockTxn(r.chain.nodes[e.Hash].Block, e.Indexes)
			w.carry(node, e.Peer, m)
		case Disconnect:
			w.t.Logf("%v: node %d disconnects %d: %s %s", w.now.Sub(testStart), node, e.Peer, e.Why, e.Detail)
			if other, ok := w.conns[end{node, e.Peer}]; ok {
				delete(w.conns, end{node, e.Peer})
				delete(w.conns, other)
				w.push(0, other.node, Gone{other.peer})
			}
			w.push(0, node, Gone{e.Peer})
		default:
			for _, v := range r.judge(eff) {
				w.push(time.Millisecond, node, v)
			}
		}
	}
}

// serve makes the message that ServeBlock asks for.
func (r *rig) serve(e ServeBlock) wire.Message {
	b := r.chain.nodes[e.Hash].Block
	if e.Form == FormCompact {
		return wire.NewCmpctBlock(b, e.Nonce)
	}
	return wire.BlockMsg{Block: b, Base: e.Form == FormBase}
}

func (w *world) carry(node int, peer PeerID, msg wire.Message) {
	other, ok := w.conns[end{node, peer}]
	if ok && (w.mute == nil || !w.mute(node, msg)) {
		w.push(10*time.Millisecond, other.node, Message{Peer: other.peer, Msg: msg})
	}
}

// agree tells whether all tips are n.
func (w *world) agree(n *consensustest.Node) func() bool {
	return func() bool {
		for _, r := range w.nodes {
			if r.chain.tip.Hash() != n.Hash() {
				return false
			}
		}
		return true
	}
}

func (w *world) mustAgree(n *consensustest.Node, within time.Duration) {
	w.t.Helper()
	w.run(within, w.agree(n))
	if !w.agree(n)() {
		for i, r := range w.nodes {
			w.t.Logf("node %d: tip %d, header %d", i, r.chain.tip.Height(), r.chain.best.Height())
		}
		w.t.Fatalf("no agreement on height %d within %v", n.Height(), within)
	}
}

func TestTwoMachinesSync(t *testing.T) {
	w := newWorld(t, 2)
	blocks := branch(rootNode, 3000, 1)
	w.nodes[0].chain.adoptAll(blocks)
	w.link(1, 0)
	w.mustAgree(blocks[2999], time.Minute)
}

func TestThreeMachinesInALine(t *testing.T) {
	w := newWorld(t, 3)
	blocks := branch(rootNode, 400, 1)
	w.nodes[0].chain.adoptAll(blocks)
	w.link(1, 0)
	w.link(2, 1)
	w.mustAgree(blocks[399], time.Minute)
	// One more block goes down the line by headers at once.
	n := block(blocks[399], 1)
	w.nodes[2].chain.adopt(n)
	w.push(0, 2, TipChanged{})
	w.mustAgree(n, time.Second)
}

// A fork heals:
//
//	genesis - a1 .. a10 - b1 .. b5          nodes 0, 1
//	                   \- c1 .. c20         nodes 2, 3
func TestForkHeals(t *testing.T) {
	w := newWorld(t, 4)
	a := branch(rootNode, 10, 1)
	for _, r := range w.nodes {
		r.chain.adoptAll(a)
	}
	for i := range w.nodes {
		w.link(i, (i+1)%4)
	}
	w.run(10*time.Second, func() bool { return false })
	w.cut(func(n int) bool { return n < 2 })
	w.run(10*time.Second, func() bool { return false })
	b, c := branch(a[9], 5, 2), branch(a[9], 20, 3)
	for i, side := range [][]*consensustest.Node{0: b, 2: c} {
		for _, n := range side {
			w.nodes[i].chain.adopt(n)
			w.push(0, i, TipChanged{})
			w.run(time.Second, func() bool { return false })
		}
	}
	if got := w.nodes[1].chain.tip.Hash(); got != b[4].Hash() {
		t.Fatal("node 1 did not follow node 0")
	}
	w.link(1, 2)
	w.link(3, 0)
	w.mustAgree(c[19], 5*time.Second)
}

// Transactions reach everybody, each over each link once at most in either direction.
func TestTransactionsFlood(t *testing.T) {
	w := newWorld(t, 4)
	for i := range w.nodes {
		w.link(i, (i+1)%4)
	}
	w.run(5*time.Second, func() bool { return false })
	confirmed := types.Hash{1}
	last := confirmed
	var txs []*types.Tx
	for _, r := range w.nodes {
		r.pool.outs[confirmed] = true
	}
	for i := range 30 {
		x := tx(uint32(i), last)
		last = x.ID()
		txs = append(txs, x)
		w.nodes[0].pool.put(x)
		w.push(0, 0, TxVerdict{Tx: x, FeeRate: 5000})
	}
	all := func() bool {
		for _, r := range w.nodes {
			for _, x := range txs {
				if !r.pool.Have(x.ID()) {
					return false
				}
			}
		}
		return true
	}
	w.run(time.Minute, all)
	if !all() {
		t.Fatal("not all transactions arrived within a minute")
	}
	n := 0
	for _, l := range w.log {
		if strings.HasSuffix(l, " tx") {
			n++
		}
	}
	if n > 3*30 {
		t.Errorf("%d transactions sent, at most 90 are needed", n)
	}
}

func TestSameSeedSameEffects(t *testing.T) {
	run := func() string {
		w := newWorld(t, 3)
		blocks := branch(rootNode, 50, 1)
		w.nodes[0].chain.adoptAll(blocks)
		w.link(0, 1)
		w.link(1, 2)
		w.link(2, 0)
		w.run(10*time.Minute, func() bool { return false })
		return strings.Join(w.log, "\n")
	}
	first := run()
	if len(first) < 1000 {
		t.Fatal("almost nothing was said")
	}
	if run() != first {
		t.Error("the same seed gave other messages")
	}
}

// A peer that announces and serves nothing delays its victim by seconds only, if another peer has the block.
func TestSilentPeerIsPassedOver(t *testing.T) {
	w := newWorld(t, 3)
	w.link(0, 1)
	w.link(0, 2)
	w.run(5*time.Second, func() bool { return false })
	w.mute = func(from int, msg wire.Message) bool {
		_, isBlock := msg.(wire.BlockMsg)
		return from == 1 && isBlock
	}
	n := block(rootNode, 1)
	w.nodes[1].chain.adopt(n)
	w.push(0, 1, TipChanged{})
	w.nodes[2].chain.adopt(n)
	w.push(time.Millisecond, 2, TipChanged{})
	w.mustAgree(n, stallLeast+time.Second)
}
