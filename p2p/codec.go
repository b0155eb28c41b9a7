package p2p

import (
	"bufio"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

const (
	// readBuffer is what each connection keeps for reading, in bytes: most messages fit.
	readBuffer = 4096
	// readStep is how many bytes of a payload are read before more memory is set aside for it.
	readStep = 64 << 10
)

// V1 is the Codec of Bitcoin's version 1 frames, without encryption.
type V1 struct {
	Magic uint32
	// Pace bounds a frame from its first byte to its last.
	Pace Pace
}

// Open returns at once; nothing is said before the first message.
func (c V1) Open(conn net.Conn, _ bool) (Stream, error) {
	return &v1Stream{conn: conn, r: bufio.NewReaderSize(conn, readBuffer), magic: c.Magic, pace: c.Pace}, nil
}

type v1Stream struct {
	conn  net.Conn
	r     *bufio.Reader
	magic uint32
	pace  Pace
}

// Append appends one frame.
func (s *v1Stream) Append(b []byte, m wire.Message) []byte { return wire.AppendFrame(b, s.magic, m) }

// Read reads one frame. Its parts, in order: wait for a first byte; from then on a deadline; the header, and
// with it the limit of the message; the payload; the checksum; the decoder. A frame with a wrong checksum
// is dropped and the next is read, as Bitcoin Core does; so is the payload of a message that this node does
// not know, without being kept.
func (s *v1Stream) Read() (wire.Message, int, error) {
	start, err := s.firstByte()
	if err != nil {
		return nil, 0, err
	}
	if err := s.await(start, wire.HeaderSize, wire.HeaderSize); err != nil {
		return nil, 0, err
	}
	raw, err := s.r.Peek(wire.HeaderSize)
	if err != nil {
		return nil, 0, halfFrame(err)
	}
	h, err := wire.ReadHeader(raw, s.magic)
	if err != nil {
		return nil, 0, &MalformedError{err}
	}
	if _, err := s.r.Discard(wire.HeaderSize); err != nil {
		return nil, 0, err
	}
	size := wire.HeaderSize + h.Length
	if err := s.await(start, size, h.Length); err != nil {
		return nil, 0, err
	}
	if !wire.Known(h.Command) {
		if _, err := s.r.Discard(h.Length); err != nil {
			return nil, 0, halfFrame(err)
		}
		return wire.Unknown{Name: h.Command, Size: h.Length}, size, nil
	}
	m, err := s.payload(h)
	return m, size, err
}

// firstByte waits for the start of a frame and returns when it came.
func (s *v1Stream) firstByte() (time.Time, error) {
	if s.r.Buffered() == 0 {
		if err := s.conn.SetReadDeadline(time.Time{}); err != nil {
			return time.Time{}, err
		}
		if _, err := s.r.Peek(1); err != nil {
			return time.Time{}, err
		}
	}
	return time.Now(), nil
}

// await sets the deadline for a frame of size bytes that began at start, unless the bytes that are
// needed next were read already.
func (s *v1Stream) await(start time.Time, size, needed int) error {
	if s.r.Buffered() >= needed {
		return nil
	}
	return s.conn.SetReadDeadline(start.Add(s.pace.For(size)))
}

// payload reads, checks and decodes what follows a header.
func (s *v1Stream) payload(h wire.FrameHeader) (wire.Message, error) {
	if h.Length <= readBuffer {
		b, err := s.r.Peek(h.Length)
		if err != nil {
			return nil, halfFrame(err)
		}
		m, err := open(h, b)
		if _, derr := s.r.Discard(h.Length); err == nil {
			err = derr
		}
		return m, err
	}
	buf := payloads.Get().(*[]byte)
	defer payloads.Put(buf)
	b, err := readInto((*buf)[:0], s.r, h.Length)
	*buf = b
	if err != nil {
		return nil, halfFrame(err)
	}
	return open(h, b)
}

// payloads holds buffers for payloads that do not fit into a connection's own.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// readInto reads n bytes. It never sets aside more than twice the bytes that came, and readStep more: a
// header's word alone costs no memory.
func readInto(b []byte, r io.Reader, n int) ([]byte, error) {
	for len(b) < n {
		have := len(b)
		step := min(n-have, max(have, readStep))
		b = slices.Grow(b, step)[:have+step]
		if _, err := io.ReadFull(r, b[have:]); err != nil {
			return b, err
		}
	}
	return b, nil
}

// open checks and decodes a payload. With a wrong checksum both results are nil.
func open(h wire.FrameHeader, payload []byte) (wire.Message, error) {
	if err := h.Check(payload); errors.Is(err, wire.ErrChecksum) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	m, err := wire.Decode(h.Command, payload)
	if err != nil {
		return nil, &MalformedError{err}
	}
	return m, nil
}

// halfFrame makes the end of a connection inside of a frame io.ErrUnexpectedEOF.
func halfFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
