package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/types"
)

// Errors of frames. ErrMagic and ErrLength mean that the stream cannot be followed any further.
// ErrChecksum spoils only its own frame: like Bitcoin Core, a reader drops it and goes on.
var (
	ErrMagic    = errors.New("frame of another network, or no frame at all")
	ErrLength   = errors.New("frame is longer than its message may be")
	ErrChecksum = errors.New("checksum of the frame does not match its payload")
)

// FrameHeader is what stands before each message: 4 bytes of magic, 12 of command, 4 of length and 4 of
// checksum.
type FrameHeader struct {
	Magic uint32 // read as little-endian
	// Command is the message's name. It is empty if the name was not printable ASCII padded with zeros;
	// such a message is treated as one that this node does not know.
	Command  string
	Length   int // bytes of payload, at most Limit(Command)
	Checksum [4]byte
}

// ReadHeader reads the header at the start of b. It fails with types.ErrTruncated, ErrMagic, or ErrLength
// when the frame announces more bytes than its message may have, and so tells before any of the payload is
// read.
func ReadHeader(b []byte, magic uint32) (FrameHeader, error) {
	if len(b) < HeaderSize {
		return FrameHeader{}, types.ErrTruncated
	}
	h := FrameHeader{Magic: binary.LittleEndian.Uint32(b), Command: commandName(b[4 : 4+CommandSize])}
	copy(h.Checksum[:], b[20:HeaderSize])
	if h.Magic != magic {
		return h, ErrMagic
	}
	length := binary.LittleEndian.Uint32(b[16:])
	if limit := Limit(h.Command); uint64(length) > uint64(limit) {
		return h, fmt.Errorf("%w: %q says %d bytes of at most %d", ErrLength, h.Command, length, limit)
	}
	h.Length = int(length)
	return h, nil
}

// Check tells whether payload has the length and the checksum that the header gives.
func (h *FrameHeader) Check(payload []byte) error {
	if len(payload) != h.Length {
		return types.ErrTruncated
	}
	if checksum(payload) != h.Checksum {
		return ErrChecksum
	}
	return nil
}

// ParseFrame reads the whole frame at the start of b and returns its message and how many bytes it took.
// With types.ErrTruncated and size 0 the frame is not complete; ErrMagic and ErrLength leave size 0 too.
// After ErrChecksum or an error of Decode, size still says where the next frame begins.
func ParseFrame(b []byte, magic uint32) (m Message, size int, err error) {
	h, err := ReadHeader(b, magic)
	if err != nil {
		return nil, 0, err
	}
	if len(b)-HeaderSize < h.Length {
		return nil, 0, types.ErrTruncated
	}
	size = HeaderSize + h.Length
	payload := b[HeaderSize:size]
	if err := h.Check(payload); err != nil {
		return nil, size, err
	}
	m, err = Decode(h.Command, payload)
	return m, size, err
}

// AppendFrame appends the frame of a message. It is for the sender to keep to the limits.
func AppendFrame(b []byte, magic uint32, m Message) []byte {
	start := len(b)
	var header [HeaderSize]byte
	binary.LittleEndian.PutUint32(header[:], magic)
	copy(header[4:4+CommandSize], m.Command())
	b = m.Append(append(b, header[:]...))
	payload := b[start+HeaderSize:]
	sum := checksum(payload)
	binary.LittleEndian.PutUint32(b[start+16:], uint32(len(payload)))
	copy(b[start+20:], sum[:])
	return b
}

func checksum(payload []byte) (sum [4]byte) {
	h := types.DoubleSHA256(payload)
	copy(sum[:], h[:])
	return sum
}

// commandName reads the name of a command: printable ASCII, then only zeros. Anything else is "".
func commandName(b []byte) string {
	n := 0
	for n < len(b) && b[n] != 0 {
		if b[n] < 0x20 || b[n] > 0x7e {
			return ""
		}
		n++
	}
	for _, c := range b[n:] {
		if c != 0 {
			return ""
		}
	}
	if s, ok := specs[string(b[:n])]; ok {
		return s.name
	}
	return string(b[:n])
}
