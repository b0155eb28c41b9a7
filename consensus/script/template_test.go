package script

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	_, pub := testKey(t, 1)
	h := Hash160(pub[:])
	key, long := hex.EncodeToString(pub[:]), "04"+strings.Repeat("11", 64)
	hash := hex.EncodeToString(h[:])
	for _, c := range []struct {
		script string
		class  Class
		name   string
		data   string
	}{
		{"21" + key + "ac", PubKey, "pubkey", key},
		{"41" + long + "ac", PubKey, "pubkey", long},
		{"4106" + long[2:] + "ac", PubKey, "pubkey", "06" + long[2:]},
		{"2105" + key[2:] + "ac", NonStandard, "nonstandard", ""},
		{"2104" + key[2:] + "ac", NonStandard, "nonstandard", ""},
		{"4102" + long[2:] + "ac", NonStandard, "nonstandard", ""},
		{"76a914" + hash + "88ac", PubKeyHash, "pubkeyhash", hash},
		{"76a914" + hash + "88ac61", NonStandard, "nonstandard", ""},
		{"76a94c14" + hash + "88ac", NonStandard, "nonstandard", ""},
		{"a914" + hash + "87", ScriptHash, "scripthash", hash},
		{"a94c14" + hash + "87", NonStandard, "nonstandard", ""},
		{"0014" + hash, WitnessPubKeyHash, "witness_v0_keyhash", hash},
		{"0020" + key[2:], WitnessScriptHash, "witness_v0_scripthash", key[2:]},
		{"0015" + hash + "00", NonStandard, "nonstandard", ""},
		{"5120" + key[2:], Taproot, "witness_v1_taproot", key[2:]},
		{"51024e73", Anchor, "anchor", "4e73"},
		{"51024e74", WitnessUnknown, "witness_unknown", "4e74"},
		{"5114" + hash, WitnessUnknown, "witness_unknown", hash},
		{"6002abcd", WitnessUnknown, "witness_unknown", "abcd"},
		{"6102abcd", NonStandard, "nonstandard", ""},
		{"5001abcd", NonStandard, "nonstandard", ""},
		{"5101ab", NonStandard, "nonstandard", ""},
		{"5129" + strings.Repeat("00", 41), NonStandard, "nonstandard", ""},
		{"5120" + key[2:] + "00", NonStandard, "nonstandard", ""},
		{"6a", NullData, "nulldata", ""},
		{"6a02abcd", NullData, "nulldata", "02abcd"},
		{"6a5152", NullData, "nulldata", "5152"},
		{"6a02ab", NonStandard, "nonstandard", ""},
		{"6aac", NonStandard, "nonstandard", ""},
		{"5121" + key + "51ae", MultiSig, "multisig", ""},
		{"5221" + key + "41" + long + "52ae", MultiSig, "multisig", ""},
		{"5221" + key + "51ae", NonStandard, "nonstandard", ""},
		{"5121" + key + "52ae", NonStandard, "nonstandard", ""},
		{"0021" + key + "51ae", NonStandard, "nonstandard", ""},
		{"5121" + key + "51ae61", NonStandard, "nonstandard", ""},
		{"51" + strings.Repeat("21"+key, 20) + "0114ae", MultiSig, "multisig", ""},
		{"51" + strings.Repeat("21"+key, 16) + "0110ae", NonStandard, "nonstandard", ""},
		{"51" + strings.Repeat("21"+key, 21) + "0115ae", NonStandard, "nonstandard", ""},
		{"5151ae", NonStandard, "nonstandard", ""},
		{"ae", NonStandard, "nonstandard", ""},
		{"51", NonStandard, "nonstandard", ""},
		{"", NonStandard, "nonstandard", ""},
	} {
		class, data := Classify(unhex(t, c.script))
		if class != c.class || class.String() != c.name || hex.EncodeToString(data) != c.data {
			t.Errorf("%s: got %s %x, want %s %s", c.script, class, data, c.name, c.data)
		}
	}
	if Class(200).String() != "nonstandard" {
		t.Error("a class that does not exist has a name")
	}
}

func TestUnspendable(t *testing.T) {
	for _, c := range []struct {
		script []byte
		want   bool
	}{
		{nil, false}, {[]byte{opReturn}, true}, {[]byte{op1, opReturn}, false}, {NullDataScript(nil), true},
		{make([]byte, MaxScriptSize), false}, {make([]byte, MaxScriptSize+1), true},
	} {
		if got := Unspendable(c.script); got != c.want {
			t.Errorf("%d bytes: %v", len(c.script), got)
		}
	}
}

