package consensus

import (
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Retarget names how a network sets the target of the next block.
type Retarget string

// The retarget rules.
const (
	RetargetNone   Retarget = "none"   // every block has PowLimitBits
	RetargetASERT  Retarget = "asert"  // aserti3-2d, exact integer arithmetic
	RetargetPeriod Retarget = "period" // Bitcoin's: every 2,016 blocks, from how long the last took
)

// CoinUnit is how many of the smallest unit make one coin; MaxMoney bounds every amount and sum.
const (
	CoinUnit       = 100_000_000
	MaxMoney int64 = 21_000_000 * CoinUnit
)

// Params are all numbers in which one network differs from another. A node reads them from here and
// from nowhere else. They are never changed after start.
type Params struct {
	Name  string // "cairn", "regtest", "mainnet", … or the name in a params file
	Magic uint32 // the four bytes before each message, read as little-endian
	// ValidationOnly marks networks of others: blocks are validated, but no wallet and no miner runs on them.
	ValidationOnly bool

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
	// MinDifficultyBlocks is the rule of test networks under RetargetPeriod that a block more than twice TargetSpacing
	// after its parent has PowLimitBits.
	MinDifficultyBlocks bool
	// BIP94 makes a period's retarget start from the bits of its first block, and bounds by how much the first
	// block of a period may be older than its parent.
	BIP94 bool
	// SignetChallenge is the script that every block but genesis must satisfy (BIP325); nil on other networks.
	SignetChallenge []byte
	// MaxFutureTime is by how many seconds a header may be ahead of the node's clock.
	MaxFutureTime int64

	CoinbaseMaturity int32 // blocks
	Subsidy          int64 // of block 1, smallest unit
	HalvingInterval  int32 // blocks

	// Refuse64ByteTx makes transactions of exactly 64 bytes without witnesses invalid
	// (against CVE-2017-12842).
	Refuse64ByteTx bool

	// Soft forks with a fixed height, the first at which the rule holds. P2SH, witness and taproot scripts are
	// judged at every height, as in Bitcoin Core; see FlagExceptions.
	BIP34Height  int32 // height in the coinbase
	BIP65Height  int32 // CHECKLOCKTIMEVERIFY
	BIP66Height  int32 // strict DER signatures
	CSVHeight    int32 // BIP68, BIP112 and BIP113: relative locks, and lock times against the median time
	SegwitHeight int32 // BIP141, BIP143 and BIP147: witnesses and their commitment, NULLDUMMY
	// BIP34Hash is the block at BIP34Height in whose descendants BIP30 follows from BIP34; zero if none is known.
	BIP34Hash types.Hash
	// FlagExceptions are blocks that were mined against script rules of later soft forks.
	FlagExceptions []FlagException

	// Version bits (BIP9). A period is SignalPeriod blocks; a deployment locks in when SignalThreshold of them signal.
	SignalPeriod, SignalThreshold int32
	Deployments                   []Deployment
	// WarningHeight is the height below which signals for unknown deployments are not counted.
	WarningHeight int32

	// MinimumWork is the chain work below which a header chain is not stored.
	MinimumWork Work

	// Assume are the coin sets that may be believed before they are validated, for a node that begins with a snapshot.
	Assume []AssumeUTXO

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

// FlagException is a block whose scripts are judged by Flags, and those of the soft forks with a height, instead of the
// rules that hold at every height.
type FlagException struct {
	Block types.Hash
	Flags script.Flags
}
