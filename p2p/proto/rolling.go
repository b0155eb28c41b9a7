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
	old, young shortSet
}

func newRolling(n int, key hashKey) *rolling { return &rolling{n: n, key: key} }

func (r *rolling) add(h types.Hash) {
	s := r.key.short(h)
	if r.young.has(s) {
		return
	}
	if r.young.len >= r.n {
		r.old, r.young = r.young, shortSet{}
	}
	r.young.add(s)
}

func (r *rolling) has(h types.Hash) bool {
	if r.size() == 0 {
		return false
	}
	s := r.key.short(h)
	return r.young.has(s) || r.old.has(s)
}

func (r *rolling) reset() { r.old, r.young = shortSet{}, shortSet{} }

// size is how many entries lie in memory, at most 2n.
func (r *rolling) size() int { return r.old.len + r.young.len }

// shortSet is a set of short forms. A machine has several for each peer and asks them for each transaction, so that what counts is
// how many places in memory are looked at: mostly one, for a Go map several.
//
// The table has a power of two of places, at most four fifths of them taken. A short form lies in the first place that was free from
// its low bits on, and nothing is ever taken out; so the way to it has no free place. Since short forms are salted, nobody
// outside can make that way long.
type shortSet struct {
	table []uint64 // 0: free
	len   int
}

// leastShorts is the size of the smallest table.
const leastShorts = 8

// find returns the place of s, or the free one where it belongs. The table must not be empty.
func (t *shortSet) find(s uint64) int {
	mask := len(t.table) - 1
	i := int(s) & mask
	for t.table[i] != s && t.table[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

func (t *shortSet) has(s uint64) bool { return t.len > 0 && t.table[t.find(taken(s))] != 0 }

// add adds s, which is not in the set.
func (t *shortSet) add(s uint64) {
	if 5*(t.len+1) > 4*len(t.table) {
		was := t.table
		t.table = make([]uint64, max(2*len(was), leastShorts))
		for _, x := range was {
			if x != 0 {
				t.table[t.find(x)] = x
			}
		}
	}
	s = taken(s)
	t.table[t.find(s)] = s
	t.len++
}

// taken keeps 0 for free places: it and 1 look alike.
func taken(s uint64) uint64 { return max(s, 1) }

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
