package consensus

import (
	"fmt"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Disconnect takes a block off the ledger again. undo must be what Connect returned for it. The error is ErrUndo:
// the block was valid once, so a misfit is our own fault.
func Disconnect(p *Params, parent Ancestry, b *types.Block, undo Undo) (Update, error) {
	if parent == nil || b.Hash() == p.Genesis.Hash() {
		return Update{}, fmt.Errorf("%w: genesis is never disconnected", ErrUndo)
	}
	return UpdateFrom(parent, b, undo, false)
}

// UpdateFrom rebuilds the Update of a block that was connected once, or that is being disconnected, from the block and
// its undo. It judges nothing. Its error is ErrUndo. A nil parent means genesis, which makes no coins.
func UpdateFrom(parent Ancestry, b *types.Block, undo Undo, connected bool) (Update, error) {
	u := Update{Block: b, Hash: b.Hash(), Connected: connected, Undo: undo}
	if parent == nil {
		u.MedianTime = MedianTimeAfter(nil, &b.Header)
		return u, nil
	}
	u.Height = parent.Height() + 1
	if connected {
		u.MedianTime = MedianTimeAfter(parent, &b.Header)
	} else {
		u.MedianTime = parent.MedianTime()
	}
	if err := fits(b, undo); err != nil {
		return Update{}, err
	}
	u.net()
	return u, nil
}

// fits checks the shape of an undo.
func fits(b *types.Block, undo Undo) error {
	if len(b.Txs) != len(undo)+1 {
		return fmt.Errorf("%w: %d transactions, undo for %d", ErrUndo, len(b.Txs), len(undo)+1)
	}
	for i, coins := range undo {
		if len(coins) != len(b.Txs[i+1].In) {
			return fmt.Errorf("%w: transaction %d has %d inputs, undo for %d", ErrUndo, i+1, len(b.Txs[i+1].In), len(coins))
		}
	}
	return nil
}

// net fills Created, Spent and Fees.
func (u *Update) net() {
	made := make(map[types.OutPoint]bool) // false once the block itself spent it
	outs := 0
	for i, tx := range u.Block.Txs {
		if i > 0 {
			u.Fees += u.spend(tx, u.Undo[i-1], made)
		}
		id := tx.ID()
		for j := range tx.Out {
			if !script.Unspendable(tx.Out[j].Script) {
				made[types.OutPoint{TxID: id, Index: uint32(j)}] = true
				outs++
			}
		}
	}
	u.Created = make([]CoinEntry, 0, outs)
	for i, tx := range u.Block.Txs {
		id := tx.ID()
		for j := range tx.Out {
			op := types.OutPoint{TxID: id, Index: uint32(j)}
			if made[op] {
				u.Created = append(u.Created, CoinEntry{op, Coin{Out: tx.Out[j], Height: u.Height, Coinbase: i == 0}})
			}
		}
	}
	u.overwrite()
}

// overwrite adds to Spent what the coinbase overwrites in the two blocks that repeat an earlier one: the same coins, but of
// another height. Taking such a block off brings them back.
func (u *Update) overwrite() {
	earlier, ok := repeatedCoinbases[u.Hash]
	if !ok {
		return
	}
	for _, e := range u.Created {
		if e.Coin.Coinbase {
			e.Coin.Height = earlier
			u.Spent = append(u.Spent, e)
		}
	}
}

// spend notes what one transaction spends and returns its fee.
func (u *Update) spend(tx *types.Tx, coins []Coin, made map[types.OutPoint]bool) (fee int64) {
	for i := range tx.In {
		fee += coins[i].Out.Value
		op := tx.In[i].PrevOut
		if _, own := made[op]; own {
			made[op] = false
			continue
		}
		u.Spent = append(u.Spent, CoinEntry{op, coins[i]})
	}
	for i := range tx.Out {
		fee -= tx.Out[i].Value
	}
	return fee
}
