package p2p

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cairn-chain/cairn/p2p/bip324"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
)

// testRand is a source of a test's own that many goroutines may read.
type testRand struct {
	mu sync.Mutex
	r  *mrand.ChaCha8
}

func newTestRand(n byte) *testRand { return &testRand{r: mrand.NewChaCha8([32]byte{n})} }

func (r *testRand) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(b)
}

// encrypted gives a Net the codec V2.
func encrypted(c *Config) { c.Codec = testV2(1) }

func testV2(n byte) V2 {
	return V2{Magic: testMagic, Pace: Pace{30 * time.Second, 16 << 10}, Rand: newTestRand(n)}
}

// drained reads a pipe at once, however much comes, so that whoever writes to it never waits.
type drained struct {
	net.Conn
	mu    sync.Mutex
	more  *sync.Cond
	bytes []byte
	err   error
}

func drain(c net.Conn) *drained {
	d := &drained{Conn: c}
	d.more = sync.NewCond(&d.mu)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			d.mu.Lock()
			d.bytes, d.err = append(d.bytes, buf[:n]...), err
			d.more.Broadcast()
			d.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return d
}

func (d *drained) Read(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.bytes) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		d.more.Wait()
	}
	n := copy(b, d.bytes)
	d.bytes = d.bytes[n:]
	return n, nil
}

// secret is the other end of an encrypted connection.
type secret struct {
	w    *world
	conn *drained
	r    *bufio.Reader
	s    *bip324.Session
}

// inboundV2 connects a peer that has shaken hands.
func (w *world) inboundV2() *secret {
	w.t.Helper()
	c := drain(w.inbound("203.0.113.5:4000"))
	p := &secret{w: w, conn: c, r: bufio.NewReader(c)}
	var err error
	if p.s, err = bip324.Initiate(c, p.r, testMagic, newTestRand(9)); err != nil {
		w.t.Fatal(err)
	}
	one[proto.Connected](w.t, w.take())
	return p
}

// packet makes a packet of any contents.
func (p *secret) packet(contents []byte, decoy bool) []byte {
	return p.s.Send.Append(nil, contents, nil, decoy)
}

func contentsOf(m wire.Message) []byte { return m.Append(bip324.AppendType(nil, m.Command())) }

func (p *secret) send(m wire.Message) { p.w.write(p.conn, p.packet(contentsOf(m), false)) }

// hear reads the next message.
func (p *secret) hear() (command string, payload []byte) {
	p.w.t.Helper()
	var length [bip324.LengthSize]byte
	if _, err := io.ReadFull(p.r, length[:]); err != nil {
		p.w.t.Fatal(err)
	}
	b := make([]byte, p.s.Receive.Length(length[:])+bip324.Overhead-bip324.LengthSize)
	if _, err := io.ReadFull(p.r, b); err != nil {
		p.w.t.Fatal(err)
	}
	contents, _, err := p.s.Receive.Open(b, nil)
	if err != nil {
		p.w.t.Fatal(err)
	}
	command, payload, ok := bip324.SplitType(contents)
	if !ok {
		p.w.t.Fatalf("contents %x name no message", contents)
	}
	return command, payload
}

// ended fails unless the node has closed the connection, with Gone, and Malformed before it if bad is not nil.
func (p *secret) ended(name string, bad error) {
	p.w.t.Helper()
	evs := p.w.take()
	if bad != nil {
		if len(evs) == 0 {
			p.w.t.Fatalf("%s: no event", name)
		}
		if m, ok := evs[0].(proto.Malformed); !ok || !errors.Is(m.Err, bad) {
			p.w.t.Errorf("%s: %#v, want %v", name, evs[0], bad)
		}
		evs = evs[1:]
	}
	one[proto.Gone](p.w.t, evs)
	if n := len(p.w.Peers()); n != 0 {
		p.w.t.Errorf("%s: %d connections are left", name, n)
	}
}

