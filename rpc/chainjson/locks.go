package chainjson

import (
	"slices"
	"sync"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// Limits of what is remembered of output scripts: at most twice so many, each no longer than a usual one.
const (
	maxLocks   = 2048
	maxLockLen = 64
)

// lockCache remembers how output scripts are described. A description depends on the script and the network alone, and for a taproot
// output takes a square root; programs ask for the same blocks and addresses again and again. There are two generations: when the young one is
// full it becomes the old one, and what is found in the old one becomes young again.
type lockCache struct {
	mu         sync.Mutex
	young, old map[string]jsonrpc.Fields
}

// fields describes a script; the result must not be changed.
func (c *lockCache) fields(params script.AddressParams, lock []byte) jsonrpc.Fields {
	if c == nil || len(lock) > maxLockLen {
		return describeLock(params, lock)
	}
	if f, ok := c.find(lock); ok {
		return f
	}
	f := slices.Clip(describeLock(params, slices.Clone(lock))) // whoever adds to it gets a copy
	c.keep(string(lock), f)
	return f
}

func (c *lockCache) find(lock []byte) (jsonrpc.Fields, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f, ok := c.young[string(lock)]; ok {
		return f, true
	}
	f, ok := c.old[string(lock)]
	if ok {
		c.put(string(lock), f)
	}
	return f, ok
}

func (c *lockCache) keep(lock string, f jsonrpc.Fields) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(lock, f)
}

func (c *lockCache) put(lock string, f jsonrpc.Fields) {
	if len(c.young) >= maxLocks || c.young == nil {
		c.old, c.young = c.young, make(map[string]jsonrpc.Fields)
	}
	c.young[lock] = f
}
