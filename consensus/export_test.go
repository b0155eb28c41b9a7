package consensus

import "github.com/cairn-chain/cairn/types"

// RepeatCoinbase makes block an exception of BIP30 as the two of mainnet are, until restore is called.
func RepeatCoinbase(block types.Hash, earlier int32) (restore func()) {
	repeatedCoinbases[block] = earlier
	return func() { delete(repeatedCoinbases, block) }
}

// SigOpCostUnder is sigOpCost.
var SigOpCostUnder = sigOpCost
