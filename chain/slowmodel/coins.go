package slowmodel

import (
	"maps"

	"github.com/cairn-chain/cairn/types"
)

// Coin is an output that is not spent.
type Coin struct {
	Value    int64
	Script   string
	Height   int
	Coinbase bool
}

// Coins is a whole coin set.
type Coins map[types.OutPoint]Coin

// Apply takes the inputs of all transactions away and puts their outputs there, and asks nothing.
func (r *Rules) Apply(coins Coins, b *types.Block, height int) {
	for i, tx := range b.Txs {
		r.applyTx(coins, tx, height, i == 0)
	}
}

func (r *Rules) applyTx(coins Coins, tx *types.Tx, height int, coinbase bool) {
	for _, in := range tx.In {
		if !r.Flaws.DoubleSpend {
			delete(coins, in.PrevOut)
		}
	}
	for i, out := range tx.Out {
		if len(out.Script) > 10_000 || len(out.Script) > 0 && out.Script[0] == 0x6a && !r.Flaws.KeepReturn {
			continue // can never be spent
		}
		coins[types.OutPoint{TxID: tx.ID(), Index: uint32(i)}] = Coin{out.Value, string(out.Script), height, coinbase}
	}
}

// connect judges a block with the coins after its parent. The last of headers is the block's own.
func (r *Rules) connect(headers []types.Header, b *types.Block, parentCoins Coins) string {
	height := len(headers) - 1
	coins := maps.Clone(parentCoins)
	if repeats(coins, b) && !r.Flaws.NoBIP30 {
		return "bad-txns-BIP30"
	}
	var fees, paid int64
	sigOps, scripts := 0, true
	for i, tx := range b.Txs {
		var spent []Coin
		if i > 0 {
			var reason string
			if spent, reason = r.inputs(coins, tx, height); reason != "" {
				return reason
			}
			fees += sumIn(spent) - sumOut(tx)
			if height >= r.CSV && !r.relative(headers[:height], tx, spent) {
				return "bad-txns-nonfinal"
			}
		}
		if sigOps += 4*plainSigOps(tx) + spentSigOps(tx, spent); sigOps > r.MaxSigOpCost {
			return "bad-blk-sigops"
		}
		for n := range spent {
			scripts = scripts && unlocks(tx, n, spent[n])
		}
		r.applyTx(coins, tx, height, i == 0)
	}
	if paid = sumOut(b.Txs[0]); paid > fees+r.SubsidyAt(height) {
		return "bad-cb-amount"
	}
	if !scripts && !r.Flaws.NoScripts {
		return "block-script-verify-flag-failed"
	}
	return ""
}

// repeats tells whether a transaction of the block is there already and not spent.
func repeats(coins Coins, b *types.Block) bool {
	for _, tx := range b.Txs {
		for i := range tx.Out {
			if _, there := coins[types.OutPoint{TxID: tx.ID(), Index: uint32(i)}]; there {
				return true
			}
		}
	}
	return false
}

// inputs finds the coins that tx spends and judges their age and amounts.
func (r *Rules) inputs(coins Coins, tx *types.Tx, height int) (spent []Coin, reason string) {
	for _, in := range tx.In {
		coin, there := coins[in.PrevOut]
		if !there || r.Flaws.ChainedSpends && coin.Height == height {
			return nil, "bad-txns-inputs-missingorspent"
		}
		spent = append(spent, coin)
	}
	for _, coin := range spent {
		if coin.Coinbase && height-coin.Height < r.Maturity {
			return nil, "bad-txns-premature-spend-of-coinbase"
		}
	}
	if sumIn(spent) < sumOut(tx) {
		return nil, "bad-txns-in-belowout"
	}
	return spent, ""
}

func sumIn(spent []Coin) (sum int64) {
	for _, coin := range spent {
		sum += coin.Value
	}
	return sum
}

func sumOut(tx *types.Tx) (sum int64) {
	for _, out := range tx.Out {
		sum += out.Value
	}
	return sum
}

// relative follows BIP68. headers end with the parent.
func (r *Rules) relative(headers []types.Header, tx *types.Tx, spent []Coin) bool {
	if tx.Version < 2 {
		return true
	}
	for i, in := range tx.In {
		lock := int64(in.Sequence & 0xffff)
		switch {
		case in.Sequence&(1<<31) != 0:
		case in.Sequence&(1<<22) != 0:
			// From the median time past of the block before the coin's own to that of the parent.
			if r.Median(headers)-r.Median(headers[:max(1, spent[i].Height)]) < lock*r.LockUnit {
				return false
			}
		default:
			if int64(len(headers)-spent[i].Height) < lock {
				return false
			}
		}
	}
	return true
}
