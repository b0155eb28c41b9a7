package rawtx

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"

	mrand "math/rand/v2"
	"strconv"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/descriptor"
	"github.com/cairn-chain/cairn/wallet/psbt"
)

// Partially signed transactions (BIP174). The work is package psbt's; here are the parameters and the forms.

func psbtMethods() []chainjson.Method {
	one := jsonrpc.Required("psbt", jsonrpc.TypeString, "The base64 string of the PSBT")
	many := jsonrpc.Required("txs", jsonrpc.TypeArray, "The base64 strings of partially signed transactions")
	result := `"str"    (string) The base64-encoded partially signed transaction`
	inputs := jsonrpc.Required("inputs", jsonrpc.TypeArray, "Objects with txid, vout and, if wanted, sequence")
	outputs := jsonrpc.Param{Name: "outputs", Type: jsonrpc.TypeAny, Required: true, Help: "An array of objects, or one object: address to amount in coins, or \"data\" to hexadecimal bytes"}
	return []chainjson.Method{
		{Name: "createpsbt", Topic: chainjson.TopicRaw, Help: "Creates a transaction in the Partially Signed Transaction format. It is neither signed nor sent.",
			Params: []jsonrpc.Param{inputs, outputs, jsonrpc.Optional("locktime", jsonrpc.TypeNumber, "0", "Raw locktime. Non-0 value also locktime-activates inputs"), jsonrpc.Optional("replaceable", jsonrpc.TypeBool, "true", "Marks this transaction as BIP125-replaceable.")},
			Result: result, Example: `'[{"txid":"myid","vout":0}]' '[{"address":0.01}]'`, Run: createPSBT},
		{Name: "converttopsbt", Topic: chainjson.TopicRaw, Help: "Converts a network serialized transaction to a PSBT. Signatures are dropped, which has to be asked for.",
			Params: []jsonrpc.Param{jsonrpc.Required("hexstring", jsonrpc.TypeHex, "The hex string of a raw transaction"), jsonrpc.Optional("permitsigdata", jsonrpc.TypeBool, "false", "If true, any signatures in the input will be discarded and conversion will continue. If false, RPC will fail if any signatures are present."),
				jsonrpc.Optional("iswitness", jsonrpc.TypeBool, "depends on heuristic tests", "Whether the transaction hex is a serialized witness transaction")},
			Result: result, Example: `"rawtransaction"`, Run: convertToPSBT},
		{Name: "decodepsbt", Topic: chainjson.TopicRaw, Help: "Return a JSON object representing the serialized, base64-encoded partially signed transaction.",
			Params: []jsonrpc.Param{one}, Result: "{...}    (json object) tx, global_xpubs, psbt_version, proprietary, unknown, inputs, outputs, fee", Example: `"psbt"`, Run: decodePSBT},
		{Name: "combinepsbt", Topic: chainjson.TopicRaw, Help: "Combine multiple partially signed transactions of one transaction into one. Where two give one field different values, the first one's is kept.",
			Params: []jsonrpc.Param{many}, Result: result, Example: `'["mybase64_1", "mybase64_2"]'`, Run: combinePSBT},
		{Name: "joinpsbts", Topic: chainjson.TopicRaw, Help: "Joins multiple distinct PSBTs with different inputs and outputs into one PSBT with inputs and outputs from all of them, in random order. No input in any of the PSBTs can be in more than one of them.",
			Params: []jsonrpc.Param{many}, Result: result, Example: `'["mybase64_1", "mybase64_2"]'`, Run: joinPSBTs},
		{Name: "finalizepsbt", Topic: chainjson.TopicRaw, Help: "Finalize the inputs of a PSBT. If the transaction is fully signed, it will produce a network serialized transaction which can be sent with sendrawtransaction. Otherwise a PSBT is returned in which the inputs that could be finalized are.",
			Params: []jsonrpc.Param{one, jsonrpc.Optional("extract", jsonrpc.TypeBool, "true", "If true and the transaction is complete, extract and return the complete transaction in normal network serialization instead of the PSBT.")},
			Result: "{...}    (json object) psbt, hex, complete", Example: `"psbt"`, Run: finalizePSBT},
		{Name: "utxoupdatepsbt", Topic: chainjson.TopicRaw, Help: "Updates inputs with what they spend, from the UTXO set, the mempool and the transaction index, if there is one; and inputs and outputs with the scripts and keys of descriptors.",
			Params: []jsonrpc.Param{one, jsonrpc.Optional("descriptors", jsonrpc.TypeArray, "", "Descriptors, or objects with desc and range")}, Result: result, Example: `"psbt"`, Run: utxoUpdatePSBT},
		{Name: "analyzepsbt", Topic: chainjson.TopicRaw, Help: "Analyzes and provides information about the current status of a PSBT and its inputs: who has to do something next, and what.",
			Params: []jsonrpc.Param{one}, Result: "{...}    (json object) inputs [has_utxo, is_final, missing {pubkeys, signatures, redeemscript, witnessscript}, next], estimated_vsize, estimated_feerate, fee, next, error", Example: `"psbt"`, Run: analyzePSBT},
	}
}

