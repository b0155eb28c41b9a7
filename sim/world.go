package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// start is when every network begins; only differences to it matter.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	// warmUp is how long nodes have to connect before anybody mines.
	warmUp = int64(time.Minute)
	// quiet is for how long the network runs on when nobody mines any more, so that all hear of the last blocks.
	quiet = int64(30 * time.Minute)
	// redial is when a node looks for another peer in the place of one that was disconnected.
	redial = int64(30 * time.Second)
	// preludeBlocks are before the first event. The coins of block 1 can be spent after them.
	preludeBlocks = maturity + 1
	maturity      = 10
	preludeCoins  = 4000
	signatures    = 64 << 20 // bytes of the cache
)

// World is a network on its way through virtual time. It is made by New, and Run takes it to its end. It is for one goroutine.
type World struct {
	cfg    Config
	seed   uint64
	params *consensus.Params
	runner *script.Runner

	now   int64 // nanoseconds since start
	queue queue
	err   error

	commons *commons
	nodes   []*node
	dials   []*dialled
	slow    []slowness
	apart   []bool // which nodes are on the far side of a partition; nil: there is none
	jitter  *rand.Rand
	topo    *rand.Rand

	mining  *mining
	traffic *traffic
	record  *Record
	log     func(Happening)
}

// slowness is what a fault does to a node.
type slowness struct{ factor int64 }

// dialled is a connection that one node keeps to another.
type dialled struct {
	from, to int32
	kind     proto.ConnKind
	link     *link // nil: not now
}

// New makes the network that cfg, which must be valid, describes. log may be nil; it is told of all that happens.
func New(cfg Config, seed uint64, log func(Happening)) (*World, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w := &World{
		cfg: cfg, seed: seed, commons: newCommons(), log: log,
		jitter: stream(seed, streamJitter), topo: stream(seed, streamTopology),
		runner: &script.Runner{Verifier: script.NewVerifier(), Cache: script.NewCache(signatures, [32]byte{})},
	}
	w.params = paramsOf(&cfg)
	w.record = newRecord(w)
	if err := w.prelude(); err != nil {
		return nil, err
	}
	for i := range cfg.Nodes {
		n, err := w.newNode(int32(i))
		if err != nil {
			return nil, err
		}
		w.nodes = append(w.nodes, n)
	}
	w.place()
	w.connectAll()
	var err error
	if w.mining, err = newMining(w); err != nil {
		return nil, err
	}
	w.traffic = newTraffic(w)
	w.planFaults()
	w.sample()
	return w, nil
}

// paramsOf is Bitcoin's rules with a trivial proof of work.
func paramsOf(cfg *Config) *consensus.Params {
	p := consensus.Regtest()
	p.Name, p.Magic = "sim", 0x6d69730b
	p.CoinbaseMaturity = maturity
	p.HalvingInterval = 210_000
	p.TargetSpacing = max(int64(cfg.Interval/time.Second), 1)
	p.Assume = nil
	if cfg.Retarget == "asert" {
		p.Retarget = consensus.RetargetASERT
		p.AsertHalfLife = int64(cfg.HalfLife / time.Second)
		p.AsertAnchorHeight = preludeBlocks
		p.AsertAnchorBits = anchorBits
	}
	return p
}

// anchorBits is the target from which ASERT counts: 32 hashes, so that there is room for an easier one.
const anchorBits = 0x2007ffff

// clock is the time that nodes read.
func (w *World) clock() time.Time { return start.Add(time.Duration(w.now)) }

// fail ends the run for an error of our own.
func (w *World) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// at lets do be called at a time, for a node or noNode.
func (w *World) at(when int64, node int32, do func()) {
	w.queue.push(event{at: max(when, w.now), node: node, kind: evCall, do: do})
}

// Run takes the network to the end of its duration and through the quiet after it. It ends early with ctx.
func (w *World) Run(ctx context.Context) error {
	end := warmUp + int64(w.cfg.Duration)
	for steps := 0; w.queue.len() > 0 && w.err == nil; steps++ {
		if steps%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if !w.mining.over && (w.queue.heap[0].at >= end || w.full()) {
			w.now = min(max(w.now, w.queue.heap[0].at), end)
			w.mining.over = true
			w.record.end = w.now
			end = w.now + quiet
		}
		if w.mining.over && w.queue.heap[0].at >= end {
			w.now = end
			break
		}
		w.handle(w.queue.pop())
	}
	w.record.finish(w)
	return w.err
}

