package p2p

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

const (
	// writeGather is up to how many bytes of queued messages are written at once.
	writeGather = 64 << 10
	// labelDropped is how frames with a wrong checksum are counted, labelDecoy how decoys are, labelOpening how what was
	// exchanged before the first message is.
	labelDropped = "dropped"
	labelDecoy   = "decoy"
	labelOpening = "opening"
	// transportUnknown is what a connection speaks that is not opened yet, in Bitcoin Core's word.
	transportUnknown = "detecting"
	// heavyFrame is from how many bytes of payload on a message counts as large; maxHeavy is how many large
	// ones are decoded, or wait in Emit, at once.
	heavyFrame, maxHeavy = 256 << 10, 4
)

// peer is one connection, with a goroutine that reads and one that writes.
type peer struct {
	net    *Net
	id     proto.PeerID
	kind   proto.ConnKind
	conn   net.Conn
	stream Stream // set by serve, before either goroutine uses it
	addr   netip.AddrPort
	group  string
	local  bool
	perm   proto.Permissions
	host   netip.Prefix // not zero while it counts as ungreeted; guarded by net.mu
	since  time.Time
	queue  *queue
	ctx    context.Context // ends when the peer is closed
	cancel context.CancelFunc
	ending sync.Once

	mu             sync.Mutex
	sent, received flow
	session        Session
}

// flow is what went one way.
type flow struct {
	bytes     uint64
	last      time.Time
	byCommand map[string]tally // by label; as many as there are commands
}

// tally counts messages and their bytes.
type tally struct{ messages, bytes uint64 }

// ConnInfo is what is known of a connection. Bytes are those of whole frames. The sums contain what has no command: the
// opening of the connection, and decoys.
type ConnInfo struct {
	Peer      proto.PeerID
	Kind      proto.ConnKind
	Addr      netip.AddrPort // of the other end, zero if it has none
	LocalAddr netip.AddrPort
	NetGroup  string
	Since     time.Time

	BytesSent, BytesReceived         uint64
	LastSend, LastReceive            time.Time         // zero: never
	SentByCommand, ReceivedByCommand map[string]uint64 // bytes; "other" for commands that we do not know, "dropped" for damaged frames
	SentMessages, ReceivedMessages   map[string]uint64 // how many, under the same names
	QueuedItems, QueuedBytes         int

	Transport string // "v1", "v2", or "detecting" while it is not opened
	SessionID string // of an encrypted connection, in hex
}

func (p *peer) info() ConnInfo {
	items, bytes := p.queue.load()
	p.mu.Lock()
	defer p.mu.Unlock()
	i := ConnInfo{
		Peer: p.id, Kind: p.kind, Addr: p.addr, LocalAddr: addrPort(p.conn.LocalAddr()), NetGroup: p.group, Since: p.since,
		BytesSent: p.sent.bytes, BytesReceived: p.received.bytes,
		LastSend: p.sent.last, LastReceive: p.received.last,
		QueuedItems: items, QueuedBytes: bytes,
		Transport: cmp.Or(p.session.Transport, transportUnknown), SessionID: p.session.ID,
	}
	i.SentByCommand, i.SentMessages = p.sent.maps()
	i.ReceivedByCommand, i.ReceivedMessages = p.received.maps()
	return i
}

func (f *flow) maps() (bytes, messages map[string]uint64) {
	bytes, messages = make(map[string]uint64, len(f.byCommand)), make(map[string]uint64, len(f.byCommand))
	for label, t := range f.byCommand {
		bytes[label], messages[label] = t.bytes, t.messages
	}
	return bytes, messages
}

// count adds a frame to a flow.
func (p *peer) count(f *flow, label string, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.bytes += uint64(bytes)
	f.last = time.Now()
	if label == labelDecoy || label == labelOpening {
		return
	}
	if f.byCommand == nil {
		f.byCommand = make(map[string]tally)
	}
	t := f.byCommand[label]
	f.byCommand[label] = tally{t.messages + 1, t.bytes + uint64(bytes)}
}

// close ends the connection for the first reason given. It does not wait.
func (p *peer) close(why string) {
	p.ending.Do(func() {
		p.cancel()
		p.queue.close()
		p.net.shut(p.conn)
		p.net.cfg.Observe.Closed(why)
		p.net.quiet.write(slog.LevelDebug, "connection closed", "peer", p.id, "addr", p.addr, "why", why)
	})
}

// serve runs a connection from its opening to Gone. An inbound peer is Connected before it is opened, so that the
// machine sees it, and can evict it, however slowly it opens; what is sent to it meanwhile waits in its queue. An outbound one is
// Connected when it is open: until then another codec may be tried. The error is that of opening.
func (n *Net) serve(p *peer, codec Codec) error {
	connected := proto.Connected{Peer: p.id, Kind: p.kind, Addr: p.addr, NetGroup: p.group, Local: p.local, Permissions: p.perm}
	inbound := p.kind == proto.Inbound
	if inbound {
		n.cfg.Emit(n.ctx, connected)
	}
	if err := p.open(codec); err != nil {
		n.quiet.write(slog.LevelDebug, "opening a connection failed", "addr", p.addr, "err", err)
		p.close(whyOpen)
		n.forget(p)
		if inbound {
			n.cfg.Emit(n.ctx, proto.Gone{Peer: p.id})
		}
		return err
	}
	if !inbound {
		n.cfg.Emit(n.ctx, connected)
	}
	var writer sync.WaitGroup
	writer.Go(p.write)
	p.close(p.read())
	writer.Wait()
	n.forget(p)
	n.cfg.Emit(n.ctx, proto.Gone{Peer: p.id})
	return nil
}

