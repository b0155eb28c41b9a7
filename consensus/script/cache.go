package script

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
)

const (
	cacheShards = 16
	// cacheEntryBytes is what one entry is charged: 32 bytes of key, and a map's share of
	// control bytes and free places.
	cacheEntryBytes = 64
	// txShare is the part of a Cache that is kept for transactions: one in txShare bytes.
	txShare = 4
)

// Cache remembers what was found valid, so that a block does not verify again what the mempool has
// verified: single signatures, and whole transactions with the outputs that they spend and the flags
// that they passed under. It keeps salted hashes only: without the salt nobody can make entries
// collide. It grows as it is used; at its bound the older half of the entries goes, those
// that were asked for lately stay. Safe for several goroutines.
type Cache struct {
	salt [32]byte
	sigs generations[struct{}]
	txs  generations[Flags]
}

// NewCache returns a cache of at most about maxBytes of memory, a quarter of it for transactions; a
// bound below 8 kB holds nothing or little. The salt must be random and secret.
func NewCache(maxBytes int, salt [32]byte) *Cache {
	c := &Cache{salt: salt}
	ofTxs := max(0, maxBytes) / txShare
	c.txs.perShard = ofTxs / (cacheEntryBytes * cacheShards * 2)
	c.sigs.perShard = (max(0, maxBytes) - ofTxs) / (cacheEntryBytes * cacheShards * 2)
	return c
}

// CacheStats is how a Cache fares. A lookup of a transaction that is found spares those of its signatures.
type CacheStats struct {
	Entries          int // signatures and transactions
	Bytes            int // what the entries are charged
	Hits, Misses     uint64
	Txs              int // of the entries
	TxHits, TxMisses uint64
}

// Stats returns how many entries there are and how many lookups found theirs.
func (c *Cache) Stats() CacheStats {
	txs := c.txs.len()
	n := c.sigs.len() + txs
	return CacheStats{
		Entries: n, Bytes: n * cacheEntryBytes, Hits: c.sigs.hits.Load(), Misses: c.sigs.misses.Load(),
		Txs: txs, TxHits: c.txs.hits.Load(), TxMisses: c.txs.misses.Load(),
	}
}

// key names a signature. The lengths keep key and signature apart.
func (c *Cache) key(check *SigCheck) [32]byte {
	buf := make([]byte, 0, 256)
	buf = append(buf, c.salt[:]...)
	kind := byte('E')
	if check.Schnorr {
		kind = 'S'
	}
	buf = append(buf, kind, byte(len(check.Key)), byte(len(check.Key)>>8))
	buf = append(buf, check.Hash[:]...)
	buf = append(buf, check.Key...)
	buf = append(buf, check.Sig...)
	return sha256.Sum256(buf)
}

// txKey names a transaction with its witnesses and what it spends. The spent outputs would follow from the ids of
// the transactions that made them, but a caller may have them from elsewhere, as those who sign do.
func (c *Cache) txKey(s *SigSums) [32]byte {
	id := s.tx.WitnessID()
	amounts, scripts := s.spentSums()
	buf := make([]byte, 0, 4*32+1)
	buf = append(append(buf, c.salt[:]...), 'T')
	buf = append(append(append(buf, id[:]...), amounts[:]...), scripts[:]...)
	return sha256.Sum256(buf)
}

func (c *Cache) has(key *[32]byte) bool {
	_, ok := c.sigs.get(key, nil)
	return ok
}

func (c *Cache) add(key *[32]byte) { c.sigs.put(key, struct{}{}) }

// hasTx tells whether a transaction passed under flags, or under more.
func (c *Cache) hasTx(key *[32]byte, flags Flags) bool {
	_, ok := c.txs.get(key, func(had Flags) bool { return had.has(flags) })
	return ok
}

// addTx remembers that a transaction passed under flags. Passing under some and under others does not mean to
// pass under both, so one set is kept: the larger if one holds the other, else the newer.
func (c *Cache) addTx(key *[32]byte, flags Flags) {
	if had, ok := c.txs.peek(key); !ok || !had.has(flags) {
		c.txs.put(key, flags)
	}
}

// generations is a bounded map.
type generations[V any] struct {
	perShard     int // entries in one generation of one shard
	shards       [cacheShards]shard[V]
	hits, misses atomic.Uint64
}

// shard holds two generations. The young one takes what is new or used again; when it is
// full it becomes the old one, and the old one is dropped.
type shard[V any] struct {
	mu         sync.Mutex
	young, old map[[32]byte]V
}

func (g *generations[V]) len() int {
	n := 0
	for i := range g.shards {
		s := &g.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return n
}

// get returns the value of key if fits, which may be nil, takes it, and keeps it young.
func (g *generations[V]) get(key *[32]byte, fits func(V) bool) (v V, ok bool) {
	s := &g.shards[key[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok = s.young[*key]
	inOld := false
	if !ok {
		v, inOld = s.old[*key]
	}
	if !ok && !inOld || fits != nil && !fits(v) {
		g.misses.Add(1)
		return v, false
	}
	if inOld {
		delete(s.old, *key)
		s.put(*key, v, g.perShard)
	}
	g.hits.Add(1)
	return v, true
}

// peek is get without any effect.
func (g *generations[V]) peek(key *[32]byte) (v V, ok bool) {
	s := &g.shards[key[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok = s.young[*key]; !ok {
		v, ok = s.old[*key]
	}
	return v, ok
}

func (g *generations[V]) put(key *[32]byte, v V) {
	s := &g.shards[key[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.old, *key)
	s.put(*key, v, g.perShard)
}

func (s *shard[V]) put(key [32]byte, v V, limit int) {
	if limit == 0 {
		return
	}
	if _, there := s.young[key]; !there && len(s.young) >= limit {
		s.old, s.young = s.young, nil
	}
	if s.young == nil {
		s.young = make(map[[32]byte]V)
	}
	s.young[key] = v
}
