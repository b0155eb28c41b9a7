package backend

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Parts is the node as the handlers see it. Every field but Filters, the three indexes and Pruning is required; these are
// nil if the node keeps no such index. All methods of all fields may be called from several
// goroutines.
type Parts struct {
	Chain       Chain
	Blocks      Blocks
	Ledger      Ledger
	Steer       Steer
	Mempool     Mempool
	Submit      Submit
	Peers       Peers
	Mining      Mining
	Filters     Filters
	TxIndex     TxIndex
	SpentIndex  SpentIndex
	ScriptIndex ScriptIndex
	Node        Node
	Pruning     Pruning // nil: blocks are never removed
	Snapshots   Snapshots
	Bans        Bans
	Net         NetTools
	Control     Control
	Fees        Fees // nil: nothing is known of the past
}

// Errors that implementations of the interfaces return, wrapped or not, so that the handlers can
// give Core's code for them.
var (
	// ErrNotFound: no such block, transaction, peer or node.
	ErrNotFound = errors.New("not found")
	// ErrPruned: the block is known, its bytes are not stored (any more).
	ErrPruned = errors.New("block data is not stored")
	// ErrNotDownloaded is the kind of ErrPruned where they never were.
	ErrNotDownloaded = fmt.Errorf("%w: not fully downloaded", ErrPruned)
	// ErrMissingInputs: a transaction spends outputs that neither the chain nor the mempool has.
	ErrMissingInputs = errors.New("bad-txns-inputs-missingorspent")
	// ErrMaxFeeRate: a transaction pays more than the caller wanted to allow.
	ErrMaxFeeRate = errors.New("Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)") //nolint:staticcheck // Core's sentence
	// ErrAlreadyAdded: addnode add of an address that is on the list.
	ErrAlreadyAdded = errors.New("Node already added") //nolint:staticcheck // Core's sentence
	// ErrNotSynced: an index or the chain has not caught up with what was asked for.
	ErrNotSynced = errors.New("not synced yet")
)

// Entry is one place in the block tree and what is known of its block.
type Entry struct {
	consensus.Ancestry
	// HaveBlock says that the block's bytes are stored, Pruned that they were and have been removed.
	HaveBlock, Pruned bool
	// Status is as in getchaintips: "active", "valid-fork", "valid-headers", "headers-only",
	// "invalid".
	Status string
	// TxCount is the number of transactions in the block, 0 if it is not stored.
	TxCount int
	// ChainTxCount is the number of transactions from genesis to this block, 0 if not known.
	ChainTxCount int64
}

// Chain is what the handlers read of the block tree; headers only, from memory.
type Chain interface {
	// Tip is the best fully validated block, BestHeader the tip of the headers with the most work.
	Tip() Entry
	BestHeader() Entry
	// Lookup finds a block's header by its hash, on any branch.
	Lookup(types.Hash) (Entry, bool)
	// AtHeight finds the block of the best chain at a height; false below 0 and above the tip.
	AtHeight(height int32) (Entry, bool)
	// Tips returns the ends of all branches, the active one among them.
	Tips() []Entry
	// Subscribe returns a bell that rings (capacity 1, no data) after each change of the tip.
	Subscribe() (bell <-chan struct{}, cancel func())
	// Syncing tells whether the node is still in its first download of blocks.
	Syncing() bool
}

// Blocks reads stored blocks. Errors: ErrPruned or ErrNotFound if it is not there, else ours.
type Blocks interface {
	Block(types.Hash) (*types.Block, error)
	RawBlock(types.Hash) ([]byte, error)
	Undo(types.Hash) (consensus.Undo, error)
	// DiskSize estimates the bytes that blocks and undo data take on disk.
	DiskSize() int64
}

// SetKind names the checksum that Ledger.SetInfo computes.
type SetKind string

// Checksums of the coin set; SetNone computes none.
const (
	SetSerialized SetKind = "hash_serialized_3"
	SetMuHash     SetKind = "muhash"
	SetNone       SetKind = "none"
)