// Messages of all sizes both ways, joined and in pieces; ids of the session; the statistics.
func TestEncryptedMessages(t *testing.T) {
	big := wire.InvMsg{Items: make([]wire.Inv, 5000)}
	sent := []wire.Message{wire.Ping{Nonce: 1}, wire.Verack{}, big, wire.Unknown{Name: "novelty"}, wire.Pong{Nonce: 2}}
	for _, piece := range []int{1 << 20, 1, 3, 20, 4096} {
		bubble(t, encrypted, func(w *world) {
			p := w.inboundV2()
			info := w.Peers()[0]
			if info.Transport != "v2" || info.SessionID != fmt.Sprintf("%x", p.s.ID) {
				t.Errorf("transport %q, session %q", info.Transport, info.SessionID)
			}
			var stream []byte
			for _, m := range sent {
				stream = append(stream, p.packet(contentsOf(m), false)...)
			}
			for len(stream) > 0 {
				n := min(piece, len(stream))
				w.write(p.conn, stream[:n])
				stream = stream[n:]
			}
			evs := w.take()
			if len(evs) != len(sent) {
				t.Fatalf("pieces of %d: %d events of %d", piece, len(evs), len(sent))
			}
			for i, ev := range evs {
				if m, ok := ev.(proto.Message); !ok || m.Msg.Command() != sent[i].Command() || m.Size != len(contentsOf(sent[i]))+bip324.Overhead {
					t.Errorf("pieces of %d: event %d is %#v", piece, i, ev)
				}
			}
			w.Send(info.Peer, big)
			w.Send(info.Peer, wire.Verack{})
			for _, want := range []wire.Message{big, wire.Verack{}} {
				if name, payload := p.hear(); name != want.Command() || !bytes.Equal(payload, want.Append(nil)) {
					t.Errorf("heard %q of %d bytes", name, len(payload))
				}
			}
			w.checkTraffic(p)
		})
	}
}

// checkTraffic compares the statistics of the one peer with what it sent and heard in TestEncryptedMessages.
func (w *world) checkTraffic(p *secret) {
	w.t.Helper()
	synctest.Wait()
	info := w.Peers()[0]
	opening := uint64(p.s.Sent)
	if got := info.ReceivedByCommand; got["ping"] != 29 || got["other"] != 33 || info.ReceivedMessages["inv"] != 1 ||
		info.BytesReceived != opening+sum(got) {
		w.t.Errorf("received %d, %v", info.BytesReceived, got)
	}
	if got := info.SentByCommand; got["verack"] != 33 || info.SentMessages["inv"] != 1 || info.BytesSent != uint64(p.s.Received)+sum(got) {
		w.t.Errorf("sent %d, %v", info.BytesSent, got)
	}
}

func sum(m map[string]uint64) (all uint64) {
	for _, n := range m {
		all += n
	}
	return all
}

// The codec that encrypts takes version 1 as well, from whoever dials.
func TestInboundV1(t *testing.T) {
	bubble(t, encrypted, func(w *world) {
		c := w.inbound("")
		one[proto.Connected](t, w.take())
		if got := w.Peers()[0]; got.Transport != "detecting" {
			t.Errorf("transport %q before a byte came", got.Transport)
		}
		first := frameOf(wire.Version{Protocol: 70016, UserAgent: "/old/"})
		for _, b := range first {
			w.write(c, []byte{b})
		}
		if m := one[proto.Message](t, w.take()); m.Msg.Command() != "version" || m.Size != len(first) {
			t.Errorf("got %#v", m)
		}
		if got := w.Peers()[0]; got.Transport != "v1" || got.SessionID != "" {
			t.Errorf("transport %q, session %q", got.Transport, got.SessionID)
		}
		c.Close()
		one[proto.Gone](t, w.take())
	})
}

