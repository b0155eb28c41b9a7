package proto

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// thorough lets rigs be made whose machines look at every peer after each event.
var thorough bool

// beside runs f with machines of both kinds and compares what they left.
func beside(t *testing.T, f func() []string) {
	t.Helper()
	quick := f()
	thorough = true
	defer func() { thorough = false }()
	slow := f()
	for i := range min(len(quick), len(slow)) {
		if quick[i] != slow[i] {
			t.Fatalf("line %d of %d: %q, and of a machine that looks at every peer %q", i, len(quick), quick[i], slow[i])
		}
	}
	if len(quick) != len(slow) {
		t.Fatalf("%d lines, and of a machine that looks at every peer %d", len(quick), len(slow))
	}
}

// Networks in turmoil say the same, message by message, whether machines look at all peers or not.
func TestQuickTurmoil(t *testing.T) {
	for seed := range uint64(12) {
		lines := 0
		beside(t, func() []string {
			x := newTurmoil(t, seed, 3+int(seed%6), 0)
			x.swallow = seed%3 == 2
			x.connect()
			for range 30 {
				x.event()
			}
			lines = len(x.log)
			return x.log
		})
		if lines < 200 {
			t.Errorf("seed %d: only %d messages", seed, lines)
		}
	}
}

// A network with transactions and blocks: most steps are narrow, and all is the same.
func TestQuickTraffic(t *testing.T) {
	beside(t, func() []string {
		w := newWorld(t, 8)
		for i := range w.nodes {
			for j := range i {
				w.link(i, j)
			}
			w.nodes[i].pool.outs[types.Hash{1}] = true
		}
		w.run(5*time.Second, func() bool { return false })
		rng, last, salt := rand.New(rand.NewPCG(5, 5)), types.Hash{1}, uint64(1)
		for i := range uint32(60) {
			r := w.nodes[rng.IntN(8)]
			if i%15 == 14 {
				salt++
				n := block(r.chain.tip, salt)
				r.chain.adopt(n)
				w.push(0, slices.Index(w.nodes, r), TipChanged{})
			} else if x := tx(i, last); true {
				last = x.ID()
				r.pool.put(x)
				w.push(0, slices.Index(w.nodes, r), TxVerdict{Tx: x, FeeRate: 5000})
			}
			w.run(time.Duration(rng.IntN(1500))*time.Millisecond, func() bool { return false })
		}
		w.run(time.Hour, func() bool { return false })
		if len(w.log) < 1000 {
			t.Fatal("almost nothing was said")
		}
		return w.log
	})
}

// FuzzQuick: whatever happens, both kinds of machine want the same and sleep equally long.
func FuzzQuick(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 9))
	for range 20 {
		data := make([]byte, 2000)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 20_000)]
		beside(t, func() (lines []string) {
			c := newChaos(t, data)
			for i, kind := range []ConnKind{Outbound, Inbound, BlockRelay} { // so that there is somebody to talk to
				c.ready(PeerID(1000+i), kind)
				c.live = append(c.live, PeerID(1000+i))
			}
			for steps := 0; len(c.data) > 0 && steps < 2000; steps++ {
				out := c.step(c.event())
				c.feedback(out)
				lines = append(lines, c.m.NextTick().String()+" "+said(out))
			}
			return lines
		})
	})
}

// said writes effects as text, without addresses in memory.
func said(out []Effect) string {
	var b strings.Builder
	for _, eff := range out {
		switch e := eff.(type) {
		case Send:
			fmt.Fprintf(&b, "%d %s %x; ", e.Peer, e.Msg.Command(), types.DoubleSHA256(e.Msg.Append(nil)))
		case SubmitBlock:
			fmt.Fprintf(&b, "block %d %s; ", e.Peer, e.Block.Hash())
		case SubmitTx:
			fmt.Fprintf(&b, "tx %d %s; ", e.Peer, e.Tx.WitnessID())
		case SubmitHeaders:
			fmt.Fprintf(&b, "headers %d %d; ", e.Peer, len(e.Headers))
		case ServeBlock:
			fmt.Fprintf(&b, "serve %d %s %d; ", e.Peer, e.Hash, e.Form)
		case Disconnect:
			fmt.Fprintf(&b, "disconnect %d %s; ", e.Peer, e.Why)
		default:
			fmt.Fprintf(&b, "%T; ", eff)
		}
	}
	return b.String()
}