// SetInfo describes the coin set at one block.
type SetInfo struct {
	Height  int32
	Best    types.Hash
	Coins   int64 // unspent outputs
	Txs     int64 // transactions with at least one
	Amount  int64 // their sum, smallest unit
	Bogo    int64 // Core's database-independent size figure
	Disk    int64 // bytes on disk
	Hash    types.Hash
	HasHash bool
}

// Ledger reads the coin set at the tip.
type Ledger interface {
	// Coins returns those of ops that are unspent at the tip; others are absent.
	Coins(ops []types.OutPoint) (consensus.Coins, error)
	// SetInfo counts the whole set.
	SetInfo(ctx context.Context, kind SetKind) (SetInfo, error)
	// Scan calls f for every coin of one consistent state, whose block it returns. An error of f ends
	// the scan and is returned.
	Scan(ctx context.Context, f func(consensus.CoinEntry) error) (at Entry, err error)
	// Verify checks the last depth blocks (0: all) again; false says that something is wrong.
	Verify(ctx context.Context, level, depth int) (bool, error)
}

// Steer changes what the node holds to be the best branch. ErrNotFound for an unknown hash.
type Steer interface {
	Invalidate(ctx context.Context, hash types.Hash) error
	Reconsider(ctx context.Context, hash types.Hash) error
	Precious(ctx context.Context, hash types.Hash) error
	// TestBlock tells whether the block would connect to the tip, proof of work not looked at.
	TestBlock(ctx context.Context, b *types.Block) error
}

// MempoolInfo is the state of the pool. Rates are smallest units per 1000 vbytes.
type MempoolInfo struct {
	Loaded              bool
	Count               int
	Bytes               int64 // sum of virtual sizes
	Usage, MaxBytes     int64 // memory
	TotalFee            int64
	FeeFloor            int64 // least rate that is accepted now
	MinRelay            int64
	IncrementalRelay    int64
	Unbroadcast         int
	FullRBF             bool
	MaxDataCarrierBytes int
}

// PackageSums are sums over a transaction and its relatives in the pool.
type PackageSums struct {
	Count int
	VSize int64
	Fees  int64 // modified fees
}

// MempoolEntry is a transaction in the pool.
type MempoolEntry struct {
	Tx          *types.Tx
	VSize       int64
	Fee         int64
	ModifiedFee int64 // with prioritisetransaction's delta
	Time        time.Time
	Height      int32 // of the tip when it entered
	Ancestors   PackageSums
	Descendants PackageSums
	Depends     []types.Hash // direct parents in the pool
	SpentBy     []types.Hash // direct children in the pool
	Replaceable bool         // signals BIP125, itself or an ancestor
	Unbroadcast bool
}

// PackageTx is what became of one transaction of a package or of a test. If Err is nil it is in the pool now, or could be.
type PackageTx struct {
	Judged       bool  // false: nothing is known, since the package was refused before
	Err          error // *consensus.RuleError or ErrMissingInputs
	VSize        int64
	Fee          int64
	FeeRate      int64        // at which it was judged, per 1000 vbytes: with deltas, perhaps of several together
	Includes     []types.Hash // witness ids of those
	Known        bool         // it was in the pool before; FeeRate and Includes are not set
	OtherWitness types.Hash   // witness id of another copy of it that was in the pool before
}

// PackageResult is what became of transactions that were judged together.
type PackageResult struct {
	Err      error       // *consensus.RuleError; nil if all are in the pool, or could be
	Txs      []PackageTx // one a transaction
	Replaced []types.Hash
}

// Prioritised is a fee delta set by prioritisetransaction.
type Prioritised struct {
	ID        types.Hash
	Delta     int64
	InMempool bool
}

