package consensus

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// ErrUndo says that an undo does not fit its block. It is a fault of our storage or of the caller, never of
// the block.
var ErrUndo = errors.New("undo data does not fit the block")

// errNotChecked is the caller's fault: there is no block that was checked.
var errNotChecked = errors.New("connecting a block that was not checked in its place")

// Connect applies a block to the ledger as the child of parent. b must have passed CheckBlock; neither its work nor a
// signet's signature is looked at. coins must hold what NeededOutpoints names, as far as it exists; Connect changes
// neither coins nor b.
//
// It returns what changed and the scripts that are still to be run: the block is valid when all of them succeed.
// The error is a RuleError, the first in Bitcoin Core's order.
//
// A nil parent connects genesis, whose output is no coin, as in Bitcoin.
func Connect(p *Params, parent Ancestry, b *types.Block, coins Coins) (Update, []script.Check, error) {
	if parent == nil {
		if b.Hash() != p.Genesis.Hash() {
			return Update{}, nil, Reject(PrevBlkNotFound, "no parent and not genesis")
		}
		u, err := UpdateFrom(nil, b, nil, true)
		return u, nil, err
	}
	placed, err := CheckBlockInPlace(p, parent, b)
	if err != nil {
		return Update{}, nil, err
	}
	return placed.Connect(coins)
}

// Connect does what the function Connect does for a block that was checked in its place before.
func (placed Placed) Connect(coins Coins) (Update, []script.Check, error) {
	p, parent, b := placed.p, placed.parent, placed.block
	if b == nil {
		return Update{}, nil, errNotChecked
	}
	c := connecting{p: p, parent: parent, height: parent.Height() + 1, coins: coins, undo: make(Undo, 0, len(b.Txs)-1)}
	c.flags = ScriptFlags(p, c.height, b.Hash())
	if err := c.run(b); err != nil {
		return Update{}, nil, err
	}
	u, err := UpdateFrom(parent, b, c.undo, true)
	return u, c.checks, err
}

// connecting is the state of one Connect.
type connecting struct {
	p      *Params
	parent Ancestry
	height int32
	flags  script.Flags
	coins  Coins
	made   map[types.OutPoint]Coin     // made in this block and not spent yet
	gone   map[types.OutPoint]struct{} // of coins, spent by this block

	undo    Undo
	checks  []script.Check
	fees    int64
	sigCost int
}

func (c *connecting) run(b *types.Block) error {
	c.made = make(map[types.OutPoint]Coin)
	c.gone = make(map[types.OutPoint]struct{})
	if err := c.overwrites(b); err != nil {
		return err
	}
	for i, tx := range b.Txs {
		if err := c.tx(tx, i == 0); err != nil {
			return inTx(err, tx)
		}
	}
	var paid int64
	for i := range b.Txs[0].Out {
		paid += b.Txs[0].Out[i].Value
	}
	if limit := c.fees + c.p.SubsidyAt(c.height); paid > limit {
		return Reject(BadCbAmount, fmt.Sprintf("the coinbase pays %d, at most %d", paid, limit))
	}
	return nil
}

// overwrites looks for outputs that stand in the coin set already (BIP30).
func (c *connecting) overwrites(b *types.Block) error {
	if !bip30Holds(c.p, c.parent, b.Hash()) {
		return nil
	}
	for _, tx := range b.Txs {
		id := tx.ID()
		for i := range tx.Out {
			if _, ok := c.coins[types.OutPoint{TxID: id, Index: uint32(i)}]; ok {
				return Reject(BadTxnsBIP30, id.String())
			}
		}
	}
	return nil
}

// tx judges one transaction, takes its inputs and gives its outputs.
func (c *connecting) tx(tx *types.Tx, coinbase bool) error {
	var spent []Coin
	if !coinbase {
		var err error
		if spent, err = c.take(tx); err != nil {
			return err
		}
		fee, err := checkAmounts(c.p, tx, spent, c.height)
		if err != nil {
			return err
		}
		if c.fees += fee; c.fees > MaxMoney {
			return Reject(BadTxnsAccumulatedFeeRange, "")
		}
		if c.height >= c.p.CSVHeight && !SequenceLocksMet(tx, spent, c.parent) {
			return Reject(BadTxnsNonFinal, "a relative lock time is not over")
		}
		c.undo = append(c.undo, spent)
	}
	if c.sigCost += sigOpCost(tx, spent, c.flags); c.sigCost > MaxBlockSigOpCost {
		return Reject(BadBlkSigOps, fmt.Sprintf("cost is over %d", MaxBlockSigOpCost))
	}
	if !coinbase {
		c.checks = appendChecks(c.checks, tx, spent, c.flags)
	}
	c.give(tx, coinbase)
	return nil
}

