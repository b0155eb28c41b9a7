package chain

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Errors of a Store. None of them says anything about whether a block follows the rules.
var (
	// ErrNotStored: there is no such block or undo data.
	ErrNotStored = errors.New("not stored")
	// ErrDamaged: something is stored, but it is not what was written.
	ErrDamaged = errors.New("damaged on disk")
	// ErrClosed: the store or the chain was closed.
	ErrClosed = errors.New("closed")
)

// Store is where a Chain keeps what must last. Coins, Block, RawBlock, Undo, HasBlock, EachCoin and Size may be
// called from any goroutine; the rest by one goroutine, also while the others run. After an error of PutBlock, PutUndo or Commit the chain
// stops using the store.
//
// Order of durability: everything that PutBlock and PutUndo wrote before a Commit whose batch has a Record must be durable no
// later than this Commit; when such a Commit returns, it is durable too. Other writes must survive the end of
// the process, not a power cut.
type Store interface {
	// The coin set of a chain that began at genesis. A Record and a Flushing are the set's own.
	CoinSet
	// Second returns the store's other coin set, for a snapshot; see snapshot.go. The two have at most one writer each at a time. nil: the
	// store has none, and no snapshot can be loaded.
	Second() CoinSet
	// Load calls each with every entry of the block index, lower heights first, and returns what else is known of
	// the last run. It is called before anything else.
	Load(ctx context.Context, each func(IndexEntry) error) (Meta, error)
	// EachBlock calls each with the hash and header of every stored block in any order, for a start without an index.
	EachBlock(ctx context.Context, each func(types.Hash, types.Header) error) error
	// Block, RawBlock and Undo return ErrNotStored or ErrDamaged when they cannot return what was put.
	Block(types.Hash) (*types.Block, error)
	RawBlock(types.Hash) ([]byte, error)
	Undo(types.Hash) (consensus.Undo, error)
	// HasBlock and HasUndo tell whether something is stored, without reading it.
	HasBlock(types.Hash) (bool, error)
	HasUndo(types.Hash) (bool, error)
	// PutBlock stores an encoded block, PutUndo what is needed to disconnect it. Putting again is allowed.
	PutBlock(hash types.Hash, raw []byte) error
	PutUndo(types.Hash, consensus.Undo) error
	// BlockBytes returns how many bytes are stored of a block and its undo data together, without reading them; 0 if nothing is.
	BlockBytes(types.Hash) (int64, error)
	// DropBlocks removes blocks and their undo data and gives their space back as far as that is worth the work. What is not stored
	// is passed over. A process that ends within it may leave any of them behind.
	DropBlocks([]types.Hash) error
	// Size returns the bytes on disk.
	Size() (Size, error)
	// Close ends the use of the store. If the last batch was Clean, the next Load says so.
	Close() error
}

// CoinSet is a set of coins in a Store, and how the Store is written.
type CoinSet interface {
	// Coins returns the stored coins of those outpoints that have one. Scripts are the caller's to keep.
	Coins([]types.OutPoint) (consensus.Coins, error)
	// EachCoin calls each with every coin of one consistent state of the store, ordered by outpoint. ready, if not nil, is called
	// once that state is fixed, before the first coin.
	EachCoin(ctx context.Context, ready func(), each func(consensus.CoinEntry) error) error
	// Commit writes a batch atomically: after a crash all of it is there or nothing.
	Commit(*Batch) error
	// Limits returns how many entries (index and coins together) and how many bytes of coins one Commit can take.
	Limits() (entries, bytes int)
	// Meta returns what Load returns, of this set.
	Meta() (Meta, error)
}

// Checker is what a Store may also implement: Check verifies the stored coins' integrity as far as that is cheaper than reading all of
// them, and returns ErrDamaged if some may be lost. The chain calls it before it believes that a coin is missing and calls a
// block invalid for it.
type Checker interface{ Check() error }

// BlockHolder is what a Store may also implement that keeps blocks decoded, as many chains of one process may share them: HoldBlock is
// called in the place of PutBlock. The block must not be changed.
type BlockHolder interface {
	HoldBlock(hash types.Hash, b *types.Block) error
}

// Size is what a store takes on disk, in bytes.
type Size struct{ State, Blocks int64 }

// Meta is what a Store remembers beside the block index.
type Meta struct {
	// Record of the stored coin set; nil in a new store.
	Record *Record
	// Flushing is set when a flush was begun and not ended.
	Flushing *Flushing
	// Clean tells that the last run ended with a Clean batch and Close.
	Clean bool
	// Snapshot tells which of the two sets is what; nil in a store that never had one.
	Snapshot *Snapshot
}

// Batch is what one Commit writes.
type Batch struct {
	Index []IndexEntry // written over entries of the same block
	Coins []CoinChange // in the order of their outpoints, each at most once
	// Flushing, if not nil, is kept until a Record is written.
	Flushing *Flushing
	// Record, if not nil, replaces the last one and removes Flushing.
	Record *Record
	// Forget removes Record and Flushing, for a set that is empty.
	Forget bool
	// Snapshot, if not nil, replaces the last one, whichever set the batch is for.
	Snapshot *Snapshot
	// Clean says that nothing follows but Close.
	Clean bool
}

