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
	return &v1Stream{intake: newIntake(conn, c.Pace), magic: c.Magic}, nil
}

type v1Stream struct {
	intake
	magic uint32
}

// Session says that it is version 1.
func (s *v1Stream) Session() Session { return Session{Transport: "v1"} }

// Append appends one frame.
func (s *v1Stream) Append(b []byte, m wire.Message) []byte { return wire.AppendFrame(b, s.magic, m) }

// Read reads one frame. Its parts, in order: wait for a first byte; from then on a deadline; the header, and
// with it the limit of the message; the payload; the checksum. A frame with a wrong checksum is dropped and
// the stream goes on, as in Bitcoin Core. The payload of a message that this node does not know is passed
// over.
func (s *v1Stream) Read() (Frame, error) {
	if s.Release(); s.err != nil {
		return Frame{}, s.err
	}
	start, err := s.firstByte()
	if err != nil {
		return Frame{}, err
	}
	if err := s.await(start, wire.HeaderSize, wire.HeaderSize); err != nil {
		return Frame{}, err
	}
	raw, err := s.r.Peek(wire.HeaderSize)
	if err != nil {
		return Frame{}, halfFrame(err)
	}
	h, err := wire.ReadHeader(raw, s.magic)
	if err != nil {
		return Frame{}, &MalformedError{err}
	}
	if _, err := s.r.Discard(wire.HeaderSize); err != nil {
		return Frame{}, err
	}
	f := Frame{Command: h.Command, Size: wire.HeaderSize + h.Length}
	if err := s.await(start, f.Size, h.Length); err != nil {
		return Frame{}, err
	}
	if !wire.Known(h.Command) {
		f.Passed, err = s.r.Discard(h.Length)
		return f, halfFrame(err)
	}
	if f.Payload, err = s.payload(h.Length); err != nil {
		return Frame{}, halfFrame(err)
	}
	f.Dropped = h.Check(f.Payload) != nil
	return f, nil
}

// intake is what the streams of all versions read from: a small buffer for each connection, and a larger one for
// as long as a message needs it.
type intake struct {
	conn  net.Conn
	r     *bufio.Reader
	pace  Pace
	peek  int     // bytes of r's buffer that are the last frame's payload
	large *[]byte // the last frame's payload, if it did not fit into r
	err   error   // of Release
}

func newIntake(conn net.Conn, pace Pace) intake {
	return intake{conn: conn, r: bufio.NewReaderSize(conn, readBuffer), pace: pace}
}

// Release takes back the payload of the last frame.
func (s *intake) Release() {
	if s.large != nil {
		payloads.Put(s.large)
		s.large = nil
	}
	if n := s.peek; n > 0 {
		s.peek = 0
		_, s.err = s.r.Discard(n)
	}
}

// firstByte waits for the start of a frame and returns when it came.
func (s *intake) firstByte() (time.Time, error) {
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
func (s *intake) await(start time.Time, size, needed int) error {
	if s.r.Buffered() >= needed {
		return nil
	}
	return s.conn.SetReadDeadline(start.Add(s.pace.For(size)))
}

// payload reads n bytes, which are valid until Release.
func (s *intake) payload(n int) ([]byte, error) {
	if n <= readBuffer {
		b, err := s.r.Peek(n)
		if err == nil {
			s.peek = n
		}
		return b, err
	}
	s.large = payloads.Get().(*[]byte)
	b, err := readInto((*s.large)[:0], s.r, n)
	*s.large = b
	return b, err
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

// halfFrame makes the end of a connection inside of a frame io.ErrUnexpectedEOF.
func halfFrame(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