// take removes the coins that tx spends from what is left.
func (c *connecting) take(tx *types.Tx) ([]Coin, error) {
	spent := make([]Coin, len(tx.In))
	for i := range tx.In {
		op := tx.In[i].PrevOut
		if coin, ok := c.made[op]; ok {
			delete(c.made, op)
			spent[i] = coin
			continue
		}
		coin, ok := c.coins[op]
		if _, gone := c.gone[op]; !ok || gone {
			return nil, Reject(BadTxnsMissingOrSpent, op.String())
		}
		c.gone[op] = struct{}{}
		spent[i] = coin
	}
	return spent, nil
}

// give adds the coins that tx makes. Of the block's own none can be there already: a transaction with the same id would
// have spent the same coins before.
func (c *connecting) give(tx *types.Tx, coinbase bool) {
	id := tx.ID()
	for i := range tx.Out {
		if script.Unspendable(tx.Out[i].Script) {
			continue
		}
		c.made[types.OutPoint{TxID: id, Index: uint32(i)}] = Coin{Out: tx.Out[i], Height: c.height, Coinbase: coinbase}
	}
}

// checkAmounts checks that the coins are mature at that height and worth what tx pays out, and returns the fee.
func checkAmounts(p *Params, tx *types.Tx, spent []Coin, height int32) (fee int64, err error) {
	var in, out int64
	for i := range spent {
		c := &spent[i]
		if c.Coinbase && height-c.Height < p.CoinbaseMaturity {
			return 0, Reject(BadTxnsPrematureSpend, fmt.Sprintf("input %d spends a coinbase at depth %d of %d",
				i, height-c.Height, p.CoinbaseMaturity))
		}
		if c.Out.Value < 0 || c.Out.Value > MaxMoney || in+c.Out.Value > MaxMoney {
			return 0, Reject(BadTxnsInputValuesRange, "")
		}
		in += c.Out.Value
	}
	for i := range tx.Out {
		out += tx.Out[i].Value
	}
	if in < out {
		return 0, Reject(BadTxnsInBelowOut, fmt.Sprintf("in %d, out %d", in, out))
	}
	if in-out > MaxMoney { // only if outputs were not checked
		return 0, Reject(BadTxnsFeeRange, "")
	}
	return in - out, nil
}

// appendChecks appends a script check for each input of tx.
func appendChecks(checks []script.Check, tx *types.Tx, spent []Coin, flags script.Flags) []script.Check {
	outs := make([]types.TxOut, len(spent))
	for i := range spent {
		outs[i] = spent[i].Out
	}
	sums := script.NewSigSums(tx, outs)
	for i := range tx.In {
		checks = append(checks, script.Check{Tx: tx, Input: i, Spent: outs, Flags: flags, Sums: sums})
	}
	return checks
}

// CheckSpend judges one transaction as if it stood in the block after parent: relative locks (non-BIP68-final),
// maturity and amounts. tx must have passed CheckTx; spent are the coins of its inputs in input order, those of
// unconfirmed parents with height parent.Height()+1. It returns the fee and the scripts that are still to be run
// under flags. Rule errors are RuleErrors; any other error is the caller's fault.
func CheckSpend(p *Params, tx *types.Tx, spent []Coin, parent Ancestry, flags script.Flags) (fee int64, checks []script.Check, err error) {
	if len(spent) != len(tx.In) {
		return 0, nil, fmt.Errorf("%d coins for %d inputs of %s", len(spent), len(tx.In), tx.ID())
	}
	if tx.IsCoinbase() {
		return 0, nil, Reject(CoinbaseAlone, "")
	}
	if !SequenceLocksMet(tx, spent, parent) {
		return 0, nil, Reject(NonBIP68Final, "")
	}
	if fee, err = checkAmounts(p, tx, spent, parent.Height()+1); err != nil {
		return 0, nil, err
	}
	return fee, appendChecks(nil, tx, spent, flags), nil
}

// SpentOutpoints returns the outpoints that b's transactions spend, each
// once, sorted, without outputs of earlier transactions of the block. NeededOutpoints is what Connect needs.
func SpentOutpoints(b *types.Block) []types.OutPoint {
	made := make(map[types.Hash]int, len(b.Txs))
	var ops []types.OutPoint
	for i, tx := range b.Txs {
		if i > 0 {
			for j := range tx.In {
				op := tx.In[j].PrevOut
				if outs, ok := made[op.TxID]; !ok || uint64(op.Index) >= uint64(outs) {
					ops = append(ops, op)
				}
			}
		}
		made[tx.ID()] = len(tx.Out)
	}
	return sortedOnce(ops)
}

// sortedOnce sorts outpoints in place and leaves each once.
func sortedOnce(ops []types.OutPoint) []types.OutPoint {
	slices.SortFunc(ops, types.OutPoint.Compare)
	return slices.Compact(ops)
}
