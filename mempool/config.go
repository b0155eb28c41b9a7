package mempool

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
)

// What a zero field of Config stands for, as in Bitcoin Core 28.
const (
	DefaultMaxBytes           = 300_000_000
	DefaultMinRelayFeeRate    = 1000
	DefaultIncrementalFeeRate = 1000
	DefaultDustRelayFeeRate   = 3000
	DefaultExpiry             = 336 * time.Hour
	DefaultChainCount         = 25
	DefaultChainSize          = 101_000
	DefaultDataCarrierBytes   = 83
)

// Config is what a Pool is made with. A numeric field that is zero has its default; a negative one
// stands for zero.
type Config struct {
	// Params of the network; needed.
	Params *consensus.Params
	// Verify runs the scripts; needed. Its signature cache is what makes a block of known
	// transactions cheap to connect.
	Verify *script.Runner
	// MaxBytes bounds the memory of all entries, overhead included.
	MaxBytes int64
	// Feerates in the smallest unit per 1000 virtual bytes: what every transaction has to pay, what a
	// replacement has to pay on top for its own size, and at what rate an output has to be worth spending.
	MinRelayFeeRate, IncrementalFeeRate, DustRelayFeeRate int64
	// Expiry is how long an entry may stay.
	Expiry time.Duration
	// Limits of chains of unconfirmed transactions: count and virtual size of a transaction with all its
	// ancestors, or with all its descendants.
	MaxAncestors, MaxDescendants         int
	MaxAncestorBytes, MaxDescendantBytes int64
	// DataCarrierBytes bounds the script of an OP_RETURN output.
	DataCarrierBytes int
	// AcceptNonStandard leaves out the tests of standard form (not those of fees and limits).
	AcceptNonStandard bool
}

func number[T ~int | ~int64](v, standard T) T {
	switch {
	case v == 0:
		return standard
	case v < 0:
		return 0
	}
	return v
}

// complete puts the defaults in.
func (c Config) complete() Config {
	c.MaxBytes = number(c.MaxBytes, DefaultMaxBytes)
	c.MinRelayFeeRate = number(c.MinRelayFeeRate, DefaultMinRelayFeeRate)
	c.IncrementalFeeRate = number(c.IncrementalFeeRate, DefaultIncrementalFeeRate)
	c.DustRelayFeeRate = number(c.DustRelayFeeRate, DefaultDustRelayFeeRate)
	c.Expiry = number(c.Expiry, DefaultExpiry)
	c.MaxAncestors = number(c.MaxAncestors, DefaultChainCount)
	c.MaxDescendants = number(c.MaxDescendants, DefaultChainCount)
	c.MaxAncestorBytes = number(c.MaxAncestorBytes, DefaultChainSize)
	c.MaxDescendantBytes = number(c.MaxDescendantBytes, DefaultChainSize)
	c.DataCarrierBytes = number(c.DataCarrierBytes, DefaultDataCarrierBytes)
	return c
}