// asPSBT reads a packet in base64.
func asPSBT(v any) (*psbt.Packet, error) {
	text, err := jsonrpc.AsString(v)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "TX decode failed invalid base64")
	}
	p, err := psbt.Decode(raw)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "TX decode failed %s", err)
	}
	return p, nil
}

func encodePSBT(p *psbt.Packet) string { return base64.StdEncoding.EncodeToString(p.Bytes()) }

func createPSBT(_ context.Context, c *chainjson.Call) (any, error) {
	tx, err := buildTx(c)
	if err != nil {
		return nil, err
	}
	return encodePSBT(psbt.New(tx)), nil
}

func convertToPSBT(_ context.Context, c *chainjson.Call) (any, error) {
	raw, err := jsonrpc.AsHex(c.Args[0], "hexstring")
	if err != nil {
		return nil, err
	}
	tx, err := types.DecodeTx(raw)
	if err != nil || c.Given(2) && !c.BoolOr(2, true) {
		tx, err = types.DecodeBaseTx(raw)
	}
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "TX decode failed")
	}
	for i := range tx.In {
		if in := &tx.In[i]; (len(in.ScriptSig) > 0 || len(in.Witness) > 0) && !c.BoolOr(1, false) {
			return nil, jsonrpc.Fail(jsonrpc.CodeDeserialization, "Inputs must not have scriptSigs and scriptWitnesses")
		}
	}
	return encodePSBT(psbt.New(tx)), nil
}

// psbts reads parameter 0, an array of packets.
func psbts(c *chainjson.Call) ([]*psbt.Packet, error) {
	list := make([]*psbt.Packet, len(c.List(0)))
	for i, v := range c.List(0) {
		var err error
		if list[i], err = asPSBT(v); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func combinePSBT(_ context.Context, c *chainjson.Call) (any, error) {
	list, err := psbts(c)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Parameter 'txs' cannot be empty")
	}
	sum, err := psbt.Combine(list...)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "%s", err)
	}
	return encodePSBT(sum), nil
}

func joinPSBTs(_ context.Context, c *chainjson.Call) (any, error) {
	list, err := psbts(c)
	if err != nil {
		return nil, err
	}
	if len(list) < 2 {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "At least two PSBTs are required to join PSBTs.")
	}
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, err
	}
	p, err := psbt.Join(list, mrand.New(mrand.NewChaCha8(seed)).Shuffle)
	var twice *psbt.SpentTwiceError
	if errors.As(err, &twice) {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Input %s:%d exists in multiple PSBTs", twice.OutPoint.TxID, twice.OutPoint.Index)
	}
	if err != nil {
		return nil, err
	}
	return encodePSBT(p), nil
}

func finalizePSBT(_ context.Context, c *chainjson.Call) (any, error) {
	p, err := asPSBT(c.Args[0])
	if err != nil {
		return nil, err
	}
	complete := p.Finalize(&script.Runner{Verifier: script.NewVerifier()})
	if !complete || !c.BoolOr(1, true) {
		return jsonrpc.Obj("psbt", encodePSBT(p), "complete", complete), nil
	}
	tx, err := p.Extract()
	if err != nil {
		return nil, err
	}
	return jsonrpc.Obj("hex", hex.EncodeToString(tx.Bytes()), "complete", true), nil
}

