// Package utxofile reads and writes snapshots of the coin set as files, byte for byte as Bitcoin Core 28's dumptxoutset does. It judges
// the form of a file. Whether its coins are those of the chain is for whoever knows their checksum.
//
//	magic      'u' 't' 'x' 'o' 0xff
//	version    2 bytes, little-endian: 2
//	network    4 bytes, as on the wire
//	base       32 bytes, the hash of the block after which this is the coin set
//	coins      8 bytes, little-endian: their number
//
// and then, ordered by transaction id, for each transaction that has coins: its id, their number as CompactSize, and for each, in order,
// its index as CompactSize, height·2 + coinbase as VarInt, the compressed amount as VarInt, and the compressed script. A VarInt is
// Core's own, 7 bits a byte, the highest first, each form but the last counting one more, so that no number has two forms.
//
// # A hostile file
//
// A reader holds one coin. It believes no count: numbers are compared with what was read. Coins must come in order, each once; heights at
// most the base's, amounts at most all the money there is, scripts at most 10,000 bytes, since longer ones are never coins; every
// number and script in the one form that a writer uses. So there is one file for one coin set.
//
// Start reading at Reader.Next.
package utxofile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Version is the version of the format.
const Version = 2

// HeaderSize is where the coins begin.
const HeaderSize = 5 + 2 + 4 + 32 + 8

// maxScript is the longest script of a coin; what is longer cannot be spent.
const maxScript = 10_000

var fileMagic = [5]byte{'u', 't', 'x', 'o', 0xff}

// Header is what stands before the coins.
type Header struct {
	Network uint32 // the network's magic, read as little-endian
	Base    types.Hash
	Coins   uint64
}

// A FormatError says what is wrong with a file, in Bitcoin Core's words where it has some.
type FormatError struct{ Text string }

// Error returns the text.
func (e *FormatError) Error() string { return e.Text }

func bad(format string, args ...any) error { return &FormatError{fmt.Sprintf(format, args...)} }

func (h *Header) append(b []byte) []byte {
	b = append(b, fileMagic[:]...)
	b = binary.LittleEndian.AppendUint16(b, Version)
	b = binary.LittleEndian.AppendUint32(b, h.Network)
	b = append(b, h.Base[:]...)
	return binary.LittleEndian.AppendUint64(b, h.Coins)
}

// ReadHeader reads what stands before the coins. A *FormatError tells of a file that is none, or of another version.
func ReadHeader(r io.Reader) (Header, error) {
	var raw [HeaderSize]byte
	n, err := io.ReadFull(r, raw[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Header{}, err
	}
	if n >= 5 && [5]byte(raw[:5]) != fileMagic {
		return Header{}, bad("Invalid UTXO set snapshot magic bytes. Please check if this is indeed a snapshot file or if you are using an outdated snapshot format.")
	}
	if version := binary.LittleEndian.Uint16(raw[5:]); n >= 7 && version != Version {
		return Header{}, bad("Version of snapshot %d does not match any of the supported versions.", version)
	}
	if err != nil {
		return Header{}, bad("end of file after %d bytes, within the metadata", n)
	}
	return Header{Network: binary.LittleEndian.Uint32(raw[7:]), Base: types.Hash(raw[11:43]), Coins: binary.LittleEndian.Uint64(raw[43:])}, nil
}

// Writer writes a snapshot. Coins come in the order of their outpoints.
type Writer struct {
	w     *bufio.Writer
	head  Header
	id    types.Hash // of group
	group []consensus.CoinEntry
	buf   []byte
}

// NewWriter writes to w; the header's number of coins is filled in by Finish.
func NewWriter(w io.Writer, head Header) (*Writer, error) {
	head.Coins = 0
	out := &Writer{w: bufio.NewWriterSize(w, 1<<20), head: head}
	_, err := out.w.Write(head.append(nil))
	return out, err
}

// Add writes one coin.
func (w *Writer) Add(e consensus.CoinEntry) error {
	if len(w.group) > 0 && e.OutPoint.TxID != w.id {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.id = e.OutPoint.TxID
	w.group = append(w.group, e)
	w.head.Coins++
	return nil
}

func (w *Writer) flush() error {
	if len(w.group) == 0 {
		return nil
	}
	b := append(w.buf[:0], w.id[:]...)
	b = types.AppendVarInt(b, uint64(len(w.group)))
	for i := range w.group {
		b = types.AppendVarInt(b, uint64(w.group[i].OutPoint.Index))
		b = appendCoin(b, &w.group[i].Coin)
	}
	w.buf, w.group = b, w.group[:0]
	_, err := w.w.Write(b)
	return err
}

// Finish ends the coins and returns the whole header, which is to be written over the first HeaderSize bytes.
func (w *Writer) Finish() (header []byte, coins uint64, err error) {
	err = w.flush()
	return w.head.append(nil), w.head.Coins, errors.Join(err, w.w.Flush())
}

func appendCoin(b []byte, c *consensus.Coin) []byte {
	code := uint64(uint32(c.Height)) << 1
	if c.Coinbase {
		code |= 1
	}
	b = appendVarInt(b, code)
	b = appendVarInt(b, compressAmount(uint64(c.Out.Value)))
	if kind, data, ok := script.CompressLock(c.Out.Script); ok {
		return append(append(b, byte(kind)), data...)
	}
	b = appendVarInt(b, uint64(len(c.Out.Script)+script.CompressedKinds))
	return append(b, c.Out.Script...)
}

// Reader reads the coins of a snapshot.
type Reader struct {
	r      *bufio.Reader
	head   Header
	height int32
	read   uint64 // coins
	group  uint64 // coins of the transaction that are still to come
	first  bool   // the next coin is the first of its transaction
	last   types.OutPoint
}

// NewReader reads the coins that follow the header; height is that of the base block.
func NewReader(r io.Reader, head Header, height int32) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 1<<20), head: head, height: height}
}

