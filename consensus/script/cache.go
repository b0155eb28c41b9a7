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
)

// Cache remembers signatures that were found valid, so that a block does not verify again what
// the mempool has verified. It keeps salted hashes only: without the salt nobody can make entries
// collide. It grows as it is used; at its bound the older half of the entries goes, those
// that were asked for lately stay. Safe for several goroutines.
type Cache struct {
	salt         [32]byte
	perShard     int // entries in one generation of one shard
	shards       [cacheShards]cacheShard
	hits, misses atomic.Uint64
}

// cacheShard holds two generations. The young one takes what is new or used again; when it is
// full it becomes the old one, and the old one is dropped.
type cacheShard struct {
	mu         sync.Mutex
	young, old map[[32]byte]struct{}
}

// NewCache returns a cache of at most about maxBytes of memory; a bound below 2 kB holds nothing.
// The salt must be random and secret.
func NewCache(maxBytes int, salt [32]byte) *Cache {
	return &Cache{salt: salt, perShard: max(0, maxBytes/(cacheEntryBytes*cacheShards*2))}
}

// CacheStats is how a Cache fares.
type CacheStats struct {
	Entries      int
	Bytes        int // what the entries are charged
	Hits, Misses uint64
}

// Stats returns how many entries there are and how many lookups found theirs.
func (c *Cache) Stats() CacheStats {
	n := 0
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return CacheStats{Entries: n, Bytes: n * cacheEntryBytes, Hits: c.hits.Load(), Misses: c.misses.Load()}
}

// key names a check. The lengths keep key and signature apart.
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

func (c *Cache) has(key *[32]byte) bool {
	s := &c.shards[key[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.young[*key]; ok {
		c.hits.Add(1)
		return true
	}
	if _, ok := s.old[*key]; ok {
		delete(s.old, *key)
		s.put(*key, c.perShard)
		c.hits.Add(1)
		return true
	}
	c.misses.Add(1)
	return false
}

func (c *Cache) add(key *[32]byte) {
	s := &c.shards[key[0]%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(*key, c.perShard)
}

func (s *cacheShard) put(key [32]byte, limit int) {
	if limit == 0 {
		return
	}
	if len(s.young) >= limit {
		s.old, s.young = s.young, nil
	}
	if s.young == nil {
		s.young = make(map[[32]byte]struct{})
	}
	s.young[key] = struct{}{}
}
