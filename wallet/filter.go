package wallet

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"github.com/cairn-chain/cairn/types"
)

// The parameters of BIP158's basic filter: P bits of a remainder, one false match in M.
const (
	filterP = 19
	filterM = 784931
)

// maxFilterBytes bounds a filter that is looked at: an element takes at least 20 bits, and no block
// has more elements than it has bytes to hold scripts and inputs.
const maxFilterBytes = types.MaxBlockBytes

var errFilter = errors.New("compact block filter is malformed")

// filter is a decoded basic block filter: the values of its elements, ascending.
type filter struct {
	k0, k1 uint64 // SipHash key: the first 16 bytes of the block's hash
	span   uint64 // values are in [0, span)
	values []uint64
}

// decodeFilter reads the bytes of a basic filter of a block (BIP158): the number of elements, then
// the differences between the sorted values in Golomb-Rice code. Memory is bounded by the input:
// each element takes more than two bytes of it.
func decodeFilter(block types.Hash, raw []byte) (*filter, error) {
	f := &filter{
		k0: binary.LittleEndian.Uint64(block[:8]),
		k1: binary.LittleEndian.Uint64(block[8:16]),
	}
	if len(raw) > maxFilterBytes {
		return nil, errFilter
	}
	d := types.NewDecoder(raw)
	n := d.VarInt()
	if d.Err() != nil || n > uint64(d.Remaining())*8/(filterP+1) {
		return nil, errFilter
	}
	f.span = n * filterM
	r := bitReader{buf: d.Bytes(d.Remaining())}
	f.values = make([]uint64, 0, n)
	var last uint64
	for range n {
		delta, ok := r.golomb()
		if last += delta; !ok || last >= f.span {
			return nil, errFilter
		}
		f.values = append(f.values, last)
	}
	if r.unread() >= 8 {
		return nil, errFilter
	}
	return f, nil
}

// value maps an element to [0, span).
func (f *filter) value(element []byte) uint64 {
	hi, _ := bits.Mul64(sipHash(f.k0, f.k1, element), f.span)
	return hi
}

// has tells whether the element may be in the filter: always true if it is, true by chance once in
// M otherwise.
func (f *filter) has(element []byte) bool {
	_, found := slices.BinarySearch(f.values, f.value(element))
	return found
}

// hasAny tells whether any of the elements may be in the filter. O((n+m) log m).
func (f *filter) hasAny(elements [][]byte) bool {
	if len(f.values) == 0 {
		return false
	}
	return slices.ContainsFunc(elements, f.has)
}

// filterHeader returns the header of a filter in the chain of filter headers (BIP157).
func filterHeader(raw []byte, prev types.Hash) types.Hash {
	sum := types.DoubleSHA256(raw)
	return types.DoubleSHA256(append(sum[:], prev[:]...))
}

// bitReader reads bits, the most significant of each byte first.
type bitReader struct {
	buf []byte
	off int // in bits
}

func (r *bitReader) unread() int { return 8*len(r.buf) - r.off }

// golomb reads a quotient in unary and a remainder of filterP bits.
func (r *bitReader) golomb() (v uint64, ok bool) {
	var q uint64
	for {
		bit, ok := r.bit()
		if !ok {
			return 0, false
		}
		if bit == 0 {
			break
		}
		q++
	}
	v = q
	if r.unread() < filterP {
		return 0, false
	}
	for range filterP {
		bit, _ := r.bit()
		v = v<<1 | bit
	}
	return v, true
}

func (r *bitReader) bit() (b uint64, ok bool) {
	if r.unread() <= 0 {
		return 0, false
	}
	b = uint64(r.buf[r.off/8]>>(7-r.off%8)) & 1
	r.off++
	return b, true
}

// sipHash is SipHash-2-4 of data under the key (k0, k1).
func sipHash(k0, k1 uint64, data []byte) uint64 {
	s := sipState{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
	last := uint64(len(data)) << 56
	for ; len(data) >= 8; data = data[8:] {
		s.absorb(binary.LittleEndian.Uint64(data))
	}
	for i, b := range data {
		last |= uint64(b) << (8 * i)
	}
	s.absorb(last)
	s[2] ^= 0xff
	for range 4 {
		s.round()
	}
	return s[0] ^ s[1] ^ s[2] ^ s[3]
}

type sipState [4]uint64

func (s *sipState) absorb(m uint64) {
	s[3] ^= m
	s.round()
	s.round()
	s[0] ^= m
}

func (s *sipState) round() {
	s[0] += s[1]
	s[1] = bits.RotateLeft64(s[1], 13) ^ s[0]
	s[0] = bits.RotateLeft64(s[0], 32)
	s[2] += s[3]
	s[3] = bits.RotateLeft64(s[3], 16) ^ s[2]
	s[0] += s[3]
	s[3] = bits.RotateLeft64(s[3], 21) ^ s[0]
	s[2] += s[1]
	s[1] = bits.RotateLeft64(s[1], 17) ^ s[2]
	s[2] = bits.RotateLeft64(s[2], 32)
}
