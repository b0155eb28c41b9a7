package rawtx

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/psbt"
)

// What decodepsbt shows. The values have been checked by psbt.Decode.

func decodePSBT(_ context.Context, c *chainjson.Call) (any, error) {
	p, err := asPSBT(c.Args[0])
	if err != nil {
		return nil, err
	}
	f := jsonrpc.Obj("tx", chainjson.TxView{Tx: p.Tx}.JSON(c), "global_xpubs", globalXPubs(p.Global), "psbt_version", 0,
		"proprietary", proprietaryFields(p.Global), "unknown", unknownFields(p.Global, psbt.GlobalXPub, psbt.GlobalVersion))
	ins, spent, known := make([]jsonrpc.Fields, len(p.In)), int64(0), true
	for i := range p.In {
		if ins[i], err = psbtInput(c, p, i); err != nil {
			return nil, err
		}
		out, ok := p.Spent(i)
		spent, known = spent+out.Value, known && ok
	}
	f.Add("inputs", ins)
	outs := make([]jsonrpc.Fields, len(p.Out))
	for i, m := range p.Out {
		if outs[i], err = psbtOutput(m); err != nil {
			return nil, err
		}
		spent -= p.Tx.Out[i].Value
	}
	f.Add("outputs", outs)
	if known {
		f.Add("fee", chainjson.Amount(spent))
	}
	return f, nil
}

func globalXPubs(m psbt.Map) []jsonrpc.Fields {
	list := []jsonrpc.Fields{}
	for _, p := range m.Each(psbt.GlobalXPub) {
		fingerprint, path := originText(p.Value)
		list = append(list, jsonrpc.Obj("xpub", script.EncodeBase58Check(p.Key[1:]), "master_fingerprint", fingerprint, "path", path))
	}
	return list
}

// originText prints the fingerprint of a master key and a path from it.
func originText(value []byte) (fingerprint, path string) {
	path = "m"
	for b := value[4:]; len(b) >= 4; b = b[4:] {
		const hardened = 1 << 31
		n := binary.LittleEndian.Uint32(b)
		path += "/" + strconv.FormatUint(uint64(n&^hardened), 10)
		if n&hardened != 0 {
			path += "h"
		}
	}
	return hex.EncodeToString(value[:4]), path
}

func proprietaryFields(m psbt.Map) []jsonrpc.Fields {
	list := []jsonrpc.Fields{}
	for _, p := range m.Each(psbt.Proprietary) {
		identifier, subtype, key, err := psbt.SplitProprietary(p.Key[1:])
		if err != nil {
			continue // psbt.Decode has refused such
		}
		list = append(list, jsonrpc.Obj("identifier", hex.EncodeToString(identifier), "subtype", subtype, "key", hex.EncodeToString(key), "value", hex.EncodeToString(p.Value)))
	}
	return list
}

// unknownFields are those of no type in known.
func unknownFields(m psbt.Map, known ...byte) jsonrpc.Fields {
	is := map[byte]bool{psbt.Proprietary: true}
	for _, kind := range known {
		is[kind] = true
	}
	f := jsonrpc.Fields{}
	for _, p := range m {
		if !is[p.Key[0]] {
			f.Add(hex.EncodeToString(p.Key), hex.EncodeToString(p.Value))
		}
	}
	return f
}

var knownInput = []byte{psbt.InNonWitnessUTXO, psbt.InWitnessUTXO, psbt.InPartialSig, psbt.InSigHashType, psbt.InRedeemScript, psbt.InWitnessScript,
	psbt.InBIP32, psbt.InFinalScriptSig, psbt.InFinalWitness, psbt.InRIPEMD160, psbt.InSHA256, psbt.InHash160, psbt.InHash256, psbt.InTapKeySig,
	psbt.InTapScriptSig, psbt.InTapLeafScript, psbt.InTapBIP32, psbt.InTapInternalKey, psbt.InTapMerkleRoot}

