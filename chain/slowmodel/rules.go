// Package slowmodel is a second opinion on which chain is the best and what its coins are, for tests that compare it with
// package chain at every step.
//
// It is written to be obviously right and for nothing else. It takes bytes and hashes from package types and every rule
// from the public specifications; it shares no code with consensus, merkle and chain (a test of the arrows keeps it so).
// It remembers no coins: whenever they are asked for it applies all blocks from genesis again. It knows only the few scripts
// that Lock names, and panics at any other.
//
// It follows Bitcoin Core where a choice is free (which fault is named first, which block of equal work is better, when a
// block is judged), and docs/differences.md where Cairn says that it differs.
//
// Start reading at Model, then connect in coins.go.
package slowmodel

import "github.com/cairn-chain/cairn/types"

// Rules are the numbers of a network.
type Rules struct {
	Genesis      *types.Block
	PowLimitBits uint32
	// Asert is nil where every block has PowLimitBits.
	Asert *Asert
	// FutureSeconds is by how much a header may be ahead of the clock.
	FutureSeconds int64
	Maturity      int   // blocks
	Subsidy       int64 // of the first blocks
	Halving       int   // blocks
	// Refuse64 forbids transactions of 64 bytes without witnesses.
	Refuse64 bool
	// The first heights of the soft forks that have one.
	BIP34, BIP65, BIP66, CSV, Segwit int

	// What is the same on all networks, here so that a test can break it.
	MedianSpan   int   // headers
	MaxWeight    int   // of a block
	MaxSigOpCost int   // of a block
	MaxMoney     int64 // any amount or sum of outputs
	LockUnit     int64 // seconds of a relative lock
	Flaws        Flaws
}

// Asert are the numbers of aserti3-2d. Blocks up to and with the anchor have the limit.
type Asert struct {
	Spacing, HalfLife int64 // seconds
	AnchorHeight      int
	AnchorBits        uint32
}

// Flaws are deliberate faults. A comparison that does not notice each of them does not look.
type Flaws struct {
	LastSeen      bool // among equal work the last seen is the best
	ByHeight      bool // the highest branch is the best, whatever its work
	Forgetful     bool // a header whose parent is invalid is taken
	Blaming       bool // a mutated block makes its hash invalid
	BlindMerkle   bool // a repeated tail of the merkle tree is not noticed
	DoubleSpend   bool // a coin may be spent twice within a block
	KeepReturn    bool // outputs of OP_RETURN are coins
	NoScripts     bool // every script succeeds
	LateFinality  bool // a lock time is over one block or second early
	NoWitnessRule bool // the witness commitment is not looked at
	NoBIP30       bool // a transaction may repeat one that is not spent
	ChainedSpends bool // a transaction may not spend an output of its own block
	OwnTime       bool // lock times are held against the block's own time
}

func common(genesis *types.Block) Rules {
	return Rules{
		Genesis: genesis, FutureSeconds: 2 * 60 * 60, Subsidy: 50_0000_0000,
		BIP34: 1, BIP65: 1, BIP66: 1, CSV: 1, Segwit: 1,
		MedianSpan: 11, MaxWeight: 4_000_000, MaxSigOpCost: 80_000, MaxMoney: 21_000_000_0000_0000, LockUnit: 512,
	}
}

// Regtest returns the rules of Bitcoin's regression test network.
func Regtest(genesis *types.Block) Rules {
	r := common(genesis)
	r.PowLimitBits, r.Maturity, r.Halving = 0x207fffff, 100, 150
	return r
}

// Cairn returns the rules of Cairn's own network.
func Cairn(genesis *types.Block) Rules {
	r := common(genesis)
	r.PowLimitBits, r.Maturity, r.Halving, r.Refuse64 = 0x1f00ffff, 10, 210_000, true
	r.Asert = &Asert{Spacing: 15, HalfLife: 300, AnchorHeight: 20, AnchorBits: 0x1e03ffff}
	return r
}

// SubsidyAt is what a block of that height creates: half as much after every Halving blocks.
func (r *Rules) SubsidyAt(height int) int64 {
	s := r.Subsidy
	for ; height >= r.Halving && s > 0; height -= r.Halving {
		s /= 2
	}
	return s
}
