package p2p

import (
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// farStream reads at the other end as a peer does.
type farStream struct {
	t *testing.T
	s Stream
}

func peerSide(t *testing.T, c net.Conn) farStream {
	t.Helper()
	s, err := V1{Magic: testMagic, Pace: Pace{Base: time.Hour}}.Open(c, true)
	if err != nil {
		t.Fatal(err)
	}
	return farStream{t, s}
}

func (f farStream) read() wire.Message {
	f.t.Helper()
	frame, err := f.s.Read()
	if err != nil {
		f.t.Fatal(err)
	}
	m, err := decode(frame)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

func TestSendInOrder(t *testing.T) {
	bubble(t, nil, func(w *world) {
		far := peerSide(t, w.inbound(""))
		for i := range uint64(300) {
			if i%3 == 0 {
				w.SendLazy(1, func() wire.Message { return wire.Ping{Nonce: i} })
				w.SendLazy(1, func() wire.Message { return nil })
			} else {
				w.Send(1, wire.Ping{Nonce: i})
			}
		}
		for i := range uint64(300) {
			if m := far.read(); m != wire.Message(wire.Ping{Nonce: i}) {
				t.Fatalf("message %d: %v", i, m)
			}
		}
		synctest.Wait()
		if info := w.Peers()[0]; info.QueuedItems != 0 || info.QueuedBytes != 0 {
			t.Errorf("left in the queue: %d items, %d bytes", info.QueuedItems, info.QueuedBytes)
		}
		if w.counted("sent ping") != 300 || w.counted("sent bytes") != 300*32 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// A peer that does not read has only so much waiting for it; then it is closed.
func TestUnreadSocket(t *testing.T) {
	for name, c := range map[string]struct {
		msg  wire.Message
		most int // messages queued, and what the writer took
	}{
		"items": {wire.Ping{}, 100 + 100},
		"bytes": {wire.InvMsg{Items: make([]wire.Inv, 10_000)}, 1_000_000/360_000 + 1 + 1},
	} {
		bubble(t, func(c *Config) { c.QueueItems, c.QueueBytes = 100, 1_000_000 }, func(w *world) {
			far := w.inbound("")
			w.take()
			sent := 0
			for w.Send(1, c.msg) {
				if sent++; sent > c.most {
					t.Fatalf("%s: %d messages queued", name, sent)
				}
				synctest.Wait()
			}
			one[proto.Gone](t, w.take())
			if w.counted("closed "+whyQueueFull) != 1 || sent < 2 {
				t.Errorf("%s: %d sent, counts %v", name, sent, w.countedAll())
			}
			if _, err := io.Copy(io.Discard, far); err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Error(err)
			}
		})
	}
}

// getdata in a loop with an unread socket: of the blocks that wait, one at most is in memory.
func TestLazyMessagesAreMadeInTurn(t *testing.T) {
	bubble(t, func(c *Config) { c.QueueItems = 50 }, func(w *world) {
		w.inbound("")
		w.take()
		made := 0
		block := &types.Block{Txs: []*types.Tx{{Out: []types.TxOut{{Script: make([]byte, 200_000)}}}}}
		sent := 0
		for w.SendLazy(1, func() wire.Message { made++; return wire.BlockMsg{Block: block} }) {
			sent++
			synctest.Wait()
		}
		if made != 1 || sent != 51 {
			t.Errorf("%d blocks made of %d queued", made, sent)
		}
	})
}

// A message larger than the whole bound still goes out, alone.
func TestOneLargeMessageFits(t *testing.T) {
	bubble(t, func(c *Config) { c.QueueBytes = 1000 }, func(w *world) {
		far := peerSide(t, w.inbound(""))
		if !w.Send(1, wire.InvMsg{Items: make([]wire.Inv, 50_000)}) {
			t.Fatal("refused")
		}
		if n := len(far.read().(wire.InvMsg).Items); n != 50_000 {
			t.Errorf("read %d items", n)
		}
	})
}

// A peer that reads nothing is closed when the time for writing is over, even if its queue is not full.
func TestWriteTimeout(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.inbound("")
		w.take()
		w.Send(1, wire.Ping{})
		w.pass(119 * time.Second)
		if evs := w.take(); len(evs) != 0 {
			t.Fatalf("events %v", evs)
		}
		w.pass(2 * time.Second)
		one[proto.Gone](t, w.take())
		if w.counted("closed "+whyWriteTimeout) != 1 {
			t.Errorf("counts %v", w.countedAll())
		}
	})
}

// Disconnect drops what waits.
func TestDisconnectFlushesNothing(t *testing.T) {
	bubble(t, nil, func(w *world) {
		far := w.inbound("")
		for range 10 {
			w.Send(1, wire.InvMsg{Items: make([]wire.Inv, 2000)})
		}
		synctest.Wait()
		w.Disconnect(1, "test")
		w.take()
		if got, err := io.ReadAll(far); err != nil || len(got) != 0 {
			t.Errorf("%d bytes came, %v", len(got), err)
		}
	})
}

func TestPeersTellsBytesAndTimes(t *testing.T) {
	bubble(t, nil, func(w *world) {
		began := time.Now()
		c := w.inbound("203.0.113.5:4000")
		far := peerSide(t, c)
		w.pass(time.Second)
		w.write(c, frameOf(wire.Ping{}))
		w.write(c, wire.AppendFrame(nil, testMagic, rawMessage{"novelty", make([]byte, 10)}))
		synctest.Wait()
		w.pass(time.Second)
		w.Send(1, wire.Pong{})
		far.read()
		synctest.Wait()
		p := w.Peers()[0]
		if p.Peer != 1 || p.Kind != proto.Inbound || p.Addr.String() != "203.0.113.5:4000" || !p.Since.Equal(began) {
			t.Errorf("got %+v", p)
		}
		if p.BytesReceived != 32+34 || p.ReceivedByCommand["ping"] != 32 || p.ReceivedByCommand["other"] != 34 || p.BytesSent != 32 || p.SentByCommand["pong"] != 32 {
			t.Errorf("got %+v", p)
		}
		if p.LastReceive.Sub(began) != time.Second || p.LastSend.Sub(began) != 2*time.Second {
			t.Errorf("last received after %s, sent after %s", p.LastReceive.Sub(began), p.LastSend.Sub(began))
		}
	})
}

// The queue against what it must be: first in, first out, within both bounds, bytes given back.
func TestQueue(t *testing.T) {
	q := newQueue(3, 100)
	for _, c := range []struct {
		size int
		want error
	}{{50, nil}, {51, errQueueFull}} {
		if err := q.push(item{size: c.size}); !errors.Is(err, c.want) {
			t.Errorf("push of %d bytes: %v", c.size, err)
		}
	}
	if items, bytes := q.load(); items != 1 || bytes != 50 {
		t.Errorf("%d items, %d bytes", items, bytes)
	}
	if it, ok := q.pop(); !ok || it.size != 50 {
		t.Errorf("popped %v, %v", it, ok)
	}
	if err := q.push(item{size: 51}); !errors.Is(err, errQueueFull) {
		t.Errorf("bytes of a popped item do not count until release: %v", err)
	}
	q.release(50)
	for i := range 3 {
		if err := q.push(item{size: 1}); err != nil {
			t.Errorf("push %d: %v", i, err)
		}
	}
	if err := q.push(item{}); !errors.Is(err, errQueueFull) {
		t.Errorf("a fourth item: %v", err)
	}
	q.close()
	if err := q.push(item{}); !errors.Is(err, errQueueClosed) {
		t.Errorf("push after close: %v", err)
	}
	if _, ok := q.pop(); ok {
		t.Error("something is left after close")
	}
}

// What is gathered into one write is no more than one message over the mark.
func TestWritesAreGathered(t *testing.T) {
	p := &peer{queue: newQueue(10_000, 1<<30), stream: &v1Stream{magic: testMagic}}
	for range 10_000 {
		if err := p.queue.push(item{msg: wire.Ping{}, size: 32}); err != nil {
			t.Fatal(err)
		}
	}
	buf, frames, held := p.gather(nil, nil)
	if len(buf) != writeGather || len(frames) != writeGather/32 || held != len(buf) {
		t.Errorf("%d bytes in %d frames, %d held", len(buf), len(frames), held)
	}
	if !slices.Contains(frames, frame{"ping", 32}) {
		t.Errorf("frames %v", frames[:1])
	}
}
