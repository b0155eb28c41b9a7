package peers

import (
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

const (
	fee      = 10_000
	maturity = 100
)

// locks returns the five forms of script that the tests' key opens.
func locks(t *testing.T) [][]byte {
	t.Helper()
	pub, err := script.PublicKey(consensustest.Key)
	if err != nil {
		t.Fatal(err)
	}
	h := script.Hash160(pub[:])
	return [][]byte{
		script.PayToPubKeyHash(h),
		script.PayToWitnessPubKeyHash(h),
		script.PayToScriptHash(script.Hash160(script.PayToWitnessPubKeyHash(h))),
		script.PayToTaproot(script.TaprootOutputKey(script.XOnly(pub))),
		script.PayToPubKey(pub[:]),
	}
}

// address is where both nodes' blocks pay.
func address(t *testing.T) string {
	t.Helper()
	text, ok := script.EncodeAddress(consensus.Regtest().Addresses(), locks(t)[0])
	if !ok {
		t.Fatal("no address")
	}
	return text
}

// purse holds coins of the tests' key, the oldest first. A coin leaves it when it is spent and doesn't come back.
type purse struct {
	t      *testing.T
	locks  [][]byte
	turn   int
	height int32
	coins  []consensus.CoinEntry
}

func newPurse(t *testing.T) *purse { return &purse{t: t, locks: locks(t)} }

// follow takes in the coins of the next block.
func (p *purse) follow(b *types.Block) {
	p.height++
	for i, tx := range b.Txs {
		for j, out := range tx.Out {
			if out.Value == 0 || script.Unspendable(out.Script) {
				continue
			}
			entry := consensustest.CoinEntry(tx, j)
			entry.Coin.Height, entry.Coin.Coinbase = p.height, i == 0
			p.coins = append(p.coins, entry)
		}
	}
}

// take returns the oldest coin, which must be mature in the next block.
func (p *purse) take() consensus.CoinEntry {
	p.t.Helper()
	for i, coin := range p.coins {
		if !coin.Coin.Coinbase || coin.Coin.Height+maturity <= p.height {
			p.coins = append(p.coins[:i:i], p.coins[i+1:]...)
			return coin
		}
	}
	p.t.Fatal("no mature coin")
	return consensus.CoinEntry{}
}

// pay spends a number of coins to two outputs, of forms that change with every call.
func (p *purse) pay(inputs int) *types.Tx {
	p.t.Helper()
	var coins []consensus.CoinEntry
	var sum int64
	for range inputs {
		coin := p.take()
		coins = append(coins, coin)
		sum += coin.Coin.Out.Value
	}
	return p.spend(sum, coins...)
}

func (p *purse) spend(sum int64, coins ...consensus.CoinEntry) *types.Tx {
	p.t.Helper()
	tx := &types.Tx{Version: 2}
	for _, coin := range coins {
		tx.In = append(tx.In, types.TxIn{PrevOut: coin.OutPoint, Sequence: 0xfffffffd})
	}
	for _, value := range []int64{sum / 3, sum - sum/3 - fee} {
		tx.Out = append(tx.Out, types.TxOut{Value: value, Script: p.locks[p.turn%len(p.locks)]})
		p.turn++
	}
	return consensustest.Sign(p.t, tx, coins...)
}
