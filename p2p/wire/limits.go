package wire

import "github.com/cairn-chain/cairn/types"

// HeaderSize is the length of a frame's header in bytes.
const HeaderSize = 24

// CommandSize is the width of the command's name in a frame's header, in bytes.
const CommandSize = 12

// How many items a message may hold.
const (
	MaxAddrs     = 1000   // in an addr message
	MaxInvs      = 50_000 // in inv, getdata and notfound
	MaxHeaders   = 2000   // in a headers message
	MaxLocator   = 101    // hashes in the locator of getheaders and getblocks
	MaxUserAgent = 256    // bytes
	// MaxBlockTxs bounds the transactions that cmpctblock, getblocktxn and blocktxn name or hold (BIP152).
	MaxBlockTxs = types.MaxBlockTxs
)

// MaxPayload bounds, in bytes, the payload of a message whose command is not known here. It is Bitcoin
// Core's MAX_PROTOCOL_MESSAGE_LENGTH.
const MaxPayload = 4_000_000

// Sizes of what the messages are made of, in bytes. A count up to 252 takes one byte, up to 65,535
// three.
const (
	netAddrSize   = 8 + 16 + 2
	timedAddrSize = 4 + netAddrSize
	invSize       = 4 + types.HashSize
	headerSize    = types.HeaderSize + 1 // the count of transactions, always zero, follows the header
	shortIDSize   = 6
	prefilledSize = 1 + 60 // the least: an index and a transaction
	shortCount    = 1
	longCount     = 3

	versionMin  = 4 + 8 + 8 + netAddrSize
	versionFull = versionMin + netAddrSize + 8 + longCount + MaxUserAgent + 4 + 1
	// versionExtra is how many bytes of fields that are newer than this node a version may carry.
	versionExtra = 256
	locatorMax   = 4 + shortCount + (MaxLocator+1)*types.HashSize
)

// Limit returns the most bytes that the payload of a message may have. For messages that this node knows
// it follows from their item limits; for all others it is MaxPayload.
func Limit(command string) int {
	if s, ok := specs[command]; ok {
		return s.limit
	}
	return MaxPayload
}

// Known tells whether this node decodes messages of this name.
func Known(command string) bool {
	_, ok := specs[command]
	return ok
}

// Label returns the command itself if it is Known, else "other". Metrics are labelled with it, so that
// a peer cannot make up labels.
func Label(command string) string {
	if Known(command) {
		return command
	}
	return "other"
}
