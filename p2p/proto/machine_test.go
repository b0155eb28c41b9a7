package proto

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

func TestConfigIsChecked(t *testing.T) {
	ok := Config{Params: testNet, Rand: rand.New(rand.NewPCG(1, 1)), Chain: newFakeChain()}
	if _, err := New(ok); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Config){
		"params": func(c *Config) { c.Params = nil }, "rand": func(c *Config) { c.Rand = nil },
		"chain": func(c *Config) { c.Chain = nil }, "scale": func(c *Config) { c.TrickleScale = -1 },
	} {
		c := ok
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("no error without %s", name)
		}
	}
}

func TestPoissonMean(t *testing.T) {
	r := newRig(t, nil)
	var sum time.Duration
	for range 20_000 {
		d := r.m.poisson(5 * time.Second)
		if d <= 0 || d > 5*time.Minute {
			t.Fatalf("drew %v", d)
		}
		sum += d
	}
	if mean := sum / 20_000; mean < 4900*time.Millisecond || mean > 5100*time.Millisecond {
		t.Errorf("mean %v", mean)
	}
}

func TestForkOf(t *testing.T) {
	trunk := branch(rootNode, 50, 1)
	side := branch(trunk[19], 40, 2)
	for a := 15; a < 50; a++ {
		for b := range side {
			if got, want := forkOf(trunk[a], side[b]).Height(), min(trunk[a].Height(), 20); got != want {
				t.Fatalf("fork of heights %d and %d is %d, want %d", trunk[a].Height(), side[b].Height(), got, want)
			}
		}
	}
}

func TestBigReorgIsAnnouncedByInv(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Inbound)
	r.announce(1, branch(rootNode, 1, 9)...)
	r.recv(1, wire.Headers{})
	nodes := branch(rootNode, maxHeadersAnnounced+1, 1)
	r.chain.adopt(nodes...)
	out := r.step(TipChanged{})
	if inv := sent[wire.InvMsg](out, 1); len(inv) != 1 || inv[0].Items[0].Hash != nodes[maxHeadersAnnounced].Hash() {
		t.Errorf("effects %v", out)
	}
	if len(sent[wire.Headers](out, 1)) != 0 {
		t.Error("headers too")
	}
}

func TestBlocksOnly(t *testing.T) {
	r := newRig(t, func(c *Config) { c.BlocksOnly = true })
	r.ready(1, Outbound)
	if v := sent[wire.Version](r.all, 1); len(v) != 1 || v[0].Relay {
		t.Errorf("version %v", v)
	}
	r.ready(2, Inbound)
	theirs, own := tx(1, types.Hash{1}), tx(2, types.Hash{1})
	r.pool.put(theirs)
	r.pool.put(own)
	r.step(TxVerdict{Peer: 9, Tx: theirs, FeeRate: 1})
	r.step(Broadcast{own.ID(), own.WitnessID()})
	r.pass(time.Minute)
	if inv := sent[wire.InvMsg](r.all, 2); len(inv) != 1 || len(inv[0].Items) != 1 || inv[0].Items[0].Hash != own.WitnessID() {
		t.Errorf("announced %v", inv)
	}
	if dropped(r.recv(1, wire.TxMsg{Tx: theirs}), 1) == "" {
		t.Error("who sends a transaction is not disconnected")
	}
}

func TestDiscouragedInbound(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Limits.Inbound = 3 })
	r.ready(1, Inbound)
	h := rootNode.Header()
	h.Bits = 1
	r.recv(1, wire.Headers{Headers: []types.Header{h}})
	r.step(Gone{1})
	again := func(id PeerID) string {
		return dropped(r.step(Connected{Peer: id, Kind: Inbound, Addr: testAddr(1)}), id)
	}
	if why := again(2); why != "" {
		t.Errorf("refused with free places: %s", why)
	}
	r.ready(3, Inbound)
	if why := again(4); why != "discouraged" {
		t.Errorf("the last place is given to a discouraged peer: %q", why)
	}
}

func TestPeopleAndPlumbing(t *testing.T) {
	r := newRig(t, nil)
	r.ready(1, Inbound)
	r.ready(2, Inbound)
	r.ready(3, BlockRelay)
	if why := dropped(r.step(DropPeer{1}), 1); why != "asked for" {
		t.Errorf("dropped for %q", why)
	}
	if out := r.recv(1, wire.Ping{Nonce: 1}); len(out) != 0 {
		t.Errorf("a closed peer is answered: %v", out)
	}
	if why := dropped(r.step(Malformed{2, errors.New("short")}), 2); why != "malformed message" {
		t.Errorf("dropped for %q", why)
	}
	if a := r.m.Anchors(); len(a) != 1 || a[0] != testAddr(3) {
		t.Errorf("anchors %v", a)
	}
	r.recv(3, wire.Pong{Nonce: r.m.peers[3].ping.nonce})
	if out := r.step(PingAll{}); len(sent[wire.Ping](out, 3)) != 1 {
		t.Errorf("effects %v", out)
	}
	if p := r.m.Peers(); len(p) != 1 || p[0].ID != 3 || p[0].PingLast == 0 || p[0].RelayTx {
		t.Errorf("peers %+v", p)
	}
}

// A node that dials nobody and hears nothing sleeps for long.
func TestIdleMachineSleeps(t *testing.T) {
	r := newRig(t, nil)
	if d := r.m.NextTick().Sub(r.now); d != idleTick {
		t.Errorf("wakes after %v", d)
	}
	r.ready(1, Manual)
	r.recv(1, wire.Headers{})
	r.recv(1, wire.Pong{Nonce: r.m.peers[1].ping.nonce})
	ticks := 0
	for end := r.now.Add(time.Hour); r.m.NextTick().Before(end); ticks++ {
		r.now = r.m.NextTick()
		for _, p := range sent[wire.Ping](r.step(Tick{}), 1) {
			r.recv(1, wire.Pong(p))
		}
	}
	if ticks > 50 {
		t.Errorf("%d ticks an hour with one quiet peer", ticks)
	}
}

func TestPoolViewOfNothing(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Pool = nil })
	r.ready(1, Inbound)
	out := r.recv(1, wire.GetData{Items: []wire.Inv{{Type: wire.InvWTx, Hash: types.Hash{1}}}})
	if len(sent[wire.NotFound](out, 1)) != 1 {
		t.Errorf("effects %v", out)
	}
}

// Addresses of one group are not dialled twice, nor those that are discouraged.
func TestBookIsDialledByGroups(t *testing.T) {
	var addrs []netip.AddrPort
	for i := range 40 {
		addrs = append(addrs, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i % 4), byte(i), 1}), 1))
	}
	r := newBookRig(t, addrs, nil)
	r.pass(time.Hour)
	if d := effects[Dial](r.all); len(d) != 4 {
		t.Errorf("%d dials into 4 groups", len(d))
	}
}

// One message with 100 peers connected, and the question for the next tick, as the owner of a busy node asks them.
func BenchmarkStep(b *testing.B) {
	r := newRig(b, func(c *Config) { c.Limits.Inbound = 200 })
	for id := PeerID(1); id <= 100; id++ {
		r.ready(id, Inbound)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.m.Step(r.now, Message{Peer: 50, Msg: wire.Ping{Nonce: 1}})
		r.m.NextTick()
	}
}
