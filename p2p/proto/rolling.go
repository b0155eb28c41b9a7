package proto

import (
	"encoding/binary"
	"net/netip"

	"github.com/cairn-chain/cairn/types"
)

// hashKey salts the short forms of hashes, so that nobody outside can choose two hashes that look
// alike to this node.
type hashKey [2]uint64

// short folds a hash to 64 bits. Hashes that differ in one of their four words never look alike, others do with a
// chance of 2⁻⁶⁴ as long as the key is secret.
func (k hashKey) short(h types.Hash) uint64 {
	x := k[0]
	for i := 0; i < types.HashSize; i += 8 {
		x = scramble(x^binary.LittleEndian.Uint64(h[i:])) + k[1]
	}
	return scramble(x)
}

// with folds a number into a short form.
func (k hashKey) with(short, n uint64) uint64 { return scramble(scramble(short^k[1]) + n) }

// text folds a string.
func (k hashKey) text(s string) uint64 { return k.short(types.DoubleSHA256([]byte(s))) }

// scramble is the finalizer of splitmix64, a permutation.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
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
