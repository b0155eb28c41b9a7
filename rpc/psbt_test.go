package rpc

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/wallet/psbt"
)

// psbtVectors are some of the vectors of package psbt.
func psbtVectors(t *testing.T) (v struct {
	Valid                     []string
	Created, Signed1, Signed2 string
	Combined, Network         string
}) {
	t.Helper()
	raw, err := os.ReadFile("../wallet/psbt/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Valid) == 0 || v.Created == "" || v.Network == "" {
		t.Fatal("vectors are missing")
	}
	return v
}

func TestPSBTRoles(t *testing.T) {
	v := psbtVectors(t)
	r := newRig(t, 0)
	if got := call2[string](t, r, "combinepsbt", []string{v.Signed1, v.Signed2}); got != v.Combined {
		t.Errorf("combinepsbt: %s", got)
	}
	half := call2[m](t, r, "analyzepsbt", v.Signed1)
	first := half["inputs"].([]any)[0].(m)
	if half["next"] != "signer" || first["has_utxo"] != true || first["is_final"] != false || len(first["missing"].(m)["signatures"].([]any)) != 1 ||
		half["fee"] == nil || half["estimated_vsize"] == nil || half["estimated_feerate"] == nil {
		t.Errorf("analyzepsbt: %v", half)
	}
	if got := call2[m](t, r, "analyzepsbt", v.Combined); got["next"] != "finalizer" {
		t.Errorf("analyzepsbt of a signed one: %v", got)
	}
	if got := call2[m](t, r, "analyzepsbt", v.Created); got["next"] != "updater" || got["fee"] != nil {
		t.Errorf("analyzepsbt of a new one: %v", got)
	}
	if got := call2[m](t, r, "finalizepsbt", v.Signed1); got["complete"] != false || got["psbt"] != v.Signed1 || got["hex"] != nil {
		t.Errorf("finalizepsbt of half: %v", got)
	}
	if got := call2[m](t, r, "finalizepsbt", v.Combined); got["complete"] != true || got["hex"] != v.Network {
		t.Errorf("finalizepsbt: %v", got)
	}
	final := call2[m](t, r, "finalizepsbt", v.Combined, false)
	if got := call2[m](t, r, "analyzepsbt", final["psbt"]); got["next"] != "extractor" {
		t.Errorf("analyzepsbt of a final one: %v", got)
	}
	if got := call2[string](t, r, "converttopsbt", v.Network, true); got != v.Created {
		t.Errorf("converttopsbt: %s", got)
	}
	wantError(t, r, jsonrpc.CodeDeserialization, "Inputs must not have scriptSigs and scriptWitnesses", "converttopsbt", v.Network)
	wantError(t, r, jsonrpc.CodeInvalidParameter, "PSBTs not compatible (different transactions)", "combinepsbt", []string{v.Signed1, v.Valid[0]})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "exists in multiple PSBTs", "joinpsbts", []string{v.Signed1, v.Signed2})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "At least two PSBTs are required to join PSBTs.", "joinpsbts", []string{v.Signed1})
	wantError(t, r, jsonrpc.CodeDeserialization, "TX decode failed invalid base64", "decodepsbt", "!")
	wantError(t, r, jsonrpc.CodeDeserialization, "TX decode failed Invalid PSBT magic bytes", "decodepsbt", "AAAA")
	joined := call2[m](t, r, "decodepsbt", call2[string](t, r, "joinpsbts", []string{v.Created, v.Valid[0]}))
	if len(joined["inputs"].([]any)) != 3 || len(joined["outputs"].([]any)) != 4 {
		t.Errorf("joinpsbts: %v", joined)
	}
}

// Every valid vector is shown, with all its fields.
func TestDecodePSBT(t *testing.T) {
	r := newRig(t, 0)
	v := psbtVectors(t)
	all := ""
	for _, text := range append(v.Valid, v.Combined) {
		got := call2[json.RawMessage](t, r, "decodepsbt", text)
		all += string(got)
	}
	for _, name := range []string{"global_xpubs", "master_fingerprint", "psbt_version", "proprietary", "unknown", "non_witness_utxo", "witness_utxo", "partial_signatures",
		"redeem_script", "witness_script", "bip32_derivs", "final_scriptSig", "taproot_key_path_sig", "taproot_script_path_sigs", "taproot_scripts", "control_blocks",
		"taproot_bip32_derivs", "leaf_hashes", "taproot_internal_key", "taproot_merkle_root", "taproot_tree", "sighash", "fee"} {
		if !strings.Contains(all, `"`+name+`"`) {
			t.Errorf("no vector shows %s", name)
		}
	}
}

