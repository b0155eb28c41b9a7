package p2p

import (
	"context"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// tcpNet makes a Net on loopback whose events come out of a channel.
func tcpNet(t *testing.T, change func(*Config)) (*Net, netip.AddrPort, chan proto.Event) {
	t.Helper()
	events := make(chan proto.Event)
	cfg := Config{Magic: testMagic, Emit: func(ctx context.Context, ev proto.Event) {
		select {
		case events <- ev:
		case <-ctx.Done():
		}
	}}
	if change != nil {
		change(&cfg)
	}
	n := New(cfg)
	t.Cleanup(n.Close)
	addr, err := n.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return n, addr, events
}

// next returns the next event, which must be of type E.
func next[E proto.Event](t *testing.T, events chan proto.Event) E {
	t.Helper()
	got := <-events
	ev, ok := got.(E)
	if !ok {
		t.Fatalf("event %#v, want %T", got, ev)
	}
	return ev
}

// Two nodes over TCP: a block of some size one way, and back.
func TestTwoNodesOverTCP(t *testing.T) {
	a, _, fromA := tcpNet(t, nil)
	b, addrB, fromB := tcpNet(t, nil)
	a.Dial(addrB, proto.Manual)
	ca := next[proto.Connected](t, fromA)
	cb := next[proto.Connected](t, fromB)
	if ca.Addr != addrB || !ca.Local || ca.Kind != proto.Manual || !cb.Local || cb.Kind != proto.Inbound || cb.Addr.Addr() != addrB.Addr() {
		t.Errorf("%+v and %+v", ca, cb)
	}
	tx := &types.Tx{Version: 2, In: []types.TxIn{{}}, Out: []types.TxOut{{Value: 1, Script: make([]byte, 1_500_000)}}}
	block := &types.Block{Txs: []*types.Tx{tx}}
	a.Send(ca.Peer, wire.BlockMsg{Block: block})
	m := next[proto.Message](t, fromB)
	got, ok := m.Msg.(wire.BlockMsg)
	if !ok || got.Block.Hash() != block.Hash() || got.Block.Txs[0].ID() != tx.ID() || m.Size != wire.HeaderSize+block.Size() {
		t.Fatalf("got %T of %d bytes", m.Msg, m.Size)
	}
	b.Send(cb.Peer, got)
	if back := next[proto.Message](t, fromA); back.Size != m.Size {
		t.Errorf("%d bytes came back of %d", back.Size, m.Size)
	}
	b.Disconnect(cb.Peer, "done")
	next[proto.Gone](t, fromB)
	next[proto.Gone](t, fromA)
}

func TestDialNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := addrPort(l.Addr())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	n, _, events := tcpNet(t, nil)
	n.Dial(addr, proto.Outbound)
	if got := next[proto.DialFailed](t, events); got.Addr != addr {
		t.Errorf("got %+v", got)
	}
}

func TestPortTaken(t *testing.T) {
	n, addr, _ := tcpNet(t, nil)
	_, err := n.Listen(addr.String())
	if err == nil || !strings.Contains(err.Error(), addr.String()) || !strings.Contains(err.Error(), "taken") {
		t.Errorf("got %v", err)
	}
	if _, err := n.Listen("300.1.1.1:1"); err == nil || !strings.Contains(err.Error(), "300.1.1.1:1") {
		t.Errorf("got %v", err)
	}
}

// More connections than are allowed, over real sockets: the surplus is closed, and what stands works.
func TestManyConnectionsOverTCP(t *testing.T) {
	const most = 30
	n, addr, events := tcpNet(t, func(c *Config) { c.MaxConnections, c.Slack = most-2, 2 })
	go func() {
		for range events { // the owner reads on; ends with the test
		}
	}()
	t.Cleanup(func() { n.Close(); close(events) })
	var conns []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if len(conns) > most {
			// Beyond that the node closes; the read sees it.
			if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Fatal(err)
			}
		}
	}
	if got := len(n.Peers()); got != most {
		t.Errorf("%d connections stand, want %d", got, most)
	}
	n.Close()
	for _, c := range conns {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// After Close no goroutine of a Net is left, though nobody takes its events any more.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		a, _, _ := tcpNet(t, nil)
		b, addr, events := tcpNet(t, nil)
		for range 4 {
			a.Dial(addr, proto.Manual)
		}
		next[proto.Connected](t, events) // and none of what follows
		b.Close()
		a.Close()
	}
	// A goroutine that Close waited for may still be on its last instruction. One that is left for good is
	// shown by the test's time limit, which prints all stacks.
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
	}
}
