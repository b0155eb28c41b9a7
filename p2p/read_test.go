package p2p

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

func TestConnectedMessageGone(t *testing.T) {
	bubble(t, nil, func(w *world) {
		c := w.inbound("203.0.113.5:4000")
		got := one[proto.Connected](t, w.take())
		if got.Peer != 1 || got.Kind != proto.Inbound || got.Addr.String() != "203.0.113.5:4000" || got.NetGroup != "203.0.0.0/16" || got.Local {
			t.Errorf("got %+v", got)
		}
		w.write(c, frameOf(wire.Ping{Nonce: 7}))
		if m := one[proto.Message](t, w.take()); m.Peer != 1 || m.Msg != wire.Message(wire.Ping{Nonce: 7}) || m.Size != 32 {
			t.Errorf("got %+v", m)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if g := one[proto.Gone](t, w.take()); g.Peer != 1 {
			t.Errorf("got %+v", g)
		}
		if w.counted("closed "+whyEOF) != 1 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// What arrives in one piece is read as so many messages; what arrives in pieces, as one.
func TestJoinedAndSplitFrames(t *testing.T) {
	big := wire.InvMsg{Items: make([]wire.Inv, 5000)} // does not fit into the connection's own buffer
	sent := []wire.Message{wire.Ping{Nonce: 1}, wire.Verack{}, big, wire.Unknown{Name: "novelty"}, wire.Pong{Nonce: 2}}
	var stream []byte
	for _, m := range sent {
		stream = append(stream, frameOf(m)...)
	}
	for _, piece := range []int{len(stream), 1, 23, 24, 25, 4096, 65537} {
		bubble(t, nil, func(w *world) {
			c := w.inbound("")
			w.take()
			for part := range slices.Chunk(stream, piece) {
				w.write(c, part)
			}
			evs := w.take()
			if len(evs) != len(sent) {
				t.Fatalf("pieces of %d: %d events of %d", piece, len(evs), len(sent))
			}
			for i, ev := range evs {
				m, ok := ev.(proto.Message)
				if !ok || m.Msg.Command() != sent[i].Command() || m.Size != len(frameOf(sent[i])) {
					t.Errorf("pieces of %d: event %d is %T of %d bytes", piece, i, ev, m.Size)
				}
			}
		})
	}
}

// Streams that cannot be followed: Malformed, the connection closed, Gone, and nothing else.
func TestMalformedStreams(t *testing.T) {
	ping := frameOf(wire.Ping{Nonce: 1})
	change := func(at int, with ...byte) []byte {
		b := slices.Clone(ping)
		copy(b[at:], with)
		return b
	}
	reframe := func(command string, payload []byte) []byte {
		return wire.AppendFrame(nil, testMagic, rawMessage{command, payload})
	}
	for _, c := range []struct {
		name   string
		stream []byte
		want   error
	}{
		{"4 GB", change(16, 0xff, 0xff, 0xff, 0xff), wire.ErrLength},
		{"4 GB of the unknown", append(reframe("novelty", nil)[:16], 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0), wire.ErrLength},
		{"one byte over a ping's limit", change(16, 9), wire.ErrLength},
		{"0xff", bytes.Repeat([]byte{0xff}, 24), wire.ErrMagic},
		{"another network", change(0, 0xf9, 0xbe, 0xb4, 0xd9), wire.ErrMagic},
		{"HTTP", []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")[:24], wire.ErrMagic},
		{"verack with a payload", reframe("verack", []byte{1}), wire.ErrLength},
		{"trailing byte", reframe("inv", []byte{0, 1}), types.ErrTrailing},
		{"count over its bytes", reframe("inv", []byte{200}), types.ErrTruncated},
		{"count over its limit", reframe("addr", []byte{0xfd, 0xe9, 0x03}), types.ErrTooLarge},
		{"count in a long form", reframe("inv", []byte{0xfd, 0, 0}), types.ErrNonCanonical},
		{"no transaction", reframe("tx", nil), types.ErrTruncated},
	} {
		bubble(t, nil, func(w *world) {
			peer := w.inbound("")
			w.take()
			w.write(peer, c.stream)
			evs := w.take()
			if len(evs) != 2 {
				t.Fatalf("%s: events %v", c.name, evs)
			}
			bad, ok := evs[0].(proto.Malformed)
			if !ok || !errors.Is(bad.Err, c.want) {
				t.Errorf("%s: %v, want %v", c.name, evs[0], c.want)
			}
			if _, ok := evs[1].(proto.Gone); !ok {
				t.Errorf("%s: then %v", c.name, evs[1])
			}
			if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("%s: the connection is open: %v", c.name, err)
			}
			if w.counted("closed "+whyMalformed) != 1 {
				t.Errorf("%s: counts %v", c.name, w.countedAll())
			}
		})
	}
}

// rawMessage is any command with any payload.
type rawMessage struct {
	command string
	payload []byte
}

func (m rawMessage) Command() string        { return m.command }
func (m rawMessage) Append(b []byte) []byte { return append(b, m.payload...) }

// A frame with a wrong checksum is dropped and counted, and the next is read.
func TestWrongChecksum(t *testing.T) {
	bubble(t, nil, func(w *world) {
		c := w.inbound("")
		w.take()
		small := frameOf(wire.Ping{Nonce: 1})
		small[20]++
		large := frameOf(wire.InvMsg{Items: make([]wire.Inv, 500)})
		large[len(large)-1]++
		w.write(c, slices.Concat(small, large, frameOf(wire.Ping{Nonce: 2})))
		if m := one[proto.Message](t, w.take()); m.Msg != wire.Message(wire.Ping{Nonce: 2}) {
			t.Errorf("got %+v", m)
		}
		if w.counted("received dropped") != 2 || w.counted("received ping") != 1 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// Messages that the node does not know become Unknown, are counted as "other", and their payload is passed over.
func TestUnknownMessages(t *testing.T) {
	bubble(t, nil, func(w *world) {
		c := w.inbound("")
		w.take()
		for _, name := range []string{"novelty", "a\x01b", "novelty2"} {
			w.write(c, wire.AppendFrame(nil, testMagic, rawMessage{name, make([]byte, 100_000)}))
		}
		evs := w.take()
		if len(evs) != 3 || evs[0].(proto.Message).Msg != wire.Message(wire.Unknown{Name: "novelty", Size: 100_000}) ||
			evs[1].(proto.Message).Msg != wire.Message(wire.Unknown{Size: 100_000}) {
			t.Errorf("got %v", evs)
		}
		if w.counted("received other") != 3 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// Cut anywhere, a frame gives no message and no error of the peer.
func TestHalfFrameAndClose(t *testing.T) {
	frame := frameOf(wire.Ping{Nonce: 1})
	for n := range frame {
		bubble(t, nil, func(w *world) {
			c := w.inbound("")
			w.take()
			w.write(c, frame[:n])
			synctest.Wait() // on a pipe that is closed the node could not set its deadline for the rest
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			one[proto.Gone](t, w.take())
			want := whyHalfFrame
			if n == 0 {
				want = whyEOF
			}
			if w.counted("closed "+want) != 1 {
				t.Errorf("cut to %d bytes: counts %v", n, w.countedAll())
			}
		})
	}
}

// One byte a minute: the frame's time is over long before the frame.
func TestSlowLoris(t *testing.T) {
	bubble(t, nil, func(w *world) {
		c := w.inbound("")
		w.take()
		sent := 0
		for _, b := range frameOf(wire.Ping{Nonce: 1}) {
			if _, err := c.Write([]byte{b}); err != nil {
				break
			}
			sent++
			w.pass(minute)
		}
		if sent != 1 || w.counted("closed "+whyReadTimeout) != 1 {
			t.Errorf("%d bytes taken, counts %v", sent, w.countedAll())
		}
		one[proto.Gone](t, w.take())
	})
}

// The time that a frame is given grows with what its header says, and a slow but honest peer meets it.
func TestFrameTimeGrowsWithSize(t *testing.T) {
	payload := make([]byte, 3_000_000)
	frame := wire.AppendFrame(nil, testMagic, rawMessage{"novelty", payload})
	for _, c := range []struct {
		rate  int // bytes a second
		taken bool
	}{{20 << 10, true}, {8 << 10, false}} {
		bubble(t, nil, func(w *world) {
			peer := w.inbound("")
			w.take()
			for part := range slices.Chunk(frame, c.rate) {
				if _, err := peer.Write(part); err != nil {
					break
				}
				w.pass(time.Second)
			}
			evs := w.take()
			if _, taken := evs[0].(proto.Message); taken != c.taken {
				t.Errorf("%d bytes a second: %v", c.rate, evs)
			}
		})
	}
}

// Bytes one by one, but in time, are a message. Between frames a peer may be silent for any time.
func TestByteByByteAndIdle(t *testing.T) {
	bubble(t, nil, func(w *world) {
		c := w.inbound("")
		w.take()
		for range 3 {
			for _, b := range frameOf(wire.Ping{Nonce: 1}) {
				w.write(c, []byte{b})
				w.pass(500 * time.Millisecond)
			}
			one[proto.Message](t, w.take())
			w.pass(48 * time.Hour)
		}
		if evs := w.take(); len(evs) != 0 {
			t.Errorf("events %v", evs)
		}
	})
}

// A header alone sets no memory aside for what it announces.
func TestMemoryFollowsBytes(t *testing.T) {
	half := bytes.NewReader(make([]byte, 1000))
	b, err := readInto(nil, half, 4_000_000)
	if !errors.Is(err, io.ErrUnexpectedEOF) || cap(b) > 2*readStep {
		t.Errorf("%d bytes set aside for 1000, %v", cap(b), err)
	}
	half = bytes.NewReader(make([]byte, 1_000_000))
	b, err = readInto(nil, half, 4_000_000)
	if !errors.Is(err, io.ErrUnexpectedEOF) || cap(b) > 3_000_000 {
		t.Errorf("%d bytes set aside for 1,000,000, %v", cap(b), err)
	}
	b, err = readInto(b[:0], bytes.NewReader(bytes.Repeat([]byte{7}, 300_000)), 300_000)
	if err != nil || len(b) != 300_000 || b[299_999] != 7 {
		t.Errorf("%d bytes read, %v", len(b), err)
	}
}

// FuzzRead feeds a stream in pieces and in one: both give the same messages and the same end.
func FuzzRead(f *testing.F) {
	ping := frameOf(wire.Ping{Nonce: 1})
	f.Add(ping, uint8(1))
	f.Add(slices.Concat(ping, frameOf(wire.InvMsg{Items: make([]wire.Inv, 200)}), frameOf(wire.Verack{})), uint8(7))
	f.Add(wire.AppendFrame(nil, testMagic, rawMessage{"novelty", []byte{1, 2, 3}}), uint8(5))
	f.Add(bytes.Repeat([]byte{0xff}, 64), uint8(3))
	f.Add(append(slices.Clone(ping[:20]), 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8), uint8(2))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		whole, wholeErr := readAll(t, stream, len(stream))
		parts, partsErr := readAll(t, stream, int(piece))
		if !slices.Equal(whole, parts) || wholeErr.Error() != partsErr.Error() {
			t.Fatalf("in one: %v, %v\nin pieces: %v, %v", whole, wholeErr, parts, partsErr)
		}
	})
}

// readAll reads a stream that comes in pieces, and returns the frames and the error at its end.
func readAll(t *testing.T, stream []byte, piece int) (frames []string, end error) {
	s, err := V1{Magic: testMagic, Pace: Pace{Base: time.Hour}}.Open(&scriptedConn{pieces: slices.Collect(slices.Chunk(stream, max(piece, 1)))}, false)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for {
		f, err := s.Read()
		if err != nil {
			return frames, err
		}
		if total += f.Size; f.Size != wire.HeaderSize+len(f.Payload)+f.Passed || total > len(stream) {
			t.Fatalf("a frame of %d bytes, payload %d and %d, %d of %d in all", f.Size, len(f.Payload), f.Passed, total, len(stream))
		}
		frames = append(frames, fmt.Sprintf("%q %x %d %v", f.Command, f.Payload, f.Passed, f.Dropped))
	}
}

// scriptedConn gives its pieces one a read.
type scriptedConn struct {
	net.Conn
	pieces [][]byte
}

func (c *scriptedConn) Read(b []byte) (int, error) {
	if len(c.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.pieces[0])
	if c.pieces[0] = c.pieces[0][n:]; len(c.pieces[0]) == 0 {
		c.pieces = c.pieces[1:]
	}
	return n, nil
}

func (c *scriptedConn) SetReadDeadline(time.Time) error { return nil }

// What a peer sends while Emit blocks stays in its socket; when Emit goes on, so does the reading.
func TestEmitBlocks(t *testing.T) {
	gate := newGate()
	bubble(t, gate.into, func(w *world) {
		c := w.inbound("")
		gate.shut()
		w.write(c, frameOf(wire.Ping{Nonce: 1}))
		sent := make(chan error)
		go func() {
			_, err := c.Write(frameOf(wire.InvMsg{Items: make([]wire.Inv, 1000)}))
			sent <- err
		}()
		synctest.Wait()
		select {
		case err := <-sent:
			t.Fatalf("the node reads on while Emit blocks: %v", err)
		default:
		}
		gate.open()
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		if got := w.take(); len(got) != 3 { // Connected, ping, inv
			t.Errorf("events %v", got)
		}
	})
}

// Close and Disconnect end a reader that Emit holds.
func TestEmitBlocksAndClose(t *testing.T) {
	for _, closeAll := range []bool{false, true} {
		gate := newGate()
		bubble(t, gate.into, func(w *world) {
			c := w.inbound("")
			gate.shut()
			w.write(c, frameOf(wire.Ping{Nonce: 1}))
			synctest.Wait()
			if closeAll {
				w.Close()
			} else {
				w.Disconnect(1, "test")
				synctest.Wait()
				gate.open()
			}
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("the connection is open: %v", err)
			}
		})
	}
}

// Of large messages only a few are decoded or wait in Emit at once; small ones pass by them.
func TestLargeMessagesPassAFewAtATime(t *testing.T) {
	inside, most := 0, 0
	var mu sync.Mutex
	release := make(map[proto.PeerID]chan struct{})
	hold := func(c *Config) {
		next := c.Emit
		for id := range proto.PeerID(10) {
			release[id+1] = make(chan struct{})
		}
		c.Emit = func(ctx context.Context, ev proto.Event) {
			m, ok := ev.(proto.Message)
			if _, large := m.Msg.(wire.InvMsg); ok && large {
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				<-release[m.Peer]
				mu.Lock()
				inside--
				mu.Unlock()
			}
			next(ctx, ev)
		}
	}
	bubble(t, hold, func(w *world) {
		large := frameOf(wire.InvMsg{Items: make([]wire.Inv, 20_000)})
		var conns []net.Conn
		for range 10 {
			c := w.inbound("")
			conns = append(conns, c)
			w.write(c, large)
		}
		w.take()
		if most != maxHeavy {
			t.Errorf("%d large messages at once, want %d", most, maxHeavy)
		}
		w.write(w.inbound(""), frameOf(wire.Ping{Nonce: 1}))
		if evs := w.take(); len(evs) != 2 { // Connected, ping
			t.Errorf("a ping does not pass: %v", evs)
		}
		w.Disconnect(10, "while it waits")
		for _, ch := range release {
			close(ch)
		}
		if n := len(w.take()); n != 9+1 { // nine messages, one Gone
			t.Errorf("%d events after the release", n)
		}
		if most != maxHeavy || len(conns) != 10 {
			t.Errorf("%d at once", most)
		}
	})
}
