package p2p

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/p2p/addrbook"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// ErrClosed is returned by Listen after Close.
var ErrClosed = errors.New("p2p: closed")

// Why connections end or are not taken, apart from what Disconnect was called with. These are labels of
// metrics.
const (
	whyShutdown     = "shutdown"
	whyInactive     = "network inactive"
	whyQueueFull    = "send queue full"
	whyMalformed    = "malformed message" // as the machine calls it: either may close first
	whyReadTimeout  = "frame timeout"
	whyWriteTimeout = "write timeout"
	whyEOF          = "closed by peer"
	whyHalfFrame    = "closed by peer in a frame"
	whyError        = "connection error"
	whyOpen         = "open failed"
	whyFull         = "too many connections"
	whyUngreeted    = "too many ungreeted connections from one address"
	whyAccept       = "accept failed"
)

// How long accepting pauses after it failed, as when no file descriptor is left: doubled each time.
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// Net holds the connections of one node. All methods are safe for concurrent use, and none but Close
// and Listen waits for anything.
type Net struct {
	cfg   Config
	ctx   context.Context
	stop  context.CancelFunc
	work  sync.WaitGroup // every goroutine of the Net
	quiet *quietLog
	talk  *TalkLog      // of single messages
	heavy chan struct{} // a place for each large message that is being delivered

	mu        sync.Mutex
	closed    bool
	inactive  bool
	lastID    proto.PeerID
	peers     map[proto.PeerID]*peer
	ungreeted map[netip.Prefix]int
	dials     int
	listeners []net.Listener
	external  netip.AddrPort
}

// New makes a Net without connections. It panics if cfg.Emit is nil.
func New(cfg Config) *Net {
	if cfg.Emit == nil {
		panic("p2p: Config.Emit is nil")
	}
	cfg = cfg.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	return &Net{
		cfg: cfg, ctx: ctx, stop: stop,
		quiet:     newQuietLog(cfg.Log),
		talk:      NewTalkLog(cfg.Log),
		heavy:     make(chan struct{}, maxHeavy),
		peers:     make(map[proto.PeerID]*peer),
		ungreeted: make(map[netip.Prefix]int),
	}
}

// Listen takes connections on host:port from now on and returns the address that it got; port 0 lets the
// system choose. It may be called for several addresses. Errors: the transport's, which name the
// address, and ErrClosed.
func (n *Net) Listen(addr string) (netip.AddrPort, error) { return n.ListenFor(addr, 0) }

// ListenFor is Listen for connections with permissions, which Config.Admit is told of.
func (n *Net) ListenFor(addr string, bound proto.Permissions) (netip.AddrPort, error) {
	l, err := n.cfg.Transport.Listen(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return netip.AddrPort{}, errors.Join(ErrClosed, l.Close())
	}
	n.listeners = append(n.listeners, l)
	at := addrPort(l.Addr())
	n.work.Go(func() { n.accept(l, bound) })
	n.work.Go(func() { n.mapPort(at.Port()) })
	return at, nil
}

// External returns the address under which a PortMapper made the node reachable, or the zero value.
func (n *Net) External() netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.external
}

func (n *Net) mapPort(port uint16) {
	addr, err := n.cfg.PortMapper.Map(n.ctx, port)
	if err != nil {
		n.quiet.write(slog.LevelInfo, "no port mapping", "port", port, "err", err)
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if addr.IsValid() {
		n.external = addr
	}
}

// Dial connects to an address in the background. Either Connected or DialFailed follows, unless the Net is
// closed first. If the Codec is a Fallback and the other end does not know it, the address is dialled twice.
func (n *Net) Dial(addr netip.AddrPort, kind proto.ConnKind) { n.dialWith(addr, kind, n.cfg.Codec) }

// DialOlder is Dial with the older codec from the start, if the Codec is a Fallback: for addresses that do not claim
// to know the newer one.
func (n *Net) DialOlder(addr netip.AddrPort, kind proto.ConnKind) {
	codec := n.cfg.Codec
	if f, ok := codec.(Fallback); ok {
		codec = f.Fallback()
	}
	n.dialWith(addr, kind, codec)
}

func (n *Net) dialWith(addr netip.AddrPort, kind proto.ConnKind, codec Codec) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	allowed := !n.inactive && n.dials < n.cfg.MaxDials
	if allowed {
		n.dials++
	}
	n.work.Go(func() {
		if !allowed || !n.reach(addr, kind, codec) {
			n.cfg.Emit(n.ctx, proto.DialFailed{Addr: addr, Kind: kind})
		}
	})
}

