package consensus

import (
	"github.com/cairn-chain/cairn/types"
)

// Retarget names how a network sets the target of the next block.
type Retarget string

// The retarget rules.
const (
	RetargetNone  Retarget = "none"  // every block has PowLimitBits
	RetargetASERT Retarget = "asert" // aserti3-2d, exact integer arithmetic
)

// CoinUnit is how many of the smallest unit make one coin; MaxMoney bounds every amount and sum.
const (
	CoinUnit       = 100_000_000
	MaxMoney int64 = 21_000_000 * CoinUnit
)

// Params are all numbers in which one network differs from another. A node reads them from here and
// from nowhere else. They are never changed after start.
type Params struct {
	Name  string // "cairn", "regtest" or the name in a params file
	Magic uint32 // the four bytes before each message, read as little-endian

	P2PPort, RPCPort, HTTPPort int

	Genesis *types.Block

	// Proof of work. PowLimitBits is the easiest target that is allowed.
	PowLimitBits  uint32
	Retarget      Retarget
	TargetSpacing int64 // seconds between blocks that the retarget aims at
	// ASERT: blocks up to and with AsertAnchorHeight have PowLimitBits; the block at that height is the
	// anchor, and AsertAnchorBits is the target from which the schedule counts.
	AsertHalfLife     int64 // seconds
	AsertAnchorHeight int32
	AsertAnchorBits   uint32
	// MaxFutureTime is by how many seconds a header may be ahead of the node's clock.
	MaxFutureTime int64

	CoinbaseMaturity int32 // blocks
	Subsidy          int64 // of block 1, smallest unit
	HalvingInterval  int32 // blocks

	// Refuse64ByteTx makes transactions of exactly 64 bytes without witnesses invalid
	// (against CVE-2017-12842).
	Refuse64ByteTx bool

	// MinimumWork is the chain work below which a header chain is not stored.
	MinimumWork Work

	// Addresses.
	Bech32HRP        string
	PubKeyHashAddrID byte // base58 version of P2PKH
	ScriptHashAddrID byte // base58 version of P2SH
	PrivateKeyID     byte // base58 version of WIF
	HDCoinType       uint32
	HDPrivateID      [4]byte // xprv/tprv
	HDPublicID       [4]byte

	// BlockFilterIndex says whether nodes keep compact block filters unless told otherwise.
	BlockFilterIndex bool
}
