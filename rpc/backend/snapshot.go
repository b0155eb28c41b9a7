package backend

import (
	"context"
	"errors"

	"github.com/cairn-chain/cairn/types"
)

// ErrSnapshotExists: the file that a snapshot is to be written to is there already.
var ErrSnapshotExists = errors.New("the file exists")

// Errors of loading a snapshot; what they wrap is a sentence of Bitcoin Core's.
var (
	ErrSnapshotFile     = errors.New("the file cannot be opened")
	ErrSnapshotMetadata = errors.New("Unable to parse metadata")     //nolint:staticcheck // Core's words
	ErrSnapshotRefused  = errors.New("Unable to load UTXO snapshot") //nolint:staticcheck // Core's words
)

// Loaded tells of a snapshot that was loaded.
type Loaded struct {
	Coins int64
	Base  Entry
	Path  string // absolute
}

// Chainstate is a coin set that the node works on.
type Chainstate struct {
	Tip        Entry
	Base       *types.Hash // of the snapshot it began with; nil: genesis
	Validated  bool
	CacheBytes int64
}

// Dumped tells of a snapshot that was written.
type Dumped struct {
	Coins int64
	Path  string     // absolute
	Hash  types.Hash // hash_serialized_3
}

// Snapshots writes and reads files of the whole coin set.
type Snapshots interface {
	// Dump writes the coin set as of a block of the best chain to a new file; a path that is not absolute is under the data directory.
	// ErrSnapshotExists, ErrPruned if the way back to the block is not stored, or ours.
	Dump(ctx context.Context, path string, at Entry) (Dumped, error)
	// Load reads a file and makes its block the tip. ErrSnapshotFile, ErrSnapshotMetadata or ErrSnapshotRefused, or ours.
	Load(ctx context.Context, path string) (Loaded, error)
	// Chainstates are the coin sets that are worked on, that of the tip last.
	Chainstates() []Chainstate
	// Declared are the heights of the snapshots that this node would load.
	Declared() []int32
}
