package rawtx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// Sequence numbers of inputs (BIP68, BIP125).
const (
	seqReplaceable = 0xfffffffd
	seqLockTime    = 0xfffffffe
	seqFinal       = 0xffffffff
)

// Methods returns the methods of this package, in no order.
func Methods() []chainjson.Method {
	return slices.Concat(buildTxMethods(), addressMethods(), descriptorMethods(), multisigMethods(), psbtMethods(), rawTxMethods(), signMethods())
}

func buildTxMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "createrawtransaction", Topic: chainjson.TopicRaw, Help: "Creates a transaction that spends the given inputs and makes new outputs. It is neither signed nor sent.",
			Params: []jsonrpc.Param{jsonrpc.Required("inputs", jsonrpc.TypeArray, "Objects with txid, vout and, if wanted, sequence"),
				{Name: "outputs", Type: jsonrpc.TypeAny, Required: true, Help: "An array of objects, or one object: address to amount in coins, or \"data\" to hexadecimal bytes"},
				jsonrpc.Optional("locktime", jsonrpc.TypeNumber, "0", "Raw locktime. Non-0 value also locktime-activates inputs"), jsonrpc.Optional("replaceable", jsonrpc.TypeBool, "true", "Marks this transaction as BIP125-replaceable.")},
			Result: `"hex"    (string) hex string of the transaction`, Example: `'[{"txid":"myid","vout":0}]' '[{"address":0.01}]'`, Run: createRawTransaction},
		{Name: "combinerawtransaction", Topic: chainjson.TopicRaw, Help: "Combines partially signed copies of one transaction: each input's signature is taken from the first copy that has one. Signatures of one multisig input are not joined.",
			Params: []jsonrpc.Param{jsonrpc.Required("txs", jsonrpc.TypeArray, "The hex strings of partially signed transactions")}, Result: `"str"    (string) The hex-encoded raw transaction with signature(s)`, Example: `'["myhex1", "myhex2"]'`, Run: combineRawTransaction},
		{Name: "decodescript", Topic: chainjson.TopicRaw, Help: "Decode a hex-encoded script.",
			Params: []jsonrpc.Param{jsonrpc.Required("hexstring", jsonrpc.TypeHex, "the hex-encoded script")}, Result: "{...}    (json object) asm, desc, type, address, p2sh, segwit {asm, desc, hex, address, type, p2sh-segwit}", Example: `"hexstring"`, Run: decodeScript},
	}
}

func createRawTransaction(_ context.Context, c *chainjson.Call) (any, error) {
	tx, err := buildTx(c)
	if err != nil {
		return nil, err
	}
	return hex.EncodeToString(tx.Bytes()), nil
}

// buildTx reads inputs, outputs, locktime and replaceable, parameters 0 to 3.
func buildTx(c *chainjson.Call) (*types.Tx, error) {
	lock, err := c.Num(2, 0)
	if err != nil {
		return nil, err
	}
	if lock < 0 || lock > seqFinal {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, locktime out of range")
	}
	tx := &types.Tx{Version: 2, LockTime: uint32(lock)}
	replaceable := c.BoolOr(3, true)
	sequence := uint32(seqFinal)
	switch {
	case replaceable:
		sequence = seqReplaceable
	case lock != 0:
		sequence = seqLockTime
	}
	if tx.In, err = asInputs(c.List(0), sequence); err != nil {
		return nil, err
	}
	if tx.Out, err = outputs(c, c.Args[1]); err != nil {
		return nil, err
	}
	signals := slices.ContainsFunc(tx.In, func(in types.TxIn) bool { return in.Sequence <= seqReplaceable })
	if c.Given(3) && replaceable && !signals && len(tx.In) > 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter combination: Sequence number(s) contradict replaceable option")
	}
	return tx, nil
}

func asInputs(list []any, sequence uint32) ([]types.TxIn, error) {
	ins := make([]types.TxIn, len(list))
	for i, v := range list {
		op, err := chainjson.AsOutPoint(v)
		if err != nil {
			return nil, err
		}
		ins[i] = types.TxIn{PrevOut: op, Sequence: sequence}
		given := v.(*jsonrpc.Object).Get("sequence")
		if given == nil {
			continue
		}
		n, err := jsonrpc.AsInt(given)
		if err != nil {
			return nil, err
		}
		if n < 0 || n > seqFinal {
			return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, sequence number is out of range")
		}
		ins[i].Sequence = uint32(n)
	}
	return ins, nil
}

