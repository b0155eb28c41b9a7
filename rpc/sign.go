package rpc

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

func signMethods() []apiMethod {
	return []apiMethod{
		{Name: "signrawtransactionwithkey", Topic: topicRaw, Help: "Signs inputs of a transaction with the given private keys and no others: those that spend pay-to-pubkey, P2PKH, P2WPKH (also in P2SH) and P2TR outputs. " +
			"The keys are used for this call and not kept.",
			Params: []Param{required("hexstring", TypeHex, "The transaction hex string"), required("privkeys", TypeArray, "The base58-encoded private keys for signing"),
				optional("prevtxs", TypeArray, "", "Outputs that are not known to the node: objects with txid, vout, scriptPubKey and amount"), optional("sighashtype", TypeString, "DEFAULT for Taproot, ALL otherwise", "DEFAULT or ALL")},
			Result: "{...}    (json object) hex, complete, errors [txid, vout, witness, scriptSig, sequence, error]", Example: `"myhex" '["key1","key2"]'`, Run: signRawTransactionWithKey},
		{Name: "signmessagewithprivkey", Topic: topicUtil, Help: "Sign a message with the private key of an address.",
			Params: []Param{required("privkey", TypeString, "The private key to sign the message with."), required("message", TypeString, "The message to create a signature of.")},
			Result: `"str"    (string) The signature of the message encoded in base 64`, Example: `"privkey" 'my message'`, Run: signMessageWithPrivKey},
		{Name: "verifymessage", Topic: topicUtil, Help: "Verify a signed message.",
			Params: []Param{required("address", TypeString, "The address to use for the signature (P2PKH)."), required("signature", TypeString, "The signature provided by the signer in base 64 encoding."), required("message", TypeString, "The message that was signed.")},
			Result: "true|false    (boolean) If the signature is verified or not.", Example: `"myaddress" "signature" 'my message'`, Run: verifyMessage},
	}
}

// privateKey reads a key in wallet import format.
func (c *call) privateKey(text string) (key [32]byte, compressed bool, err error) {
	bad := fail(CodeNotFound, "Invalid private key")
	raw, decodeErr := script.DecodeBase58Check(text)
	if decodeErr != nil || len(raw) != 33 && len(raw) != 34 || len(raw) == 34 && raw[33] != 1 {
		return key, false, bad
	}
	if raw[0] != c.Node.Params().PrivateKeyID {
		return key, false, fail(CodeNotFound, "Invalid private key: it belongs to another network")
	}
	var scalar btcec.ModNScalar
	if scalar.SetByteSlice(raw[1:33]) || scalar.IsZero() {
		return key, false, bad
	}
	return [32]byte(raw[1:33]), len(raw) == 34, nil
}

func signRawTransactionWithKey(_ context.Context, c *call) (any, error) {
	tx, err := asTx(c.args[0], errTxDecode)
	if err != nil {
		return nil, err
	}
	var keys [][32]byte
	for _, v := range c.list(1) {
		text, err := asString(v)
		if err != nil {
			return nil, err
		}
		key, compressed, err := c.privateKey(text)
		if err != nil {
			return nil, err
		}
		if !compressed {
			return nil, fail(CodeNotFound, "Invalid private key: keys of uncompressed public keys are not supported")
		}
		keys = append(keys, key)
	}
	if kind := c.strOr(3, "DEFAULT"); kind != "DEFAULT" && kind != "ALL" {
		return nil, fail(CodeInvalidParameter, "'%s' is not a sighash type that this node signs with; it knows DEFAULT and ALL.", clip(kind))
	}
	coins, err := c.spentCoins(tx)
	if err != nil {
		return nil, err
	}
	if err := addPrevTxs(coins, c.list(2)); err != nil {
		return nil, err
	}
	return signWith(tx.Clone(), keys, coins)
}

// spentCoins finds what the inputs spend, in the chain and in the mempool.
func (c *call) spentCoins(tx *types.Tx) (consensus.Coins, error) {
	ops := make([]types.OutPoint, len(tx.In))
	for i := range tx.In {
		ops[i] = tx.In[i].PrevOut
	}
	found, err := c.Ledger.Coins(ops)
	if err != nil {
		return nil, err
	}
	coins := consensus.Coins{}
	for _, op := range ops {
		if coin, ok := found[op]; ok {
			coins[op] = coin
		} else if e, ok := c.Mempool.Entry(op.TxID); ok && int64(op.Index) < int64(len(e.Tx.Out)) {
			coins[op] = consensus.Coin{Out: e.Tx.Out[op.Index]}
		}
	}
	return coins, nil
}