// reach dials with a codec, and once more with its fallback if the other end does not know it. It returns false if
// no connection came of it.
func (n *Net) reach(addr netip.AddrPort, kind proto.ConnKind, codec Codec) bool {
	err := n.dial(addr, kind, codec)
	if f, ok := codec.(Fallback); ok && errors.Is(err, ErrOlder) && n.ctx.Err() == nil {
		n.mu.Lock()
		n.dials++
		n.mu.Unlock()
		err = n.dial(addr, kind, f.Fallback())
	}
	return err == nil
}

// dial connects and serves the connection to its end, or says why no connection came of it.
func (n *Net) dial(addr netip.AddrPort, kind proto.ConnKind, codec Codec) error {
	ctx, cancel := context.WithTimeout(n.ctx, n.cfg.DialTimeout)
	conn, err := n.cfg.Transport.Dial(ctx, addr)
	cancel()
	n.mu.Lock()
	n.dials--
	n.mu.Unlock()
	if err != nil {
		n.quiet.write(slog.LevelDebug, "dial failed", "addr", addr, "err", err)
		return err
	}
	p, why := n.admit(conn, kind, addr, 0)
	if p == nil {
		n.refuse(conn, why)
		return errors.New(why)
	}
	return n.serve(p, codec)
}

// accept takes connections until the listener is closed. A failure, as when no file descriptor is
// left, pauses it and never ends it.
func (n *Net) accept(l net.Listener, bound proto.Permissions) {
	pause := acceptPauseMin
	for {
		conn, err := l.Accept()
		if err == nil {
			pause = acceptPauseMin
			n.take(conn, bound)
			continue
		}
		if n.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return
		}
		n.cfg.Observe.Refused(whyAccept)
		n.quiet.write(slog.LevelWarn, "cannot take a connection", "err", err, "pause", pause)
		select {
		case <-time.After(pause):
		case <-n.ctx.Done():
			return
		}
		pause = min(2*pause, acceptPauseMax)
	}
}

// take admits an inbound connection and serves it in its own goroutine.
func (n *Net) take(conn net.Conn, bound proto.Permissions) {
	p, why := n.admit(conn, proto.Inbound, netip.AddrPort{}, bound)
	if p == nil {
		n.refuse(conn, why)
		return
	}
	n.work.Go(func() {
		if err := n.serve(p, n.cfg.Codec); err != nil {
			return // serve has said so
		}
	})
}

func (n *Net) refuse(conn net.Conn, why string) {
	n.cfg.Observe.Refused(why)
	n.quiet.write(slog.LevelInfo, "connection refused", "why", why, "addr", addrPort(conn.RemoteAddr()))
	n.shut(conn)
}

// shut closes a connection; how that went matters to nobody but a reader of the log.
func (n *Net) shut(conn net.Conn) {
	if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		n.quiet.write(slog.LevelDebug, "closing a connection failed", "err", err)
	}
}

// admit is the one way in, for every transport and direction. It registers the connection as a peer, or
// says why not. dialled is the address that was asked for, if we dialled.
func (n *Net) admit(conn net.Conn, kind proto.ConnKind, dialled netip.AddrPort, bound proto.Permissions) (p *peer, why string) {
	addr, group := identify(conn, dialled)
	local := addr.Addr().IsLoopback()
	var perm proto.Permissions
	if n.cfg.Admit != nil {
		if perm, why = n.cfg.Admit(kind, addr, bound); why != "" {
			return nil, why
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return nil, whyShutdown
	case n.inactive:
		return nil, whyInactive
	case kind == proto.Inbound && len(n.peers) >= n.cfg.MaxConnections+n.cfg.Slack:
		return nil, whyFull
	}
	p = &peer{net: n, kind: kind, conn: conn, addr: addr, group: group, local: local, perm: perm, since: time.Now()}
	if kind == proto.Inbound && !local && !perm.Has(proto.PermNoBan) && addr.IsValid() {
		p.host = hostPrefix(addr.Addr())
		if n.ungreeted[p.host] >= n.cfg.MaxUngreeted {
			return nil, whyUngreeted
		}
		n.ungreeted[p.host]++
	}
	n.lastID++
	p.id = n.lastID
	p.queue = newQueue(n.cfg.QueueItems, n.cfg.QueueBytes)
	p.ctx, p.cancel = context.WithCancel(n.ctx)
	n.peers[p.id] = p
	return p, ""
}

// greeted gives back the place that an inbound connection had among the ungreeted ones of its host.
func (n *Net) greeted(p *peer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forgetUngreeted(p)
}

func (n *Net) forgetUngreeted(p *peer) {
	if !p.host.IsValid() {
		return
	}
	if n.ungreeted[p.host]--; n.ungreeted[p.host] <= 0 {
		delete(n.ungreeted, p.host)
	}
	p.host = netip.Prefix{}
}

func (n *Net) forget(p *peer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forgetUngreeted(p)
	delete(n.peers, p.id)
}

func (n *Net) peer(id proto.PeerID) *peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.peers[id]
}