func TestCreateAndUpdatePSBT(t *testing.T) {
	r := newRig(t, 3)
	coinbase := r.chain.Lookup(r.tip.Hash()).Block.Txs[0]
	text := call2[string](t, r, "createpsbt", []m{{"txid": coinbase.ID().String(), "vout": 0}}, []m{{"data": "00"}})
	lock := coinbase.Out[0].Script
	updated := call2[string](t, r, "utxoupdatepsbt", text)
	raw, err := base64.StdEncoding.DecodeString(updated)
	if err != nil {
		t.Fatal(err)
	}
	p, err := psbt.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	_, _, witness := script.WitnessProgram(lock)
	if out, ok := p.Spent(0); ok != witness || ok && string(out.Script) != string(lock) {
		t.Errorf("what is spent came out as %x, %v", out.Script, ok)
	}
	const key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	address := call2[[]string](t, r, "deriveaddresses", call2[m](t, r, "getdescriptorinfo", "sh(wsh(multi(1,"+key+")))")["descriptor"])[0]
	text = call2[string](t, r, "createpsbt", []m{{"txid": coinbase.ID().String(), "vout": 0}}, m{address: 1})
	got := call2[m](t, r, "decodepsbt", call2[string](t, r, "utxoupdatepsbt", text, []string{"sh(wsh(multi(1,[d34db33f/1h]" + key + ")))"}))
	out := got["outputs"].([]any)[0].(m)
	if out["redeem_script"] == nil || out["witness_script"] == nil || out["bip32_derivs"].([]any)[0].(m)["path"] != "m/1h" {
		t.Errorf("utxoupdatepsbt with a descriptor: %v", out)
	}
}

func TestRangedDescriptors(t *testing.T) {
	r := newRig(t, 0)
	const ranged = "wpkh(tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B/1/*)"
	info := call2[m](t, r, "getdescriptorinfo", ranged)
	if info["isrange"] != true {
		t.Fatalf("getdescriptorinfo: %v", info)
	}
	two := call2[[]string](t, r, "deriveaddresses", info["descriptor"], 1)
	if one := call2[[]string](t, r, "deriveaddresses", info["descriptor"], []int{1, 1}); len(two) != 2 || len(one) != 1 || one[0] != two[1] || two[0] == two[1] {
		t.Errorf("deriveaddresses: %v and %v", two, one)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Range must be specified for a ranged descriptor", "deriveaddresses", info["descriptor"])
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Range specified as [begin,end] must not have begin after end", "deriveaddresses", info["descriptor"], []int{2, 1})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Range should be greater or equal than 0", "deriveaddresses", info["descriptor"], []int{-1, 1})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Range is too large", "deriveaddresses", info["descriptor"], []int{0, 1000000})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "Ranged descriptor not accepted", "generatetodescriptor", 1, ranged)
}

func TestCreateMultisig(t *testing.T) {
	r := newRig(t, 0)
	const a, b = "03789ed0bb717d88f7d321a368d905e7430207ebbd82bd342cf11ae157a7ace5fd", "03dbc6764b8884a92e871274b87583e6d5c2a58819473e17e107ef3f6aa5a61626"
	got := call2[m](t, r, "createmultisig", 2, []string{a, b})
	if got["redeemScript"] != "5221"+a+"21"+b+"52ae" || !strings.HasPrefix(got["descriptor"].(string), "sh(multi(2,"+a+","+b+"))#") || got["warnings"] != nil {
		t.Errorf("createmultisig: %v", got)
	}
	if got := call2[m](t, r, "createmultisig", 1, []string{a, b}, "bech32"); !strings.HasPrefix(got["address"].(string), "bcrt1q") || got["redeemScript"] != "5121"+a+"21"+b+"52ae" {
		t.Errorf("createmultisig bech32: %v", got)
	}
	wantError(t, r, jsonrpc.CodeInvalidParameter, "not enough keys supplied (got 1 keys, but need at least 2 to redeem)", "createmultisig", 2, []string{a})
	wantError(t, r, jsonrpc.CodeInvalidParameter, "a multisignature address must require at least one key to redeem", "createmultisig", 0, []string{a})
	wantError(t, r, jsonrpc.CodeNotFound, "must have a length of either 33 or 65 bytes", "createmultisig", 1, []string{"00"})
	wantError(t, r, jsonrpc.CodeNotFound, "cannot create bech32m", "createmultisig", 1, []string{a}, "bech32m")
}