func psbtInput(c *chainjson.Call, p *psbt.Packet, i int) (jsonrpc.Fields, error) {
	m := p.In[i]
	f := jsonrpc.Fields{}
	if raw, ok := m.Get(psbt.InWitnessUTXO); ok {
		d := types.NewDecoder(raw)
		out := d.TxOut()
		f.Add("witness_utxo", jsonrpc.Obj("amount", chainjson.Amount(out.Value), "scriptPubKey", chainjson.Lock(c, out.Script)))
	}
	if raw, ok := m.Get(psbt.InNonWitnessUTXO); ok {
		tx, err := types.DecodeTx(raw)
		if err != nil {
			return nil, err
		}
		f.Add("non_witness_utxo", chainjson.TxView{Tx: tx}.JSON(c))
	}
	addPairs(&f, "partial_signatures", m.Each(psbt.InPartialSig))
	if raw, ok := m.Get(psbt.InSigHashType); ok {
		f.Add("sighash", hashTypeName(raw))
	}
	addScripts(&f, m, psbt.InRedeemScript, psbt.InWitnessScript)
	addOrigins(&f, m.Each(psbt.InBIP32))
	addFinal(&f, m)
	addPairs(&f, "ripemd160_preimages", m.Each(psbt.InRIPEMD160))
	addPairs(&f, "sha256_preimages", m.Each(psbt.InSHA256))
	addPairs(&f, "hash160_preimages", m.Each(psbt.InHash160))
	addPairs(&f, "hash256_preimages", m.Each(psbt.InHash256))
	if err := addTaproot(&f, m); err != nil {
		return nil, err
	}
	addRest(&f, m, knownInput)
	return f, nil
}

// addPairs adds an object of key data to value in hexadecimal, if there are any.
func addPairs(f *jsonrpc.Fields, name string, pairs []psbt.Pair) {
	if len(pairs) == 0 {
		return
	}
	o := jsonrpc.Fields{}
	for _, p := range pairs {
		o.Add(hex.EncodeToString(p.Key[1:]), hex.EncodeToString(p.Value))
	}
	f.Add(name, o)
}

func addHex(f *jsonrpc.Fields, name string, m psbt.Map, kind byte) {
	if raw, ok := m.Get(kind); ok {
		f.Add(name, hex.EncodeToString(raw))
	}
}

func addScripts(f *jsonrpc.Fields, m psbt.Map, redeem, witness byte) {
	for _, s := range []struct {
		name string
		kind byte
	}{{"redeem_script", redeem}, {"witness_script", witness}} {
		if raw, ok := m.Get(s.kind); ok {
			class, _ := script.Classify(raw)
			f.Add(s.name, jsonrpc.Obj("asm", script.Disassemble(raw), "hex", hex.EncodeToString(raw), "type", class.String()))
		}
	}
}

func addOrigins(f *jsonrpc.Fields, pairs []psbt.Pair) {
	if len(pairs) == 0 {
		return
	}
	list := make([]jsonrpc.Fields, len(pairs))
	for i, p := range pairs {
		fingerprint, path := originText(p.Value)
		list[i] = jsonrpc.Obj("pubkey", hex.EncodeToString(p.Key[1:]), "master_fingerprint", fingerprint, "path", path)
	}
	f.Add("bip32_derivs", list)
}

func addFinal(f *jsonrpc.Fields, m psbt.Map) {
	if raw, ok := m.Get(psbt.InFinalScriptSig); ok {
		f.Add("final_scriptSig", jsonrpc.Obj("asm", script.DisassembleScriptSig(raw), "hex", hex.EncodeToString(raw)))
	}
	if raw, ok := m.Get(psbt.InFinalWitness); ok {
		d := types.NewDecoder(raw)
		items := make([]string, d.Count(len(raw), 1))
		for i := range items {
			items[i] = hex.EncodeToString(d.VarBytes(len(raw)))
		}
		f.Add("final_scriptwitness", items)
	}
}