func TestPushData(t *testing.T) {
	for _, c := range []struct {
		n      int
		prefix string
	}{
		{0, "00"}, {1, "01"}, {75, "4b"}, {76, "4c4c"}, {255, "4cff"}, {256, "4d0001"}, {65535, "4dffff"}, {65536, "4e00000100"},
	} {
		data := bytes.Repeat([]byte{7}, c.n)
		got := PushData(data)
		if want := append(unhex(t, c.prefix), data...); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: begins %x", c.n, got[:min(len(got), 6)])
		}
		op, back, next, ok := readOp(got, 0)
		if !ok || op > opPushData4 || !bytes.Equal(back, data) || next != len(got) {
			t.Errorf("%d bytes: not read back", c.n)
		}
		for cut := 1; cut < min(len(got), 6); cut++ {
			if _, _, _, ok := readOp(got[:cut], 0); ok {
				t.Errorf("%d bytes: read although cut to %d", c.n, cut)
			}
		}
	}
}

func TestPushInt(t *testing.T) {
	for n, want := range map[int64]string{
		0: "00", -1: "4f", 1: "51", 16: "60", 17: "0111", 127: "017f", 128: "028000", 255: "02ff00", 256: "020001", 32767: "02ff7f",
		32768: "03008000", -2: "0182", -127: "01ff", -128: "028080", -255: "02ff80", 8388607: "03ffff7f", 8388608: "0400008000",
		2147483647: "04ffffff7f", 2147483648: "050000008000", -9223372036854775808: "09000000000000008080",
	} {
		got := PushInt(n)
		if hex.EncodeToString(got) != want {
			t.Errorf("%d: got %x, want %s", n, got, want)
		}
		if len(got) > 1 && len(got) <= 5 && scriptNum(got[1:]) != n {
			t.Errorf("%d: read back %d", n, scriptNum(got[1:]))
		}
	}
}

func TestSigOps(t *testing.T) {
	_, pub := testKey(t, 1)
	multi := func(n int) []byte {
		s := []byte{op1}
		for range n {
			s = append(s, PushData(pub[:])...)
		}
		return append(append(s, PushInt(int64(n))...), opCheckMultiSig)
	}
	for _, c := range []struct {
		script              []byte
		accurate, estimated int
	}{
		{nil, 0, 0},
		{PayToPubKey(pub[:]), 1, 1},
		{[]byte{opCheckSig, opCheckSigVerify, opCheckSig}, 3, 3},
		{multi(3), 3, 20},
		{multi(16), 16, 20},
		{multi(17), 20, 20},
		{[]byte{opCheckMultiSig}, 20, 20},
		{[]byte{op0, opCheckMultiSigVerify}, 20, 20},
		{[]byte{op1 + 4, opDup, opCheckMultiSig}, 20, 20},
		{[]byte{opCheckSig, 2, opCheckSig}, 1, 1},             // cut push: counting ends there
		{[]byte{2, opCheckSig, opCheckSig, opCheckSig}, 1, 1}, // data is not counted
		{[]byte{opReturn, opCheckSig}, 1, 1},                  // not reached, but counted
		{[]byte{0xba}, 0, 0},                                  // CHECKSIGADD
		{PayToPubKeyHash([20]byte{}), 1, 1},
	} {
		if got := CountSigOps(c.script, true); got != c.accurate {
			t.Errorf("%x: %d accurate, want %d", c.script, got, c.accurate)
		}
		if got := CountSigOps(c.script, false); got != c.estimated {
			t.Errorf("%x: %d estimated, want %d", c.script, got, c.estimated)
		}
	}
	redeem := multi(2)
	p2sh := PayToScriptHash(Hash160(redeem))
	wpkh := PayToWitnessPubKeyHash([20]byte{})
	wsh := PayToWitnessScriptHash([32]byte{})
	for i, c := range []struct {
		scriptSig, lock []byte
		witness         [][]byte
		p2sh, segwit    int
	}{
		{PushData(redeem), p2sh, nil, 2, 0},
		{append([]byte{op0}, PushData(redeem)...), p2sh, nil, 2, 0},
		{append(PushData(redeem), opDup), p2sh, nil, 0, 0},
		{append(PushData(redeem), op1), p2sh, nil, 0, 0},
		{PushData(redeem)[:10], p2sh, nil, 0, 0},
		{nil, p2sh, nil, 0, 0},
		{PushData(redeem), wpkh, nil, 0, 1},
		{nil, wpkh, nil, 0, 1},
		{nil, wsh, [][]byte{nil, redeem}, 0, 2},
		{nil, wsh, [][]byte{redeem, nil}, 0, 0},
		{nil, wsh, nil, 0, 0},
		{PushData(wpkh), p2sh, nil, 0, 1},
		{PushData(wsh), p2sh, [][]byte{redeem}, 0, 2},
		{append(PushData(wsh), opDup), p2sh, [][]byte{redeem}, 0, 0},
		{nil, PayToTaproot([32]byte{}), [][]byte{redeem}, 0, 0},
		{nil, PayToWitness(0, make([]byte, 21)), [][]byte{redeem}, 0, 0},
		{PushData(redeem), redeem, [][]byte{redeem}, 0, 0},
	} {
		if got := P2SHSigOps(c.scriptSig, c.lock); got != c.p2sh {
			t.Errorf("case %d: %d in P2SH, want %d", i, got, c.p2sh)
		}
		if got := WitnessSigOps(c.scriptSig, c.lock, c.witness); got != c.segwit {
			t.Errorf("case %d: %d in the witness, want %d", i, got, c.segwit)
		}
	}
}

