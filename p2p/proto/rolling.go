package proto

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/cairn-chain/cairn/types"
)

// hashKey salts the short forms of hashes, so that nobody outside can choose two hashes that look
// alike to this node.
type hashKey [2]uint64

// short folds a hash to 64 bits.
func (k hashKey) short(h types.Hash) uint64 {
	a := fold(binary.LittleEndian.Uint64(h[0:])^k[0], binary.LittleEndian.Uint64(h[8:])^k[1])
	b := fold(binary.LittleEndian.Uint64(h[16:])^k[1], binary.LittleEndian.Uint64(h[24:])^k[0])
	return fold(a^k[0], b^k[1]^0x9e3779b97f4a7c15)
}

// with folds a number into a short form.
func (k hashKey) with(short, n uint64) uint64 { return fold(short^k[0], n^k[1]^0xd1342543de82ef95) }

// text folds a string.
func (k hashKey) text(s string) uint64 { return k.short(types.DoubleSHA256([]byte(s))) }

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a|1, b|1)
	return bits.RotateLeft64(hi^lo^a, 23) * 0x9fb21c651e98df25
}

// rolling remembers at least the last n and at most the last 2n hashes that were added, in 64 salted
// bits each: two generations, of which the older is dropped when the younger is full. That a hash
// which was never added seems known has a chance of about 2n/2⁶⁴.
type rolling struct {
	n          int
	key        hashKey
	old, young map[uint64]struct{}
}

func newRolling(n int, key hashKey) *rolling { return &rolling{n: n, key: key} }

func (r *rolling) add(h types.Hash) {
	s := r.key.short(h)
	if _, ok := r.young[s]; ok {
		return
	}
	if len(r.young) >= r.n {
		r.old, r.young = r.young, nil
	}
	if r.young == nil {
		r.young = map[uint64]struct{}{}
	}
	r.young[s] = struct{}{}
}

func (r *rolling) has(h types.Hash) bool {
	if len(r.young)+len(r.old) == 0 {
		return false
	}
	s := r.key.short(h)
	if _, ok := r.young[s]; ok {
		return true
	}
	_, ok := r.old[s]
	return ok
}

func (r *rolling) reset() { r.old, r.young = nil, nil }

// size is how many entries lie in memory, at most 2n.
func (r *rolling) size() int { return len(r.old) + len(r.young) }

// addrKey makes a net address without its port look like a hash, for a rolling.
func addrKey(a netip.Addr) (h types.Hash) {
	b := a.Unmap().As16()
	copy(h[:], b[:])
	return h
}

// addrPortKey does so with the port.
func addrPortKey(a netip.AddrPort) types.Hash {
	h := addrKey(a.Addr())
	binary.LittleEndian.PutUint16(h[16:], a.Port())
	return h
}
