package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Sequence numbers of inputs (BIP68, BIP125).
const (
	seqReplaceable = 0xfffffffd
	seqLockTime    = 0xfffffffe
	seqFinal       = 0xffffffff
)

// rawTable returns the methods of this package, in no order.
func rawTable() []apiMethod {
	return slices.Concat(buildTxMethods(), addressMethods(), descriptorMethods(), multisigMethods(), psbtMethods(), rawTxMethods(), signMethods())
}

func buildTxMethods() []apiMethod {
	return []apiMethod{
		{Name: "createrawtransaction", Topic: topicRaw, Help: "Creates a transaction that spends the given inputs and makes new outputs. It is neither signed nor sent.",
			Params: []Param{required("inputs", TypeArray, "Objects with txid, vout and, if wanted, sequence"),
				{Name: "outputs", Type: TypeAny, Required: true, Help: "An array of objects, or one object: address to amount in coins, or \"data\" to hexadecimal bytes"},
				optional("locktime", TypeNumber, "0", "Raw locktime. Non-0 value also locktime-activates inputs"), optional("replaceable", TypeBool, "true", "Marks this transaction as BIP125-replaceable.")},
			Result: `"hex"    (string) hex string of the transaction`, Example: `'[{"txid":"myid","vout":0}]' '[{"address":0.01}]'`, Run: createRawTransaction},
		{Name: "combinerawtransaction", Topic: topicRaw, Help: "Combines partially signed copies of one transaction: each input's signature is taken from the first copy that has one. Signatures of one multisig input are not joined.",
			Params: []Param{required("txs", TypeArray, "The hex strings of partially signed transactions")}, Result: `"str"    (string) The hex-encoded raw transaction with signature(s)`, Example: `'["myhex1", "myhex2"]'`, Run: combineRawTransaction},
		{Name: "decodescript", Topic: topicRaw, Help: "Decode a hex-encoded script.",
			Params: []Param{required("hexstring", TypeHex, "the hex-encoded script")}, Result: "{...}    (json object) asm, desc, type, address, p2sh, segwit {asm, desc, hex, address, type, p2sh-segwit}", Example: `"hexstring"`, Run: decodeScript},
	}
}

func createRawTransaction(_ context.Context, c *call) (any, error) {
	tx, err := c.buildTx()
	if err != nil {
		return nil, err
	}
	return hex.EncodeToString(tx.Bytes()), nil
}

// buildTx reads inputs, outputs, locktime and replaceable, parameters 0 to 3.
func (c *call) buildTx() (*types.Tx, error) {
	lock, err := c.num(2, 0)
	if err != nil {
		return nil, err
	}
	if lock < 0 || lock > seqFinal {
		return nil, fail(CodeInvalidParameter, "Invalid parameter, locktime out of range")
	}
	tx := &types.Tx{Version: 2, LockTime: uint32(lock)}
	replaceable := c.boolOr(3, true)
	sequence := uint32(seqFinal)
	switch {
	case replaceable:
		sequence = seqReplaceable
	case lock != 0:
		sequence = seqLockTime
	}
	if tx.In, err = asInputs(c.list(0), sequence); err != nil {
		return nil, err
	}
	if tx.Out, err = c.outputs(c.args[1]); err != nil {
		return nil, err
	}
	signals := slices.ContainsFunc(tx.In, func(in types.TxIn) bool { return in.Sequence <= seqReplaceable })
	if c.given(3) && replaceable && !signals && len(tx.In) > 0 {
		return nil, fail(CodeInvalidParameter, "Invalid parameter combination: Sequence number(s) contradict replaceable option")
	}
	return tx, nil
}

func asInputs(list []any, sequence uint32) ([]types.TxIn, error) {
	ins := make([]types.TxIn, len(list))
	for i, v := range list {
		op, err := asOutPoint(v)
		if err != nil {
			return nil, err
		}
		ins[i] = types.TxIn{PrevOut: op, Sequence: sequence}
		given := v.(*object).get("sequence")
		if given == nil {
			continue
		}
		n, err := asInt(given)
		if err != nil {
			return nil, err
		}
		if n < 0 || n > seqFinal {
			return nil, fail(CodeInvalidParameter, "Invalid parameter, sequence number is out of range")
		}
		ins[i].Sequence = uint32(n)
	}
	return ins, nil
}