func addPrevTxs(coins consensus.Coins, list []any) error {
	for _, v := range list {
		op, err := asOutPoint(v)
		if err != nil {
			return err
		}
		o := v.(*object)
		lock, err := asHex(o.get("scriptPubKey"), "scriptPubKey")
		if err != nil {
			return err
		}
		known, isKnown := coins[op]
		if isKnown && string(known.Out.Script) != string(lock) {
			return fail(CodeDeserialization, "Previous output scriptPubKey mismatch:\n%s\nvs:\n%s", script.Disassemble(known.Out.Script), script.Disassemble(lock))
		}
		value := Amount(known.Out.Value)
		if o.get("amount") != nil {
			if value, err = asAmount(o.get("amount")); err != nil {
				return err
			}
		} else if class, _ := script.Classify(lock); !isKnown && class != script.PubKeyHash && class != script.PubKey {
			return fail(CodeType, "Missing amount for %s", op)
		}
		coins[op] = consensus.Coin{Out: types.TxOut{Value: int64(value), Script: lock}}
	}
	return nil
}

// signWith signs what the keys can sign, then checks every input.
func signWith(tx *types.Tx, keys [][32]byte, coins consensus.Coins) (any, error) {
	spent, missing := make([]types.TxOut, len(tx.In)), false
	for i := range tx.In {
		coin, ok := coins[tx.In[i].PrevOut]
		spent[i], missing = coin.Out, missing || !ok
	}
	sums := script.NewSigSums(unsigned(tx), spent)
	for i := range tx.In {
		class, _ := script.Classify(spent[i].Script)
		if missing && class == script.Taproot { // its signature covers what all inputs spend
			continue
		}
		if err := signInput(tx, i, sums, keys); err != nil {
			return nil, err
		}
	}
	problems := []fields{}
	runner := &script.Runner{Verifier: script.NewVerifier()}
	checked := tx.Clone()
	sums = script.NewSigSums(checked, spent)
	for i := range checked.In {
		in := &checked.In[i]
		_, known := coins[in.PrevOut]
		class, _ := script.Classify(spent[i].Script)
		switch {
		case !known:
			problems = append(problems, inputProblem(in, "Input not found or already spent"))
		case missing && class == script.Taproot:
			problems = append(problems, inputProblem(in, "Taproot inputs need all spent outputs to be known"))
		default:
			err := runner.Run([]script.Check{{Tx: checked, Input: i, Spent: spent, Flags: script.StandardFlags, Sums: sums}})
			var failure *script.Failure
			if errors.As(err, &failure) {
				problems = append(problems, inputProblem(in, failure.Err.Error()))
			} else if err != nil {
				return nil, err
			}
		}
	}
	f := obj("hex", hex.EncodeToString(tx.Bytes()), "complete", len(problems) == 0)
	if len(problems) > 0 {
		f.add("errors", problems)
	}
	return f, nil
}

func signInput(tx *types.Tx, i int, sums *script.SigSums, keys [][32]byte) error {
	for _, key := range keys {
		var aux [32]byte
		if _, err := rand.Read(aux[:]); err != nil {
			return err
		}
		sig, witness, err := script.SignInput(sums, i, key, aux)
		if err == nil {
			tx.In[i].ScriptSig, tx.In[i].Witness = sig, witness
			return nil
		}
	}
	return nil // that no key fits shows when the input is checked
}

func inputProblem(in *types.TxIn, text string) fields {
	items := make([]string, len(in.Witness))
	for i, item := range in.Witness {
		items[i] = hex.EncodeToString(item)
	}
	return obj("txid", in.PrevOut.TxID, "vout", in.PrevOut.Index, "witness", items, "scriptSig", hex.EncodeToString(in.ScriptSig),
		"sequence", in.Sequence, "error", text)
}

// messageHash is what a signed message commits to.
func messageHash(message string) types.Hash {
	b := types.AppendVarBytes(nil, []byte("Bitcoin Signed Message:\n"))
	return types.DoubleSHA256(types.AppendVarBytes(b, []byte(message)))
}

func signMessageWithPrivKey(_ context.Context, c *call) (any, error) {
	key, compressed, err := c.privateKey(c.str(0))
	if err != nil {
		return nil, err
	}
	priv, _ := btcec.PrivKeyFromBytes(key[:])
	hash := messageHash(c.str(1))
	return base64.StdEncoding.EncodeToString(ecdsa.SignCompact(priv, hash[:], compressed)), nil
}

func verifyMessage(_ context.Context, c *call) (any, error) {
	lock, err := script.DecodeAddress(c.Node.Params().Addresses(), c.str(0))
	if err != nil {
		return nil, fail(CodeNotFound, "Invalid address")
	}
	class, want := script.Classify(lock)
	if class != script.PubKeyHash {
		return nil, fail(CodeType, "Address does not refer to key")
	}
	sig, err := base64.StdEncoding.DecodeString(c.str(1))
	if err != nil {
		return nil, fail(CodeType, "Malformed base64 encoding")
	}
	hash := messageHash(c.str(2))
	key, compressed, err := ecdsa.RecoverCompact(sig, hash[:])
	if err != nil {
		return false, nil
	}
	raw := key.SerializeUncompressed()
	if compressed {
		raw = key.SerializeCompressed()
	}
	return script.Hash160(raw) == [20]byte(want), nil
}
