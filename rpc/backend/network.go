package backend

import (
	"errors"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// Errors of NetTools.
var (
	// ErrNoPlace: no place is left for a connection of that kind.
	ErrNoPlace = errors.New("no place for such a connection")
	// ErrHave: the block is stored already.
	ErrHave = errors.New("block is stored")
)

// Ban is an entry of listbanned.
type Ban struct {
	Net            netip.Prefix
	Created, Until time.Time
}

// Bans are the addresses and nets that people have banned.
type Bans interface {
	// ParseNet reads an address, or a net behind a slash.
	ParseNet(s string) (netip.Prefix, error)
	// Banned tells whether an address is banned, by itself or with its net, Holds whether exactly this net is.
	Banned(a netip.Addr) bool
	Holds(net netip.Prefix) bool
	// Ban bans a net, ends its connections, and keeps the list on disk. Unban tells whether there was such a ban.
	Ban(net netip.Prefix, until time.Time) error
	Unban(net netip.Prefix) (bool, error)
	Clear() error
	// Bans returns all, by net.
	Bans() []Ban
	// DefaultBan is how long a ban lasts of which nothing is said.
	DefaultBan() time.Duration
}

// Orphan is a transaction whose parents are not known.
type Orphan struct {
	Tx    *types.Tx
	Peers []uint64 // who announced it
}

// BookSlot is a slot of the address book that is taken.
type BookSlot struct {
	Tried         bool
	Bucket, Slot  int
	Host          string
	Port          uint16
	Network       string
	Services      uint64
	Time          time.Time
	Source        string // host
	SourceNetwork string
}

// BookCount is how many addresses of a network stand in the two tables of the address book.
type BookCount struct {
	Network    string
	New, Tried int
}

// NetTools are what tests and curious people want of the network.
type NetTools interface {
	// Connect opens a connection of a kind, by its name in getpeerinfo (ErrNoPlace).
	Connect(addr, kind string, encrypted bool) error
	// SendRaw sends a message of any command and payload; ErrNotFound if there is no such peer.
	SendRaw(peer uint64, command string, payload []byte) error
	// FetchBlock asks a peer for a block whose header is known. Errors: ErrNotFound, no such header; ErrHave; others are for people.
	FetchBlock(peer uint64, hash types.Hash) error
	// Orphans returns those that are kept, oldest first.
	Orphans() []Orphan
	// BookSlots returns the tables of the address book, new before tried, BookCounts their sizes by network.
	BookSlots() []BookSlot
	BookCounts() []BookCount
}

// UploadTarget is getnettotals' state of --maxuploadtarget.
type UploadTarget struct {
	Target           uint64 // bytes a day; 0: none
	Reached          bool
	ServesHistorical bool
	BytesLeft        uint64
	TimeLeft         time.Duration
}
