package p2p

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/cairn-chain/cairn/p2p/bip324"
	"github.com/cairn-chain/cairn/p2p/wire"
)

const (
	// maxContents bounds the contents of an encrypted packet, in bytes. What a message of its name may have is known
	// only when the packet is decrypted.
	maxContents = bip324.TypeSize + wire.MaxPayload
	// Between two messages a peer may send so many decoys, and bytes of them.
	maxDecoys     = 10_000
	maxDecoyBytes = 4 * maxContents
)

// Errors of encrypted streams, in a *MalformedError.
var (
	ErrPacketLength = errors.New("packet is longer than any message")
	ErrDecoys       = errors.New("too many decoys without a message")
)

// V2 is the Codec of the encrypted transport (BIP324). Whoever dials us may speak version 1 as well: that is seen
// from the first bytes. Whom we dial we speak to in version 2; a node that closes at once may be dialled again with the
// Fallback, V1.
type V2 struct {
	Magic uint32
	// Pace bounds a packet from its first byte to its last.
	Pace Pace
	// Rand is a source of secret randomness that may be used from many goroutines, as crypto/rand.Reader.
	Rand io.Reader
}

// Fallback returns version 1.
func (c V2) Fallback() Codec { return V1{Magic: c.Magic, Pace: c.Pace} }

// Open finds out which version an inbound peer speaks, and shakes hands.
func (c V2) Open(conn net.Conn, outbound bool) (Stream, error) {
	in := newIntake(conn, c.Pace)
	if outbound {
		s, err := bip324.Initiate(conn, in.r, c.Magic, c.Rand)
		if errors.Is(err, bip324.ErrRefused) {
			return nil, fmt.Errorf("%w: %w", ErrOlder, err)
		}
		return newV2Stream(in, s, err)
	}
	old, err := bip324.SpeaksV1(in.r, c.Magic)
	if err != nil {
		return nil, err
	}
	if old {
		return &v1Stream{intake: in, magic: c.Magic}, nil
	}
	s, err := bip324.Respond(conn, in.r, c.Magic, c.Rand)
	return newV2Stream(in, s, err)
}

type v2Stream struct {
	intake
	session    Session
	send       *bip324.Sender
	receive    *bip324.Receiver
	decoys     int // since the last message
	decoyBytes int
}

func newV2Stream(in intake, s *bip324.Session, err error) (Stream, error) {
	if err != nil {
		return nil, err
	}
	info := Session{Transport: "v2", ID: hex.EncodeToString(s.ID[:]), Sent: s.Sent, Received: s.Received}
	return &v2Stream{intake: in, session: info, send: &s.Send, receive: &s.Receive}, nil
}

// Session tells the session id.
func (s *v2Stream) Session() Session { return s.session }

// Append appends one packet. The message is encoded where it will be encrypted.
func (s *v2Stream) Append(b []byte, m wire.Message) []byte {
	start := len(b)
	b = append(b, make([]byte, bip324.Room)...)
	b = m.Append(bip324.AppendType(b, m.Command()))
	return s.send.Seal(b, start, nil, false)
}

// Read reads one packet. Its parts, in order: wait for a first byte; from then on a deadline; the length; the rest,
// for which memory grows with what comes; the tag; the name, and with it the limit of the message. It is decrypted where it was
// read. A packet with a wrong tag ends the stream. One that names no message is dropped, as in Bitcoin Core.
func (s *v2Stream) Read() (Frame, error) {
	packet, err := s.packet()
	if err != nil {
		return Frame{}, err
	}
	size := bip324.LengthSize + len(packet)
	contents, decoy, err := s.receive.Open(packet, nil)
	if err != nil {
		return Frame{}, &MalformedError{err}
	}
	if decoy {
		return s.decoy(size)
	}
	s.decoys, s.decoyBytes = 0, 0
	command, payload, ok := bip324.SplitType(contents)
	f := Frame{Command: command, Size: size}
	switch limit := wire.Limit(command); {
	case !ok:
		f.Dropped = true
	case len(payload) > limit:
		return Frame{}, &MalformedError{fmt.Errorf("%w: %q has %d bytes of at most %d", wire.ErrLength, command, len(payload), limit)}
	case !wire.Known(command):
		f.Passed = len(payload)
	default:
		f.Payload = payload
	}
	return f, nil
}

// packet reads the next packet without its length. It is valid until Release.
func (s *v2Stream) packet() ([]byte, error) {
	if s.Release(); s.err != nil {
		return nil, s.err
	}
	start, err := s.firstByte()
	if err != nil {
		return nil, err
	}
	if err := s.await(start, bip324.LengthSize, bip324.LengthSize); err != nil {
		return nil, err
	}
	raw, err := s.r.Peek(bip324.LengthSize)
	if err != nil {
		return nil, halfFrame(err)
	}
	n := s.receive.Length(raw)
	if n > maxContents {
		return nil, &MalformedError{fmt.Errorf("%w: %d bytes", ErrPacketLength, n)}
	}
	if _, err := s.r.Discard(bip324.LengthSize); err != nil {
		return nil, err
	}
	rest := n + bip324.Overhead - bip324.LengthSize
	if err := s.await(start, n+bip324.Overhead, rest); err != nil {
		return nil, err
	}
	b, err := s.payload(rest)
	return b, halfFrame(err)
}

// decoy counts a decoy.
func (s *v2Stream) decoy(size int) (Frame, error) {
	s.decoys++
	s.decoyBytes += size
	if s.decoys > maxDecoys || s.decoyBytes > maxDecoyBytes {
		return Frame{}, &MalformedError{ErrDecoys}
	}
	return Frame{Size: size, Decoy: true}, nil
}