func addTaproot(f *jsonrpc.Fields, m psbt.Map) error {
	addHex(f, "taproot_key_path_sig", m, psbt.InTapKeySig)
	if pairs := m.Each(psbt.InTapScriptSig); len(pairs) > 0 {
		list := make([]jsonrpc.Fields, len(pairs))
		for i, p := range pairs {
			list[i] = jsonrpc.Obj("pubkey", hex.EncodeToString(p.Key[1:33]), "leaf_hash", hex.EncodeToString(p.Key[33:]), "sig", hex.EncodeToString(p.Value))
		}
		f.Add("taproot_script_path_sigs", list)
	}
	if list := leafScripts(m.Each(psbt.InTapLeafScript)); len(list) > 0 {
		f.Add("taproot_scripts", list)
	}
	if err := addTapOrigins(f, m.Each(psbt.InTapBIP32)); err != nil {
		return err
	}
	addHex(f, "taproot_internal_key", m, psbt.InTapInternalKey)
	addHex(f, "taproot_merkle_root", m, psbt.InTapMerkleRoot)
	return nil
}

// leafScripts gathers the control blocks of each script.
func leafScripts(pairs []psbt.Pair) []jsonrpc.Fields {
	at := map[string]int{}
	var list []jsonrpc.Fields
	var controls [][]string
	for _, p := range pairs {
		i, ok := at[string(p.Value)]
		if !ok {
			i = len(list)
			at[string(p.Value)] = i
			last := len(p.Value) - 1
			list = append(list, jsonrpc.Obj("script", hex.EncodeToString(p.Value[:last]), "leaf_ver", p.Value[last]))
			controls = append(controls, nil)
		}
		controls[i] = append(controls[i], hex.EncodeToString(p.Key[1:]))
	}
	for i := range list {
		list[i].Add("control_blocks", controls[i])
	}
	return list
}

func addTapOrigins(f *jsonrpc.Fields, pairs []psbt.Pair) error {
	if len(pairs) == 0 {
		return nil
	}
	list := make([]jsonrpc.Fields, len(pairs))
	for i, p := range pairs {
		d := types.NewDecoder(p.Value)
		leaves := make([]string, d.Count(len(p.Value), types.HashSize))
		for j := range leaves {
			leaves[j] = hex.EncodeToString(d.Bytes(types.HashSize))
		}
		rest := d.Bytes(d.Remaining())
		if d.Err() != nil {
			return d.Err()
		}
		fingerprint, path := originText(rest)
		list[i] = jsonrpc.Obj("pubkey", hex.EncodeToString(p.Key[1:]), "master_fingerprint", fingerprint, "path", path, "leaf_hashes", leaves)
	}
	f.Add("taproot_bip32_derivs", list)
	return nil
}

// addRest adds what nobody here knows.
func addRest(f *jsonrpc.Fields, m psbt.Map, known []byte) {
	if list := proprietaryFields(m); len(list) > 0 {
		f.Add("proprietary", list)
	}
	if unknown := unknownFields(m, known...); len(unknown) > 0 {
		f.Add("unknown", unknown)
	}
}

var knownOutput = []byte{psbt.OutRedeemScript, psbt.OutWitnessScript, psbt.OutBIP32, psbt.OutTapInternalKey, psbt.OutTapTree, psbt.OutTapBIP32}

func psbtOutput(m psbt.Map) (jsonrpc.Fields, error) {
	f := jsonrpc.Fields{}
	addScripts(&f, m, psbt.OutRedeemScript, psbt.OutWitnessScript)
	addOrigins(&f, m.Each(psbt.OutBIP32))
	addHex(&f, "taproot_internal_key", m, psbt.OutTapInternalKey)
	if raw, ok := m.Get(psbt.OutTapTree); ok {
		leaves, err := psbt.DecodeTapTree(raw)
		if err != nil {
			return nil, err
		}
		list := make([]jsonrpc.Fields, len(leaves))
		for i, l := range leaves {
			list[i] = jsonrpc.Obj("depth", l.Depth, "leaf_ver", l.Version, "script", hex.EncodeToString(l.Script))
		}
		f.Add("taproot_tree", list)
	}
	if err := addTapOrigins(&f, m.Each(psbt.OutTapBIP32)); err != nil {
		return nil, err
	}
	addRest(&f, m, knownOutput)
	return f, nil
}
