// Package salted holds short forms of hashes that nobody outside can foresee, and a bounded memory of such.
//
// The attack: whoever may choose what a node remembers (transactions, addresses) can look for two things that fall together in its tables, to have an
// honest one taken for one that is known, or for slow maps. The rule: all that is chosen, ordered or remembered by a hash from
// outside goes through a Key that was drawn at the node's start and never leaves it.
//
// It is not cryptography: a Key hides what it makes only as long as no outsider sees the short forms themselves.
package salted

import (
	"encoding/binary"

	"github.com/cairn-chain/cairn/types"
)

// Key salts the short forms of hashes, so that nobody outside can choose two hashes that look
// alike to this node.
type Key [2]uint64

// Short folds a hash to 64 bits. Hashes that differ in one of their four words never look alike, others do with a
// chance of 2⁻⁶⁴ as long as the key is secret.
func (k Key) Short(h types.Hash) uint64 {
	x := k[0]
	for i := 0; i < types.HashSize; i += 8 {
		x = scramble(x^binary.LittleEndian.Uint64(h[i:])) + k[1]
	}
	return scramble(x)
}

// With folds a number into a short form.
func (k Key) With(short, n uint64) uint64 { return scramble(scramble(short^k[1]) + n) }

// Text folds a string.
func (k Key) Text(s string) uint64 { return k.Short(types.DoubleSHA256([]byte(s))) }

// scramble is the finalizer of splitmix64, a permutation.
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Rolling remembers at least the last n and at most the last 2n hashes that were added, in 64 salted
// bits each: two generations, of which the older is dropped when the younger is full. That a hash
// which was never added seems known has a chance of about 2n/2⁶⁴.
type Rolling struct {
	n          int
	key        Key
	old, young shortSet
}

// NewRolling returns one with nothing in it, which takes no memory yet.
func NewRolling(n int, key Key) *Rolling { return &Rolling{n: n, key: key} }

// Add remembers h, perhaps at the price of the oldest.
func (r *Rolling) Add(h types.Hash) {
	s := r.key.Short(h)
	if r.young.has(s) {
		return
	}
	if r.young.len >= r.n {
		r.old, r.young = r.young, shortSet{}
	}
	r.young.add(s)
}

// Has tells whether h is remembered.
func (r *Rolling) Has(h types.Hash) bool {
	if r.Size() == 0 {
		return false
	}
	s := r.key.Short(h)
	return r.young.has(s) || r.old.has(s)
}

// Reset forgets everything.
func (r *Rolling) Reset() { r.old, r.young = shortSet{}, shortSet{} }

// Size is how many entries lie in memory, at most 2n.
func (r *Rolling) Size() int { return r.old.len + r.young.len }

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