// full tells whether as many blocks were found as were wanted, or some plan has what it wants.
func (w *World) full() bool {
	for _, p := range w.mining.plans {
		if p.over() {
			return true
		}
	}
	return w.cfg.Blocks > 0 && len(w.record.blocks) >= w.cfg.Blocks
}

func (w *World) handle(e event) {
	w.now = e.at
	w.record.events++
	switch e.kind {
	case evMessage:
		n := w.nodes[e.node]
		if n.links[e.peer].cut {
			return // it was under way as the connection ended
		}
		n.step(proto.Message{Peer: e.peer, Msg: e.msg, Size: wire.HeaderSize})
	case evTick:
		w.nodes[e.node].tick(e.at)
	case evCall:
		e.do()
	}
}

// send carries a message over a connection.
func (w *World) send(n *node, peer proto.PeerID, msg wire.Message) {
	at := n.links[peer]
	if at.cut {
		return
	}
	l := at.link
	size := wire.HeaderSize + wire.Size(msg)
	w.record.sent(msg, size)
	way := &l.way[at.side]
	arrives := way.arrival(w.now, &n.up, size, wait(w.jitter, way.jitter))
	w.queue.push(event{at: arrives, node: l.node[1-at.side], kind: evMessage, peer: l.peer[1-at.side], msg: msg})
}

// disconnect closes a connection because a machine wants it. Whoever dialled looks for another peer.
func (w *World) disconnect(n *node, e proto.Disconnect) {
	if n.links[e.Peer].cut {
		return
	}
	w.tell(Happening{Kind: "disconnect", Node: n.id, Detail: e.Why})
	w.record.disconnects++
	w.close(n.links[e.Peer].link)
}

func (w *World) close(l *link) {
	for s := range l.node {
		n, peer := w.nodes[l.node[s]], l.peer[s]
		n.links[peer].cut = true
		w.at(w.now, n.id, func() { n.step(proto.Gone{Peer: peer}) })
	}
	for _, d := range w.dials {
		if d.link == l {
			d.link = nil
			w.at(w.now+redial, noNode, func() { w.redial(d) })
		}
	}
}

// redial dials the same node again.
func (w *World) redial(d *dialled) {
	if d.link == nil && !w.separated(d.from, d.to) {
		w.connect(d)
	}
}

func (w *World) separated(a, b int32) bool { return w.apart != nil && w.apart[a] != w.apart[b] }

// connect makes a connection.
func (w *World) connect(d *dialled) {
	a, b := w.nodes[d.from], w.nodes[d.to]
	l := &link{node: [2]int32{d.from, d.to}, kind: d.kind}
	d.link = l
	for s, n := range []*node{a, b} {
		l.peer[s] = proto.PeerID(len(n.links))
		n.links = append(n.links, end{link: l, side: s})
	}
	w.shape(l)
	group := func(n *node) string { return n.addr().String() }
	a.step(proto.Connected{Peer: l.peer[0], Kind: d.kind, Addr: b.addr(), NetGroup: group(b)})
	b.step(proto.Connected{Peer: l.peer[1], Kind: proto.Inbound, Addr: a.addr(), NetGroup: group(a)})
}

// prelude makes the blocks before the first event and freezes what they leave behind.
func (w *World) prelude() error {
	s := newStore(w.commons)
	s.index = map[types.Hash]chain.IndexEntry{}
	w.now = -int64(preludeBlocks+1) * int64(w.params.TargetSpacing) * int64(time.Second)
	c, err := w.openChain(s, nil)
	if err != nil {
		return err
	}
	for range preludeBlocks {
		w.now += w.params.TargetSpacing * int64(time.Second)
		b := miner.BuildBlock(w.params, c.Tip(), nil, 0, payTo(), nil, w.clock())
		if c.Tip().Height() == 0 {
			splitCoinbase(b, preludeCoins)
			w.record.first = b
		}
		solve(b)
		if _, err := c.AddBlock(b); err != nil {
			return fmt.Errorf("the prelude: %w", err)
		}
	}
	if c.Tip().Height() != preludeBlocks {
		return errors.New("the prelude was not taken")
	}
	w.now = 0
	if err := c.Close(); err != nil {
		return err
	}
	w.commons.freeze(s)
	return nil
}