// Garbage, other networks, silence and slow senders end in time, with Gone and nothing before it.
func TestBadOpenings(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
	}{
		{"zeros", make([]byte, 64<<10)},
		{"0xff", bytes.Repeat([]byte{0xff}, 64<<10)},
		{"HTTP", []byte(strings.Repeat("GET / HTTP/1.1\r\n", 300))},
		{"version 1 of another network", wire.AppendFrame(nil, testMagic+1, wire.Version{UserAgent: "/other/"})},
		{"another message of version 1", bytes.Repeat(frameOf(wire.Ping{}), 140)},
		{"nothing", nil},
		{"half a magic", []byte{0xfa, 0xbf}},
		{"a key and no more", bytes.Repeat([]byte{7}, bip324.KeySize)},
		{"a key and half the garbage", bytes.Repeat([]byte{7}, 2000)},
	} {
		bubble(t, encrypted, func(w *world) {
			conn := drain(w.inbound("203.0.113.5:4000"))
			one[proto.Connected](t, w.take())
			w.write(conn, c.bytes)
			w.pass(30 * time.Second)
			one[proto.Gone](t, w.take())
			if len(conn.bytes) > bip324.KeySize+bip324.MaxGarbage+bip324.TerminatorSize+bip324.Overhead {
				t.Errorf("%s: the node said %d bytes", c.name, len(conn.bytes))
			}
			if w.counted("closed "+whyOpen) != 1 {
				t.Errorf("%s: counts %v", c.name, w.countedAll())
			}
		})
	}
	bubble(t, encrypted, func(w *world) {
		conn := drain(w.inbound("203.0.113.5:4000"))
		w.take()
		for range 3 { // a byte a minute
			w.write(conn, []byte{1})
			w.pass(minute)
		}
		one[proto.Gone](t, w.take())
	})
}

// An encrypted stream that is damaged, replayed, cut or too long ends; nothing of what came with the damage is heard.
func TestBadPackets(t *testing.T) {
	ping := contentsOf(wire.Ping{Nonce: 1})
	flip := func(at int) func(p *secret) []byte {
		return func(p *secret) []byte {
			b := p.packet(ping, false)
			b[at] ^= 1
			return b
		}
	}
	for _, c := range []struct {
		name string
		make func(p *secret) []byte
		want error
	}{
		{"flags", flip(3), bip324.ErrTag},
		{"name", flip(4), bip324.ErrTag},
		{"payload", flip(8), bip324.ErrTag},
		{"tag", flip(28), bip324.ErrTag},
		{"a shorter length", flip(0), bip324.ErrTag},
		{"a length of 8 MB", func(p *secret) []byte { b := p.packet(ping, false); b[2] ^= 0x80; return b }, ErrPacketLength},
		{"16 MB", func(p *secret) []byte {
			b := p.packet(ping, false)
			b[0] ^= 9 ^ 0xff
			b[1] ^= 0xff
			b[2] ^= 0xff
			return b[:3]
		}, ErrPacketLength},
		{"replayed", func(p *secret) []byte { b := p.packet(append(ping, 0), true); return append(b, b...) }, nil},
		{"left out", func(p *secret) []byte { p.packet(ping, false); return p.packet(ping, false) }, nil},
		{"a ping of 9 bytes", func(p *secret) []byte { return p.packet(append(bytes.Clone(ping), 1), false) }, wire.ErrLength},
		{"an inv cut in its count", func(p *secret) []byte { return p.packet(append(bip324.AppendType(nil, "inv"), 200), false) }, nil},
		{"bytes of version 1", func(*secret) []byte { return bytes.Repeat(frameOf(wire.Ping{}), 200_000) }, nil},
	} {
		bubble(t, encrypted, func(w *world) {
			p := w.inboundV2()
			w.write(p.conn, c.make(p))
			w.pass(10 * minute)
			if c.want != nil {
				p.ended(c.name, c.want)
				return
			}
			// How it is noticed depends on the bytes of the key stream.
			evs := w.take()
			for _, ev := range evs {
				if m, ok := ev.(proto.Message); ok {
					t.Errorf("%s: %#v", c.name, m)
				}
			}
			if len(evs) == 0 || len(w.Peers()) != 0 {
				t.Errorf("%s: events %v, %d connections are left", c.name, evs, len(w.Peers()))
			}
		})
	}
}

// A packet that is cut at any place and ends there, by a close or by silence, is half a frame.
func TestTruncatedPacket(t *testing.T) {
	for cut := 1; cut < 29; cut++ {
		bubble(t, encrypted, func(w *world) {
			p := w.inboundV2()
			w.write(p.conn, p.packet(contentsOf(wire.Ping{}), false)[:cut])
			want := whyReadTimeout
			if cut%2 == 0 {
				want = whyHalfFrame
				synctest.Wait() // on a pipe that is closed the node could not set its deadline for the rest
				p.conn.Close()
			}
			w.pass(minute)
			p.ended("cut", nil)
			if w.counted("closed "+want) != 1 {
				t.Errorf("cut after %d: %v", cut, w.countedAll())
			}
		})
	}
}

