package types

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxBlockWeight bounds, in weight units, what any decoder here will look at as one
// block. It is a shape limit, equal to the consensus limit of BIP141.
const MaxBlockWeight = 4_000_000

// MaxBlockBytes is the most bytes that a block of MaxBlockWeight can serialize to.
const MaxBlockBytes = MaxBlockWeight

// Errors of decoding. All of them mean that the bytes are wrong, never that we failed.
var (
	ErrTruncated    = errors.New("unexpected end of data")
	ErrTrailing     = errors.New("bytes left over after the end")
	ErrNonCanonical = errors.New("variable-length integer is not in its shortest form")
	ErrTooLarge     = errors.New("length or count is over its limit")
	ErrSuperfluous  = errors.New("witness flag without any witness")
	ErrUnknownFlag  = errors.New("unknown transaction flag")
)

// Decoder reads Bitcoin's consensus encoding from a byte slice. Its error sticks:
// after the first failure every read returns zero values, so a caller reads a whole
// structure and looks at Err once. It allocates nothing in advance on the word of a
// count: Count refuses any that the remaining bytes could not hold.
type Decoder struct {
	buf []byte
	off int
	err error
}

// NewDecoder reads from b. Slices that the Decoder returns alias b.
func NewDecoder(b []byte) *Decoder { return &Decoder{buf: b} }

// Err returns the first error, or nil.
func (d *Decoder) Err() error { return d.err }

// Fail makes err the Decoder's error, unless it has one.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

// Offset returns how many bytes were read.
func (d *Decoder) Offset() int { return d.off }

// Remaining returns how many bytes are left, 0 after an error.
func (d *Decoder) Remaining() int {
	if d.err != nil {
		return 0
	}
	return len(d.buf) - d.off
}

// Finish returns the sticky error, or ErrTrailing if bytes are left.
func (d *Decoder) Finish() error {
	if d.err == nil && d.off != len(d.buf) {
		d.err = fmt.Errorf("%w: %d", ErrTrailing, len(d.buf)-d.off)
	}
	return d.err
}

// Bytes returns the next n bytes, aliasing the input.
func (d *Decoder) Bytes(n int) []byte {
	if d.err != nil {
		return nil
	}
	if n < 0 || n > len(d.buf)-d.off {
		d.err = ErrTruncated
		return nil
	}
	b := d.buf[d.off : d.off+n : d.off+n]
	d.off += n
	return b
}

// Uint8 reads one byte.
func (d *Decoder) Uint8() uint8 {
	if b := d.Bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool reads one byte; any value but zero is true.
func (d *Decoder) Bool() bool { return d.Uint8() != 0 }

// Uint16 reads a little-endian uint16.
func (d *Decoder) Uint16() uint16 {
	if b := d.Bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// Uint32 reads a little-endian uint32.
func (d *Decoder) Uint32() uint32 {
	if b := d.Bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// Uint64 reads a little-endian uint64.
func (d *Decoder) Uint64() uint64 {
	if b := d.Bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Hash reads 32 bytes.
func (d *Decoder) Hash() (h Hash) {
	copy(h[:], d.Bytes(HashSize))
	return h
}

// VarInt reads a CompactSize integer and refuses any but the shortest form.
func (d *Decoder) VarInt() uint64 {
	var v, least uint64
	switch first := d.Uint8(); first {
	default:
		return uint64(first)
	case 0xfd:
		v, least = uint64(d.Uint16()), 0xfd
	case 0xfe:
		v, least = uint64(d.Uint32()), 0x10000
	case 0xff:
		v, least = d.Uint64(), 0x100000000
	}
	if d.err == nil && v < least {
		d.err = ErrNonCanonical
		return 0
	}
	return v
}

// Count reads a count of items of which each takes at least size bytes. More than limit
// is ErrTooLarge; more than the remaining bytes can hold is ErrTruncated.
func (d *Decoder) Count(limit, size int) int {
	n := d.VarInt()
	if d.err != nil {
		return 0
	}
	if n > uint64(limit) {
		d.err = fmt.Errorf("%w: %d of at most %d", ErrTooLarge, n, limit)
		return 0
	}
	if n > uint64(d.Remaining()/max(size, 1)) {
		d.err = ErrTruncated
		return 0
	}
	return int(n)
}

// VarBytes reads a length and that many bytes, at most limit. The result aliases the input.
func (d *Decoder) VarBytes(limit int) []byte { return d.Bytes(d.Count(limit, 1)) }

// AppendVarInt appends v as a CompactSize integer.
func AppendVarInt(b []byte, v uint64) []byte {
	switch {
	case v < 0xfd:
		return append(b, byte(v))
	case v <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(v))
	case v <= 0xffffffff:
		return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(v))
	}
	return binary.LittleEndian.AppendUint64(append(b, 0xff), v)
}

// AppendVarBytes appends the length of data and data.
func AppendVarBytes(b, data []byte) []byte {
	return append(AppendVarInt(b, uint64(len(data))), data...)
}

// VarIntSize returns how many bytes AppendVarInt appends: 1, 3, 5 or 9.
func VarIntSize(v uint64) int {
	switch {
	case v < 0xfd:
		return 1
	case v <= 0xffff:
		return 3
	case v <= 0xffffffff:
		return 5
	}
	return 9
}
