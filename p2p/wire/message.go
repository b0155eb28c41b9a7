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
	NodeP2PV2          Services = 1 << 11 // the encrypted transport (BIP324)
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

// The messages. How many items each may hold stands in limits.go.
type (
	// Version opens a connection, in both directions.
	Version struct {
		Protocol    int32
		Services    Services
		Time        int64 // seconds since 1970, as the sender's clock says; any value
		To, From    NetAddr
		Nonce       uint64 // random; one's own nonce coming back is a connection to oneself
		UserAgent   string // at most 256 bytes, unchecked: print it with SafeString
		StartHeight int32
		Relay       bool // true if absent
	}
	// Verack answers Version.
	Verack struct{}
	// WTxIDRelay says that transactions are announced by witness id (BIP339).
	WTxIDRelay struct{}
	// SendAddrV2 says that the sender understands addrv2 (BIP155).
	SendAddrV2 struct{}
	// SendHeaders asks for new blocks to be announced by headers (BIP130).
	SendHeaders struct{}
	// GetAddr asks for addresses.
	GetAddr struct{}
	// Mempool asks for the ids in the mempool (BIP35).
	Mempool struct{}
	// Raw is a message of any command and payload, for tests of other nodes. It is only sent.
	Raw struct {
		Name    string // at most 12 bytes
		Payload []byte
	}
	// SendCmpct says which compact blocks the sender understands (BIP152).
	SendCmpct struct {
		HighBandwidth bool
		Version       uint64
	}
	// FeeFilter asks for no transactions below a fee rate (BIP133), smallest unit per 1000 vbytes. Any
	// value may arrive.
	FeeFilter struct{ FeeRate int64 }
	// Ping asks for a Pong with the same nonce (BIP31).
	Ping struct{ Nonce uint64 }
	// Pong answers Ping.
	Pong struct{ Nonce uint64 }
	// Addr tells of other nodes: at most MaxAddrs.
	Addr struct{ Addrs []TimedAddr }
	// InvMsg announces: at most MaxInvs. Its command is "inv".
	InvMsg struct{ Items []Inv }
	// GetData asks for what was announced: at most MaxInvs.
	GetData struct{ Items []Inv }
	// NotFound answers the part of GetData that cannot be had: at most MaxInvs.
	NotFound struct{ Items []Inv }
	// GetHeaders asks for the headers that follow the first hash of the locator that the receiver knows.
	GetHeaders struct {
		Protocol uint32
		Locator  []types.Hash // at most MaxLocator
		Stop     types.Hash   // zero: as many as fit
	}
	// GetBlocks asks for an inv of the blocks that follow the first hash of the locator that the receiver
	// knows.
	GetBlocks struct {
		Protocol uint32
		Locator  []types.Hash // at most MaxLocator
		Stop     types.Hash   // zero: 500
	}
	// Headers answers GetHeaders or announces blocks: at most MaxHeaders.
	Headers struct{ Headers []types.Header }
	// TxMsg is a transaction. Its command is "tx".
	TxMsg struct {
		Tx *types.Tx
		// Base makes Append leave out the witnesses, for a peer that asked without the witness flag.
		Base bool
	}
	// BlockMsg is a block. Its command is "block".
	BlockMsg struct {
		Block *types.Block
		// Base makes Append leave out the witnesses, for a peer that asked without the witness flag.
		Base bool
	}
	// CmpctBlock is a block whose transactions are named by short ids, but for a few that are sent along (BIP152).
	CmpctBlock struct {
		Header types.Header
		Nonce  uint64 // with the header the key of the short ids, see Key
		// ShortIDs are those of all transactions that are not in Prefilled, in the order of the block, six bytes each on
		// the wire. Together at most MaxBlockTxs.
		ShortIDs  []uint64
		Prefilled []PrefilledTx // by rising index
	}
	// GetBlockTxn asks for transactions of a block that came as a CmpctBlock.
	GetBlockTxn struct {
		Hash    types.Hash
		Indexes []uint16 // rising, each below MaxBlockTxs
	}
	// BlockTxn answers GetBlockTxn, with witnesses: at most MaxBlockTxs.
	BlockTxn struct {
		Hash types.Hash
		Txs  []*types.Tx
	}
	// Unknown is a message whose command this node does not know. Its payload was dropped.
	Unknown struct {
		Name string // of the frame; "" if that was not printable ASCII
		Size int    // bytes of payload
	}
)