// Mempool is what the handlers need of the pool. Transactions are named by id.
type Mempool interface {
	Info() MempoolInfo
	// Sequence grows by one at each addition or removal.
	Sequence() uint64
	IDs() []types.Hash
	Entry(id types.Hash) (MempoolEntry, bool)
	// Ancestors and Descendants do not list id itself.
	Ancestors(id types.Hash) []types.Hash
	Descendants(id types.Hash) []types.Hash
	// Spends finds the transaction in the pool that spends an outpoint.
	Spends(op types.OutPoint) (types.Hash, bool)
	// Cluster returns the chunks of all that a transaction is connected with, best first; false if it is not in the
	// pool. Chunks returns those of the whole pool.
	Cluster(id types.Hash) ([]MempoolChunk, bool)
	Chunks() []MempoolChunk
	// Prioritise adds delta to the fee that mining and eviction count.
	Prioritise(id types.Hash, delta int64)
	Prioritised() []Prioritised
	// HasDust tells whether the transaction is in the pool and has an output that costs more to spend than it is worth.
	HasDust(id types.Hash) bool
	// Test judges transactions, parents before children, as if they were to enter one after the other; the pool does not change.
	Test(ctx context.Context, txs []*types.Tx) (PackageResult, error)
	// Save writes the pool to its file and returns the file's name.
	Save(ctx context.Context) (file string, err error)
	// Import offers what such a file holds to the pool.
	Import(ctx context.Context, file string, opt ImportOptions) error
}

// ImportOptions say what of a saved mempool is taken over beside its transactions.
type ImportOptions struct {
	CurrentTime bool // they entered now, not when the file says
	FeeDeltas   bool // of prioritisetransaction
	Unbroadcast bool // which of them were still to be announced
}

// MempoolChunk is a set of transactions that a miner takes at once. Fee is with deltas.
type MempoolChunk struct {
	Fee, Weight int64
	Txs         []types.Hash // parents before children
}

// Submit hands things to the node as if a trusted peer had sent them, and waits for the verdict.
// Errors: *consensus.RuleError if it is wrong.
type Submit interface {
	// Block reports known for a block that was stored before.
	Block(ctx context.Context, b *types.Block) (known bool, err error)
	Header(ctx context.Context, h types.Header) error
	// Tx accepts the transaction into the pool and announces it; one that is already there is only
	// announced. maxFeeRate is in smallest units per 1000 vbytes, 0 for no limit (ErrMaxFeeRate).
	Tx(ctx context.Context, tx *types.Tx, maxFeeRate int64) error
	// Package accepts what it may of a child and its unconfirmed parents, the child last, and announces what is in the pool.
	Package(ctx context.Context, txs []*types.Tx, maxFeeRate int64) (PackageResult, error)
}

// PeerInfo is one connection, for getpeerinfo.
type PeerInfo struct {
	ID                       uint64
	Addr, AddrBind           string // host:port
	AddrLocal                string // what the peer calls us; may be empty
	Network                  string // "ipv4", "ipv6", "not_publicly_routable"
	Services                 uint64
	RelayTxs                 bool
	LastSend, LastRecv       time.Time
	LastTx, LastBlock        time.Time
	BytesSent, BytesRecv     uint64
	ConnTime                 time.Time
	TimeOffset               time.Duration
	PingTime, MinPing        time.Duration // 0: none yet
	PingWait                 time.Duration // 0: none outstanding
	Version                  int32
	SubVer                   string
	Inbound                  bool
	HighBandwidthTo          bool
	HighBandwidthFrom        bool
	StartingHeight           int32
	SyncedHeaders            int32 // −1: none
	SyncedBlocks             int32 // −1: none
	Inflight                 []int32
	AddrRelay                bool
	AddrProcessed            uint64
	AddrRateLimited          uint64
	MinFeeFilter             int64             // per 1000 vbytes
	SentPerMsg, RecvPerMsg   map[string]uint64 // bytes
	ConnectionType           string            // "inbound", "outbound-full-relay", "block-relay-only", "manual", "feeler", "addr-fetch"
	TransportProtocol        string            // "v1", "v2", "detecting"
	SessionID                string
	Permissions              []string
	PresyncedHeaders         int32
	LastInvSequence, InvSize uint64

	// Beyond Bitcoin Core: how many messages, and the group by which connections are bounded.
	SentMessages, RecvMessages map[string]uint64
	NetGroup                   string
}

// AddedNode is an entry of addnode's list.
type AddedNode struct {
	Node      string
	Addresses []AddedAddress // empty if not connected
}

// AddedAddress is a connection to an added node.
type AddedAddress struct {
	Address   string // host:port
	Connected string // "inbound" or "outbound"
}

