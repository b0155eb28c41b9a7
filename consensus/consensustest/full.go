package consensustest

import (
	"bytes"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Full is a way to fill a block up to one of the bounds of the rules, so that it is as dear to judge as that bound allows.
//
// Prepare makes the coins, in a transaction that fits into one block; Fill makes what spends them. Both take a number by which
// the block is made smaller, for tests that have little time; 1 is a whole block.
type Full int

// The ways to fill a block.
const (
	// FullOfInputs has transactions of one input and one output (P2WPKH), as many as the weight allows: 9,127 signatures.
	FullOfInputs Full = iota
	// FullOfOutputs has one transaction whose outputs are as small as outputs can be: 111,000 new coins.
	FullOfOutputs
	// FullOfSigOps spends P2SH outputs with one of 15 keys, the one that is tried last: of the 80,000 units that the
	// rules allow, four a legacy signature operation, it uses 79,980, and each operation verifies a signature.
	FullOfSigOps
	// FullOfHashing has one transaction of nearly a megabyte without witnesses, each input of which signs all of it. With 5,300
	// inputs (P2PK, the shortest) and the rest in outputs that nobody can spend the product of both is the greatest.
	FullOfHashing
)

// Fulls returns all ways.
func Fulls() []Full { return []Full{FullOfInputs, FullOfOutputs, FullOfSigOps, FullOfHashing} }

// String says what is in the block.
func (f Full) String() string {
	return [...]string{"transactions of one input", "outputs", "signature operations", "quadratic hashing"}[f]
}

const (
	fullFee  = 1000 // of each transaction; what is left over goes to the miner too
	overhead = 2000 // weight units, or bytes of base size, that are left for header and coinbase

	oneInputWeight  = 438
	emptyOutputs    = 111_000
	sigOpsInputs    = consensus.MaxBlockSigOpCost / types.WitnessScale / multiSigKeys
	multiSigKeys    = 15
	hashingInputs   = 5_300
	hashingInput    = 41 + 1 + 72                  // bytes
	hashingOutput   = 8 + 3 + script.MaxScriptSize // bytes
	hashingBaseSize = types.MaxBlockWeight/types.WitnessScale - overhead
)

// coins is how many coins the block spends.
func (f Full) coins() int {
	return [...]int{(types.MaxBlockWeight - overhead) / oneInputWeight, 1, sigOpsInputs, hashingInputs}[f]
}

// lock is what locks them.
func (f Full) lock() []byte {
	switch f {
	case FullOfSigOps:
		return script.PayToScriptHash(script.Hash160(multiSigScript()))
	case FullOfHashing:
		pub := publicKey(Key)
		return script.PayToPubKey(pub[:])
	}
	return KeyLock()
}

func publicKey(secret [32]byte) [33]byte {
	pub, err := script.PublicKey(secret)
	if err != nil {
		panic(err) // the keys are constants
	}
	return pub
}

// multiSigScript is 1 key… 15 CHECKMULTISIG. The signature is tried with the last key first, so Key stands first.
func multiSigScript() []byte {
	code := script.PushInt(1)
	for i := range multiSigKeys {
		secret := Key
		secret[0] = byte(i)
		pub := publicKey(secret)
		code = append(code, script.PushData(pub[:])...)
	}
	return append(append(code, script.PushInt(multiSigKeys)...), checkMultiSig)
}

const checkMultiSig = 0xae

// Prepare returns a signed transaction that splits a coin, which Key can spend, into those for Fill.
func (f Full) Prepare(coin consensus.CoinEntry, divide int) (*types.Tx, error) {
	n := max(1, f.coins()/divide)
	each := (coin.Coin.Out.Value - fullFee) / int64(n)
	if each <= 2*fullFee+emptyOutputs {
		return nil, fmt.Errorf("a coin of %d is not enough for %d", coin.Coin.Out.Value, n)
	}
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: coin.OutPoint, Sequence: 0xffffffff}}, Out: make([]types.TxOut, n)}
	lock := f.lock()
	for i := range tx.Out {
		tx.Out[i] = types.TxOut{Value: each, Script: lock}
	}
	scriptSig, witness, err := script.SignInput(script.NewSigSums(tx, []types.TxOut{coin.Coin.Out}), 0, Key, [32]byte{})
	if err != nil {
		return nil, err
	}
	tx.In[0].ScriptSig, tx.In[0].Witness = scriptSig, witness
	return types.DecodeTx(tx.Bytes())
}

