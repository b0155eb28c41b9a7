package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/cairn-chain/cairn/types"
)

// ErrIndex is returned for cmpctblock and getblocktxn whose indexes do not rise or lie outside of the block.
var ErrIndex = errors.New("an index lies outside of the block")

// compactSpecs are the messages of BIP152.
var compactSpecs = []spec{
	{"cmpctblock", types.MaxBlockBytes, decodeCmpctBlock},
	{"getblocktxn", types.HashSize + longCount + MaxBlockTxs*longCount, decodeGetBlockTxn},
	{"blocktxn", types.MaxBlockBytes, decodeBlockTxn},
}

// PrefilledTx is a transaction that a CmpctBlock holds.
type PrefilledTx struct {
	Index uint16 // in the block; on the wire the distance from the one before
	Tx    *types.Tx
}

// shortIDMask leaves the 48 bits of a short id.
const shortIDMask = 1<<(8*shortIDSize) - 1

// ShortIDKey is the key of the short ids of one CmpctBlock. Whoever makes the block draws the nonce, so nobody can
// prepare transactions whose short ids collide in blocks of others.
type ShortIDKey struct{ k0, k1 uint64 }

// NewShortIDKey is the first 16 bytes of SHA256(header‖nonce) (BIP152).
func NewShortIDKey(h *types.Header, nonce uint64) ShortIDKey {
	var buf [types.HeaderSize + 8]byte
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(h.Append(buf[:0]), nonce))
	return ShortIDKey{binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])}
}

// Key is the key of the message's short ids.
func (m *CmpctBlock) Key() ShortIDKey { return NewShortIDKey(&m.Header, m.Nonce) }

// Of returns the short id of a transaction's witness id: 48 bits of SipHash-2-4 (BIP152, version 2).
func (k ShortIDKey) Of(witnessID types.Hash) uint64 { return k.sipHash(&witnessID) & shortIDMask }

// NewCmpctBlock makes the compact form of a block that is not empty. Only the coinbase is sent along.
func NewCmpctBlock(b *types.Block, nonce uint64) CmpctBlock {
	m := CmpctBlock{Header: b.Header, Nonce: nonce, Prefilled: []PrefilledTx{{0, b.Txs[0]}}}
	m.ShortIDs = make([]uint64, 0, len(b.Txs)-1)
	key := m.Key()
	for _, tx := range b.Txs[1:] {
		m.ShortIDs = append(m.ShortIDs, key.Of(tx.WitnessID()))
	}
	return m
}

// NewBlockTxn picks transactions of a block. ok is false if an index lies outside of it.
func NewBlockTxn(b *types.Block, indexes []uint16) (m BlockTxn, ok bool) {
	m = BlockTxn{Hash: b.Hash(), Txs: make([]*types.Tx, 0, len(indexes))}
	for _, i := range indexes {
		if int(i) >= len(b.Txs) {
			return BlockTxn{}, false
		}
		m.Txs = append(m.Txs, b.Txs[i])
	}
	return m, true
}

// Txs is the number of transactions in the block.
func (m *CmpctBlock) Txs() int { return len(m.ShortIDs) + len(m.Prefilled) }

// Command returns "cmpctblock".
func (CmpctBlock) Command() string { return "cmpctblock" }

// Command returns "getblocktxn".
func (GetBlockTxn) Command() string { return "getblocktxn" }

// Command returns "blocktxn".
func (BlockTxn) Command() string { return "blocktxn" }

// Append appends header, nonce, the short ids and the transactions that are sent along.
func (m CmpctBlock) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(m.Header.Append(b), m.Nonce)
	b = types.AppendVarInt(b, uint64(len(m.ShortIDs)))
	for _, id := range m.ShortIDs {
		b = append(b, byte(id), byte(id>>8), byte(id>>16), byte(id>>24), byte(id>>32), byte(id>>40))
	}
	b = types.AppendVarInt(b, uint64(len(m.Prefilled)))
	next := uint16(0)
	for _, p := range m.Prefilled {
		b = p.Tx.Append(types.AppendVarInt(b, uint64(p.Index-next)))
		next = p.Index + 1
	}
	return b
}

