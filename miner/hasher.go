package miner

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/big"

	"github.com/cairn-chain/cairn/types"
)

// Where things stand in an encoded header. SHA-256 works on blocks of 64 bytes, so all before tailStart is hashed once, and the
// rest, which holds time and nonce, for each nonce.
const (
	tailStart   = sha256.BlockSize
	timeOffset  = 68
	nonceOffset = 76
)

// hasher hashes one header with changing times and nonces. Go's crypto/sha256 lets a caller have the midstate only through
// MarshalBinary and UnmarshalBinary: the saved state ends in the unfinished block and a length, so the time and nonce can be written straight
// into it. Setting the state costs a few nanoseconds beside the two compressions that are left of three.
type hasher struct {
	digest hash.Hash
	set    encoding.BinaryUnmarshaler
	state  []byte
	tail   int // where the unfinished block begins in state
	first  [sha256.Size]byte
}

// newHasher takes the header as it is. The layout of the saved state is not promised by Go, so it is tried: if the way through the state
// does not give the header's hash, an error tells so.
func newHasher(h *types.Header) (*hasher, error) {
	raw := h.Append(make([]byte, 0, types.HeaderSize))
	digest := sha256.New()
	if _, err := digest.Write(raw); err != nil {
		return nil, fmt.Errorf("hashing a header: %w", err)
	}
	save, canSave := digest.(encoding.BinaryMarshaler)
	set, canSet := digest.(encoding.BinaryUnmarshaler)
	if !canSave || !canSet {
		return nil, errState
	}
	state, err := save.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("saving the state of SHA-256: %w", err)
	}
	m := &hasher{digest: digest, set: set, state: state, tail: len(state) - 8 - sha256.BlockSize}
	if m.tail < 0 {
		return nil, errState
	}
	m.setTime(h.Time)
	hash := types.DoubleSHA256(raw)
	if _, ok, err := m.search(h.Nonce, 1, exactly(hash)); err != nil || !ok {
		return nil, errors.Join(errState, err)
	}
	return m, nil
}

var errState = errors.New("miner: the saved state of crypto/sha256 has a layout that is not understood")

// exactly returns the target that hash just meets.
func exactly(hash types.Hash) *goal {
	return &goal{top: binary.LittleEndian.Uint64(hash[24:]), all: hash}
}

func (m *hasher) setTime(t uint32) {
	binary.LittleEndian.PutUint32(m.state[m.tail+timeOffset-tailStart:], t)
}

// search tries nonces from first on, n of them, and tells which one meets the target. Beyond the greatest nonce it wraps.
func (m *hasher) search(first uint32, n int, target *goal) (nonce uint32, found bool, err error) {
	at := m.state[m.tail+nonceOffset-tailStart:][:4]
	for i := range uint32(n) {
		nonce = first + i
		binary.LittleEndian.PutUint32(at, nonce)
		if err := m.set.UnmarshalBinary(m.state); err != nil {
			return 0, false, fmt.Errorf("setting the state of SHA-256: %w", err)
		}
		sum := sha256.Sum256(m.digest.Sum(m.first[:0]))
		if binary.LittleEndian.Uint64(sum[24:]) <= target.top && target.metBy(&sum) {
			return nonce, true, nil
		}
	}
	return 0, false, nil
}

// goal is a target: its most significant 64 bits, which sort out nearly all hashes, and all of it.
type goal struct {
	top uint64
	all types.Hash // as a hash: little-endian
}

func newGoal(target *big.Int) *goal {
	var be [32]byte
	target.FillBytes(be[:])
	g := &goal{top: binary.BigEndian.Uint64(be[:8])}
	for i := range be {
		g.all[31-i] = be[i]
	}
	return g
}

// metBy tells whether a hash is at most the target.
func (g *goal) metBy(sum *[32]byte) bool { return types.Hash(*sum).Compare(g.all) <= 0 }