// Unsigned are the transactions of a block before their inputs are signed.
type Unsigned struct {
	// Txs are to be used when Sign has been called for all inputs from 0 up to Inputs.
	Txs    []*types.Tx
	Inputs int
	// Sign signs an input. Different inputs may be signed by several goroutines at once.
	Sign func(input int) error
}

// SignAll signs all inputs and returns the transactions.
func (u *Unsigned) SignAll() ([]*types.Tx, error) {
	for i := range u.Inputs {
		if err := u.Sign(i); err != nil {
			return nil, err
		}
	}
	return u.Txs, nil
}

// Fill spends all outputs of what Prepare has returned for the same divide.
func (f Full) Fill(prepared *types.Tx, divide int) *Unsigned {
	if f == FullOfInputs || f == FullOfSigOps {
		return f.single(prepared)
	}
	tx := &types.Tx{Version: 2}
	for i := range prepared.Out {
		tx.In = append(tx.In, types.TxIn{PrevOut: types.OutPoint{TxID: prepared.ID(), Index: uint32(i)}, Sequence: 0xffffffff})
	}
	if f == FullOfOutputs {
		tx.Out = make([]types.TxOut, emptyOutputs/divide)
		for i := range tx.Out {
			tx.Out[i].Value = 1 // an empty script: spendable by the rules, if not by today's
		}
	} else {
		burden := append([]byte{0x6a}, bytes.Repeat([]byte{0}, script.MaxScriptSize-1)...) // RETURN
		for range max(1, (hashingBaseSize-hashingInput*hashingInputs)/hashingOutput/divide) {
			tx.Out = append(tx.Out, types.TxOut{Script: burden})
		}
	}
	sums := script.NewSigSums(tx, prepared.Out)
	return &Unsigned{Txs: []*types.Tx{tx}, Inputs: len(tx.In), Sign: func(i int) (err error) {
		tx.In[i].ScriptSig, tx.In[i].Witness, err = script.SignInput(sums, i, Key, [32]byte{})
		return err
	}}
}

// single makes a transaction of one input and one output for each coin.
func (f Full) single(prepared *types.Tx) *Unsigned {
	u := &Unsigned{Inputs: len(prepared.Out)}
	back := KeyLock()
	for i, out := range prepared.Out {
		in := types.TxIn{PrevOut: types.OutPoint{TxID: prepared.ID(), Index: uint32(i)}, Sequence: 0xffffffff}
		u.Txs = append(u.Txs, &types.Tx{Version: 2, In: []types.TxIn{in}, Out: []types.TxOut{{Value: out.Value - fullFee, Script: back}}})
	}
	redeem := multiSigScript()
	u.Sign = func(i int) (err error) {
		tx := u.Txs[i]
		if f == FullOfSigOps {
			tx.In[0].ScriptSig, err = signMultiSig(tx, redeem)
			return err
		}
		tx.In[0].ScriptSig, tx.In[0].Witness, err = script.SignInput(script.NewSigSums(tx, prepared.Out[i:i+1]), 0, Key, [32]byte{})
		return err
	}
	return u
}

// signMultiSig returns the scriptSig of an input with multiSigScript: the dummy, the signature, the script.
func signMultiSig(tx *types.Tx, redeem []byte) ([]byte, error) {
	const all = script.SigHashAll
	sig, err := script.SignECDSA(Key, script.LegacySigHash(tx, 0, redeem, all), all)
	if err != nil {
		return nil, err
	}
	return append(append([]byte{0}, script.PushData(sig)...), script.PushData(redeem)...), nil
}