// Send queues a message for a peer. It returns false if the peer is gone, or is closed now because its
// queue was full.
func (n *Net) Send(id proto.PeerID, m wire.Message) bool {
	return n.enqueue(id, item{msg: m, size: wire.HeaderSize + wire.Size(m)})
}

// SendLazy queues a message that is made only when everything before it was written, so that large
// ones do not wait in memory: a block is read from the store when the peer has taken the one before. The function runs on the
// peer's own goroutine, must return soon after the Net is closed, and returns nil if there is nothing to send.
// It counts as an item without bytes. The result is that of Send.
func (n *Net) SendLazy(id proto.PeerID, create func() wire.Message) bool {
	return n.SendLazily(id, func() []wire.Message {
		if m := create(); m != nil {
			return []wire.Message{m}
		}
		return nil
	})
}

// SendLazily is SendLazy for any number of messages, which together should not be much larger than a block.
func (n *Net) SendLazily(id proto.PeerID, create func() []wire.Message) bool {
	return n.enqueue(id, item{make: create})
}

func (n *Net) enqueue(id proto.PeerID, it item) bool {
	p := n.peer(id)
	if p == nil {
		return false
	}
	err := p.queue.push(it)
	if errors.Is(err, errQueueFull) {
		p.close(whyQueueFull)
	}
	return err == nil
}

// Disconnect closes a connection at once; what waits to be sent is dropped. Gone follows. why is a short
// fixed phrase, counted by the Observer.
func (n *Net) Disconnect(id proto.PeerID, why string) {
	if p := n.peer(id); p != nil {
		p.close(why)
	}
}

// SetNetworkActive switches all connections off, or allows them again. While they are off, inbound
// ones are refused and Dial fails.
func (n *Net) SetNetworkActive(active bool) {
	n.mu.Lock()
	n.inactive = !active
	peers := n.sorted()
	n.mu.Unlock()
	if active {
		return
	}
	for _, p := range peers {
		p.close(whyInactive)
	}
}

// NetworkActive tells how SetNetworkActive was last called; at first it is true.
func (n *Net) NetworkActive() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.inactive
}

// Peers lists the connections, oldest first.
func (n *Net) Peers() []ConnInfo {
	n.mu.Lock()
	peers := n.sorted()
	n.mu.Unlock()
	infos := make([]ConnInfo, len(peers))
	for i, p := range peers {
		infos[i] = p.info()
	}
	return infos
}

func (n *Net) sorted() []*peer {
	peers := make([]*peer, 0, len(n.peers))
	for _, p := range n.peers {
		peers = append(peers, p)
	}
	slices.SortFunc(peers, func(a, b *peer) int { return cmp.Compare(a.id, b.id) })
	return peers
}

// Close ends everything and waits for it: listeners, dials, connections, goroutines. Emit is called
// with Gone for every peer that was Connected, with a context that has ended. Close may be called twice.
func (n *Net) Close() {
	n.mu.Lock()
	n.closed = true
	n.stop()
	listeners, peers := n.listeners, n.sorted()
	n.listeners = nil
	n.mu.Unlock()
	for _, l := range listeners {
		if err := l.Close(); err != nil {
			n.quiet.write(slog.LevelDebug, "closing a listener failed", "err", err)
		}
	}
	for _, p := range peers {
		p.close(whyShutdown)
	}
	n.work.Wait()
}

// identify finds out where the other end of a connection is.
func identify(conn net.Conn, dialled netip.AddrPort) (addr netip.AddrPort, group string) {
	if g, ok := conn.(Grouper); ok {
		group, addr = g.NetGroup()
	} else {
		addr = addrPort(conn.RemoteAddr())
	}
	if dialled.IsValid() {
		addr = dialled
	}
	if group == "" {
		group = addrbook.Group(addr)
	}
	return addr, group
}

// addrPort reads an IP and port from an address, or returns the zero value if it has none.
func addrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case nil:
		return ap
	case interface{ AddrPort() netip.AddrPort }:
		ap = a.AddrPort()
	default:
		parsed, err := netip.ParseAddrPort(a.String())
		if err != nil {
			return netip.AddrPort{}
		}
		ap = parsed
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// hostPrefix is what counts as one host: an IPv4 address, or the /64 that an IPv6 host commands.
func hostPrefix(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	return netip.PrefixFrom(a, bits).Masked()
}