// quickScripts are short stories, each of which ends with something that a machine misses if it leaves out one of the rules in quick.go.
var quickScripts = map[string]func(*quickScript){
	// What a peer owes that is dropped for its message is asked of another at once, also of one before it.
	"dropped for its message": func(s *quickScript) {
		s.settled(3)
		n := block(s.chain.tip, 2)
		s.do(Message{Peer: 3, Msg: wire.Headers{Headers: []types.Header{n.Header()}}})
		s.do(Message{Peer: 1, Msg: wire.Headers{Headers: []types.Header{n.Header()}}})
		if got := asked(s.all, 3); !slices.Contains(got, n.Hash()) {
			s.t.Fatalf("peer 3 was asked for %v", got)
		}
		s.all = nil
		s.do(Message{Peer: 3, Msg: wire.Headers{Headers: []types.Header{block(n, 3).Header(), block(n, 4).Header()}}})
		if got := asked(s.all, 1); !slices.Contains(got, n.Hash()) {
			s.t.Fatalf("peer 1 was asked for %v", got)
		}
	},
	// So is what a peer owes that is dropped for its silence, of one that owed nothing and had its turn before.
	"dropped for its silence": func(s *quickScript) {
		s.settled(0)
		one := block(s.chain.tip, 2)
		two := block(one, 2)
		both := wire.Headers{Headers: headersOf([]*consensustest.Node{one, two})}
		s.connect(1, Inbound, goodVersion(1))
		for id := PeerID(4); id > 1; id-- {
			s.connect(id, Outbound, goodVersion(uint64(id)))
			s.do(Message{Peer: id, Msg: both})
		}
		s.do(Message{Peer: 1, Msg: both})
		for s.all = nil; dropped(s.all, 4) == "" && s.now.Sub(testStart) < time.Hour; {
			s.do(Tick{}) // so that the next step is a narrow one
			s.all, s.now = nil, s.m.NextTick()
			s.do(Tick{})
		}
		if got := asked(s.all, 1); !slices.Contains(got, two.Hash()) {
			s.t.Fatalf("peer 1 was asked for %v", got)
		}
	},
	// One peer too many is dropped after all were looked at.
	"one too many": func(s *quickScript) {
		s.rig = newRig(s.t, func(c *Config) { c.Quiet, c.Book, c.Limits = true, &fakeBook{}, Limits{Inbound: 20, Outbound: 1} })
		s.settled(0)
		s.connect(1, Outbound, goodVersion(1))
		s.connect(2, Outbound, goodVersion(2))
		for s.pass(9 * time.Minute); effects[Disconnect](s.all) == nil && s.now.Sub(testStart) < 3*staleCheck; {
			s.do(Tick{})
			s.pass(10 * time.Second)
		}
		if got := effects[Disconnect](s.all); len(got) != 1 || got[0].Why != "one outbound peer too many" {
			s.t.Fatalf("%v", got)
		}
	},
	// The end of one peer's header sync begins the next one's, if the network was asleep.
	"turns": func(s *quickScript) {
		s.settled(0)
		s.now = s.now.Add(10 * 24 * time.Hour)
		s.connect(1, Outbound, goodVersion(1))
		s.connect(2, Outbound, goodVersion(2))
		s.all = nil
		s.do(Message{Peer: 1, Msg: wire.Headers{}})
		if len(sent[wire.GetHeaders](s.all, 2)) != 1 {
			s.t.Fatal("peer 2 was not asked")
		}
	},
	// Once the node is near the present, peers that give no blocks are told that it takes transactions.
	"settles": func(s *quickScript) {
		s.now, s.m.settled = s.now.Add(10*24*time.Hour), false
		none := goodVersion(1)
		none.Services = 0
		s.connect(1, Inbound, none)
		s.connect(2, Outbound, goodVersion(2))
		s.do(Tick{})
		s.all = nil
		s.do(Message{Peer: 2, Msg: wire.Headers{}})
		if !s.m.settled || len(sent[wire.FeeFilter](s.all, 1)) != 1 {
			s.t.Fatalf("settled %v, and peer 1 was not told", s.m.settled)
		}
	},
	// The chain moves on before it says so: who has not shown the new tip is watched from then on.
	"tip": func(s *quickScript) {
		s.settled(1)
		s.connect(5, BlockRelay, goodVersion(5))
		s.do(Message{Peer: 5, Msg: wire.Headers{Headers: []types.Header{s.chain.tip.Header()}}})
		s.do(Tick{})
		s.chain.adopt(block(s.chain.tip, 2))
		s.do(Tick{})
		s.pass(time.Hour)
		if dropped(s.all, 5) != "chain too old" {
			s.t.Fatalf("peer 5 was dropped for %q", dropped(s.all, 5))
		}
	},
	// A block was asked for whose parent is then stored: from then on its second asking is due some time.
	"owes": func(s *quickScript) {
		s.settled(3)
		one := block(s.chain.tip, 2)
		two := block(one, 2)
		s.do(Message{Peer: 1, Msg: wire.Headers{Headers: headersOf([]*consensustest.Node{one})}})
		s.do(Message{Peer: 2, Msg: wire.Headers{Headers: headersOf([]*consensustest.Node{one, two})}})
		if got := asked(s.all, 2); !slices.Equal(got, []types.Hash{two.Hash()}) {
			s.t.Fatalf("peer 2 was asked for %v", got)
		}
		s.do(Tick{})
		s.chain.have[one.Hash()] = true // and nothing is said of it
		s.do(Message{Peer: 3, Msg: wire.NotFound{}})
		s.pass(10 * time.Second)
	},
	// Another is asked for a block in the place of one that has sent half of it, and that had its turn already and owes nothing else: that one
	// has room for the next block then.
	"gives up its place": func(s *quickScript) {
		s.settled(3)
		s.do(Message{Peer: 1, Msg: wire.SendCmpct{Version: compactVersion}})
		tip := block(s.chain.tip, 2)
		s.do(Message{Peer: 1, Msg: wire.Headers{Headers: headersOf([]*consensustest.Node{tip})}})
		s.do(Message{Peer: 1, Msg: wire.BlockMsg{Block: tip.Block}})
		nodes := []*consensustest.Node{block(tip, 2, tx(1, types.Hash{1}))}
		for len(nodes) < maxInFlight+1 {
			nodes = append(nodes, block(nodes[len(nodes)-1], 2))
		}
		first := wire.Headers{Headers: headersOf(nodes[:1])}
		s.do(Message{Peer: 2, Msg: first})
		s.do(Message{Peer: 3, Msg: first})
		s.do(Message{Peer: 1, Msg: wire.Headers{Headers: headersOf(nodes[:maxInFlight])}}) // owes all but the first
		for s.m.copies(nodes[0].Hash()) < maxCopies {
			s.now = s.m.NextTick()
			s.do(Tick{})
		}
		s.connect(4, Outbound, goodVersion(4))
		s.do(Message{Peer: 4, Msg: first})
		s.do(Message{Peer: 1, Msg: wire.Headers{Headers: headersOf(nodes[maxInFlight:])}})
		s.now = s.now.Add(time.Second)
		half := wire.NewCmpctBlock(nodes[0].Block, 1)
		s.do(Message{Peer: 1, Msg: half})
		for _, n := range nodes[1:maxInFlight] {
			s.step(Message{Peer: 1, Msg: wire.BlockMsg{Block: n.Block}}) // the chain is judging
		}
		if f := s.m.blocks.flights[nodes[0].Hash()]; len(f.from) != maxCopies || f.half() == nil || f.half().peer.free() != 0 {
			s.t.Fatalf("asked of %d peers, half of it %v", len(f.from), f.half())
		}
		s.now, s.all = s.m.NextTick(), nil
		s.do(Tick{})
		if got := asked(s.all, 4); !slices.Equal(got, []types.Hash{nodes[0].Hash()}) || dropped(s.all, 1) != "" {
			s.t.Fatalf("peer 4 was asked for %v", got)
		}
		s.do(Message{Peer: 3, Msg: wire.NotFound{}})
		if got := asked(s.all, 1); !slices.Equal(got, []types.Hash{nodes[maxInFlight].Hash()}) {
			s.t.Fatalf("peer 1 was asked for %v", got)
		}
	},
	// The mempool's floor rises, which shows with a verdict: all peers hear of it soon.
	"floor": func(s *quickScript) {
		s.rig = newRig(s.t, nil)
		s.settled(3)
		s.pool.feeFloor = 5000
		s.do(TxVerdict{Tx: tx(1), Err: consensus.Reject(consensus.MinRelayFeeNotMet, "")})
		s.pass(feeFilterSoon + time.Second)
		for id := PeerID(1); id <= 3; id++ {
			if len(sent[wire.FeeFilter](s.all, id)) == 0 {
				s.t.Errorf("peer %d was not told", id)
			}
		}
	},
	// A peer asks for something: it is answered in the same step.
	"asks": func(s *quickScript) {
		s.settled(2)
		s.do(Message{Peer: 2, Msg: wire.GetData{Items: []wire.Inv{{Type: wire.InvWTx, Hash: types.Hash{7}}}}})
		if len(sent[wire.NotFound](s.all, 2)) != 1 {
			s.t.Fatal("peer 2 got no answer")
		}
	},
	// Transactions for inbound peers, who share a timer.
	"inbound": func(s *quickScript) {
		s.settled(2)
		s.connect(3, Inbound, goodVersion(3))
		s.connect(4, Inbound, goodVersion(4))
		s.pool.outs[types.Hash{1}] = true
		for i := range uint32(20) {
			x := tx(i, types.Hash{1})
			s.pool.put(x)
			s.do(TxVerdict{Tx: x, FeeRate: 5000})
			s.pass(time.Duration(i) * time.Second)
		}
		if len(sent[wire.InvMsg](s.all, 3)) < 5 || len(sent[wire.InvMsg](s.all, 4)) < 5 {
			s.t.Fatal("little was announced")
		}
	},
	// A peer with PermForceRelay has a transaction told to others that the node has already.
	"force relay": func(s *quickScript) {
		s.settled(2)
		a := testAddr(3)
		s.do(Connected{Peer: 3, Kind: Inbound, Addr: a, NetGroup: netGroup(a), Permissions: PermForceRelay | PermRelay})
		s.shake(3, goodVersion(3))
		s.pool.outs[types.Hash{1}] = true
		x := tx(1, types.Hash{1})
		s.pool.put(x)
		s.do(Message{Peer: 3, Msg: wire.TxMsg{Tx: x}})
		s.pass(time.Minute)
		if len(sent[wire.InvMsg](s.all, 1)) != 1 {
			s.t.Fatal("peer 1 was not told")
		}
	},
}

