package addrbook

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

// Sizes of the tables. The hashes that spread addresses over them are part of the encoding: another
// size makes another format.
const (
	newBuckets   = 1024
	triedBuckets = 256
	bucketSize   = 64

	newBucketsPerSource  = 64 // that one group of sources can reach
	triedBucketsPerGroup = 8  // that the addresses of one group can reach
	maxPlaces            = 8  // in new, for one address

	// MaxAddrs is how many addresses a Book holds at most.
	MaxAddrs = (newBuckets + triedBuckets) * bucketSize
)

// place is where an address stands in a table.
type place struct{ bucket, slot int }

// table is a hash table that never grows: a taken slot is taken.
type table struct {
	buckets []*bucket // nil if empty
	used    []int     // numbers of the buckets that are not empty, in no order
	size    int       // slots taken
}

type bucket struct {
	slots [bucketSize]*entry
	n     int // slots taken
	index int // in table.used
}

func newTable(buckets int) table { return table{buckets: make([]*bucket, buckets)} }

func (t *table) at(p place) *entry {
	if b := t.buckets[p.bucket]; b != nil {
		return b.slots[p.slot]
	}
	return nil
}

// put fills an empty slot.
func (t *table) put(p place, e *entry) {
	b := t.buckets[p.bucket]
	if b == nil {
		b = &bucket{index: len(t.used)}
		t.buckets[p.bucket] = b
		t.used = append(t.used, p.bucket)
	}
	b.slots[p.slot] = e
	b.n++
	t.size++
}

// clear empties a slot that is taken.
func (t *table) clear(p place) {
	b := t.buckets[p.bucket]
	b.slots[p.slot] = nil
	b.n--
	t.size--
	if b.n > 0 {
		return
	}
	last := t.used[len(t.used)-1]
	t.used[b.index] = last
	t.buckets[last].index = b.index
	t.used = t.used[:len(t.used)-1]
	t.buckets[p.bucket] = nil
}

// pick returns an entry of a random bucket, or nil if the table is empty.
func (t *table) pick(rng *rand.Rand) *entry {
	if len(t.used) == 0 {
		return nil
	}
	b := t.buckets[t.used[rng.IntN(len(t.used))]]
	start := rng.IntN(bucketSize)
	for i := range bucketSize {
		if e := b.slots[(start+i)%bucketSize]; e != nil {
			return e
		}
	}
	return nil
}

// newPlace is where an address stands in new when this source told of it.
func (b *Book) newPlace(addr, source netip.AddrPort) place {
	from := Group(source)
	which := b.hash("new which", Group(addr)+"|"+from, 0) % newBucketsPerSource
	bucket := b.hash("new bucket", from, which) % newBuckets
	return b.slot("new slot", int(bucket), addr)
}

// triedPlace is where an address stands in tried.
func (b *Book) triedPlace(addr netip.AddrPort) place {
	which := b.hash("tried which", addr.String(), 0) % triedBucketsPerGroup
	bucket := b.hash("tried bucket", Group(addr), which) % triedBuckets
	return b.slot("tried slot", int(bucket), addr)
}

func (b *Book) slot(purpose string, bucket int, addr netip.AddrPort) place {
	return place{bucket, int(b.hash(purpose, addr.String(), uint64(bucket)) % bucketSize)}
}

// hash spreads text and a number by the Book's secret salt. Purposes keep the uses apart.
func (b *Book) hash(purpose, text string, number uint64) uint64 {
	buf := make([]byte, 0, 160)
	buf = append(buf, b.salt[:]...)
	buf = binary.LittleEndian.AppendUint64(buf, number)
	buf = append(buf, purpose...)
	buf = append(buf, 0)
	buf = append(buf, text...)
	sum := sha256.Sum256(buf)
	return binary.LittleEndian.Uint64(sum[:])
}
