package wire

import (
	"net/netip"

	"github.com/cairn-chain/cairn/types"
)

// Message is one message of the protocol. Values are not changed after they were sent or received.
type Message interface {
	// Command is the name in the frame, at most 12 bytes of ASCII.
	Command() string
	// Append appends the payload.
	Append(b []byte) []byte
}

// Services are the bits in which a node says what it offers.
type Services uint64

// Service bits.
const (
	NodeNetwork        Services = 1 << 0
	NodeBloom          Services = 1 << 2
	NodeWitness        Services = 1 << 3
	NodeCompactFilters Services = 1 << 6
	NodeNetworkLimited Services = 1 << 10
)

// ProtocolVersion is what we announce (70016: wtxidrelay); MinProtocolVersion is the least with which
// we talk (31800: headers).
const (
	ProtocolVersion    = 70016
	MinProtocolVersion = 31800
)

// NetAddr is an address in version and addr messages, always 16 bytes of IP on the wire.
type NetAddr struct {
	Services Services
	Addr     netip.AddrPort
}

// TimedAddr is an entry of an addr message. Time is in seconds since 1970.
type TimedAddr struct {
	Time uint32
	NetAddr
}

// InvType says what an inventory entry names.
type InvType uint32

// Inventory types; the witness flag is BIP144's.
const (
	InvTx           InvType = 1
	InvBlock        InvType = 2
	InvFiltered     InvType = 3
	InvCmpctBlock   InvType = 4
	InvWTx          InvType = 5
	InvWitnessFlag  InvType = 1 << 30
	InvWitnessTx            = InvTx | InvWitnessFlag
	InvWitnessBlock         = InvBlock | InvWitnessFlag
)

// Inv names a transaction or block.
type Inv struct {
	Type InvType
	Hash types.Hash
}

// The messages. Limits stand in limits.go.
type (
	Version struct {
		Protocol    int32
		Services    Services
		Time        int64
		To, From    NetAddr
		Nonce       uint64
		UserAgent   string // at most 256 bytes
		StartHeight int32
		Relay       bool // true if absent
	}
	Verack      struct{}
	WTxIDRelay  struct{}
	SendAddrV2  struct{}
	SendHeaders struct{}
	GetAddr     struct{}
	Mempool     struct{}
	SendCmpct   struct {
		HighBandwidth bool
		Version       uint64
	}
	FeeFilter struct{ FeeRate int64 } // smallest unit per 1000 vbytes
	Ping      struct{ Nonce uint64 }
	Pong      struct{ Nonce uint64 }
	Addr      struct{ Addrs []TimedAddr }
	InvMsg    struct{ Items []Inv } // "inv"
	GetData   struct{ Items []Inv }
	NotFound  struct{ Items []Inv }
	// GetHeaders and GetBlocks ask for what follows the first hash of the locator that the receiver knows.
	GetHeaders struct {
		Protocol uint32
		Locator  []types.Hash // at most 101
		Stop     types.Hash
	}
	GetBlocks struct {
		Protocol uint32
		Locator  []types.Hash
		Stop     types.Hash
	}
	Headers  struct{ Headers []types.Header } // at most 2000
	TxMsg    struct{ Tx *types.Tx }           // "tx"
	BlockMsg struct {                         // "block"
		Block *types.Block
		// Base makes Append leave out the witnesses, for a peer that asked without the witness flag.
		Base bool
	}
	// Unknown is a message whose command this node does not know. Its payload was dropped.
	Unknown struct {
		Name string
		Size int
	}
)