func (p *peer) open(codec Codec) (err error) {
	if err := p.conn.SetDeadline(time.Now().Add(p.net.cfg.OpenTimeout)); err != nil {
		return err
	}
	if p.stream, err = codec.Open(p.conn, p.kind != proto.Inbound); err != nil {
		return err
	}
	s := p.stream.Session()
	p.mu.Lock()
	p.session = s
	p.mu.Unlock()
	if s.Sent+s.Received > 0 {
		p.count(&p.sent, labelOpening, s.Sent)
		p.count(&p.received, labelOpening, s.Received)
		p.net.cfg.Observe.Sent(labelOpening, s.Sent)
		p.net.cfg.Observe.Received(labelOpening, s.Received)
	}
	return p.conn.SetDeadline(time.Time{})
}

// read turns what arrives into events until the connection ends, and returns why it did.
func (p *peer) read() (why string) {
	defer p.stream.Release()
	for {
		f, err := p.stream.Read()
		if err != nil {
			return p.readFailed(err)
		}
		p.countFrame(f)
		if f.Decoy {
			continue
		}
		if f.Dropped {
			p.net.quiet.write(slog.LevelInfo, "damaged frame dropped", "peer", p.id, "addr", p.addr)
			continue
		}
		if err := p.deliver(f); err != nil {
			return p.readFailed(err)
		}
	}
}

func (p *peer) countFrame(f Frame) {
	label := wire.Label(f.Command)
	switch {
	case f.Decoy:
		label = labelDecoy
	case f.Dropped:
		label = labelDropped
	}
	p.count(&p.received, label, f.Size)
	if p.net.talk.On() {
		p.net.talk.Say("message received", "command", f.Command, "bytes", f.Size, "peer", p.id)
	}
	p.net.cfg.Observe.Received(label, f.Size)
}

// deliver decodes a frame and emits its message. Of large ones only maxHeavy are in this function at once,
// over all peers: decoded, a block of many empty parts takes many times its bytes.
func (p *peer) deliver(f Frame) error {
	if len(f.Payload) > heavyFrame {
		select {
		case p.net.heavy <- struct{}{}:
			defer func() { <-p.net.heavy }()
		case <-p.ctx.Done():
			return p.ctx.Err()
		}
	}
	begin := time.Now()
	m, err := decode(f)
	if err != nil {
		return &MalformedError{err}
	}
	p.net.cfg.Observe.Decoded(wire.Label(f.Command), time.Since(begin))
	p.stream.Release()
	if _, ok := m.(wire.Verack); ok {
		p.net.greeted(p)
	}
	p.net.cfg.Emit(p.ctx, proto.Message{Peer: p.id, Msg: m, Size: f.Size})
	return p.ctx.Err()
}

func decode(f Frame) (wire.Message, error) {
	if !wire.Known(f.Command) {
		return wire.Unknown{Name: f.Command, Size: f.Passed + len(f.Payload)}, nil
	}
	return wire.Decode(f.Command, f.Payload)
}

// readFailed reports a malformed message and names the reason for the end.
func (p *peer) readFailed(err error) (why string) {
	var bad *MalformedError
	switch {
	case errors.As(err, &bad):
		p.net.quiet.write(slog.LevelInfo, "malformed message", "peer", p.id, "addr", p.addr, "err", err)
		p.net.cfg.Emit(p.ctx, proto.Malformed{Peer: p.id, Err: bad.Err})
		return whyMalformed
	case errors.Is(err, os.ErrDeadlineExceeded):
		return whyReadTimeout
	case errors.Is(err, io.ErrUnexpectedEOF):
		return whyHalfFrame
	case errors.Is(err, io.EOF):
		return whyEOF
	}
	return whyError
}

// frame is what is remembered of a message between its encoding and its counting.
type frame struct {
	label string
	size  int
}

// write sends what is queued until the connection ends. Whatever ends it closes the connection,
// so that the reader ends too.
func (p *peer) write() {
	var buf []byte
	var frames []frame
	for p.ctx.Err() == nil {
		var held int
		buf, frames, held = p.gather(buf[:0], frames[:0])
		if len(buf) == 0 {
			select {
			case <-p.queue.bell:
			case <-p.ctx.Done():
			}
			continue
		}
		if err := p.flush(buf); err != nil {
			p.close(writeFailed(err))
			return
		}
		p.queue.release(held)
		for _, f := range frames {
			p.count(&p.sent, f.label, f.size)
			if p.net.talk.On() {
				p.net.talk.Say("message sent", "command", f.label, "bytes", f.size, "peer", p.id)
			}
			p.net.cfg.Observe.Sent(f.label, f.size)
		}
		if cap(buf) > writeGather {
			buf = nil
		}
	}
}

// gather encodes queued messages until there is enough to write. held is with how many bytes they
// still count in the queue.
func (p *peer) gather(buf []byte, frames []frame) (out []byte, done []frame, held int) {
	for len(buf) < writeGather {
		it, ok := p.queue.pop()
		if !ok {
			break
		}
		held += it.size
		for _, m := range it.messages() {
			before := len(buf)
			buf = p.stream.Append(buf, m)
			frames = append(frames, frame{wire.Label(m.Command()), len(buf) - before})
		}
	}
	return buf, frames, held
}

func (p *peer) flush(buf []byte) error {
	if err := p.conn.SetWriteDeadline(time.Now().Add(p.net.cfg.WritePace.For(len(buf)))); err != nil {
		return err
	}
	_, err := p.conn.Write(buf)
	return err
}

func writeFailed(err error) (why string) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return whyWriteTimeout
	}
	return whyError
}