// NetTotals are bytes since the start, and what --maxuploadtarget has left.
type NetTotals struct {
	Recv, Sent uint64
	Upload     UploadTarget
}

// KnownAddress is an entry of the address book.
type KnownAddress struct {
	Time     time.Time
	Services uint64
	Host     string
	Port     uint16
	Network  string // "ipv4", "ipv6"
}

// Peers is what the handlers need of the network.
type Peers interface {
	Infos() []PeerInfo
	Totals() NetTotals
	// Active tells whether connections are allowed at all; SetActive(false) closes all of them.
	Active() bool
	SetActive(active bool)
	// AddNode keeps a connection to host:port open (ErrAlreadyAdded); RemoveNode forgets it
	// (ErrNotFound); TryNode dials once. encrypted says which transport is tried first.
	AddNode(addr string, encrypted bool) error
	RemoveNode(addr string) error
	TryNode(addr string, encrypted bool) error
	Added() []AddedNode
	// DisconnectAddr and DisconnectID close a connection; ErrNotFound if there is none such.
	DisconnectAddr(addr string) error
	DisconnectID(id uint64) error
	// PingAll sends a ping to every peer.
	PingAll()
	// Addresses returns up to n known addresses, 0 for all.
	Addresses(n int) []KnownAddress
	// AddAddress puts an address into the book. Its error is Core's word for why that failed.
	AddAddress(ip netip.Addr, port uint16, tried bool) error
	// LocalAddresses are those that we announce, host:port.
	LocalAddresses() []string
}

// Template is a block ready to be mined but for its proof of work.
type Template struct {
	// Block has its coinbase (with the witness commitment, if it needs one), merkle root, time and
	// bits.
	Block *types.Block
	// Fees and SigOps are of the transactions in Block, 0 for the coinbase; SigOps are BIP141 costs.
	Fees, SigOps []int64
	// MempoolSequence is Mempool.Sequence as of the template.
	MempoolSequence uint64
}

// MiningState is what the node's own miner does.
type MiningState struct {
	On       bool
	Threads  int
	HashRate float64 // hashes per second, 0 if off
}

// Mining makes blocks.
type Mining interface {
	// Template builds a block on the tip from the pool that pays to script.
	Template(ctx context.Context, script []byte) (Template, error)
	// Generate mines n blocks on the tip that pay to script, one after the other, and returns the
	// hashes of those that it found within maxTries nonces in all.
	Generate(ctx context.Context, n int, script []byte, maxTries uint64) ([]types.Hash, error)
	// GenerateBlock mines one block with exactly these transactions, in order; it is submitted if
	// submit is set.
	GenerateBlock(ctx context.Context, script []byte, txs []*types.Tx, submit bool) (*types.Block, error)
	State() MiningState
	// SetMining switches the node's own miner.
	SetMining(on bool) error
}

// Filters reads the BIP158 basic filter index. ErrNotFound for an unknown block, ErrNotSynced for one
// that the index has not reached.
type Filters interface {
	Filter(types.Hash) (filter []byte, header types.Hash, err error)
	// Synced returns the height that the index has reached, and whether that is the tip's.
	Synced() (height int32, synced bool)
}

// LocalService names what the node offers on the wire and to people.
type LocalService struct {
	Version    int    // as Core: 10000·major + 100·minor + patch
	SubVersion string // "/Cairn:0.1.0/"
	Protocol   int32
	Services   uint64
	LocalRelay bool // transactions are relayed
	DataDir    string
	LogFile    string // "" if none
}

// Node is the rest: the network's numbers, the clock, the end.
type Node interface {
	Params() *consensus.Params
	Service() LocalService
	// Now is the node's clock, which SetMockTime sets; the zero time lets it run again. Uptime does
	// not follow it.
	Now() time.Time
	SetMockTime(t time.Time)
	Uptime() time.Duration
	// Warnings are sentences for people, none in normal use.
	Warnings() []string
	// Settle returns when pool and indexes have followed the chain's tip as of the call.
	Settle(ctx context.Context) error
	// Stop begins the shutdown and returns at once.
	Stop()
}