// quickScript is a rig that notes what is said after each event, and when the machine wants to be woken.
type quickScript struct {
	*rig
	lines []string
}

func (s *quickScript) do(ev Event) {
	s.t.Helper()
	todo := []Event{ev}
	for len(todo) > 0 {
		out := s.step(todo[0])
		s.lines = append(s.lines, fmt.Sprintf("%T: %s, then %v", todo[0], said(out), s.m.NextTick()))
		todo = todo[1:]
		for _, eff := range out {
			todo = append(todo, s.judge(eff)...)
		}
	}
}

func (s *quickScript) connect(id PeerID, kind ConnKind, v wire.Version) {
	s.t.Helper()
	a := testAddr(id)
	s.do(Connected{Peer: id, Kind: kind, Addr: a, NetGroup: netGroup(a)})
	s.shake(id, v)
}

func (s *quickScript) shake(id PeerID, v wire.Version) {
	s.t.Helper()
	for _, msg := range []wire.Message{v, wire.WTxIDRelay{}, wire.SendHeaders{}, wire.Verack{}} {
		s.do(Message{Peer: id, Msg: msg})
	}
}

// settled gives the node a young tip, which n outbound peers have shown.
func (s *quickScript) settled(n PeerID) {
	s.t.Helper()
	nodes := branch(rootNode, 3, 1)
	s.chain.adopt(nodes...)
	s.do(TipChanged{})
	for id := PeerID(1); id <= n; id++ {
		s.connect(id, Outbound, goodVersion(uint64(id)))
		s.do(Message{Peer: id, Msg: wire.Headers{Headers: headersOf(nodes[1:])}})
	}
	s.do(Tick{})
	if s.all = nil; !s.m.settled {
		s.t.Fatal("not settled")
	}
}

// pass lets time pass, with a tick whenever the machine wants one.
func (s *quickScript) pass(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	for s.m.NextTick().Before(end) {
		s.now = s.m.NextTick()
		s.do(Tick{})
	}
	s.now = end
}

func TestQuickScripts(t *testing.T) {
	for name, play := range quickScripts {
		t.Run(name, func(t *testing.T) {
			beside(t, func() []string {
				s := &quickScript{rig: newRig(t, func(c *Config) { c.Quiet = true })}
				play(s)
				return s.lines
			})
		})
	}
}

// The scenario files say the same of machines that look at every peer.
func TestQuickScenarios(t *testing.T) {
	if *rewrite {
		t.Skip("-rewrite: TestScenarios writes the files")
	}
	thorough = true
	defer func() { thorough = false }()
	TestScenarios(t)
}
