package merkle

import (
	"encoding/binary"
	"errors"
)

// MaxLeaves is the most transactions that a block can hold: 4,000,000 weight units, at least 240 each.
const MaxLeaves = 4_000_000 / 240

// ErrPartial says that a partial tree is malformed. Errors wrap it.
var ErrPartial = errors.New("bad partial merkle tree")

func partialError(why string) error { return errors.Join(ErrPartial, errors.New(why)) }

// Partial is a merkle tree cut down to what proves that some leaves are in it (BIP37, also the
// proof of gettxoutproof).
//
// The tree is walked depth first, from the root, left before right. Each node that is visited gives one
// flag: whether a matched leaf lies below it. A node with flag 0, and each visited leaf, gives its
// hash and ends the walk there; other nodes give no hash, since it follows from their children.
type Partial[H ~[32]byte] struct {
	Total  uint32 // leaves of the whole tree
	Hashes []H
	Flags  []byte // one bit a visited node, lowest bit first, padded with zeros
}

// BuildPartial returns the partial tree that proves the leaves whose match is true. A match shorter than leaves
// is false beyond its end.
func BuildPartial[H ~[32]byte](leaves []H, match []bool) *Partial[H] {
	b := builder[H]{levels: [][]H{leaves}, p: &Partial[H]{Total: uint32(len(leaves))}}
	b.wanted = [][]bool{make([]bool, len(leaves))}
	copy(b.wanted[0], match)
	for len(b.levels[len(b.levels)-1]) > 1 {
		b.grow()
	}
	if len(leaves) > 0 {
		b.walk(len(b.levels)-1, 0)
	}
	return b.p
}

// builder holds all levels of a tree, the leaves first, and under which nodes a match lies.
type builder[H ~[32]byte] struct {
	levels [][]H
	wanted [][]bool
	flags  int
	p      *Partial[H]
}

func (b *builder[H]) grow() {
	below, want := b.levels[len(b.levels)-1], b.wanted[len(b.wanted)-1]
	width := (len(below) + 1) / 2
	level, wanted := make([]H, width), make([]bool, width)
	for i := range level {
		left, right := 2*i, min(2*i+1, len(below)-1)
		level[i] = pair(below[left], below[right])
		wanted[i] = want[left] || want[right]
	}
	b.levels, b.wanted = append(b.levels, level), append(b.wanted, wanted)
}

func (b *builder[H]) walk(height, pos int) {
	want := b.wanted[height][pos]
	if b.flags%8 == 0 {
		b.p.Flags = append(b.p.Flags, 0)
	}
	if want {
		b.p.Flags[b.flags/8] |= 1 << (b.flags % 8)
	}
	b.flags++
	if height == 0 || !want {
		b.p.Hashes = append(b.p.Hashes, b.levels[height][pos])
		return
	}
	b.walk(height-1, 2*pos)
	if 2*pos+1 < len(b.levels[height-1]) {
		b.walk(height-1, 2*pos+1)
	}
}

// Extract walks the tree again and returns its root, the matched leaves and their indexes, in order. The
// depth follows from Total and nothing else, so an inner node can only pass for a leaf to someone who
// believes Total: compare it with the block's if that is known (CVE-2017-12842). Two equal siblings, unused
// hashes or flags, and a Total that no block can have are errors (ErrPartial).
func (p *Partial[H]) Extract() (root H, matches []H, indexes []uint32, err error) {
	switch {
	case p.Total == 0:
		return root, nil, nil, partialError("no leaves")
	case p.Total > MaxLeaves:
		return root, nil, nil, partialError("more leaves than fit into a block")
	case len(p.Hashes) > int(p.Total):
		return root, nil, nil, partialError("more hashes than leaves")
	case 8*len(p.Flags) < len(p.Hashes):
		return root, nil, nil, partialError("fewer flags than hashes")
	}
	e := extractor[H]{p: p}
	root = e.walk(Depth(int(p.Total)), 0)
	switch {
	case e.err != nil:
		return H{}, nil, nil, e.err
	case e.hashes != len(p.Hashes):
		return H{}, nil, nil, partialError("unused hashes")
	case (e.flags+7)/8 != len(p.Flags):
		return H{}, nil, nil, partialError("unused flags")
	}
	return root, e.matches, e.indexes, nil
}