// outputs reads an object, or an array of objects with one key each, in order.
func outputs(c *chainjson.Call, v any) ([]types.TxOut, error) {
	pairs := &jsonrpc.Object{Values: map[string]any{}}
	switch v := v.(type) {
	case *jsonrpc.Object:
		pairs = v
	case []any:
		for _, item := range v {
			o, ok := item.(*jsonrpc.Object)
			if !ok {
				return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, key-value pair not an object as expected")
			}
			if len(o.Keys) != 1 {
				return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, key-value pair must contain exactly one key")
			}
			key := o.Keys[0]
			if _, twice := pairs.Values[key]; twice {
				return nil, duplicateOutput(key)
			}
			pairs.Set(key, o.Get(key))
		}
	default:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, output argument must be non-null")
	}
	outs := make([]types.TxOut, 0, len(pairs.Keys))
	seen := map[string]bool{}
	for _, key := range pairs.Keys {
		out, err := output(c, key, pairs.Get(key))
		if err != nil {
			return nil, err
		}
		if key != "data" && seen[string(out.Script)] {
			return nil, duplicateOutput(key)
		}
		seen[string(out.Script)] = true
		outs = append(outs, out)
	}
	return outs, nil
}

func duplicateOutput(key string) error {
	if key == "data" {
		return jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, duplicate key: data")
	}
	return jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Invalid parameter, duplicated address: %s", jsonrpc.Clip(key))
}

func output(c *chainjson.Call, key string, v any) (types.TxOut, error) {
	if key == "data" {
		data, err := jsonrpc.AsHex(v, "Data")
		return types.TxOut{Script: script.NullDataScript(data)}, err
	}
	lock, err := script.DecodeAddress(c.Node.Params().Addresses(), key)
	if err != nil {
		return types.TxOut{}, jsonrpc.Fail(jsonrpc.CodeNotFound, "Invalid Bitcoin address: %s (%s)", jsonrpc.Clip(key), err)
	}
	value, err := chainjson.AsAmount(v)
	return types.TxOut{Value: int64(value), Script: lock}, err
}

func combineRawTransaction(_ context.Context, c *chainjson.Call) (any, error) {
	var merged *types.Tx
	for i, v := range c.List(0) {
		s, err := jsonrpc.AsString(v)
		if err != nil {
			return nil, err
		}
		tx, err := chainjson.AsTx(s, "TX decode failed")
		if err != nil {
			return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "TX decode failed for tx %d. Make sure the tx has at least one input.", i)
		}
		if merged == nil {
			merged = tx.Clone()
			continue
		}
		if unsigned(tx).ID() != unsigned(merged).ID() {
			return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Transaction %d is not a copy of the first one", i)
		}
		for j := range merged.In {
			if in := &merged.In[j]; len(in.ScriptSig) == 0 && len(in.Witness) == 0 {
				in.ScriptSig, in.Witness = tx.In[j].ScriptSig, tx.In[j].Witness
			}
		}
	}
	if merged == nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "Missing transactions")
	}
	return hex.EncodeToString(merged.Bytes()), nil
}

// unsigned is a copy without anything that unlocks.
func unsigned(tx *types.Tx) *types.Tx {
	bare := tx.Clone()
	for i := range bare.In {
		bare.In[i].ScriptSig, bare.In[i].Witness = nil, nil
	}
	return bare
}

func decodeScript(_ context.Context, c *chainjson.Call) (any, error) {
	lock, err := jsonrpc.AsHex(c.Args[0], "argument")
	if err != nil {
		return nil, err
	}
	f := chainjson.LockFields(c, lock)
	class, data := script.Classify(lock)
	if !wrappable(class) || chainjson.Unspendable(&types.TxOut{Script: lock}) {
		return f, nil
	}
	params := c.Node.Params().Addresses()
	if address, ok := script.EncodeAddress(params, script.PayToScriptHash(script.Hash160(lock))); ok {
		f.Add("p2sh", address)
	}
	var witness []byte
	switch {
	case class == script.WitnessPubKeyHash || class == script.WitnessScriptHash || class == script.PubKey && len(data) != 33:
		return f, nil
	case class == script.PubKey:
		witness = script.PayToWitnessPubKeyHash(script.Hash160(data))
	case class == script.PubKeyHash:
		witness = script.PayToWitnessPubKeyHash([20]byte(data))
	default:
		witness = script.PayToWitnessScriptHash(sha256.Sum256(lock))
	}
	segwit := chainjson.LockFields(c, witness)
	if address, ok := script.EncodeAddress(params, script.PayToScriptHash(script.Hash160(witness))); ok {
		segwit.Add("p2sh-segwit", address)
	}
	f.Add("segwit", segwit)
	return f, nil
}

// wrappable tells whether P2SH around a script of the class makes sense.
func wrappable(class script.Class) bool {
	switch class {
	case script.PubKey, script.PubKeyHash, script.MultiSig, script.NonStandard, script.WitnessPubKeyHash, script.WitnessScriptHash:
		return true
	}
	return false
}
