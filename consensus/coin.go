package consensus

import (
	"github.com/cairn-chain/cairn/types"
)

// Coin is an unspent output: what it is worth and what locks it, the height of the block that
// made it, and whether a coinbase did.
type Coin struct {
	Out      types.TxOut
	Height   int32
	Coinbase bool
}

// Coins is the supplement of a block: the coins that it spends from outside itself, fetched
// before Connect is called. Outpoints for which the chain has no coin are absent.
type Coins map[types.OutPoint]Coin

// CoinEntry is a coin and its name.
type CoinEntry struct {
	OutPoint types.OutPoint
	Coin     Coin
}

// Undo is what Disconnect needs of a block beside itself: for every transaction but the coinbase,
// in block order, the coins that its inputs spent, in input order. Coins that were made and spent
// within the block are among them.
type Undo [][]Coin

// Update is what one block did to the ledger, in either direction. Values of it are shared between
// readers and never changed.
type Update struct {
	Block *types.Block
	Hash  types.Hash
	// Height is the block's height. After a connect the tip is this block, after a
	// disconnect its parent.
	Height int32
	// MedianTime is the median time past of the tip after the update, in seconds since 1970.
	MedianTime int64
	// Connected is true for a block put on the chain, false for one taken off.
	Connected bool
	// Created and Spent are net of the block itself: a coin made and spent within the block is in
	// neither. A connect adds Created to the coin set and removes Spent; a disconnect removes
	// Created and adds Spent. Outputs that can never be spent (OP_RETURN, over 10,000 bytes) are
	// never coins. An outpoint is in both only where a coinbase repeats an earlier one (BIP30): its old coin is
	// removed before the new one is added.
	Created, Spent []CoinEntry
	// Undo is set by Connect and passed through by Disconnect.
	Undo Undo
	// Fees is the sum of all fees in the block in the smallest unit.
	Fees int64
}
