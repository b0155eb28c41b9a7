package wire

import (
	"encoding/binary"

	"github.com/cairn-chain/cairn/types"
)

// The bounds of BIP37.
const (
	MaxFilterBytes   = 36_000 // of filterload
	MaxFilterHashes  = 50     // hash functions of a filter
	MaxFilterElement = 520    // bytes of filteradd
	// maxMerkleLeaves is more than the transactions of any block: 4,000,000 weight units, at least 240 each.
	maxMerkleLeaves = 4_000_000 / 240
)

// The messages of BIP37.
type (
	// FilterLoad sets the filter by which the sender wants to be told of transactions. Hashes may arrive over
	// MaxFilterHashes; that is for the receiver to refuse.
	FilterLoad struct {
		Data   []byte // at most MaxFilterBytes
		Hashes uint32 // functions
		Tweak  uint32
		Flags  uint8
	}
	// FilterAdd adds an element to the filter: at most MaxFilterElement bytes.
	FilterAdd struct{ Data []byte }
	// FilterClear takes the filter away.
	FilterClear struct{}
	// MerkleBlock is a header and the part of the merkle tree that leads to the transactions which matched.
	MerkleBlock struct {
		Header types.Header
		Total  uint32 // transactions in the block
		Hashes []types.Hash
		Flags  []byte
	}
)

// Command returns "filterload".
func (FilterLoad) Command() string { return "filterload" }

// Command returns "filteradd".
func (FilterAdd) Command() string { return "filteradd" }

// Command returns "filterclear".
func (FilterClear) Command() string { return "filterclear" }

// Command returns "merkleblock".
func (MerkleBlock) Command() string { return "merkleblock" }

// Append appends the filter and nine bytes.
func (m FilterLoad) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(types.AppendVarBytes(b, m.Data), m.Hashes)
	return append(binary.LittleEndian.AppendUint32(b, m.Tweak), m.Flags)
}

// Append appends the element with its length.
func (m FilterAdd) Append(b []byte) []byte { return types.AppendVarBytes(b, m.Data) }

// Append appends nothing.
func (FilterClear) Append(b []byte) []byte { return b }

// Append appends the header, the number of transactions, the hashes and the flags.
func (m MerkleBlock) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(m.Header.Append(b), m.Total)
	return types.AppendVarBytes(appendHashes(b, m.Hashes), m.Flags)
}

// bloomSpecs are the messages of BIP37.
var bloomSpecs = []spec{
	{"filterload", longCount + MaxFilterBytes + 9, func(d *types.Decoder) Message {
		data := append([]byte{}, d.VarBytes(MaxFilterBytes)...)
		return FilterLoad{Data: data, Hashes: d.Uint32(), Tweak: d.Uint32(), Flags: d.Uint8()}
	}},
	{"filteradd", longCount + MaxFilterElement, func(d *types.Decoder) Message {
		return FilterAdd{Data: append([]byte{}, d.VarBytes(MaxFilterElement)...)}
	}},
	{"filterclear", 0, empty(FilterClear{})},
	{"merkleblock", types.HeaderSize + 4 + 2*longCount + maxMerkleLeaves*types.HashSize + maxMerkleLeaves/4 + 1, decodeMerkleBlock},
}

func decodeMerkleBlock(d *types.Decoder) Message {
	m := MerkleBlock{Header: d.Header(), Total: d.Uint32(), Hashes: decodeHashes(d, maxMerkleLeaves)}
	m.Flags = append([]byte{}, d.VarBytes(maxMerkleLeaves/4+1)...)
	return m
}
