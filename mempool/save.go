package mempool

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// The saved form of a pool, all integers little-endian:
//
//	8 bytes   "cairnmpl"
//	4 bytes   version of the format, 1
//	records   one kind byte each, then
//	  1 transaction: 4 bytes length, the transaction with witnesses, 8 bytes time (seconds since 1970), 8 bytes delta of its
//	    fee, 1 byte: 1 if local
//	  2 delta of a transaction that is not here: 32 bytes id, 8 bytes delta
//	  0 end
//	32 bytes  SHA-256 of all before
const (
	saveMagic   = "cairnmpl"
	saveVersion = 1
	recordEnd   = 0
	recordTx    = 1
	recordDelta = 2
)

// MaxSavedBytes bounds what Load reads.
const MaxSavedBytes = 1 << 30

// ErrSaved is returned by Load for anything that Save has not written: the pool starts empty then, nothing else is lost.
var ErrSaved = errors.New("saved mempool is damaged")

// ErrSavedVersion is returned by Load for a format of another version.
var ErrSavedVersion = errors.New("saved mempool has another format")

// Saved is one record of a saved pool: a transaction to Add again, or the delta of one that is not there.
type Saved struct {
	ID    types.Hash
	Tx    *types.Tx // nil: only a delta
	Time  time.Time // when it entered; for AddOptions.Time
	Delta int64     // for Prioritise
	Local bool
}

// Save writes all entries, parents before children, with their times and deltas. The lock is not held while it writes.
func (p *Pool) Save(w io.Writer) error {
	p.mu.RLock()
	list := views(append([]*entry(nil), p.order...))
	deltas := p.sortedDeltas()
	p.mu.RUnlock()

	sum := sha256.New()
	buf := bufio.NewWriter(io.MultiWriter(w, sum))
	var b []byte
	b = append(b, saveMagic...)
	b = binary.LittleEndian.AppendUint32(b, saveVersion)
	for i := range list {
		b = appendSaved(b, &list[i])
		if _, err := buf.Write(b); err != nil {
			return fmt.Errorf("saving the mempool: %w", err)
		}
		b = b[:0]
	}
	for _, d := range deltas {
		if !d.InMempool {
			b = append(append(b, recordDelta), d.ID[:]...)
			b = binary.LittleEndian.AppendUint64(b, uint64(d.Fee))
		}
	}
	b = append(b, recordEnd)
	if _, err := buf.Write(b); err != nil {
		return fmt.Errorf("saving the mempool: %w", err)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("saving the mempool: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("saving the mempool: %w", err)
	}
	return nil
}

func appendSaved(b []byte, e *Entry) []byte {
	b = append(b, recordTx)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Tx.Size()))
	b = e.Tx.Append(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Time.Unix()))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Delta))
	if e.Local {
		return append(b, 1)
	}
	return append(b, 0)
}

// savedReader reads a saved pool and hashes it on the way. Its error sticks.
type savedReader struct {
	r   *bufio.Reader
	sum hash.Hash
	err error
	n   int64

	scratch [64]byte
}

// bytes reads n bytes, valid until the next call if they are at most 64. It never asks for more memory than a few times what has
// arrived.
func (s *savedReader) bytes(n int) []byte {
	if s.err != nil {
		return nil
	}
	if s.n += int64(n); s.n > MaxSavedBytes {
		s.err = fmt.Errorf("%w: over %d bytes", ErrSaved, MaxSavedBytes)
		return nil
	}
	b, err := s.scratch[:min(n, len(s.scratch))], error(nil)
	if n <= len(b) {
		_, err = io.ReadFull(s.r, b)
	} else {
		var buf bytes.Buffer
		_, err = io.CopyN(&buf, s.r, int64(n))
		b = buf.Bytes()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: unexpected end of data", ErrSaved)
	}
	if s.err = err; err != nil {
		return nil
	}
	s.sum.Write(b)
	return b
}

func (s *savedReader) fail(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("%w: %s", ErrSaved, what)
	}
}

func (s *savedReader) uint8() uint8 {
	if b := s.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *savedReader) uint32() uint32 {
	if b := s.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (s *savedReader) int64() int64 {
	if b := s.bytes(8); b != nil {
		return int64(binary.LittleEndian.Uint64(b))
	}
	return 0
}

// Load reads what Save wrote. The caller adds the transactions again, in order, so that they are judged afresh. Errors: ErrSaved,
// ErrSavedVersion, or what r returns.
func Load(r io.Reader) ([]Saved, error) {
	s := &savedReader{r: bufio.NewReader(r), sum: sha256.New()}
	if magic := s.bytes(len(saveMagic)); s.err == nil && string(magic) != saveMagic {
		s.fail("it does not begin as one")
	}
	if v := s.uint32(); s.err == nil && v != saveVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrSavedVersion, v, saveVersion)
	}
	list := s.records()
	want := s.sum.Sum(nil)
	if sum := s.bytes(len(want)); s.err == nil && !bytes.Equal(sum, want) {
		s.fail("checksum")
	}
	if s.err == nil {
		if _, err := s.r.ReadByte(); !errors.Is(err, io.EOF) {
			s.fail("bytes left over after the end")
		}
	}
	if s.err != nil {
		return nil, s.err
	}
	return list, nil
}

func (s *savedReader) records() (list []Saved) {
	for s.err == nil {
		switch s.uint8() {
		case recordEnd:
			return list
		case recordTx:
			list = append(list, s.transaction())
		case recordDelta:
			var rec Saved
			copy(rec.ID[:], s.bytes(types.HashSize))
			rec.Delta = s.int64()
			list = append(list, rec)
		default:
			s.fail("unknown record")
		}
	}
	return nil
}

func (s *savedReader) transaction() Saved {
	n := s.uint32()
	if n > types.MaxBlockBytes {
		s.fail("transaction is too large")
	}
	raw := s.bytes(int(n))
	if s.err != nil {
		return Saved{}
	}
	tx, err := types.DecodeTx(raw)
	if err != nil {
		s.fail(err.Error())
		return Saved{}
	}
	rec := Saved{ID: tx.ID(), Tx: tx, Time: time.Unix(s.int64(), 0).UTC(), Delta: s.int64()}
	rec.Local = s.uint8() == 1
	return rec
}
