// Package blockfile reads and writes blocks the way Bitcoin nodes keep and exchange them: for each block the
// network's magic, its length and its bytes, one after another. It does not judge blocks; whoever reads them gives them
// to a chain.
//
// Start reading at Reader.Next.
package blockfile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cairn-chain/cairn/types"
)

// recordHeader is the magic and the length, both little-endian.
const recordHeader = 8

// Reader reads block after block.
type Reader struct {
	r      *bufio.Reader
	magic  uint32
	offset int64
}

// NewReader reads records with the magic from r.
func NewReader(r io.Reader, magic uint32) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 1<<20), magic: magic}
}

// Unscramble returns r as it was before it was combined with key, byte by byte and over and over: Bitcoin Core 28 and
// later keep their block files so, with the key in xor.dat beside them. offset is where in the file r stands. An empty key
// changes nothing.
func Unscramble(r io.Reader, key []byte, offset int64) io.Reader {
	if len(key) == 0 {
		return r
	}
	return &scrambled{r: r, key: key, at: int(offset % int64(len(key)))}
}

type scrambled struct {
	r   io.Reader
	key []byte
	at  int
}

func (s *scrambled) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	for i := range p[:n] {
		p[i] ^= s.key[s.at]
		s.at = (s.at + 1) % len(s.key)
	}
	return n, err
}

// ErrMagic says that a file belongs to another network, or is no file of blocks.
var ErrMagic = errors.New("no block of this network begins here")

// Next returns the bytes of the next block and where its record began. Zeros between records are passed over:
// Bitcoin Core fills its files with them in advance. io.EOF ends a file; a record that is cut off, longer than a
// block can be or of another network is an error that names its offset.
func (r *Reader) Next() (raw []byte, offset int64, err error) {
	if err := r.skipZeros(); err != nil {
		return nil, r.offset, err
	}
	offset = r.offset
	var head [recordHeader]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, offset, fmt.Errorf("offset %d: the file ends within a record: %w", offset, io.ErrUnexpectedEOF)
	}
	if got := binary.LittleEndian.Uint32(head[:]); got != r.magic {
		return nil, offset, fmt.Errorf("offset %d: %w: magic %08x, not %08x", offset, ErrMagic, got, r.magic)
	}
	size := binary.LittleEndian.Uint32(head[4:])
	if size < types.HeaderSize || size > types.MaxBlockBytes {
		return nil, offset, fmt.Errorf("offset %d: a block of %d bytes cannot be", offset, size)
	}
	raw = make([]byte, size)
	if _, err := io.ReadFull(r.r, raw); err != nil {
		return nil, offset, fmt.Errorf("offset %d: the file ends within a block: %w", offset, io.ErrUnexpectedEOF)
	}
	r.offset += recordHeader + int64(size)
	return raw, offset, nil
}

func (r *Reader) skipZeros() error {
	for {
		b, err := r.r.ReadByte()
		if err != nil {
			return err
		}
		if b != 0 {
			return r.r.UnreadByte()
		}
		r.offset++
	}
}

// Append appends the record of an encoded block.
func Append(b []byte, magic uint32, raw []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, magic)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(raw)))
	return append(b, raw...)
}
