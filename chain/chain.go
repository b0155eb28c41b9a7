package chain

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// MinCacheBytes is the least coin cache; smaller values of Config.CacheBytes are raised to it.
const MinCacheBytes = 1 << 20

// Config is what a Chain is made of.
type Config struct {
	Params *consensus.Params
	// Store is used and closed by the Chain.
	Store Store
	// Now is the node's clock: headers too far in the future are refused by it.
	Now func() time.Time
	// Monotonic gives the time since any fixed moment, for measuring durations; nil measures nothing.
	Monotonic func() time.Duration
	// Verify runs script checks. Must not be nil.
	Verify *script.Runner
	// Workers is how many goroutines run script checks and coin hashing at once; at least 1.
	Workers int
	// CacheBytes bounds the memory of the coin cache; it is flushed when it grows over it.
	CacheBytes int
	// FlushBlocks is after how many connected or disconnected blocks the coins are flushed at the latest, which bounds what a start
	// after a crash has to do again; 0 means 500.
	FlushBlocks int
	// PruneTarget is how many bytes of blocks and undo data are kept on disk, about; 0: all, but for what Prune is told to
	// remove. See prune.go.
	PruneTarget int64
	// KeepBlocks is how many blocks below the tip are never pruned; 0 means 288 (KeepBlocks). Fewer are for tests.
	KeepBlocks int32
	// Reindex makes the coin set anew from the stored blocks, and judges all of them again.
	Reindex bool
	// Log and Observe may be nil.
	Log     *slog.Logger
	Observe Observer
	// Checked, if not nil, is called by AddBlock, in the owner's goroutine, with a block on the tip once its header and all of it
	// that needs no coins was found in order, before it is stored and connected. It must return quickly.
	Checked func(b *types.Block)
	// Progress, if not nil, is told of long work at the start: stage is "load", "replay", "check", "rebuild" or "connect", total is 0
	// if unknown.
	Progress func(stage string, done, total int64)
}

// Observer is told how long things took. Its methods are called by the owner goroutine and must return quickly.
type Observer interface {
	// Phase reports one run of a phase for one block (or one flush): "check", "store", "read", "coins", "connect", "scripts", "undo",
	// "disconnect", "commit", "flush".
	Phase(name string, d time.Duration)
	// Reorg reports a finished reorganization that took off depth blocks, at least 1.
	Reorg(depth int)
}

// Chain is the block tree and the coin set at its best tip. See the package comment for who may call what.
type Chain struct {
	cfg   Config
	store Store
	log   *slog.Logger

	tree tree

	tip atomic.Pointer[Node] // published

	// mu guards cache, gen, flushed and every change of tip: the owner changes them, readers look. Cache and store
	// together hold the coins at the published tip; gen counts the changes.
	mu      sync.RWMutex
	cache   *cache
	gen     uint64
	flushed Record // of the stored coins

	// The owner's alone.
	failed    error              // ours; after it nothing is written any more
	moved     int                // blocks connected or disconnected since the last flush
	dirty     map[*Node]struct{} // to be written to the index
	starting  bool               // Open is at work: tell of progress
	lastFault *fault             // of the last block that was marked invalid
	scarred   bool               // something on the best chain does not read back
	recent    recentUpdates
	bells     bells
	lastReorg atomic.Pointer[Reorg]
	damage    damage
	pruning   pruning

	coins    atomic.Pointer[activeSet] // of the tip
	history  atomic.Pointer[history]   // nil: there is no snapshot, or it is validated
	snap     Snapshot                  // the owner's
	snapView atomic.Pointer[Snapshot]  // the same, for all
}

// Reorg tells of the last reorganization.
type Reorg struct {
	At         time.Time
	ForkHeight int32
	// Off are the blocks taken off, highest first; On those put on instead, lowest first.
	Off, On []types.Hash
}

// CacheStats is the state of the coin cache.
type CacheStats struct {
	Entries, Dirty int
	Bytes, Limit   int
	Hits, Misses   uint64 // coins looked for, and found in memory or not, since the start
	FlushedHeight  int32  // height of the coin set in the store
	FlushedCoins   uint64 // its number of coins
}

// SetInfo describes the coin set at one block, as gettxoutsetinfo does.
type SetInfo struct {
	Height       int32
	Hash         types.Hash
	Coins        uint64 // unspent outputs
	Transactions uint64 // transactions with at least one of them
	Amount       int64  // their sum in the smallest unit
	BogoSize     uint64 // Core's measure that does not depend on the database
	MuHash       types.Hash
	// HashSerialized is Core's hash_serialized_3.
	HashSerialized types.Hash
	DiskSize       int64 // bytes of the store that holds them
}
