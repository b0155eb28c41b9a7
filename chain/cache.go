package chain

import (
	"bytes"
	"slices"
	"sync/atomic"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// cache is a set of coins over another one, its base: the store below the chain's cache, the chain's cache below the layer in
// which a reorganization is tried. For each outpoint that it knows, it holds what the base has there and what is there
// now. Nothing is looked up in the base to change it, because every change brings the coin that it removes.
//
// An outpoint that is not in entries is as it is in the base.
type cache struct {
	entries map[types.OutPoint]entry
	bytes   int // estimated memory
	dirty   int // entries whose base and now differ

	hits, misses atomic.Uint64
}

// entry is one outpoint: nil where there is no coin. The entry is dirty if base and now are not the same pointer, fresh if base
// is nil. Coins behind the pointers never change.
type entry struct{ base, now *consensus.Coin }

// Estimated bytes of an entry in the map, and of a coin without its script.
const (
	entryBytes = 104
	coinBytes  = 72
)

func newCache() *cache { return &cache{entries: map[types.OutPoint]entry{}} }

func (e entry) size() int {
	n := entryBytes
	if e.base != nil {
		n += coinBytes + len(e.base.Out.Script)
	}
	if e.now != nil && e.now != e.base {
		n += coinBytes + len(e.now.Out.Script)
	}
	return n
}

// put replaces the entry of op; one that is nothing over nothing is forgotten.
func (c *cache) put(op types.OutPoint, e entry) {
	if old, ok := c.entries[op]; ok {
		c.bytes -= old.size()
		if old.base != old.now {
			c.dirty--
		}
	}
	if e.base == nil && e.now == nil {
		delete(c.entries, op)
		return
	}
	c.entries[op] = e
	c.bytes += e.size()
	if e.base != e.now {
		c.dirty++
	}
}

// apply removes and adds coins, as a connected or disconnected block does.
func (c *cache) apply(removed, added []consensus.CoinEntry) {
	for i := range removed {
		op := removed[i].OutPoint
		e, ok := c.entries[op]
		if !ok {
			e.base = ownCoin(&removed[i].Coin)
		}
		e.now = nil
		c.put(op, e)
	}
	for i := range added {
		op := added[i].OutPoint
		e := c.entries[op]
		e.now = ownCoin(&added[i].Coin)
		if e.base != nil && sameCoin(e.base, e.now) {
			e.now = e.base
		}
		c.put(op, e)
	}
}

// merge applies a layer that stands on c.
func (c *cache) merge(layer *cache) {
	for op, l := range layer.entries {
		e, ok := c.entries[op]
		if !ok {
			e.base = l.base
		}
		e.now = l.now
		if e.base != nil && e.now != nil && sameCoin(e.base, e.now) {
			e.now = e.base
		}
		c.put(op, e)
	}
}

// get returns the coins that are known here, and the outpoints that have to be looked for in the base.
func (c *cache) get(ops []types.OutPoint) (coins consensus.Coins, missing []types.OutPoint) {
	coins = make(consensus.Coins, len(ops))
	for _, op := range ops {
		e, ok := c.entries[op]
		switch {
		case !ok:
			missing = append(missing, op)
		case e.now != nil:
			coins[op] = *e.now
		}
	}
	c.hits.Add(uint64(len(ops) - len(missing)))
	c.misses.Add(uint64(len(missing)))
	return coins, missing
}

// change is a dirty entry.
type change struct {
	op types.OutPoint
	entry
}

// changes returns the dirty entries in the order of their outpoints.
func (c *cache) changes() []change {
	list := make([]change, 0, c.dirty)
	for op, e := range c.entries {
		if e.base != e.now {
			list = append(list, change{op, e})
		}
	}
	slices.SortFunc(list, func(a, b change) int { return a.op.Compare(b.op) })
	return list
}

// settle tells the cache that its base now has the changes. It forgets all coins if they take more than keep bytes.
func (c *cache) settle(list []change, keep int) {
	for _, ch := range list {
		c.put(ch.op, entry{base: ch.now, now: ch.now})
	}
	if c.bytes > keep {
		c.entries, c.bytes, c.dirty = map[types.OutPoint]entry{}, 0, 0
	}
}

// ownCoin copies a coin so that it does not keep the memory of its transaction.
func ownCoin(coin *consensus.Coin) *consensus.Coin {
	own := *coin
	own.Out.Script = bytes.Clone(coin.Out.Script)
	return &own
}

func sameCoin(a, b *consensus.Coin) bool {
	return a.Height == b.Height && a.Coinbase == b.Coinbase && a.Out.Value == b.Out.Value && bytes.Equal(a.Out.Script, b.Out.Script)
}