type extractor[H ~[32]byte] struct {
	p             *Partial[H]
	flags, hashes int // used so far
	matches       []H
	indexes       []uint32
	err           error
}

func (e *extractor[H]) walk(height int, pos uint32) (h H) {
	if e.err != nil {
		return h
	}
	if e.flags >= 8*len(e.p.Flags) {
		e.err = partialError("too few flags")
		return h
	}
	want := e.p.Flags[e.flags/8]>>(e.flags%8)&1 == 1
	e.flags++
	if height == 0 || !want {
		return e.leaf(height, pos, want)
	}
	left := e.walk(height-1, 2*pos)
	right := left
	if 2*pos+1 < e.width(height-1) {
		if right = e.walk(height-1, 2*pos+1); right == left && e.err == nil {
			e.err = partialError("two equal siblings") // CVE-2012-2459
		}
	}
	return pair(left, right)
}

// leaf takes the next hash for a node that has none of its children in the tree.
func (e *extractor[H]) leaf(height int, pos uint32, want bool) (h H) {
	if e.hashes >= len(e.p.Hashes) {
		e.err = partialError("too few hashes")
		return h
	}
	h = e.p.Hashes[e.hashes]
	e.hashes++
	if height == 0 && want {
		e.matches, e.indexes = append(e.matches, h), append(e.indexes, pos)
	}
	return h
}

// width returns the number of nodes at a height.
func (e *extractor[H]) width(height int) uint32 { return (e.p.Total + 1<<height - 1) >> height }

// Append appends the encoding of BIP37: total as four bytes, then the hashes and the flag bytes, each with
// a CompactSize count.
func (p *Partial[H]) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, p.Total)
	b = appendSize(b, len(p.Hashes))
	for i := range p.Hashes {
		b = append(b, p.Hashes[i][:]...)
	}
	b = appendSize(b, len(p.Flags))
	return append(b, p.Flags...)
}

// DecodePartial reads exactly what Append wrote. It allocates no more than the input's length. Whether the tree
// makes sense is for Extract to say.
func DecodePartial[H ~[32]byte](b []byte) (*Partial[H], error) {
	if len(b) < 4 {
		return nil, partialError("too short")
	}
	p := &Partial[H]{Total: binary.LittleEndian.Uint32(b)}
	n, b, ok := size(b[4:])
	if !ok || n > len(b)/32 {
		return nil, partialError("hashes cut off")
	}
	p.Hashes = make([]H, n)
	for i := range p.Hashes {
		copy(p.Hashes[i][:], b[32*i:])
	}
	n, b, ok = size(b[32*n:])
	if !ok || n != len(b) {
		return nil, partialError("flags cut off or bytes left over")
	}
	p.Flags = append([]byte(nil), b...)
	return p, nil
}

// appendSize appends a CompactSize of at most 32 bits.
func appendSize(b []byte, n int) []byte {
	switch {
	case n < 0xfd:
		return append(b, byte(n))
	case n <= 0xffff:
		return binary.LittleEndian.AppendUint16(append(b, 0xfd), uint16(n))
	}
	return binary.LittleEndian.AppendUint32(append(b, 0xfe), uint32(n))
}

// size reads a CompactSize in its shortest form. Eight-byte sizes are refused: nothing here is that large.
func size(b []byte) (n int, rest []byte, ok bool) {
	switch {
	case len(b) >= 1 && b[0] < 0xfd:
		return int(b[0]), b[1:], true
	case len(b) >= 3 && b[0] == 0xfd:
		n = int(binary.LittleEndian.Uint16(b[1:]))
		return n, b[3:], n >= 0xfd
	case len(b) >= 5 && b[0] == 0xfe:
		v := binary.LittleEndian.Uint32(b[1:])
		return int(v), b[5:], v > 0xffff && v < 1<<31
	}
	return 0, nil, false
}
