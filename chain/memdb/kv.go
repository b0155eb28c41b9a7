package memdb

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/cairn-chain/cairn/chain"
)

// KV implements chain.KV.
type KV struct {
	mu     sync.RWMutex
	pairs  map[string][]byte
	closed bool
}

// NewKV returns an empty KV.
func NewKV() *KV { return &KV{pairs: map[string][]byte{}} }

// Reopen returns a KV that holds what k holds, and closes k.
func (k *KV) Reopen() *KV {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := &KV{pairs: k.pairs}
	k.pairs, k.closed = nil, true
	return n
}

// Get implements chain.KV.
func (k *KV) Get(key []byte) ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.closed {
		return nil, chain.ErrClosed
	}
	return bytes.Clone(k.pairs[string(key)]), nil
}

// Write implements chain.KV.
func (k *KV) Write(pairs []chain.Pair) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed {
		return chain.ErrClosed
	}
	for _, p := range pairs {
		if p.Value == nil {
			delete(k.pairs, string(p.Key))
			continue
		}
		k.pairs[string(p.Key)] = append([]byte{}, p.Value...)
	}
	return nil
}

// Iterate implements chain.KV. It goes through a copy, so each may write.
func (k *KV) Iterate(prefix, from []byte, each func(key, value []byte) error) error {
	k.mu.RLock()
	pairs, closed := maps.Clone(k.pairs), k.closed
	k.mu.RUnlock()
	if closed {
		return chain.ErrClosed
	}
	start := string(prefix) + string(from)
	for _, key := range slices.Sorted(maps.Keys(pairs)) {
		if !strings.HasPrefix(key, string(prefix)) || key < start {
			continue
		}
		if err := each([]byte(key), pairs[key]); err != nil {
			return err
		}
	}
	return nil
}

// Sync implements chain.KV.
func (k *KV) Sync() error { return nil }

// Close implements chain.KV.
func (k *KV) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
	return nil
}
