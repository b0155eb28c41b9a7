package miner

import (
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// BlockVersion is the version of blocks that are built while no deployment is signalled for; see consensus.BlockVersion.
const BlockVersion = 0x20000000

// ReservedWeight is the weight that a caller leaves for what BuildBlock and Solve add to the transactions: the header, the count, the
// coinbase with a payout script of up to 100 bytes, its commitment and extra nonce. Select at most types.MaxBlockWeight minus this.
const ReservedWeight = 4000

// ReservedSigOps is the cost of signature operations left for the payout script.
const ReservedSigOps = 400

// MaxExtra is how many bytes of its own a caller may put in the coinbase, so that the height and the extra nonce fit too.
const MaxExtra = 80

// BuildBlock makes the block after parent: a coinbase that pays subsidy and fees to the script payTo and carries extra (at most
// MaxExtra bytes, more is cut off), then txs, parents before children. It sets the version with the signals that are due, the witness commitment (from
// SegwitHeight on; before, txs may have no witnesses), merkle root, bits, and the time: now, but after the median time past. The nonce is left for Solve. fees is the sum of what txs pay, in the smallest unit; it
// is trusted.
func BuildBlock(p *consensus.Params, parent consensus.Ancestry, txs []*types.Tx, fees int64, payTo, extra []byte, now time.Time) *types.Block {
	height, blockTime := parent.Height()+1, uint32(max(now.Unix(), parent.MedianTime()+1))
	coinbase := &types.Tx{
		Version: 2,
		In: []types.TxIn{{
			PrevOut:   types.NullOutPoint,
			ScriptSig: consensus.CoinbaseScript(height, extra[:min(len(extra), MaxExtra)]),
			Sequence:  0xffffffff,
		}},
		Out: []types.TxOut{{Value: p.SubsidyAt(height) + fees, Script: append([]byte(nil), payTo...)}},
	}
	b := &types.Block{
		Header: types.Header{
			Version:  consensus.BlockVersion(p, parent),
			PrevHash: parent.Hash(),
			Time:     blockTime,
			Bits:     consensus.NextBitsAt(p, parent, blockTime),
		},
		Txs: append([]*types.Tx{coinbase}, txs...),
	}
	if height >= p.SegwitHeight {
		consensus.CommitWitness(b)
	} else {
		consensus.SetMerkleRoot(b)
	}
	return b
}