func (m *CmpctBlock) size() int {
	n := types.HeaderSize + 8 + listSize(len(m.ShortIDs), shortIDSize) + types.VarIntSize(uint64(len(m.Prefilled)))
	next := uint16(0)
	for _, p := range m.Prefilled {
		n += types.VarIntSize(uint64(p.Index-next)) + p.Tx.Size()
		next = p.Index + 1
	}
	return n
}

// Append appends the hash and the distances between the indexes.
func (m GetBlockTxn) Append(b []byte) []byte {
	b = types.AppendVarInt(append(b, m.Hash[:]...), uint64(len(m.Indexes)))
	next := uint16(0)
	for _, i := range m.Indexes {
		b = types.AppendVarInt(b, uint64(i-next))
		next = i + 1
	}
	return b
}

// Append appends the hash and the transactions with their witnesses.
func (m BlockTxn) Append(b []byte) []byte {
	b = types.AppendVarInt(append(b, m.Hash[:]...), uint64(len(m.Txs)))
	for _, tx := range m.Txs {
		b = tx.Append(b)
	}
	return b
}

func (m *BlockTxn) size() int {
	n := types.HashSize + types.VarIntSize(uint64(len(m.Txs)))
	for _, tx := range m.Txs {
		n += tx.Size()
	}
	return n
}

// decodeCmpctBlock refuses indexes that lie outside of the block of which the message speaks.
func decodeCmpctBlock(d *types.Decoder) Message {
	m := CmpctBlock{Header: d.Header(), Nonce: d.Uint64()}
	m.ShortIDs = make([]uint64, d.Count(MaxBlockTxs, shortIDSize))
	for i := range m.ShortIDs {
		m.ShortIDs[i] = uint64(d.Uint32()) | uint64(d.Uint16())<<32
	}
	m.Prefilled = make([]PrefilledTx, d.Count(MaxBlockTxs-len(m.ShortIDs), prefilledSize))
	next := 0
	for i := range m.Prefilled {
		at, ok := nextIndex(d, next, len(m.ShortIDs)+i+1)
		if !ok {
			return nil
		}
		m.Prefilled[i] = PrefilledTx{uint16(at), d.Tx()}
		next = at + 1
	}
	return m
}

func decodeGetBlockTxn(d *types.Decoder) Message {
	m := GetBlockTxn{Hash: d.Hash()}
	m.Indexes = make([]uint16, d.Count(MaxBlockTxs, 1))
	next := 0
	for i := range m.Indexes {
		at, ok := nextIndex(d, next, MaxBlockTxs)
		if !ok {
			return nil
		}
		m.Indexes[i] = uint16(at)
		next = at + 1
	}
	return m
}

// nextIndex reads a distance from next and returns the index, which must be below end.
func nextIndex(d *types.Decoder, next, end int) (at int, ok bool) {
	distance := d.VarInt()
	if distance >= uint64(max(end-next, 0)) {
		d.Fail(ErrIndex)
		return 0, false
	}
	return next + int(distance), d.Err() == nil
}

func decodeBlockTxn(d *types.Decoder) Message {
	m := BlockTxn{Hash: d.Hash()}
	n := d.Count(MaxBlockTxs, prefilledSize-1)
	m.Txs = make([]*types.Tx, 0, n)
	for i := 0; i < n && d.Err() == nil; i++ {
		m.Txs = append(m.Txs, d.Tx())
	}
	return m
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein, 2012) of exactly 32 bytes. It is written out for this length, with its
// state in four variables, because a compact block hashes each transaction of the mempool once.
func (k ShortIDKey) sipHash(h *types.Hash) uint64 {
	v0, v1, v2, v3 := k.k0^0x736f6d6570736575, k.k1^0x646f72616e646f6d, k.k0^0x6c7967656e657261, k.k1^0x7465646279746573
	for i := range 5 {
		word := uint64(types.HashSize << 56)
		if i < 4 {
			word = binary.LittleEndian.Uint64(h[8*i:])
		}
		v3 ^= word
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= word
	}
	v2 ^= 0xff
	for range 4 {
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	}
	return v0 ^ v1 ^ v2 ^ v3
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	return v0, v1, bits.RotateLeft64(v2, 32), v3
}
