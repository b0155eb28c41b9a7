package sim

import (
	"math/rand/v2"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/types"
)

// secret is the key of the one wallet that there is. Everybody knows it.
var secret = [32]byte{31: 7}

// payTo is the P2WPKH script of the wallet, to which miners pay too.
func payTo() []byte {
	pub, err := script.PublicKey(secret)
	if err != nil {
		panic(err) // secret is a constant
	}
	return script.PayToWitnessPubKeyHash(script.Hash160(pub[:]))
}

// traffic makes transactions: each spends the coin that has waited longest into a payment and change, both to the wallet
// itself, and is handed to a random node. What that node refuses, after a fork for instance, is lost, and so are its coins.
type traffic struct {
	world *World
	rand  *rand.Rand
	lock  []byte
	coins []walletCoin
}

type walletCoin struct {
	op    types.OutPoint
	value int64
}

// leastCoin is worth spending.
const leastCoin = 50_000

func newTraffic(w *World) *traffic {
	t := &traffic{world: w, rand: stream(w.seed, streamTraffic), lock: payTo()}
	tx := w.record.first.Txs[0]
	for i := range preludeCoins {
		t.coins = append(t.coins, walletCoin{types.OutPoint{TxID: tx.ID(), Index: uint32(i)}, tx.Out[i].Value})
	}
	if w.cfg.Traffic.Interval > 0 {
		w.at(warmUp, noNode, t.next)
	}
	return t
}

// take takes the coin that has waited longest out of the wallet; ok is false if there is none that is worth spending.
func (t *traffic) take() (coin walletCoin, ok bool) {
	for len(t.coins) > 0 {
		coin, t.coins = t.coins[0], t.coins[1:]
		if coin.value >= leastCoin {
			return coin, true
		}
	}
	return walletCoin{}, false
}

// next waits for the next arrival.
func (t *traffic) next() {
	w := t.world
	if w.mining.over {
		return
	}
	w.at(w.now+wait(t.rand, int64(w.cfg.Traffic.Interval)), noNode, func() {
		if w.mining.over {
			return
		}
		n := w.nodes[t.rand.IntN(len(w.nodes))]
		for range w.cfg.Traffic.Batch {
			t.pay(n)
		}
		t.next()
	})
}

func (t *traffic) pay(n *node) {
	coin, ok := t.take()
	if !ok {
		return
	}
	tx, err := t.spend(coin)
	if err != nil {
		t.world.fail(err)
		return
	}
	if t.world.record.issued++; n.addTx(0, tx, mempool.AddOptions{Local: true}) != nil {
		t.world.record.refused++
		return
	}
	for i, out := range tx.Out {
		t.coins = append(t.coins, walletCoin{types.OutPoint{TxID: tx.ID(), Index: uint32(i)}, out.Value})
	}
}

// spend makes a signed transaction of one input and two outputs, 141 vbytes.
func (t *traffic) spend(coin walletCoin) (*types.Tx, error) {
	const vsize = 141
	fee := feeRates[t.rand.IntN(len(feeRates))] * vsize / 1000
	rest := coin.value - fee
	paid := rest/4 + t.rand.Int64N(rest/2)
	tx := &types.Tx{
		Version: 2,
		In:      []types.TxIn{{PrevOut: coin.op, Sequence: 0xfffffffd}},
		Out:     []types.TxOut{{Value: paid, Script: t.lock}, {Value: rest - paid, Script: t.lock}},
	}
	sums := script.NewSigSums(tx, []types.TxOut{{Value: coin.value, Script: t.lock}})
	sig, witness, err := script.SignInput(sums, 0, secret, [32]byte{})
	if err != nil {
		return nil, err
	}
	signed := tx.Clone()
	signed.In[0].ScriptSig, signed.In[0].Witness = sig, witness
	return signed, nil
}