// Next returns the next coin, io.EOF after the last one if nothing follows, and a *FormatError if the file is not as it should be.
// The script is the caller's.
func (r *Reader) Next() (consensus.CoinEntry, error) {
	if r.read == r.head.Coins && r.group == 0 {
		return consensus.CoinEntry{}, r.end()
	}
	e, err := r.next()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = bad("Bad snapshot format or truncated snapshot after deserializing %d coins.", r.read)
	}
	if err != nil {
		return consensus.CoinEntry{}, err
	}
	r.read++
	r.group--
	return e, nil
}

func (r *Reader) end() error {
	_, err := r.r.ReadByte()
	if err == nil {
		return bad("Bad snapshot - coins left over after deserializing %d coins.", r.read)
	}
	return err
}

func (r *Reader) next() (e consensus.CoinEntry, err error) {
	if r.group == 0 {
		if err := r.nextTx(); err != nil {
			return e, err
		}
	}
	index, err := r.compactSize()
	if err != nil {
		return e, err
	}
	op := types.OutPoint{TxID: r.last.TxID, Index: uint32(index)}
	if index >= math.MaxUint32 || (!r.first && op.Compare(r.last) <= 0) {
		return e, bad("Bad snapshot data after deserializing %d coins", r.read)
	}
	r.first, r.last = false, op
	coin, err := r.coin()
	return consensus.CoinEntry{OutPoint: op, Coin: coin}, err
}

// nextTx begins the coins of the next transaction.
func (r *Reader) nextTx() error {
	var id types.Hash
	if _, err := io.ReadFull(r.r, id[:]); err != nil {
		return err
	}
	count, err := r.compactSize()
	if err != nil {
		return err
	}
	if count > r.head.Coins-r.read {
		return bad("Mismatch in coins count in snapshot metadata and actual snapshot data")
	}
	if before := (types.OutPoint{TxID: r.last.TxID}); count == 0 || (r.read > 0 && before.Compare(types.OutPoint{TxID: id}) >= 0) {
		return bad("Bad snapshot data after deserializing %d coins", r.read)
	}
	r.group, r.first, r.last = count, true, types.OutPoint{TxID: id}
	return nil
}

func (r *Reader) coin() (c consensus.Coin, err error) {
	code, err := r.varInt()
	if err != nil {
		return c, err
	}
	if code>>1 > uint64(r.height) {
		return c, bad("Bad snapshot data after deserializing %d coins", r.read)
	}
	amount, err := r.varInt()
	if err != nil {
		return c, err
	}
	value, ok := decompressAmount(amount)
	if !ok {
		return c, bad("Bad snapshot data after deserializing %d coins - bad tx out value", r.read)
	}
	lock, err := r.lock()
	return consensus.Coin{Out: types.TxOut{Value: value, Script: lock}, Height: int32(code >> 1), Coinbase: code&1 == 1}, err
}

func (r *Reader) lock() ([]byte, error) {
	kind, err := r.varInt()
	if err != nil {
		return nil, err
	}
	short := kind < script.CompressedKinds
	size := kind - script.CompressedKinds
	if short {
		size = uint64(script.CompressedBytes(int(kind)))
	}
	if size > maxScript {
		return nil, bad("Bad snapshot data after deserializing %d coins - a script of %d bytes", r.read, size)
	}
	lock := make([]byte, size)
	if _, err := io.ReadFull(r.r, lock); err != nil {
		return nil, err
	}
	_, _, shorter := script.CompressLock(lock)
	ok := !shorter
	if short {
		lock, ok = script.DecompressLock(int(kind), lock)
	}
	if !ok {
		return nil, bad("Bad snapshot data after deserializing %d coins - a script that is not in its short form", r.read)
	}
	return lock, nil
}
