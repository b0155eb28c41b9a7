package p2p

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

const testMagic = 0xdab5bffa

// world is a Net in a synctest bubble, with connections in memory, and all that it said.
type world struct {
	*Net
	t   *testing.T
	lis *pipeListener

	mu     sync.Mutex
	events []proto.Event
	counts map[string]int
}

// bubble runs a test in virtual time, with a Net that listens. The bubble fails if a goroutine outlives
// Close.
func bubble(t *testing.T, change func(*Config), test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, lis: newPipeListener(), counts: map[string]int{}}
		cfg := Config{Magic: testMagic, Transport: pipeTransport{lis: w.lis}, Observe: w}
		cfg.Emit = func(_ context.Context, ev proto.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, ev)
		}
		if change != nil {
			change(&cfg)
		}
		w.Net = New(cfg)
		if _, err := w.Listen("anywhere:0"); err != nil {
			t.Fatal(err)
		}
		test(w)
		w.Close()
		w.checkPaired()
	})
}

// take returns what was emitted since the last call, once all is still.
func (w *world) take() []proto.Event {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	evs := w.events
	w.events = nil
	w.note(evs)
	return evs
}

// note remembers Connected and Gone for checkPaired.
func (w *world) note(evs []proto.Event) {
	for _, ev := range evs {
		switch ev.(type) {
		case proto.Connected:
			w.counts["connected"]++
		case proto.Gone:
			w.counts["gone"]++
		}
	}
}

// checkPaired fails if not every Connected had its one Gone.
func (w *world) checkPaired() {
	w.t.Helper()
	w.take()
	if w.counts["connected"] != w.counts["gone"] {
		w.t.Errorf("%d connected, %d gone", w.counts["connected"], w.counts["gone"])
	}
	if n := len(w.Peers()); n != 0 {
		w.t.Errorf("%d peers after Close", n)
	}
}

func (w *world) count(name string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[name] += n
}

func (w *world) counted(name string) int {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[name]
}

func (w *world) countedAll() map[string]int {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.counts)
}

func (w *world) Received(command string, bytes int) {
	w.count("received "+command, 1)
	w.count("received bytes", bytes)
}

func (w *world) Sent(command string, bytes int) {
	w.count("sent "+command, 1)
	w.count("sent bytes", bytes)
}
func (w *world) Decoded(command string, _ time.Duration) { w.count("decoded "+command, 1) }

func (w *world) Refused(reason string) { w.count("refused "+reason, 1) }
func (w *world) Closed(reason string)  { w.count("closed "+reason, 1) }

// inbound connects a peer from the given address, or from nowhere in particular, and returns the peer's end.
func (w *world) inbound(from string) net.Conn {
	w.t.Helper()
	ours, theirs := net.Pipe()
	var conn net.Conn = ours
	if from != "" {
		conn = groupedConn{ours, netip.MustParseAddrPort(from)}
	}
	w.lis.conns <- conn
	synctest.Wait()
	return theirs
}

// write sends bytes to the node. The node may close before it has taken all of them.
func (w *world) write(c net.Conn, b []byte) {
	w.t.Helper()
	if _, err := c.Write(b); err != nil && !errors.Is(err, net.ErrClosed) && err.Error() != "io: read/write on closed pipe" {
		w.t.Fatal(err)
	}
}

// pass lets virtual time go by. There is a world only inside of a bubble, so no test waits for it.
func (w *world) pass(d time.Duration) { <-time.After(d) }

// one returns the only event, which must be of type E.
func one[E proto.Event](t *testing.T, evs []proto.Event) E {
	t.Helper()
	var zero E
	if len(evs) != 1 {
		t.Fatalf("events %#v, want one %T", evs, zero)
	}
	ev, ok := evs[0].(E)
	if !ok {
		t.Fatalf("event %#v, want %T", evs[0], zero)
	}
	return ev
}

func frameOf(m wire.Message) []byte { return wire.AppendFrame(nil, testMagic, m) }

// pipeTransport connects in memory. dial answers Dial, if it is set.
type pipeTransport struct {
	lis  net.Listener
	dial func(ctx context.Context, addr netip.AddrPort) (net.Conn, error)
}

func (p pipeTransport) Listen(string) (net.Listener, error) { return p.lis, nil }

func (p pipeTransport) Dial(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return p.dial(ctx, addr)
}

type pipeListener struct {
	conns chan net.Conn
	errs  chan error
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), errs: make(chan error), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case err := <-l.errs:
		return nil, err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 21333} }

// groupedConn is a connection from an address of our choice.
type groupedConn struct {
	net.Conn
	from netip.AddrPort
}

func (g groupedConn) NetGroup() (string, netip.AddrPort) { return "", g.from }

// minute is how long peers wait between bytes in these tests.
const minute = time.Minute