// outputs reads an object, or an array of objects with one key each, in order.
func (c *call) outputs(v any) ([]types.TxOut, error) {
	pairs := &object{values: map[string]any{}}
	switch v := v.(type) {
	case *object:
		pairs = v
	case []any:
		for _, item := range v {
			o, ok := item.(*object)
			if !ok {
				return nil, fail(CodeInvalidParameter, "Invalid parameter, key-value pair not an object as expected")
			}
			if len(o.keys) != 1 {
				return nil, fail(CodeInvalidParameter, "Invalid parameter, key-value pair must contain exactly one key")
			}
			key := o.keys[0]
			if _, twice := pairs.values[key]; twice {
				return nil, duplicateOutput(key)
			}
			pairs.set(key, o.get(key))
		}
	default:
		return nil, fail(CodeInvalidParameter, "Invalid parameter, output argument must be non-null")
	}
	outs := make([]types.TxOut, 0, len(pairs.keys))
	seen := map[string]bool{}
	for _, key := range pairs.keys {
		out, err := c.output(key, pairs.get(key))
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
		return fail(CodeInvalidParameter, "Invalid parameter, duplicate key: data")
	}
	return fail(CodeInvalidParameter, "Invalid parameter, duplicated address: %s", clip(key))
}

func (c *call) output(key string, v any) (types.TxOut, error) {
	if key == "data" {
		data, err := asHex(v, "Data")
		return types.TxOut{Script: script.NullDataScript(data)}, err
	}
	lock, err := script.DecodeAddress(c.Node.Params().Addresses(), key)
	if err != nil {
		return types.TxOut{}, fail(CodeNotFound, "Invalid Bitcoin address: %s (%s)", clip(key), err)
	}
	value, err := asAmount(v)
	return types.TxOut{Value: int64(value), Script: lock}, err
}

func combineRawTransaction(_ context.Context, c *call) (any, error) {
	var merged *types.Tx
	for i, v := range c.list(0) {
		s, err := asString(v)
		if err != nil {
			return nil, err
		}
		tx, err := asTx(s, "TX decode failed")
		if err != nil {
			return nil, fail(CodeDeserialization, "TX decode failed for tx %d. Make sure the tx has at least one input.", i)
		}
		if merged == nil {
			merged = tx.Clone()
			continue
		}
		if unsigned(tx).ID() != unsigned(merged).ID() {
			return nil, fail(CodeInvalidParameter, "Transaction %d is not a copy of the first one", i)
		}
		for j := range merged.In {
			if in := &merged.In[j]; len(in.ScriptSig) == 0 && len(in.Witness) == 0 {
				in.ScriptSig, in.Witness = tx.In[j].ScriptSig, tx.In[j].Witness
			}
		}
	}
	if merged == nil {
		return nil, fail(CodeDeserialization, "Missing transactions")
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

func decodeScript(_ context.Context, c *call) (any, error) {
	lock, err := asHex(c.args[0], "argument")
	if err != nil {
		return nil, err
	}
	f := slices.DeleteFunc(lockFields(c, lock), func(f field) bool { return f.key == "hex" })
	class, data := script.Classify(lock)
	if !wrappable(class) || unspendable(&types.TxOut{Script: lock}) {
		return f, nil
	}
	params := c.Node.Params().Addresses()
	if address, ok := script.EncodeAddress(params, script.PayToScriptHash(script.Hash160(lock))); ok {
		f.add("p2sh", address)
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
	segwit := lockFields(c, witness)
	if address, ok := script.EncodeAddress(params, script.PayToScriptHash(script.Hash160(witness))); ok {
		segwit.add("p2sh-segwit", address)
	}
	f.add("segwit", segwit)
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
