// Package bloom holds the filters by which a light client says which transactions it wants to hear of (BIP37).
//
// It is not a set for our own use: the client chooses size, functions and contents, so a Filter promises nothing but its
// cost. Nor does it decide who may set one: p2p/proto does, and only on request of a person, since whoever serves such
// filters does the work of strangers, and whoever sets one tells its server what it owns.
//
// Start reading at New and Filter.Match.
package bloom

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"sync"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// The bounds of BIP37: bytes of a filter, and hash functions.
const (
	MaxBytes  = 36_000
	MaxHashes = 50
)

// What Match adds to a filter when an output matched: nothing, its outpoint, or its outpoint if the script is a bare
// key or a bare multisig. So a client hears of the spend too, without knowing the transaction before.
const (
	UpdateNone   = 0
	UpdateAll    = 1
	UpdatePubKey = 2
	updateMask   = 3
)

// ErrTooLarge is returned for a filter over the bounds.
var ErrTooLarge = errors.New("bloom filter over the bounds of BIP37")

// Filter is one client's filter. It may be used from many goroutines: a block is matched by the peer's writer while the
// protocol machine matches transactions, and both learn what the other added.
//
// The rules, each with its cost: an element is hashed by up to MaxHashes functions, and the first bit that is not set
// ends it; a transaction has as many elements as it has bytes at most, and the first that matches ends it. So a match
// costs at most MaxHashes times the bytes of a transaction without its witnesses, whatever the client chose, and the
// filter never grows. An empty filter matches everything (to divide by its size is CVE-2013-5700).
type Filter struct {
	hashes, tweak uint32
	flags         uint8

	mu   sync.Mutex
	data []byte
}

// New makes a Filter of what a filterload message says. data is kept.
func New(data []byte, hashes, tweak uint32, flags uint8) (*Filter, error) {
	if len(data) > MaxBytes || hashes > MaxHashes {
		return nil, ErrTooLarge
	}
	return &Filter{data: data, hashes: hashes, tweak: tweak, flags: flags & updateMask}, nil
}

// Add sets the bits of an element.
func (f *Filter) Add(element []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.add(element)
}

// Has tells whether an element may have been added.
func (f *Filter) Has(element []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.has(element)
}

// Match tells whether a transaction concerns the client: its id, data that an output's script pushes, a coin that it
// spends, or data that an input's script pushes is in the filter. Outputs that match may be added (see UpdateAll).
// Witnesses are not looked at.
func (f *Filter) Match(tx *types.Tx) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.data) == 0 {
		return true
	}
	id := tx.ID()
	found := f.has(id[:])
	for i := range tx.Out {
		if f.hasPush(tx.Out[i].Script) {
			found = true
			f.update(types.OutPoint{TxID: id, Index: uint32(i)}, tx.Out[i].Script)
		}
	}
	if found {
		return true
	}
	for i := range tx.In {
		if f.has(outPoint(tx.In[i].PrevOut)) || f.hasPush(tx.In[i].ScriptSig) {
			return true
		}
	}
	return false
}

// update adds the outpoint of an output that matched, if the client wants it.
func (f *Filter) update(op types.OutPoint, lock []byte) {
	switch f.flags {
	case UpdateAll:
		f.add(outPoint(op))
	case UpdatePubKey:
		if class, _ := script.Classify(lock); class == script.PubKey || class == script.MultiSig {
			f.add(outPoint(op))
		}
	}
}

// outPoint is the 36 bytes of an outpoint as it stands in a transaction.
func outPoint(op types.OutPoint) []byte {
	return binary.LittleEndian.AppendUint32(op.TxID[:len(op.TxID):len(op.TxID)], op.Index)
}

func (f *Filter) add(element []byte) {
	if len(f.data) == 0 {
		return
	}
	for i := range f.hashes {
		bit := f.bit(i, element)
		f.data[bit/8] |= 1 << (bit % 8)
	}
}

func (f *Filter) has(element []byte) bool {
	for i := range f.hashes {
		if len(f.data) == 0 {
			break
		}
		if bit := f.bit(i, element); f.data[bit/8]>>(bit%8)&1 == 0 {
			return false
		}
	}
	return true
}

// bit is the place of an element by the i-th function.
func (f *Filter) bit(i uint32, element []byte) uint32 {
	return murmur3(i*0xfba4c795+f.tweak, element) % uint32(8*len(f.data))
}

// hasPush tells whether data that a script pushes is in the filter. A push that is cut off ends the script.
func (f *Filter) hasPush(s []byte) bool {
	for len(s) > 0 {
		data, rest, ok := nextPush(s)
		if !ok {
			return false
		}
		if len(data) > 0 && f.has(data) {
			return true
		}
		s = rest
	}
	return false
}

// nextPush takes the first instruction of a script. data is what it pushes from the script's own bytes, if anything.
func nextPush(s []byte) (data, rest []byte, ok bool) {
	op, s := s[0], s[1:]
	n := int(op)
	switch width := int(op) - 0x4b; { // OP_PUSHDATA1, 2 and 4 have a length of 1, 2 and 4 bytes
	case width <= 0:
	case width > 3:
		return nil, s, true
	default:
		width = 1 << (width - 1)
		if len(s) < width {
			return nil, nil, false
		}
		var length [4]byte
		copy(length[:], s[:width])
		n, s = int(binary.LittleEndian.Uint32(length[:])), s[width:]
	}
	if n > len(s) {
		return nil, nil, false
	}
	return s[:n], s[n:], true
}

// murmur3 is MurmurHash3 (x86, 32 bits) by Austin Appleby, in the public domain.
func murmur3(seed uint32, data []byte) uint32 {
	h, length := seed, uint32(len(data))
	mix := func(k uint32) uint32 { return bits.RotateLeft32(k*0xcc9e2d51, 15) * 0x1b873593 }
	for ; len(data) >= 4; data = data[4:] {
		h = bits.RotateLeft32(h^mix(binary.LittleEndian.Uint32(data)), 13)*5 + 0xe6546b64
	}
	if len(data) > 0 {
		var tail [4]byte
		copy(tail[:], data)
		h ^= mix(binary.LittleEndian.Uint32(tail[:]))
	}
	h ^= length
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}
