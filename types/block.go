package types

import (
	"encoding/binary"
	"sync/atomic"
)

// HeaderSize is the length of an encoded Header in bytes.
const HeaderSize = 80

// MaxBlockTxs is the most transactions that a block can hold: none is smaller than 60 bytes without witnesses.
const MaxBlockTxs = MaxBlockWeight / (WitnessScale * minTxBytes)

// Header is a block's header. Time is in seconds since 1970, Bits is the target in its
// compact form.
type Header struct {
	Version    int32
	PrevHash   Hash
	MerkleRoot Hash
	Time       uint32
	Bits       uint32
	Nonce      uint32
}

// Hash returns the double SHA-256 of the encoded header. It is computed at each call.
func (h *Header) Hash() Hash {
	var buf [HeaderSize]byte
	return DoubleSHA256(h.Append(buf[:0]))
}

// Append appends the 80 bytes of the header.
func (h *Header) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Version))
	b = append(b, h.PrevHash[:]...)
	b = append(b, h.MerkleRoot[:]...)
	b = binary.LittleEndian.AppendUint32(b, h.Time)
	b = binary.LittleEndian.AppendUint32(b, h.Bits)
	return binary.LittleEndian.AppendUint32(b, h.Nonce)
}

// Header reads 80 bytes.
func (d *Decoder) Header() Header {
	return Header{
		Version:    int32(d.Uint32()),
		PrevHash:   d.Hash(),
		MerkleRoot: d.Hash(),
		Time:       d.Uint32(),
		Bits:       d.Uint32(),
		Nonce:      d.Uint32(),
	}
}

// DecodeHeader reads exactly one header.
func DecodeHeader(b []byte) (Header, error) {
	d := NewDecoder(b)
	h := d.Header()
	return h, d.Finish()
}

// Block is a header and its transactions, the coinbase first. It is immutable once Hash was
// called or once it was decoded.
type Block struct {
	Header Header
	Txs    []*Tx

	hash atomic.Pointer[Hash]
}

// Hash returns the header's hash, computed once.
func (b *Block) Hash() Hash {
	if h := b.hash.Load(); h != nil {
		return *h
	}
	h := b.Header.Hash()
	b.hash.Store(&h)
	return h
}

// Size returns the bytes of the encoding with witnesses.
func (b *Block) Size() int {
	n := HeaderSize + VarIntSize(uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		n += tx.Size()
	}
	return n
}

// BaseSize returns the bytes of the encoding without witnesses.
func (b *Block) BaseSize() int {
	n := HeaderSize + VarIntSize(uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		n += tx.BaseSize()
	}
	return n
}

// Weight returns 3·BaseSize + Size (BIP141).
func (b *Block) Weight() int { return (WitnessScale-1)*b.BaseSize() + b.Size() }

// Append appends the encoding with witnesses.
func (b *Block) Append(buf []byte) []byte {
	buf = b.Header.Append(buf)
	buf = AppendVarInt(buf, uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		buf = tx.Append(buf)
	}
	return buf
}

// AppendBase appends the encoding without witnesses, for peers that did not ask for them.
func (b *Block) AppendBase(buf []byte) []byte {
	buf = b.Header.Append(buf)
	buf = AppendVarInt(buf, uint64(len(b.Txs)))
	for _, tx := range b.Txs {
		buf = tx.AppendBase(buf)
	}
	return buf
}

// Bytes returns the encoding with witnesses in a slice of exactly its size.
func (b *Block) Bytes() []byte { return b.Append(make([]byte, 0, b.Size())) }

// Block reads one block. It shares no memory with the input.
func (d *Decoder) Block() *Block {
	b := &Block{Header: d.Header()}
	n := d.Count(MaxBlockTxs, minTxBytes)
	b.Txs = make([]*Tx, 0, n)
	for i := 0; i < n && d.err == nil; i++ {
		b.Txs = append(b.Txs, d.Tx())
	}
	if d.err != nil {
		return nil
	}
	return b
}

// DecodeBlock reads exactly one block of at most MaxBlockBytes.
func DecodeBlock(raw []byte) (*Block, error) {
	if len(raw) > MaxBlockBytes {
		return nil, ErrTooLarge
	}
	d := NewDecoder(raw)
	b := d.Block()
	if err := d.Finish(); err != nil {
		return nil, err
	}
	h := DoubleSHA256(raw[:HeaderSize])
	b.hash.Store(&h)
	return b, nil
}