// Packets that name no message are dropped; the next is read.
func TestNamelessPackets(t *testing.T) {
	bubble(t, encrypted, func(w *world) {
		p := w.inboundV2()
		for _, contents := range [][]byte{nil, {0}, {29}, {255, 1, 2}, append([]byte{0}, "v\x80rsion\x00\x00\x00\x00\x00"...), make([]byte, 13)} {
			w.write(p.conn, p.packet(contents, false))
		}
		p.send(wire.Ping{Nonce: 5})
		if m := one[proto.Message](t, w.take()); m.Msg != wire.Message(wire.Ping{Nonce: 5}) {
			t.Errorf("got %#v", m)
		}
		if w.counted("received dropped") != 6 || w.Peers()[0].ReceivedMessages["dropped"] != 6 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// Decoys are counted and say nothing. Between two messages there may be many, not any number, and not any size.
func TestDecoys(t *testing.T) {
	bubble(t, encrypted, func(w *world) {
		p := w.inboundV2()
		for range 3 {
			for range 4000 {
				w.write(p.conn, p.packet(nil, true))
			}
			p.send(wire.Ping{})
		}
		if n := len(w.take()); n != 3 || w.counted("received decoy") != 12_000 {
			t.Errorf("%d events, %v", n, w.countedAll())
		}
		if got := w.Peers()[0]; got.ReceivedMessages["decoy"] != 0 || got.BytesReceived < 12_000*bip324.Overhead {
			t.Errorf("%+v", got)
		}
		for range maxDecoys + 1 {
			w.write(p.conn, p.packet(nil, true))
		}
		p.ended("endless decoys", ErrDecoys)
	})
	bubble(t, encrypted, func(w *world) {
		p := w.inboundV2()
		for range 5 {
			w.write(p.conn, p.packet(make([]byte, maxContents), true))
		}
		p.ended("large decoys", ErrDecoys)
	})
}

// dialOlder answers dials: with peers that speak version 2, or close as one of version 1 does that hears noise.
func dialOlder(t *testing.T, far *[]net.Conn, knows bool) func(*Config) {
	dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
		near, other := net.Pipe()
		d := drain(other)
		*far = append(*far, d)
		go func() {
			r := bufio.NewReader(d)
			if old, err := bip324.SpeaksV1(r, testMagic); err != nil || old {
				return // the test goes on with it
			}
			if !knows {
				d.Close()
				return
			}
			if _, err := bip324.Respond(d, r, testMagic, newTestRand(7)); err != nil {
				t.Error(err)
			}
		}()
		return near, nil
	}
	return func(c *Config) { dialTo(dial)(c); encrypted(c) }
}

func TestDialEncrypted(t *testing.T) {
	var far []net.Conn
	bubble(t, dialOlder(t, &far, true), func(w *world) {
		w.Dial(someAddr, proto.Manual)
		one[proto.Connected](t, w.take())
		if got := w.Peers()[0]; got.Transport != "v2" || len(got.SessionID) != 64 || len(far) != 1 {
			t.Errorf("%d dials, %+v", len(far), got)
		}
	})
}

// A node that closes when it hears noise is dialled once more, in version 1: one Connected in all.
func TestDialFallsBack(t *testing.T) {
	var far []net.Conn
	bubble(t, dialOlder(t, &far, false), func(w *world) {
		w.Dial(someAddr, proto.Manual)
		got := one[proto.Connected](t, w.take())
		if info := w.Peers(); len(info) != 1 || info[0].Transport != "v1" || len(far) != 2 || got.Kind != proto.Manual {
			t.Errorf("%d dials, %+v", len(far), info)
		}
		w.DialOlder(someAddr, proto.Outbound)
		one[proto.Connected](t, w.take())
		if len(far) != 3 {
			t.Errorf("%d dials", len(far))
		}
		if n := w.dials; n != 0 {
			t.Errorf("%d dials are counted as under way", n)
		}
	})
}

// A peer that answers the handshake with something else, or with nothing, is not dialled again.
func TestDialNoFallback(t *testing.T) {
	for name, answer := range map[string][]byte{"version 1": frameOf(wire.Version{UserAgent: "/old/"}), "silence": nil, "zeros": make([]byte, 10_000)} {
		dials := 0
		dial := func(context.Context, netip.AddrPort) (net.Conn, error) {
			near, other := net.Pipe()
			d := drain(other)
			dials++
			go func() {
				if _, err := d.Write(answer); err != nil && !errors.Is(err, io.ErrClosedPipe) {
					t.Error(err)
				}
			}()
			return near, nil
		}
		bubble(t, func(c *Config) { dialTo(dial)(c); encrypted(c) }, func(w *world) {
			w.Dial(someAddr, proto.Outbound)
			w.pass(31 * time.Second)
			one[proto.DialFailed](t, w.take())
			if dials != 1 {
				t.Errorf("%s: %d dials", name, dials)
			}
		})
	}
}

// What is sent to an inbound peer before it has shaken hands waits for it.
func TestSendBeforeOpen(t *testing.T) {
	bubble(t, encrypted, func(w *world) {
		c := drain(w.inbound("203.0.113.5:4000"))
		came := one[proto.Connected](t, w.take())
		w.Send(came.Peer, wire.Ping{Nonce: 3})
		p := &secret{w: w, conn: c, r: bufio.NewReader(c)}
		var err error
		if p.s, err = bip324.Initiate(c, p.r, testMagic, newTestRand(9)); err != nil {
			t.Fatal(err)
		}
		if name, payload := p.hear(); name != "ping" || payload[0] != 3 {
			t.Errorf("heard %q", name)
		}
		w.Disconnect(came.Peer, "enough")
		one[proto.Gone](t, w.take())
	})
}

// While it shakes hands a peer can be closed.
func TestDisconnectWhileOpening(t *testing.T) {
	bubble(t, encrypted, func(w *world) {
		c := drain(w.inbound("203.0.113.5:4000"))
		came := one[proto.Connected](t, w.take())
		w.write(c, []byte{1, 2, 3})
		w.Disconnect(came.Peer, "evicted")
		one[proto.Gone](t, w.take())
		if w.counted("closed evicted") != 1 || w.counted("closed "+whyOpen) != 0 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// Whatever comes after the handshake, reading ends with an error, and no message is made of what does not authenticate.
func FuzzV2Stream(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte{1, 2, 3}, 20)
	f.Add(make([]byte, 100), 0)
	f.Fuzz(func(t *testing.T, noise []byte, at int) {
		a, errA := bip324.NewKey(newTestRand(1))
		b, errB := bip324.NewKey(newTestRand(2))
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		sa, errA := a.Session(b.Public, true, testMagic)
		sb, errB := b.Session(a.Public, false, testMagic)
		if err := errors.Join(errA, errB); err != nil {
			t.Fatal(err)
		}
		// Three good packets, with noise laid over them somewhere.
		var stream []byte
		var ends []int
		for i := range 3 {
			stream = sa.Send.Append(stream, contentsOf(wire.Ping{Nonce: uint64(i)}), nil, false)
			ends = append(ends, len(stream))
		}
		clean := bytes.Clone(stream)
		at = max(0, at) % (len(stream) + 1)
		stream = append(stream[:at], append(noise, stream[min(len(stream), at+len(noise)):]...)...)
		same := 0 // bytes that are as they were sent
		for same < len(stream) && same < len(clean) && stream[same] == clean[same] {
			same++
		}
		in := newIntake(nil, Pace{})
		in.conn = &deaf{}
		in.r.Reset(bytes.NewReader(stream))
		s := &v2Stream{intake: in, send: &sb.Send, receive: &sb.Receive}
		for n := 0; ; n++ {
			fr, err := s.Read()
			if err != nil {
				return
			}
			if n >= len(ends) || same < ends[n] || fr.Command != "ping" {
				t.Fatalf("packet %d is %+v; %d bytes are as they were sent", n, fr, same)
			}
		}
	})
}

// deaf is a connection of which only the deadlines are set.
type deaf struct{ net.Conn }

func (*deaf) SetReadDeadline(time.Time) error { return nil }