// CoinChange writes a coin, or removes it if Coin is nil.
type CoinChange struct {
	OutPoint types.OutPoint
	Coin     *consensus.Coin
}

// Flushing marks a coin set that may be anything between two records. To is zero (no block) when the coins are being
// removed to be made again from the blocks.
type Flushing struct{ From, To Record }

// Record describes the coin set after one block. The zero Record describes nothing.
type Record struct {
	Height int32
	Block  types.Hash
	Prev   types.Hash // Hash of the record before; zero for the first
	Coins  uint64
	Set    consensus.CoinSetHash
}

const maxRecord = 4096

// Append appends the encoding of r.
func (r *Record) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Height))
	b = append(b, r.Block[:]...)
	b = append(b, r.Prev[:]...)
	b = binary.LittleEndian.AppendUint64(b, r.Coins)
	return types.AppendVarBytes(b, r.Set.Append(nil))
}

// DecodeRecord reads what Append wrote. Errors are the Decoder's.
func DecodeRecord(d *types.Decoder) Record {
	r := Record{Height: int32(d.Uint32()), Block: d.Hash(), Prev: d.Hash(), Coins: d.Uint64()}
	sub := types.NewDecoder(d.VarBytes(maxRecord))
	if d.Err() != nil {
		return Record{}
	}
	r.Set = consensus.DecodeCoinSetHash(sub)
	if err := sub.Finish(); err != nil {
		d.Fail(err)
	}
	return r
}

// Hash is the SHA-256 of the encoding.
func (r *Record) Hash() types.Hash { return sha256.Sum256(r.Append(nil)) }

// IndexEntry is one header of the block tree as it is stored.
type IndexEntry struct {
	Hash   types.Hash
	Header types.Header
	Height int32
	Status Status
	// Seq orders blocks by when they could first be connected; 0 if they could not yet.
	Seq int64
	// TxCount is the number of the block's transactions, 0 as long as only its header is known.
	TxCount uint32
}

// Append appends the entry without its hash, which follows from the header.
func (e *IndexEntry) Append(b []byte) []byte {
	b = e.Header.Append(b)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Height))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Status&storedStatus))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.Seq))
	return binary.LittleEndian.AppendUint32(b, e.TxCount)
}

// DecodeIndexEntry reads what Append wrote and computes the hash.
func DecodeIndexEntry(d *types.Decoder) IndexEntry {
	e := IndexEntry{Header: d.Header(), Height: int32(d.Uint32()), Status: Status(d.Uint32()) & storedStatus, Seq: int64(d.Uint64()), TxCount: d.Uint32()}
	e.Hash = e.Header.Hash()
	return e
}

// Status is a set of facts about a block.
type Status uint32

// Facts about a block.
const (
	StatusBlock        Status = 1 << iota // its bytes are stored
	StatusUndo                            // its undo data is stored
	StatusValid                           // it was connected once: all rules hold
	StatusFailed                          // it breaks the rules, or an operator said so
	StatusFailedParent                    // an ancestor is failed
	StatusActive                          // it is on the best chain (not stored)
	StatusPruned                          // it was connected, and its bytes were removed to save space
	StatusAssumed                         // it lies below a snapshot that is not validated yet (not stored)
	storedStatus       = StatusActive - 1 | StatusPruned
	statusInvalid      = StatusFailed | StatusFailedParent
)

// String lists the facts, for logs.
func (s Status) String() string {
	names := []string{"block", "undo", "valid", "failed", "failed-parent", "active", "pruned", "assumed"}
	var have []string
	for i, name := range names {
		if s&(1<<i) != 0 {
			have = append(have, name)
		}
	}
	return strings.Join(have, ",")
}

// KV is a small ordered key-value store for indexes beside the chain. Get and Iterate may be called from any
// goroutine. Write is atomic; it survives the end of the process, and a power cut once Sync has returned.
type KV interface {
	// Get returns a copy of the value, or nil if there is none.
	Get(key []byte) ([]byte, error)
	// Write puts pairs; a nil value deletes.
	Write([]Pair) error
	// Iterate calls each for the keys that begin with prefix, from prefix+from on, in order. Key and value are valid
	// only during the call.
	Iterate(prefix, from []byte, each func(key, value []byte) error) error
	Sync() error
	Close() error
}

// Pair is a key and its value.
type Pair struct{ Key, Value []byte }

// FormatError says that a data directory was written by a version with another format.
type FormatError struct {
	Dir         string
	Found, Want int
}

// Error names both versions and what to do.
func (e *FormatError) Error() string {
	what := "a newer version of cairn; use that version, or another data directory"
	if e.Found < e.Want {
		what = "an older version of cairn; use that version, or an empty data directory"
	}
	return fmt.Sprintf("%s has data format %d, this version reads format %d: it was written by %s", e.Dir, e.Found, e.Want, what)
}
