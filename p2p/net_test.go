package p2p

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cairn-chain/cairn/p2p/addrbook"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// The address book is what the machine asks for.
var _ proto.Book = (*addrbook.Book)(nil)

var someAddr = netip.MustParseAddrPort("203.0.113.9:21333")

// isClosed tells whether the node has closed its end.
func isClosed(c net.Conn) bool {
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return true
	}
	_, err := c.Read(make([]byte, 1))
	var timeout net.Error
	return !(errors.As(err, &timeout) && timeout.Timeout())
}

// Ten thousand connections at once: as many as are allowed stand, the rest are closed, and when one goes
// another may come.
func TestTenThousandConnections(t *testing.T) {
	limit := func(c *Config) { c.MaxConnections, c.Slack = 20, 4 }
	bubble(t, limit, func(w *world) {
		var first net.Conn
		for i := range 10_000 {
			c := w.inbound(fmt.Sprintf("10.%d.%d.%d:5000", i>>14, i>>7&127, i&127))
			if i == 0 {
				first = c
			}
			if open := !isClosed(c); open != (i < 24) {
				t.Fatalf("connection %d is open: %v", i, open)
			}
		}
		if n := len(w.Peers()); n != 24 || w.counted("refused "+whyFull) != 10_000-24 {
			t.Errorf("%d peers, counts %v", n, w.countedAll())
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		w.take()
		if c := w.inbound("10.9.9.9:5000"); isClosed(c) {
			t.Error("nobody may take the place of one that left")
		}
	})
}

// One host may hold only so many connections on which nobody has said verack; loopback any number.
func TestUngreetedPerHost(t *testing.T) {
	bubble(t, nil, func(w *world) {
		var conns []net.Conn
		for i := range 4 {
			conns = append(conns, w.inbound(fmt.Sprintf("203.0.113.5:%d", 4000+i)))
		}
		if !isClosed(w.inbound("203.0.113.5:4999")) || w.counted("refused "+whyUngreeted) != 1 {
			t.Errorf("a fifth is taken: %v", w.countedAll())
		}
		if isClosed(w.inbound("203.0.113.6:4000")) {
			t.Error("another host has to suffer")
		}
		w.write(conns[0], frameOf(wire.Verack{}))
		w.write(conns[0], frameOf(wire.Verack{})) // frees one place, not two
		if err := conns[1].Close(); err != nil {
			t.Fatal(err)
		}
		w.take()
		for i, open := range []bool{true, true, false} {
			if c := w.inbound(fmt.Sprintf("203.0.113.5:%d", 6000+i)); isClosed(c) == open {
				t.Errorf("after one greeting and one leaving, connection %d is open: %v", i+1, !open)
			}
		}
		// A /64 counts as one host.
		for i := range 5 {
			if c := w.inbound(fmt.Sprintf("[2a00:1:2:3::%x]:1", i+1)); isClosed(c) != (i == 4) {
				t.Errorf("connection %d of a /64 is open: %v", i+1, i == 4)
			}
		}
		for i := range 20 {
			if isClosed(w.inbound(fmt.Sprintf("127.0.0.1:%d", 4000+i))) {
				t.Errorf("loopback connection %d is refused", i+1)
			}
		}
		w.Disconnect(0, "no such peer")
	})
	bubble(t, nil, func(w *world) {
		for range 50 { // all places are given back
			c := w.inbound("203.0.113.5:1")
			if isClosed(c) {
				t.Fatal("a place was not given back")
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			w.take()
		}
		if len(w.ungreeted) != 0 {
			t.Errorf("left: %v", w.ungreeted)
		}
	})
}

// While no file descriptor is left, accepting pauses, longer each time; then it goes on.
func TestAcceptFails(t *testing.T) {
	bubble(t, nil, func(w *world) {
		began := time.Now()
		for range 12 {
			w.lis.errs <- syscall.EMFILE
		}
		c := w.inbound("")
		// 5+10+…+640 ms, then 4 times 1 s.
		if waited := time.Since(began); waited != 5275*time.Millisecond {
			t.Errorf("paused %s in all", waited)
		}
		if isClosed(c) {
			t.Error("the node does not take connections any more")
		}
		if w.counted("refused "+whyAccept) != 12 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// Close does not wait for the pause to end.
func TestCloseWhileAcceptPauses(t *testing.T) {
	bubble(t, nil, func(w *world) {
		began := time.Now()
		for range 9 {
			w.lis.errs <- syscall.EMFILE
		}
		synctest.Wait()
		before := time.Since(began)
		w.Close()
		if after := time.Since(began); after != before {
			t.Errorf("Close took %s", after-before)
		}
	})
}

func TestPeerIDs(t *testing.T) {
	bubble(t, nil, func(w *world) {
		for i := range 5 {
			c := w.inbound("")
			if got := one[proto.Connected](t, w.take()); got.Peer != proto.PeerID(i+1) || got.NetGroup != "none" || got.Addr.IsValid() {
				t.Errorf("got %+v", got)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			w.take()
		}
	})
}

// dialTo makes Dial give the answer.
func dialTo(dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)) func(*Config) {
	return func(c *Config) {
		c.Transport = pipeTransport{lis: c.Transport.(pipeTransport).lis, dial: dial}
	}
}

func TestDial(t *testing.T) {
	var far net.Conn
	dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
		var near net.Conn
		near, far = net.Pipe()
		return near, nil
	}
	bubble(t, dialTo(dial), func(w *world) {
		w.Dial(someAddr, proto.BlockRelay)
		got := one[proto.Connected](t, w.take())
		if got.Kind != proto.BlockRelay || got.Addr != someAddr || got.NetGroup != "203.0.0.0/16" {
			t.Errorf("got %+v", got)
		}
		if !w.Send(got.Peer, wire.Ping{Nonce: 1}) {
			t.Error("Send refuses")
		}
		buf := make([]byte, 32)
		if _, err := far.Read(buf); err != nil || string(buf) != string(frameOf(wire.Ping{Nonce: 1})) {
			t.Errorf("read %x, %v", buf, err)
		}
		w.Disconnect(got.Peer, "enough")
		one[proto.Gone](t, w.take())
		if w.counted("closed enough") != 1 || w.Send(got.Peer, wire.Ping{}) {
			t.Errorf("counts %v", w.countedAll())
		}
		w.Disconnect(got.Peer, "again")
		if evs := w.take(); len(evs) != 0 {
			t.Errorf("events %v", evs)
		}
	})
}

func TestDialFails(t *testing.T) {
	refused := func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, syscall.ECONNREFUSED }
	silent := func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, c := range map[string]struct {
		dial func(context.Context, netip.AddrPort) (net.Conn, error)
		wait time.Duration
	}{"refused": {refused, 0}, "silent": {silent, 10 * time.Second}} {
		bubble(t, dialTo(c.dial), func(w *world) {
			w.Dial(someAddr, proto.Feeler)
			w.pass(c.wait)
			if got := one[proto.DialFailed](t, w.take()); got.Addr != someAddr || got.Kind != proto.Feeler {
				t.Errorf("%s: got %+v", name, got)
			}
		})
	}
}

// Only so many dials are under way at once; the others fail at once. Close ends them all without waiting.
func TestDialsAreBounded(t *testing.T) {
	silent := func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	bubble(t, dialTo(silent), func(w *world) {
		for range 100 {
			w.Dial(someAddr, proto.Outbound)
		}
		if n := len(w.take()); n != 100-32 {
			t.Errorf("%d of 100 dials failed at once", n)
		}
		began := time.Now()
		w.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %s", took)
		}
		w.take()
		w.Dial(someAddr, proto.Outbound)
		if evs := w.take(); len(evs) != 0 {
			t.Errorf("events after Close: %v", evs)
		}
	})
}

// The places of inbound connections do not take those of outbound ones.
func TestDialWhenInboundIsFull(t *testing.T) {
	dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
		near, _ := net.Pipe()
		return near, nil
	}
	bubble(t, func(c *Config) { dialTo(dial)(c); c.MaxConnections, c.Slack = 2, 1 }, func(w *world) {
		for range 5 {
			w.inbound("")
		}
		w.take()
		w.Dial(someAddr, proto.Outbound)
		one[proto.Connected](t, w.take())
	})
}

func TestNetworkInactive(t *testing.T) {
	dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
		near, _ := net.Pipe()
		return near, nil
	}
	bubble(t, dialTo(dial), func(w *world) {
		w.inbound("")
		w.Dial(someAddr, proto.Outbound)
		if evs := w.take(); len(evs) != 2 || !w.NetworkActive() {
			t.Fatalf("events %v", evs)
		}
		w.SetNetworkActive(false)
		if evs := w.take(); len(evs) != 2 || len(w.Peers()) != 0 || w.NetworkActive() {
			t.Errorf("events %v, peers %v", evs, w.Peers())
		}
		if !isClosed(w.inbound("")) {
			t.Error("a connection is taken")
		}
		w.Dial(someAddr, proto.Outbound)
		one[proto.DialFailed](t, w.take())
		w.SetNetworkActive(true)
		if isClosed(w.inbound("")) {
			t.Error("no connection is taken")
		}
		w.take()
		w.Dial(someAddr, proto.Outbound)
		one[proto.Connected](t, w.take())
		if w.counted("closed "+whyInactive) != 2 || w.counted("refused "+whyInactive) != 1 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// A codec that cannot open a connection: an inbound one comes and goes, outbound the dial failed.
func TestOpenFails(t *testing.T) {
	dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
		near, _ := net.Pipe()
		return near, nil
	}
	bubble(t, func(c *Config) { dialTo(dial)(c); c.Codec = stubbornCodec{} }, func(w *world) {
		c := w.inbound("")
		came := one[proto.Connected](t, w.take())
		if ps := w.Peers(); len(ps) != 1 || ps[0].Transport != "detecting" {
			t.Errorf("peers %+v", ps)
		}
		w.pass(30 * time.Second)
		if gone := one[proto.Gone](t, w.take()); gone.Peer != came.Peer || !isClosed(c) || len(w.Peers()) != 0 {
			t.Errorf("gone %v, peers %v", gone, w.Peers())
		}
		w.Dial(someAddr, proto.Manual)
		w.pass(30 * time.Second)
		one[proto.DialFailed](t, w.take())
		if w.counted("closed "+whyOpen) != 2 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// stubbornCodec waits for a byte that never comes, until the connection's deadline.
type stubbornCodec struct{}

func (stubbornCodec) Open(c net.Conn, _ bool) (Stream, error) {
	_, err := c.Read(make([]byte, 1))
	return nil, err
}

func TestCloseTwiceAndListenAfter(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.inbound("")
		w.Close()
		w.Close()
		if _, err := w.Listen("anywhere:0"); !errors.Is(err, ErrClosed) {
			t.Errorf("Listen after Close: %v", err)
		}
		w.SetNetworkActive(false)
		if w.Send(1, wire.Ping{}) {
			t.Error("Send after Close")
		}
	})
}

func TestNewWithoutEmit(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("New takes a Config without Emit")
		}
	}()
	New(Config{})
}

// mapper is a router.
type mapper struct {
	addr netip.AddrPort
	err  error
}

func (m mapper) Map(context.Context, uint16) (netip.AddrPort, error) { return m.addr, m.err }

func TestPortMapper(t *testing.T) {
	for _, m := range []mapper{{addr: someAddr}, {err: errors.New("no router")}, {}} {
		bubble(t, func(c *Config) { c.PortMapper = m }, func(w *world) {
			synctest.Wait()
			if got := w.External(); got != m.addr {
				t.Errorf("external %s, want %s", got, m.addr)
			}
		})
	}
}

func TestAddrPort(t *testing.T) {
	for _, c := range []struct {
		in   net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(1, 2, 3, 4), Port: 5}, "1.2.3.4:5"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Port: 5, Zone: "eth0"}, "[fe80::1]:5"},
		{&net.UnixAddr{Name: "@x", Net: "unix"}, "invalid AddrPort"},
		{net.Addr(textAddr("5.6.7.8:9")), "5.6.7.8:9"},
		{nil, "invalid AddrPort"},
	} {
		if got := addrPort(c.in).String(); got != c.want {
			t.Errorf("%v is %s, want %s", c.in, got, c.want)
		}
	}
}

type textAddr string

func (textAddr) Network() string  { return "text" }
func (a textAddr) String() string { return string(a) }
