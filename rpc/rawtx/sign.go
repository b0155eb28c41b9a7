package rawtx

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
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

func signMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "signrawtransactionwithkey", Topic: chainjson.TopicRaw, Help: "Signs inputs of a transaction with the given private keys and no others: those that spend pay-to-pubkey, P2PKH, P2WPKH (also in P2SH) and P2TR outputs. " +
			"The keys are used for this call and not kept.",
			Params: []jsonrpc.Param{jsonrpc.Required("hexstring", jsonrpc.TypeHex, "The transaction hex string"), jsonrpc.Required("privkeys", jsonrpc.TypeArray, "The base58-encoded private keys for signing"),
				jsonrpc.Optional("prevtxs", jsonrpc.TypeArray, "", "Outputs that are not known to the node: objects with txid, vout, scriptPubKey and amount"), jsonrpc.Optional("sighashtype", jsonrpc.TypeString, "DEFAULT for Taproot, ALL otherwise", "DEFAULT or ALL")},
			Result: "{...}    (json object) hex, complete, errors [txid, vout, witness, scriptSig, sequence, error]", Example: `"myhex" '["key1","key2"]'`, Run: signRawTransactionWithKey},
		{Name: "signmessagewithprivkey", Topic: chainjson.TopicUtil, Help: "Sign a message with the private key of an address.",
			Params: []jsonrpc.Param{jsonrpc.Required("privkey", jsonrpc.TypeString, "The private key to sign the message with."), jsonrpc.Required("message", jsonrpc.TypeString, "The message to create a signature of.")},
			Result: `"str"    (string) The signature of the message encoded in base 64`, Example: `"privkey" 'my message'`, Run: signMessageWithPrivKey},
		{Name: "verifymessage", Topic: chainjson.TopicUtil, Help: "Verify a signed message.",
			Params: []jsonrpc.Param{jsonrpc.Required("address", jsonrpc.TypeString, "The address to use for the signature (P2PKH)."), jsonrpc.Required("signature", jsonrpc.TypeString, "The signature provided by the signer in base 64 encoding."), jsonrpc.Required("message", jsonrpc.TypeString, "The message that was signed.")},
			Result: "true|false    (boolean) If the signature is verified or not.", Example: `"myaddress" "signature" 'my message'`, Run: verifyMessage},
	}
}

// privateKey reads a key in wallet import format.
func privateKey(c *chainjson.Call, text string) (key [32]byte, compressed bool, err error) {
	bad := jsonrpc.Fail(jsonrpc.CodeNotFound, "Invalid private key")
	raw, decodeErr := script.DecodeBase58Check(text)
	if decodeErr != nil || len(raw) != 33 && len(raw) != 34 || len(raw) == 34 && raw[33] != 1 {
		return key, false, bad
	}
	if raw[0] != c.Node.Params().PrivateKeyID {
		return key, false, jsonrpc.Fail(jsonrpc.CodeNotFound, "Invalid private key: it belongs to another network")
	}
	var scalar btcec.ModNScalar
	if scalar.SetByteSlice(raw[1:33]) || scalar.IsZero() {
		return key, false, bad
	}
	return [32]byte(raw[1:33]), len(raw) == 34, nil
}

func signRawTransactionWithKey(_ context.Context, c *chainjson.Call) (any, error) {
	tx, err := chainjson.AsTx(c.Args[0], errTxDecode)
	if err != nil {
		return nil, err
	}
	var keys [][32]byte
	for _, v := range c.List(1) {
		text, err := jsonrpc.AsString(v)
		if err != nil {
			return nil, err
		}
		key, compressed, err := privateKey(c, text)
		if err != nil {
			return nil, err
		}
		if !compressed {
			return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Invalid private key: keys of uncompressed public keys are not supported")
		}
		keys = append(keys, key)
	}
	if kind := c.StrOr(3, "DEFAULT"); kind != "DEFAULT" && kind != "ALL" {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "'%s' is not a sighash type that this node signs with; it knows DEFAULT and ALL.", jsonrpc.Clip(kind))
	}
	coins, err := spentCoins(c, tx)
	if err != nil {
		return nil, err
	}
	if err := addPrevTxs(coins, c.List(2)); err != nil {
		return nil, err
	}
	return signWith(tx.Clone(), keys, coins)
}

// spentCoins finds what the inputs spend, in the chain and in the mempool.
func spentCoins(c *chainjson.Call, tx *types.Tx) (consensus.Coins, error) {
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
		op, err := chainjson.AsOutPoint(v)
		if err != nil {
			return err
		}
		o := v.(*jsonrpc.Object)
		lock, err := jsonrpc.AsHex(o.Get("scriptPubKey"), "scriptPubKey")
		if err != nil {
			return err
		}
		known, isKnown := coins[op]
		if isKnown && string(known.Out.Script) != string(lock) {
			return jsonrpc.Fail(jsonrpc.CodeDeserialization, "Previous output scriptPubKey mismatch:\n%s\nvs:\n%s", script.Disassemble(known.Out.Script), script.Disassemble(lock))
		}
		value := chainjson.Amount(known.Out.Value)
		if o.Get("amount") != nil {
			if value, err = chainjson.AsAmount(o.Get("amount")); err != nil {
				return err
			}
		} else if class, _ := script.Classify(lock); !isKnown && class != script.PubKeyHash && class != script.PubKey {
			return jsonrpc.Fail(jsonrpc.CodeType, "Missing amount for %s", op)
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
	problems := []jsonrpc.Fields{}
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
	f := jsonrpc.Obj("hex", hex.EncodeToString(tx.Bytes()), "complete", len(problems) == 0)
	if len(problems) > 0 {
		f.Add("errors", problems)
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

func inputProblem(in *types.TxIn, text string) jsonrpc.Fields {
	items := make([]string, len(in.Witness))
	for i, item := range in.Witness {
		items[i] = hex.EncodeToString(item)
	}
	return jsonrpc.Obj("txid", in.PrevOut.TxID, "vout", in.PrevOut.Index, "witness", items, "scriptSig", hex.EncodeToString(in.ScriptSig),
		"sequence", in.Sequence, "error", text)
}

// messageHash is what a signed message commits to.
func messageHash(message string) types.Hash {
	b := types.AppendVarBytes(nil, []byte("Bitcoin Signed Message:\n"))
	return types.DoubleSHA256(types.AppendVarBytes(b, []byte(message)))
}

func signMessageWithPrivKey(_ context.Context, c *chainjson.Call) (any, error) {
	key, compressed, err := privateKey(c, c.Str(0))
	if err != nil {
		return nil, err
	}
	priv, _ := btcec.PrivKeyFromBytes(key[:])
	hash := messageHash(c.Str(1))
	return base64.StdEncoding.EncodeToString(ecdsa.SignCompact(priv, hash[:], compressed)), nil
}

func verifyMessage(_ context.Context, c *chainjson.Call) (any, error) {
	lock, err := script.DecodeAddress(c.Node.Params().Addresses(), c.Str(0))
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Invalid address")
	}
	class, want := script.Classify(lock)
	if class != script.PubKeyHash {
		return nil, jsonrpc.Fail(jsonrpc.CodeType, "Address does not refer to key")
	}
	sig, err := base64.StdEncoding.DecodeString(c.Str(1))
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeType, "Malformed base64 encoding")
	}
	hash := messageHash(c.Str(2))
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