func TestDisassemble(t *testing.T) {
	for script, want := range map[string]string{
		"":             "",
		"00":           "0",
		"4f":           "-1",
		"50":           "OP_RESERVED",
		"51":           "1",
		"60":           "16",
		"0100":         "0",
		"0180":         "0",
		"0181":         "-1",
		"02e803":       "1000",
		"04ffffffff":   "-2147483647",
		"04ffffff7f":   "2147483647",
		"050102030405": "0102030405",
		"4c0107":       "7",
		"76a914" + strings.Repeat("ab", 20) + "88ac": "OP_DUP OP_HASH160 " + strings.Repeat("ab", 20) + " OP_EQUALVERIFY OP_CHECKSIG",
		"6a0568656c6c6f":       "OP_RETURN 68656c6c6f",
		"b1b2b0b3b9baff":       "OP_CHECKLOCKTIMEVERIFY OP_CHECKSEQUENCEVERIFY OP_NOP1 OP_NOP4 OP_NOP10 OP_CHECKSIGADD OP_INVALIDOPCODE",
		"bbfe":                 "OP_UNKNOWN OP_UNKNOWN",
		"61636768696b7e7f8b8c": "OP_NOP OP_IF OP_ELSE OP_ENDIF OP_VERIFY OP_TOALTSTACK OP_CAT OP_SUBSTR OP_1ADD OP_1SUB",
		"9c9fa5a6aaabadaeaf":   "OP_NUMEQUAL OP_LESSTHAN OP_WITHIN OP_RIPEMD160 OP_HASH256 OP_CODESEPARATOR OP_CHECKSIGVERIFY OP_CHECKMULTISIG OP_CHECKMULTISIGVERIFY",
		"02ab":                 "[error]",
		"5102ab":               "1 [error]",
		"4c":                   "[error]",
		"514d01":               "1 [error]",
	} {
		if got := Disassemble(unhex(t, script)); got != want {
			t.Errorf("%s: got %q, want %q", script, got, want)
		}
	}
}

func TestDisassembleScriptSig(t *testing.T) {
	tx, _ := signedAll(t)
	sig := tx.In[0].ScriptSig
	der := hex.EncodeToString(sig[1 : len(sig)-1])
	for hashType, name := range map[byte]string{1: "[ALL]", 2: "[NONE]", 3: "[SINGLE]", 0x81: "[ALL|ANYONECANPAY]", 0x82: "[NONE|ANYONECANPAY]", 0x83: "[SINGLE|ANYONECANPAY]", 4: "04", 0: "00"} {
		s := append(bytes.Clone(sig[:len(sig)-1]), hashType)
		if got := DisassembleScriptSig(s); got != der+name {
			t.Errorf("type %x: got %q", hashType, got)
		}
		if got := Disassemble(s); got != fmt.Sprintf("%s%02x", der, hashType) {
			t.Errorf("type %x, not named: got %q", hashType, got)
		}
	}
	if got := DisassembleScriptSig([]byte{5, 1, 2, 3, 4, 1}); got != "0102030401" {
		t.Errorf("no signature: %q", got)
	}
	if s := append([]byte{opReturn}, sig...); strings.Contains(DisassembleScriptSig(s), "[") {
		t.Error("data of an OP_RETURN is named a signature")
	}
}
