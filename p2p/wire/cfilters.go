package wire

import (
	"encoding/binary"

	"github.com/cairn-chain/cairn/types"
)

// How many items the messages of BIP157 may ask for or hold.
const (
	MaxCFilters       = 1000 // blocks of one getcfilters
	MaxCFHeaders      = 2000 // in a cfheaders message
	CFCheckptInterval = 1000 // blocks between two headers of cfcheckpt
	// maxCFCheckpts is far more than any chain has: one header for each CFCheckptInterval blocks.
	maxCFCheckpts = 50_000
)

// FilterBasic is the only type of compact filter (BIP158).
const FilterBasic = 0

// The messages of BIP157. This node answers the first of each pair; the second is decoded for tests and tools.
type (
	// GetCFilters asks for the filters of the blocks from a height up to Stop: at most MaxCFilters.
	GetCFilters struct {
		Type  uint8
		Start uint32
		Stop  types.Hash
	}
	// CFilter is the filter of one block.
	CFilter struct {
		Type   uint8
		Block  types.Hash
		Filter []byte
	}
	// GetCFHeaders asks for the hashes of the filters from a height up to Stop: at most MaxCFHeaders.
	GetCFHeaders struct {
		Type  uint8
		Start uint32
		Stop  types.Hash
	}
	// CFHeaders holds filter hashes, and the filter header before the first: from both follow all headers.
	CFHeaders struct {
		Type   uint8
		Stop   types.Hash
		Prev   types.Hash
		Hashes []types.Hash
	}
	// GetCFCheckpt asks for the filter header of every CFCheckptInterval-th block up to Stop.
	GetCFCheckpt struct {
		Type uint8
		Stop types.Hash
	}
	// CFCheckpt answers it.
	CFCheckpt struct {
		Type    uint8
		Stop    types.Hash
		Headers []types.Hash
	}
)

// Command returns "getcfilters".
func (GetCFilters) Command() string { return "getcfilters" }

// Command returns "cfilter".
func (CFilter) Command() string { return "cfilter" }

// Command returns "getcfheaders".
func (GetCFHeaders) Command() string { return "getcfheaders" }

// Command returns "cfheaders".
func (CFHeaders) Command() string { return "cfheaders" }

// Command returns "getcfcheckpt".
func (GetCFCheckpt) Command() string { return "getcfcheckpt" }

// Command returns "cfcheckpt".
func (CFCheckpt) Command() string { return "cfcheckpt" }

// Append appends 37 bytes.
func (m GetCFilters) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, m.Type), m.Start)
	return append(b, m.Stop[:]...)
}

// Append appends 37 bytes.
func (m GetCFHeaders) Append(b []byte) []byte { return GetCFilters(m).Append(b) }

// Append appends 33 bytes.
func (m GetCFCheckpt) Append(b []byte) []byte { return append(append(b, m.Type), m.Stop[:]...) }

// Append appends the type, the block's hash and the filter with its length.
func (m CFilter) Append(b []byte) []byte {
	return types.AppendVarBytes(append(append(b, m.Type), m.Block[:]...), m.Filter)
}

// Append appends the type, two hashes and the list of hashes.
func (m CFHeaders) Append(b []byte) []byte {
	b = append(append(append(b, m.Type), m.Stop[:]...), m.Prev[:]...)
	return appendHashes(b, m.Hashes)
}

// Append appends the type, the block's hash and the list of headers.
func (m CFCheckpt) Append(b []byte) []byte {
	return appendHashes(append(append(b, m.Type), m.Stop[:]...), m.Headers)
}

func appendHashes(b []byte, hashes []types.Hash) []byte {
	b = types.AppendVarInt(b, uint64(len(hashes)))
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

// filterSpecs are the messages of BIP157.
var filterSpecs = []spec{
	{"getcfilters", 1 + 4 + types.HashSize, func(d *types.Decoder) Message { return decodeGetCFilters(d) }},
	{"getcfheaders", 1 + 4 + types.HashSize, func(d *types.Decoder) Message { return GetCFHeaders(decodeGetCFilters(d)) }},
	{"getcfcheckpt", 1 + types.HashSize, func(d *types.Decoder) Message { return GetCFCheckpt{Type: d.Uint8(), Stop: d.Hash()} }},
	{"cfilter", MaxPayload, func(d *types.Decoder) Message {
		m := CFilter{Type: d.Uint8(), Block: d.Hash()}
		m.Filter = append([]byte{}, d.VarBytes(MaxPayload)...)
		return m
	}},
	{"cfheaders", 1 + 2*types.HashSize + longCount + MaxCFHeaders*types.HashSize, func(d *types.Decoder) Message {
		return CFHeaders{Type: d.Uint8(), Stop: d.Hash(), Prev: d.Hash(), Hashes: decodeHashes(d, MaxCFHeaders)}
	}},
	{"cfcheckpt", 1 + types.HashSize + longCount + maxCFCheckpts*types.HashSize, func(d *types.Decoder) Message {
		return CFCheckpt{Type: d.Uint8(), Stop: d.Hash(), Headers: decodeHashes(d, maxCFCheckpts)}
	}},
}

func decodeGetCFilters(d *types.Decoder) GetCFilters {
	return GetCFilters{Type: d.Uint8(), Start: d.Uint32(), Stop: d.Hash()}
}

func decodeHashes(d *types.Decoder, limit int) []types.Hash {
	hashes := make([]types.Hash, d.Count(limit, types.HashSize))
	for i := range hashes {
		hashes[i] = d.Hash()
	}
	return hashes
}