func utxoUpdatePSBT(ctx context.Context, c *chainjson.Call) (any, error) {
	p, err := asPSBT(c.Args[0])
	if err != nil {
		return nil, err
	}
	known := map[string]descriptor.Output{}
	for _, v := range c.List(1) {
		_, outs, err := c.ScanObject(v)
		if err != nil {
			return nil, err
		}
		for _, out := range outs {
			known[string(out.Script)] = out
		}
	}
	coins, err := spentCoins(c, p.Tx)
	if err != nil {
		return nil, err
	}
	for i := range p.In {
		updateInput(ctx, c, p, i, coins, known)
	}
	for i := range p.Out {
		if from, found := known[string(p.Tx.Out[i].Script)]; found {
			describe(&p.Out[i], from, outputKinds)
		}
	}
	return encodePSBT(p), nil
}

// updateInput adds what input i spends, and what is known of that script.
func updateInput(ctx context.Context, c *chainjson.Call, p *psbt.Packet, i int, coins consensus.Coins, known map[string]descriptor.Output) {
	op, m := p.Tx.In[i].PrevOut, &p.In[i]
	if _, ok := m.Get(psbt.InNonWitnessUTXO); !ok {
		if tx, ok := wholeTx(ctx, c, op.TxID); ok && int64(op.Index) < int64(len(tx.Out)) {
			m.Set(psbt.InNonWitnessUTXO, nil, tx.Bytes())
		}
	}
	out, ok := p.Spent(i)
	if coin, found := coins[op]; !ok && found {
		out, ok = coin.Out, true
	}
	if !ok {
		return
	}
	if from, found := known[string(out.Script)]; found {
		describe(m, from, inputKinds)
	}
	if isWitness(*m, out.Script) {
		m.Set(psbt.InWitnessUTXO, nil, out.Append(nil))
	}
}

// kinds are the types of the fields that say how an output is spent, of inputs and of outputs.
type kinds struct{ redeem, witness, bip32, internal, tapBIP32 byte }

var (
	inputKinds  = kinds{psbt.InRedeemScript, psbt.InWitnessScript, psbt.InBIP32, psbt.InTapInternalKey, psbt.InTapBIP32}
	outputKinds = kinds{psbt.OutRedeemScript, psbt.OutWitnessScript, psbt.OutBIP32, psbt.OutTapInternalKey, psbt.OutTapBIP32}
)

// describe adds what a descriptor says of an output: scripts, keys and where they come from.
func describe(m *psbt.Map, out descriptor.Output, k kinds) {
	if out.RedeemScript != nil {
		m.Set(k.redeem, nil, out.RedeemScript)
	}
	if out.WitnessScript != nil {
		m.Set(k.witness, nil, out.WitnessScript)
	}
	if out.InternalKey == nil {
		for _, key := range out.Keys {
			if len(key.PubKey) > 32 { // not that of rawtr, which is the output's
				m.Set(k.bip32, key.PubKey, key.Origin)
			}
		}
		return
	}
	m.Set(k.internal, nil, out.InternalKey)
	if k == inputKinds && out.MerkleRoot != nil {
		m.Set(psbt.InTapMerkleRoot, nil, out.MerkleRoot)
	}
	for i, key := range out.Keys {
		if i == 0 { // the internal key is in no leaf
			m.Set(k.tapBIP32, key.PubKey, append([]byte{0}, key.Origin...))
		}
	}
}

// wholeTx finds a transaction in the mempool or by the index.
func wholeTx(ctx context.Context, c *chainjson.Call, id types.Hash) (*types.Tx, bool) {
	if e, ok := c.Mempool.Entry(id); ok {
		return e.Tx, true
	}
	if c.TxIndex == nil {
		return nil, false
	}
	found, err := c.TxIndex.Find(ctx, id)
	return found.Tx, err == nil // not found, or not yet: then the set of coins has to do
}

