package consensustest

import (
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Key is a private key that everybody knows, for tests that run the scripts. What is locked with KeyLock
// is spent with Signed.
var Key = [32]byte{31: 7}

// KeyLock returns the P2WPKH script of Key.
func KeyLock() []byte {
	pub, err := script.PublicKey(Key)
	if err != nil {
		panic(err) // Key is a constant
	}
	return script.PayToWitnessPubKeyHash(script.Hash160(pub[:]))
}

// Signed is SpendTx for coins locked with KeyLock: it pays to KeyLock again, and every input carries a real
// signature.
func Signed(t T, fee int64, coins ...consensus.CoinEntry) *types.Tx {
	t.Helper()
	tx := SpendTx(fee, coins...)
	tx.Out[0].Script = KeyLock()
	return Sign(t, tx, coins...)
}

// Sign returns a copy of tx in which every input has the signature that its coin, in the same order, asks
// of Key.
func Sign(t T, tx *types.Tx, coins ...consensus.CoinEntry) *types.Tx {
	t.Helper()
	return SignSome(t, tx, len(coins), coins...)
}

// SignSome is Sign for the first n inputs; the others stay as they are.
func SignSome(t T, tx *types.Tx, n int, coins ...consensus.CoinEntry) *types.Tx {
	t.Helper()
	spent := make([]types.TxOut, len(coins))
	for i := range coins {
		spent[i] = coins[i].Coin.Out
	}
	signed, sums := tx.Clone(), script.NewSigSums(tx, spent)
	for i := range signed.In[:n] {
		sig, witness, err := script.SignInput(sums, i, Key, [32]byte{})
		if err != nil {
			t.Fatalf("sign input %d: %v", i, err)
		}
		signed.In[i].ScriptSig, signed.In[i].Witness = sig, witness
	}
	return signed
}

// SignedSpend is Signed for the first output of n's coinbase. The chain's PayTo must be KeyLock.
func (n *Node) SignedSpend(t T, fee int64) *types.Tx {
	t.Helper()
	return Signed(t, fee, CoinEntry(n.Block.Txs[0], 0))
}
