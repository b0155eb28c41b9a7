package script

import "github.com/cairn-chain/cairn/types"

// Check is one input that still has to prove that it may be spent. consensus.Connect and the mempool
// return checks instead of running them, so that whoever has the workers can run many at once and a
// verifier can see many signatures together.
type Check struct {
	Tx    *types.Tx
	Input int
	// Spent are the outputs that all of Tx's inputs spend, in input order; shared by the checks of
	// one transaction. BIP341 signs all of them.
	Spent []types.TxOut
	Flags Flags
	// Sums are the hashes that the signature hashes of one transaction share; the checks of one
	// transaction share one.
	Sums *SigSums
}