// isWitness tells whether an output is spent by a witness, as far as the fields of the input tell what a P2SH output hides.
func isWitness(fields psbt.Map, lock []byte) bool {
	if redeem, ok := fields.Get(psbt.InRedeemScript); ok {
		lock = redeem
	}
	_, _, ok := script.WitnessProgram(lock)
	return ok
}

// Roles, as analyzepsbt names them, in the order of the work.
var roles = []string{"updater", "signer", "finalizer", "extractor"}

func analyzePSBT(_ context.Context, c *chainjson.Call) (any, error) {
	p, err := asPSBT(c.Args[0])
	if err != nil {
		return nil, err
	}
	inputs, next, spent, known := make([]jsonrpc.Fields, len(p.In)), len(roles)-1, int64(0), true
	for i := range p.In {
		f, role := analyzeInput(p, i)
		inputs[i], next = f, min(next, role)
		out, ok := p.Spent(i)
		if ok && (out.Value < 0 || out.Value > consensus.MaxMoney) {
			return jsonrpc.Obj("next", "creator", "error", "PSBT is not valid. Input "+strconv.Itoa(i)+" has invalid value"), nil
		}
		if ok && chainjson.Unspendable(&out) {
			return jsonrpc.Obj("next", "creator", "error", "PSBT is not valid. Input "+strconv.Itoa(i)+" spends unspendable output"), nil
		}
		spent, known = spent+out.Value, known && ok
	}
	f := jsonrpc.Obj("inputs", inputs)
	if known {
		var paid int64
		for i := range p.Tx.Out {
			paid += p.Tx.Out[i].Value
		}
		if paid < 0 || paid > spent {
			return jsonrpc.Obj("inputs", inputs, "next", "creator", "error", "PSBT is not valid. Output amount invalid"), nil
		}
		if tx, ok := p.Estimate(); ok {
			f.Add("estimated_vsize", tx.VSize())
			f.Add("estimated_feerate", chainjson.PerKVByte(chainjson.FeeRate(spent-paid, int64(tx.VSize()))))
		}
		f.Add("fee", chainjson.Amount(spent-paid))
	}
	f.Add("next", roles[next])
	return f, nil
}

// analyzeInput describes what an input lacks, and returns the role that comes next.
func analyzeInput(p *psbt.Packet, i int) (jsonrpc.Fields, int) {
	missing, known := p.Needs(i)
	final := p.Final(i)
	f := jsonrpc.Obj("has_utxo", known, "is_final", final)
	switch {
	case !known:
		f.Add("next", roles[0])
		return f, 0
	case final:
		f.Add("next", roles[3])
		return f, 3
	}
	var lacks jsonrpc.Fields
	if len(missing.PubKeys) > 0 {
		lacks.Add("pubkeys", hexes(missing.PubKeys))
	}
	if missing.RedeemScript != nil {
		lacks.Add("redeemscript", hex.EncodeToString(missing.RedeemScript[:]))
	}
	if missing.WitnessScript != nil {
		lacks.Add("witnessscript", hex.EncodeToString(missing.WitnessScript[:]))
	}
	if len(missing.Signatures) > 0 {
		lacks.Add("signatures", hexes(missing.Signatures))
	}
	if len(lacks) > 0 {
		f.Add("missing", lacks)
	}
	role := 2
	switch {
	case !missing.OnlySignatures():
		role = 0
	case len(missing.Signatures) > 0:
		role = 1
	}
	f.Add("next", roles[role])
	return f, role
}

func hexes(hashes [][20]byte) []string {
	list := make([]string, len(hashes))
	for i, h := range hashes {
		list[i] = hex.EncodeToString(h[:])
	}
	return list
}

// hashTypeNames are how people write hash types.
var hashTypeNames = map[uint32]string{
	0: "DEFAULT", 1: "ALL", 2: "NONE", 3: "SINGLE", 0x81: "ALL|ANYONECANPAY", 0x82: "NONE|ANYONECANPAY", 0x83: "SINGLE|ANYONECANPAY",
}

func hashTypeName(value []byte) string {
	return hashTypeNames[binary.LittleEndian.Uint32(value)] // "" for one that nobody knows, as in Core
}
