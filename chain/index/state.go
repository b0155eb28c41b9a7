package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc64"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/types"
)

// mode tells what may be on disk beside the entries that belong to the position.
type mode byte

const (
	steady   mode = iota // nothing else
	partial              // any part of what the block at the position adds and removes
	clearing             // anything: the entries are being removed
)

// state is what an index remembers of itself.
type state struct {
	mode mode
	// pos is where the index stands; in mode partial it names the block that is being put on or taken off.
	pos chain.Position
	// below is, in mode partial, the position under that block.
	below chain.Position
	// count and sum describe the entries: those at pos, or those at below in mode partial.
	count, sum uint64
	// serial grows with every state that is written, so that no two are the same.
	serial uint64
}

const (
	positionSize = 4 + types.HashSize
	stateSize    = 1 + 2*positionSize + 3*8
	// versionSize is the format's number before the state.
	versionSize = 4
)

func appendPosition(b []byte, p chain.Position) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(p.Height)), p.Hash[:]...)
}

func position(b []byte) chain.Position {
	return chain.Position{Height: int32(binary.BigEndian.Uint32(b)), Hash: types.Hash(b[4:positionSize])}
}

func (s *state) encode(version uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, version)
	b = append(b, byte(s.mode))
	b = appendPosition(appendPosition(b, s.pos), s.below)
	for _, n := range []uint64{s.count, s.sum, s.serial} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

func decodeState(b []byte) (s state, ok bool) {
	if len(b) != stateSize || mode(b[0]) > clearing {
		return state{}, false
	}
	s.mode, b = mode(b[0]), b[1:]
	s.pos, b = position(b), b[positionSize:]
	s.below, b = position(b), b[positionSize:]
	s.count, s.sum, s.serial = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	return s, true
}

// moved returns the state after adding and removing entries; its position is the caller's to set.
func (s state) moved(add, remove []chain.Pair) state {
	s.count += uint64(len(add)) - uint64(len(remove))
	for i := range add {
		s.sum += fingerprint(add[i].Key, add[i].Value)
	}
	for i := range remove {
		s.sum -= fingerprint(remove[i].Key, remove[i].Value)
	}
	return s
}

var ecma = crc64.MakeTable(crc64.ECMA)

// fingerprint is a checksum of one entry. Their sum over a set does not depend on the order. It finds accidents, not intentions: who
// can write into the database needs no collision.
func fingerprint(key, value []byte) uint64 {
	c := crc64.Update(crc64.Checksum(key, ecma), ecma, value)
	// The sum of plain CRCs would be blind to two changes that are alike; mixed bits are not (the finalizer of SplitMix64).
	c = (c ^ c>>30) * 0xbf58476d1ce4e5b9
	c = (c ^ c>>27) * 0x94d049bb133111eb
	return c ^ c>>31
}

// seal appends a checksum over key and body.
func seal(key, body []byte) []byte {
	return binary.BigEndian.AppendUint64(bytes.Clone(body), fingerprint(key, body))
}

// unseal checks and removes it.
func unseal(key, value []byte) (body []byte, ok bool) {
	if len(value) < 8 {
		return nil, false
	}
	body = value[:len(value)-8]
	return body, fingerprint(key, body) == binary.BigEndian.Uint64(value[len(body):])
}

// FormatError says that an index was written by a newer version of the program.
type FormatError struct {
	Index       string
	Found, Want uint32
}

// Error names both versions and what to do.
func (e *FormatError) Error() string {
	return fmt.Sprintf("the %s has format %d, this version reads format %d: it was written by a newer version of cairn; use that version, "+
		"or remove the folder \"indexes\" of the data directory: indexes are made anew from the blocks", e.Index, e.Found, e.Want)
}
