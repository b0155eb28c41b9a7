package proto

import (
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/bloom"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// PeerID names one connection; it is never used twice in a process. 0 is no peer (ourselves).
type PeerID uint64

// Kind of a connection.
type ConnKind uint8

// Kinds of connections.
const (
	Inbound ConnKind = iota
	Outbound
	Manual // --connect, --addnode: never evicted, dialled again
	BlockRelay
	Feeler
	AddrFetch // asked for addresses, then ended (--seednode)
)

// An Event is something that happened outside of the machine.
type Event interface{ event() }

// Events.
type (
	// Connected: a connection stands; nothing has been said on it.
	Connected struct {
		Peer PeerID
		Kind ConnKind
		Addr netip.AddrPort // of the other end; the zero value if the transport has none
		// NetGroup is the group by which addresses are bounded (addrbook.Group or a Grouper's).
		NetGroup string
		Local    bool // the other end is this host: never discouraged
		// Permissions are what a person allows the peer, resolved.
		Permissions Permissions
	}
	// DialFailed answers Dial when no connection came of it.
	DialFailed struct {
		Addr netip.AddrPort
		Kind ConnKind
	}
	// Message: a whole, well-formed message arrived.
	Message struct {
		Peer PeerID
		Msg  wire.Message
		Size int // bytes of the frame
	}
	// Malformed: the peer sent bytes that are not a message; the machine disconnects it.
	Malformed struct {
		Peer PeerID
		Err  error
	}
	// Gone: the connection is closed, by whomever. Nothing more comes from this peer.
	Gone struct{ Peer PeerID }
	// Tick: NextTick has come.
	Tick struct{}
	// TipChanged: the chain has a new best tip. The machine reads it from its ChainView. Connected are
	// the blocks that came onto the best chain, as far as whoever tells has them at hand; orphans and
	// requests for transactions that they hold are then dropped. It may be empty.
	TipChanged struct{ Connected []*types.Block }
	// HeadersVerdict answers SubmitHeaders. Err nil: all are stored. Otherwise Accepted of them are.
	HeadersVerdict struct {
		Peer     PeerID
		Headers  []types.Header
		Accepted int
		Err      error
	}
	// BlockVerdict answers SubmitBlock. Known says that the block was stored before.
	BlockVerdict struct {
		Peer  PeerID
		Hash  types.Hash
		Known bool
		Err   error
	}
	// BlockChecked: the chain has found a block on its tip to be in order but for scripts and coins, which it judges now.
	BlockChecked struct{ Block *types.Block }
	// TxVerdict answers SubmitTx, and reports each transaction that entered the mempool some other way
	// (Peer 0). MissingParents lists the ids of unknown parents if that is why it was not accepted.
	TxVerdict struct {
		Peer           PeerID
		Tx             *types.Tx
		FeeRate        int64 // smallest unit per 1000 vbytes, if accepted
		MissingParents []types.Hash
		Err            error
		Reconsider     bool // Err is about fees alone: a child may yet pay for it
		// Removed are transactions that left the mempool since the last verdict, but not into a block.
		Removed []*types.Tx
	}
	// PackageVerdict answers SubmitPackage. Results are of the transactions of which something is known, in order, each with
	// Err nil if it is in the mempool. Err is nil if all are.
	PackageVerdict struct {
		Peer    PeerID
		Txs     []*types.Tx
		Results []TxVerdict
		Err     error
		Removed []*types.Tx // as in TxVerdict
	}
	// Broadcast: a local wallet or the RPC wants the transaction announced again; it is in the mempool.
	Broadcast struct{ ID, WitnessID types.Hash }
	// Redial lets all manual peers that are not connected be dialled at once and starts their back-off
	// anew, as after a network came back.
	Redial struct{}
	// AddManual adds an address to keep a connection to (addnode add); RemoveManual ends that, but not the
	// connection, as Bitcoin Core does. Once dials a single time (addnode onetry).
	AddManual struct {
		Addr netip.AddrPort
		Once bool
	}
	RemoveManual struct{ Addr netip.AddrPort }
	// DropPeer: a person wants the connection closed (disconnectnode).
	DropPeer struct{ Peer PeerID }
	// PingAll: a person wants a ping to every peer that none is under way to (ping).
	PingAll struct{}
	// Seed: one more address to ask for addresses, as those of Config.Seeds.
	Seed struct{ Addr netip.AddrPort }
	// Connect: a person wants a connection of a kind (addconnection). MayConnect tells whether there is a place.
	Connect struct {
		Addr netip.AddrPort
		Kind ConnKind
	}
	// FetchBlock: a person wants a block to be asked of a peer (getblockfrompeer). MayFetch tells whether that can be done; if
	// not, nothing happens.
	FetchBlock struct {
		Peer PeerID
		Hash types.Hash
	}
	// Hurry moves all timers ahead (mockscheduler). The time that others are told stays.
	Hurry struct{ By time.Duration }
)

func (Connected) event()      {}
func (DialFailed) event()     {}
func (Message) event()        {}
func (Malformed) event()      {}
func (Gone) event()           {}
func (Tick) event()           {}
func (TipChanged) event()     {}
func (HeadersVerdict) event() {}
func (BlockVerdict) event()   {}
func (TxVerdict) event()      {}
func (PackageVerdict) event() {}
func (BlockChecked) event()   {}
func (Broadcast) event()      {}
func (Redial) event()         {}
func (AddManual) event()      {}
func (RemoveManual) event()   {}
func (DropPeer) event()       {}
func (PingAll) event()        {}
func (Seed) event()           {}
func (Connect) event()        {}
func (FetchBlock) event()     {}
func (Hurry) event()          {}

// An Effect is something that the machine wants done outside of itself.
type Effect interface{ effect() }

// Effects.
type (
	// Send a message. A peer whose send queue is full is disconnected by the plumbing.
	Send struct {
		Peer PeerID
		Msg  wire.Message
	}
	// SubmitHeaders to the chain, connected to each other and in order. Answered by HeadersVerdict.
	SubmitHeaders struct {
		Peer    PeerID
		Headers []types.Header
	}
	// SubmitBlock to the chain. Answered by BlockVerdict. Requested tells whether we asked for it.
	SubmitBlock struct {
		Peer      PeerID
		Block     *types.Block
		Requested bool
	}
	// SubmitTx to the mempool. Answered by TxVerdict.
	SubmitTx struct {
		Peer PeerID
		Tx   *types.Tx
	}
	// SubmitPackage to the mempool: a parent, then a child that may pay for it. Answered by PackageVerdict.
	SubmitPackage struct {
		Peer PeerID
		Txs  []*types.Tx
	}
	// ServeBlock: read the block from the store and send it to the peer, before any Send that follows it:
	// the machine paces a greedy peer by pings behind its blocks.
	ServeBlock struct {
		Peer PeerID
		Hash types.Hash
		Form BlockForm
		// Nonce is that of the compact form.
		Nonce uint64
		// Filter is that of the filtered form. It is shared with the machine.
		Filter *bloom.Filter
	}
	// ServeBlockTxns: read transactions of a block from the store and send them to the peer as a blocktxn (BIP152).
	ServeBlockTxns struct {
		Peer    PeerID
		Hash    types.Hash
		Indexes []uint16 // rising
	}
	// ServeFilters: read what a light client asked for from the filter index and send it to the peer, in turn as
	// ServeBlock. Request is a GetCFilters for the one block Stop at height Start, a GetCFHeaders or a GetCFCheckpt;
	// its bounds are checked. Nothing is sent if the index has not come so far.
	ServeFilters struct {
		Peer    PeerID
		Request wire.Message
	}
	// Dial an address. Answered by Connected or DialFailed.
	Dial struct {
		Addr netip.AddrPort
		Kind ConnKind
	}
	// Disconnect a peer. Answered by Gone. Discourage says that its address is not to be liked any more;
	// the machine itself remembers it.
	Disconnect struct {
		Peer       PeerID
		Why        string // a short fixed phrase, a metric's label
		Detail     string
		Discourage bool
	}
)

func (Send) effect()           {}
func (SubmitHeaders) effect()  {}
func (SubmitBlock) effect()    {}
func (SubmitTx) effect()       {}
func (SubmitPackage) effect()  {}
func (ServeBlock) effect()     {}
func (ServeBlockTxns) effect() {}
func (ServeFilters) effect()   {}
func (Dial) effect()           {}
func (Disconnect) effect()     {}

// BlockForm is how a block is sent.
type BlockForm uint8

// Forms of a block.
const (
	FormFull    BlockForm = iota
	FormBase              // without witnesses
	FormCompact           // as a cmpctblock (BIP152)
	// FormFiltered is a merkleblock of what Filter matches, and then those transactions, without witnesses (BIP37).
	FormFiltered
)

// ChainView is what the machine reads of the block tree: headers only, from memory. It is safe to
// call while the chain works.
type ChainView interface {
	// Tip is the best fully validated block.
	Tip() consensus.Ancestry
	// BestHeader is the tip of the header chain with the most work that is not known to be invalid.
	BestHeader() consensus.Ancestry
	// Lookup finds a header by its block's hash; ok is false if it isn't in the tree.
	Lookup(types.Hash) (e Entry, ok bool)
}

// Entry is a header in the tree and what is known of its block.
type Entry struct {
	consensus.Ancestry
	HaveBlock bool // the block's bytes are stored
	Invalid   bool // it or an ancestor broke the rules
	Txs       int  // transactions of the block; 0: not known
}

// PoolView is what the machine reads of the mempool.
type PoolView interface {
	// Have tells whether the transaction with this id or witness id is in the mempool.
	Have(types.Hash) bool
	// Get finds a transaction by id or witness id.
	Get(types.Hash) (tx *types.Tx, feeRate int64, ok bool)
	// IDs returns the ids of all transactions in the mempool, parents before children.
	IDs() []types.Hash
	// WitnessIDs copies witness ids of transactions in the mempool to buf, from a place in a list of all on, and returns how many; 0:
	// there are no more. While the mempool changes some may be missed and some come twice.
	WitnessIDs(from int, buf []types.Hash) int
	// FeeFloor is the least fee rate that the mempool takes now, smallest unit per 1000 vbytes.
	FeeFloor() int64
}

// Book is what the machine uses of the address book.
type Book interface {
	// Add notes addresses that source told of.
	Add(now time.Time, addrs []wire.TimedAddr, source netip.AddrPort)
	// Select picks an address to dial, not in a group of skip; newOnly for feelers.
	Select(now time.Time, newOnly bool, skip func(netip.AddrPort) bool) (netip.AddrPort, bool)
	Attempt(now time.Time, addr netip.AddrPort)
	Good(now time.Time, addr netip.AddrPort, services wire.Services)
	// Sample returns up to n addresses to tell others.
	Sample(now time.Time, n int) []wire.TimedAddr
}
