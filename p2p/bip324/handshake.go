package bip324

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// MaxGarbage is the most garbage that a side may send behind its key, in bytes.
const MaxGarbage = 4095

// What a peer may send between its garbage and the end of its version packet. The BIP has no bounds here; there is
// nothing to say yet.
const (
	maxOpening      = 64       // packets
	maxOpeningBytes = 64 << 10 // of whole packets
)

// Errors of the handshake. All but ErrRefused mean that the other side broke the protocol.
var (
	// ErrRefused says that the other end closed before it had sent a single byte: likely it knows only version 1.
	ErrRefused      = errors.New("closed without an answer to an encrypted handshake")
	ErrOtherNetwork = errors.New("version 1 of another network")
	ErrGarbage      = errors.New("no garbage terminator within 4111 bytes")
	ErrOpening      = errors.New("too much before the version packet")
)

// v1Start is how a version 1 connection begins, behind the magic.
var v1Start = []byte("version\x00\x00\x00\x00\x00")

// SpeaksV1 tells whether whoever dialled us begins a version 1 connection on the network of magic. It waits for the
// bytes that decide it, 16 at most, and consumes none. r must buffer at least KeySize bytes.
func SpeaksV1(r *bufio.Reader, magic uint32) (bool, error) {
	start := append(binary.LittleEndian.AppendUint32(nil, magic), v1Start...)
	for n := 1; n <= len(start); n++ {
		got, err := r.Peek(n)
		if err != nil {
			return false, err
		}
		if got[n-1] != start[n-1] {
			return false, nil
		}
	}
	return true, nil
}

// Initiate shakes hands with whom we dialled. rand is a source of secret randomness. Errors: those above, ErrTag, the
// connection's, and that of rand.
func Initiate(w io.Writer, r *bufio.Reader, magic uint32, rand io.Reader) (*Session, error) {
	h := handshake{w: w, r: r, magic: magic, initiator: true}
	if err := h.prepare(rand); err != nil {
		return nil, err
	}
	err := h.sendKey()
	if err == nil {
		_, err = r.Peek(1)
	}
	if err != nil {
		return nil, refused(err)
	}
	return h.finish()
}

// Respond shakes hands with whoever dialled us and, as SpeaksV1 told, does not speak version 1. Errors as of
// Initiate.
func Respond(w io.Writer, r *bufio.Reader, magic uint32, rand io.Reader) (*Session, error) {
	h := handshake{w: w, r: r, magic: magic}
	if err := h.prepare(rand); err != nil {
		return nil, err
	}
	if err := h.sendKey(); err != nil {
		return nil, err
	}
	return h.finish()
}

// refused makes an end of the connection ErrRefused. Patience that ran out remains what it is.
func refused(err error) error {
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return err
	}
	return fmt.Errorf("%w: %w", ErrRefused, err)
}

type handshake struct {
	w         io.Writer
	r         *bufio.Reader
	magic     uint32
	initiator bool
	key       *Key
	garbage   []byte // ours
	sent, got int
}

// prepare makes the key and any length of garbage.
func (h *handshake) prepare(rand io.Reader) (err error) {
	if h.key, err = NewKey(rand); err != nil {
		return err
	}
	var n [2]byte
	if _, err := io.ReadFull(rand, n[:]); err != nil {
		return err
	}
	h.garbage = make([]byte, int(binary.LittleEndian.Uint16(n[:]))%(MaxGarbage+1))
	_, err = io.ReadFull(rand, h.garbage)
	return err
}

func (h *handshake) sendKey() error {
	return h.write(append(h.key.Public[:len(h.key.Public):len(h.key.Public)], h.garbage...))
}

func (h *handshake) write(b []byte) error {
	n, err := h.w.Write(b)
	h.sent += n
	return err
}

func (h *handshake) finish() (*Session, error) {
	var theirs [KeySize]byte
	if err := h.read(theirs[:]); err != nil {
		return nil, err
	}
	if !h.initiator && bytes.Equal(theirs[4:4+len(v1Start)], v1Start) {
		return nil, ErrOtherNetwork
	}
	s, err := h.key.Session(theirs, h.initiator, h.magic)
	if err != nil {
		return nil, err
	}
	if err := h.write(s.Send.Append(bytes.Clone(s.ours[:]), nil, h.garbage, false)); err != nil {
		return nil, err
	}
	garbage, err := h.readGarbage(s.theirs[:])
	if err != nil {
		return nil, err
	}
	if err := h.readVersion(&s.Receive, garbage); err != nil {
		return nil, err
	}
	s.Sent, s.Received = h.sent, h.got
	return s, nil
}

func (h *handshake) read(b []byte) error {
	n, err := io.ReadFull(h.r, b)
	h.got += n
	return cut(err)
}

// cut makes the end of a connection in the handshake io.ErrUnexpectedEOF.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readGarbage reads up to the terminator and returns what stood before it.
func (h *handshake) readGarbage(terminator []byte) ([]byte, error) {
	var b []byte
	for len(b) < MaxGarbage+TerminatorSize {
		c, err := h.r.ReadByte()
		if err != nil {
			return nil, cut(err)
		}
		h.got++
		b = append(b, c)
		if bytes.HasSuffix(b, terminator) {
			return b[:len(b)-TerminatorSize], nil
		}
	}
	return nil, ErrGarbage
}

// readVersion reads packets up to the first that is no decoy. The first packet, decoy or not, authenticates the garbage.
func (h *handshake) readVersion(r *Receiver, aad []byte) error {
	left := maxOpeningBytes
	for range maxOpening {
		var length [LengthSize]byte
		if err := h.read(length[:]); err != nil {
			return err
		}
		n := r.Length(length[:])
		if left -= n + Overhead; left < 0 {
			return ErrOpening
		}
		b, err := h.take(n + 1 + TagSize)
		if err != nil {
			return err
		}
		_, ignore, err := r.Open(b, aad)
		if err != nil || !ignore {
			return err
		}
		aad = nil
	}
	return ErrOpening
}

// take reads n bytes; memory grows with what comes.
func (h *handshake) take(n int) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, h.r, int64(n))
	h.got += int(got)
	return b.Bytes(), cut(err)
}
