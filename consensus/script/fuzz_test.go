package script

import (
	"bytes"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/cairn-chain/cairn/types"
)

// addScripts seeds a fuzz target with scripts of every kind.
func addScripts(f *testing.F) {
	f.Helper()
	tx, spent := signedAll(f)
	for i := range tx.In {
		f.Add(tx.In[i].ScriptSig)
		f.Add(spent[i].Script)
	}
	for _, s := range [][]byte{nil, {opReturn}, {op1, op1 + 1, opCheckMultiSig}, {opPushData4, 0xff, 0xff, 0xff, 0xff}, {0x4d, 1}, {op1, 1, 20, opCheckMultiSig}} {
		f.Add(s)
	}
}

// FuzzScripts: whatever the bytes are, every reader of scripts ends, and they agree with each other.
func FuzzScripts(f *testing.F) {
	addScripts(f)
	f.Fuzz(func(t *testing.T, script []byte) {
		class, data := Classify(script)
		address, ok := EncodeAddress(cairnAddresses, script)
		if ok {
			back, err := DecodeAddress(cairnAddresses, address)
			if err != nil || !bytes.Equal(back, script) {
				t.Fatalf("%x: address %s stands for %x, %v", script, address, back, err)
			}
		}
		switch class {
		case PubKeyHash, ScriptHash, WitnessPubKeyHash, WitnessScriptHash, Taproot, Anchor, WitnessUnknown:
			if !ok || len(data) < 2 {
				t.Fatalf("%x: %s without an address or data", script, class)
			}
		default:
			if ok {
				t.Fatalf("%x: %s with an address", script, class)
			}
		}
		accurate, estimated := CountSigOps(script, true), CountSigOps(script, false)
		if accurate < 0 || accurate > estimated || estimated > MaxPubKeysMultiSig*len(script) {
			t.Fatalf("%x: %d accurate and %d estimated operations", script, accurate, estimated)
		}
		if text := Disassemble(script); IsPushOnly(script) && strings.Contains(text, "OP_") && !strings.Contains(text, "OP_RESERVED") {
			t.Fatalf("%x: pushes only, but %s", script, text)
		}
		_ = DisassembleScriptSig(script)
		_ = P2SHSigOps(script, PayToScriptHash([20]byte{}))
		_ = WitnessSigOps(script, PayToScriptHash([20]byte{}), [][]byte{script})
		if stripped := stripCodeSeparators(script); len(stripped) > len(script) {
			t.Fatal("a script grew")
		}
	})
}

func FuzzDecodeAddress(f *testing.F) {
	for _, s := range []string{"", "crn1", "bc1pfeessrawgf", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "BC1SW50QGDZ25J", "1111111111111111111114oLvT2", "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, p := range []AddressParams{mainAddresses, testAddresses, cairnAddresses} {
			script, err := DecodeAddress(p, s)
			if (err == nil) != (script != nil) {
				t.Fatalf("%q: %x and %v", s, script, err)
			}
			if err != nil {
				continue
			}
			again, ok := EncodeAddress(p, script)
			if !ok || again != s && again != strings.ToLower(s) {
				t.Fatalf("%q: stands for %x, whose address is %q", s, script, again)
			}
		}
	})
}

// FuzzDER: a strict signature is read by the lax parser too, and as btcec reads it; nothing panics.
func FuzzDER(f *testing.F) {
	tx, _ := signedAll(f)
	f.Add(tx.In[3].Witness[0])
	f.Add([]byte{0x30, 6, 2, 1, 1, 2, 1, 1, 1})
	f.Add([]byte{0x30, 0x80, 2, 0x81, 1, 1, 2, 0x84, 0, 0, 0, 1, 1, 1})
	f.Fuzz(func(t *testing.T, sig []byte) {
		if len(sig) == 0 {
			return
		}
		r, s, ok := parseLaxDER(sig[:len(sig)-1])
		if isStrictDER(sig) && !ok {
			t.Fatalf("%x: strict, but not lax", sig)
		}
		parsed, err := ecdsa.ParseDERSignature(sig[:len(sig)-1])
		if err == nil && int(sig[1]) != len(sig)-3 {
			return // btcec passes over bytes behind the end
		}
		if err == nil && (!ok || !isStrictDER(sig) || !parsed.IsEqual(ecdsa.NewSignature(&r, &s))) {
			t.Fatalf("%x: btcec reads it otherwise", sig)
		}
	})
}

// FuzzSpend: an input that is changed in any way is never accepted, and never brings the runner down.
func FuzzSpend(f *testing.F) {
	tx, spent := signedAll(f)
	for i := range tx.In {
		a, b := []byte(nil), []byte(nil)
		if w := tx.In[i].Witness; len(w) > 0 {
			a = w[0]
		}
		if w := tx.In[i].Witness; len(w) > 1 {
			b = w[1]
		}
		f.Add(uint8(i), uint8(len(tx.In[i].Witness)), uint32(ConsensusFlags), tx.In[i].ScriptSig, a, b)
	}
	f.Fuzz(func(t *testing.T, input, items uint8, flags uint32, scriptSig, a, b []byte) {
		i := int(input) % len(tx.In)
		c := tx.Clone()
		c.In[i].ScriptSig, c.In[i].Witness = scriptSig, [][]byte{a, b, a}[:items%4]
		err := scriptError(t, run(c, i, spent, Flags(flags)))
		if err != "" || len(c.In[i].Witness) != len(tx.In[i].Witness) {
			return
		}
		// High S and the like pass by consensus. The key and the shape do not change.
		if Flags(flags).has(StandardFlags) && !sameInput(&c.In[i], &tx.In[i]) {
			t.Fatalf("%s: another input is accepted: %x %x", lockNames[i], scriptSig, c.In[i].Witness)
		}
	})
}

func sameInput(a, b *types.TxIn) bool {
	same := bytes.Equal(a.ScriptSig, b.ScriptSig) && len(a.Witness) == len(b.Witness)
	for i := range a.Witness {
		same = same && bytes.Equal(a.Witness[i], b.Witness[i])
	}
	return same
}

// FuzzFindAndDelete holds findAndDelete and the serialization in pieces to dumb twins.
func FuzzFindAndDelete(f *testing.F) {
	f.Add([]byte{3, 2, 0xff, 3, opCodeSeparator}, []byte{3, 2, 0xff, 3}, uint32(1))
	f.Add([]byte{0, 0, op1, op1}, []byte{0, op1}, uint32(0x83))
	tx, spent := signedAll(f)
	f.Fuzz(func(t *testing.T, code, pattern []byte, hashType uint32) {
		got, n := findAndDelete(code, pattern)
		if len(got) != len(code)-n*len(pattern) || !bytes.Equal(got, slowFindAndDelete(code, pattern)) {
			t.Fatalf("%x without %x: %x, %d", code, pattern, got, n)
		}
		sums := NewSigSums(tx, spent)
		for i := range tx.In {
			if sums.legacySigHash(i, code, hashType) != LegacySigHash(tx, i, code, hashType) {
				t.Fatalf("input %d, type %x, code %x: the hashes differ", i, hashType, code)
			}
		}
	})
}

// toyVerifier takes every second signature, so that a fuzzer gets behind them, and counts.
type toyVerifier struct{ asked *int }

func (v toyVerifier) ECDSA(hash *[32]byte, sig, key []byte) bool {
	*v.asked++
	return len(sig) == 0 || (hash[0]^sig[len(sig)-1]^key[len(key)-1])&1 == 0
}

func (v toyVerifier) Schnorr(hash *[32]byte, sig *[64]byte, key *[32]byte) bool {
	return v.ECDSA(hash, sig[:], key[:])
}

func (v toyVerifier) Batch(checks []SigCheck) int {
	for i := range checks {
		if !verifyOne(v, &checks[i]) {
			return i
		}
	}
	return -1
}

// unpack cuts bytes into at most 40 items, each behind its length.
func unpack(b []byte) (items [][]byte) {
	for len(b) > 0 && len(items) < 40 {
		n := min(int(b[0]), len(b)-1)
		items = append(items, b[1:1+n])
		b = b[1+n:]
	}
	return items
}

func pack(items ...[]byte) (b []byte) {
	for _, item := range items {
		b = append(append(b, byte(len(item))), item...)
	}
	return b
}

// spendAs makes an output that code locks in one of six ways, and the input with items that spends it.
func spendAs(t testing.TB, way uint8, code []byte, items [][]byte) (lock, scriptSig []byte, witness [][]byte) {
	t.Helper()
	if way %= 6; int(way) < len(wrapped) {
		return wrap(wrapped[way], code, items)
	}
	version := byte(LeafVersionTapscript)
	if way == 5 {
		items = append(items, []byte{annexTag, 1})
	}
	lock, control := tapLock(t, version, code)
	if way == 5 { // the annex comes last
		n := len(items) - 1
		return lock, nil, append(append(append([][]byte{}, items[:n]...), code, control), items[n])
	}
	return lock, nil, append(append(append([][]byte{}, items...), code), control)
}

func addSpends(t *testing.F) {
	t.Helper()
	_, a := testKey(t, 0)
	_, b := testKey(t, 1)
	sig := []byte{0x30, 6, 2, 1, 1, 2, 1, 1, 1}
	codes := [][]byte{
		multiSig(1, a, b), PayToPubKey(a[:]), PayToPubKeyHash(Hash160(a[:])), PayToTaproot(XOnly(a)), PayToWitnessPubKeyHash(Hash160(a[:])),
		join([]byte{32}, a[1:], []byte{opCheckSig, op0, 32}, b[1:], []byte{opCheckSigAdd, op1, opEqual}),
		{opIf, opCodeSeparator, opElse, op1, opEndIf, opDepth, opPick, opRoll, opWithin, opHash256, opSize, opTuck, op2Rot, op1},
		{5, 1, 2, 3, 4, 5, opCheckLockTimeVerify, opCheckSequenceVerify, opAdd, opNegate, opIfDup, opToAltStack, opFromAltStack},
	}
	for way := range uint8(6) {
		for _, code := range codes {
			t.Add(way, uint32(ConsensusFlags), code, pack(nil, sig))
			t.Add(way, uint32(StandardFlags), code, pack(sig, a[:]))
			t.Add(way, uint32(0), code, pack(bytes.Repeat([]byte{7}, 64), bytes.Repeat([]byte{8}, 65), []byte{1}))
		}
	}
}

// FuzzInterpreter: whatever is spent in whatever way, the interpreter ends within its bounds and says what the direct path says;
// and what passes under some flags passes under each part of them.
func FuzzInterpreter(f *testing.F) {
	addSpends(f)
	f.Fuzz(func(t *testing.T, way uint8, flags uint32, code, packed []byte) {
		if len(code) > 1<<15 {
			return
		}
		lock, scriptSig, witness := spendAs(t, way, code, unpack(packed))
		tx, spent := spendAll(lock)
		tx.In[0].ScriptSig, tx.In[0].Witness = scriptSig, witness
		asked := 0
		r := &Runner{Verifier: toyVerifier{&asked}}
		err := runWith(r, tx, 0, spent, Flags(flags))
		// There are no loops: no more signatures are verified than operations were counted beforehand, or paid for. It ran twice.
		bound := (witnessSize(witness)+weightBounty)/sigWeight + int64(CountSigOps(code, false)+CountSigOps(scriptSig, false)+CountSigOps(lock, false)+2)
		if int64(asked) > 2*bound {
			t.Fatalf("%x: %d signatures verified, at most %d", code, asked/2, bound)
		}
		if err != nil {
			return
		}
		for bit := Flags(1); bit <= allFlags; bit <<= 1 {
			less := Flags(flags).complete() &^ bit
			if err := runWith(r, tx, 0, spent, less); err != nil {
				t.Fatalf("%x passes under %x, but under %x: %v", code, flags, less, err)
			}
		}
	})
}

// slowFindAndDelete is findAndDelete over the list of instructions: one that begins with the pattern is cut where
// the pattern ends, and what is left behind it is read anew.
func slowFindAndDelete(code, pattern []byte) (out []byte) {
	if len(pattern) == 0 {
		return code
	}
	for {
		for bytes.HasPrefix(code, pattern) {
			code = code[len(pattern):]
		}
		_, _, next, ok := readOp(code, 0)
		if !ok {
			return append(out, code...)
		}
		out = append(out, code[:next]...)
		code = code[next:]
	}
}

// FuzzLegacySigHash holds the hashes from pieces, alone and as a script of many signatures asks for them, to the plain serialization.
func FuzzLegacySigHash(f *testing.F) {
	var lines [][]any
	loadJSON(f, "sighash.json", &lines)
	for _, v := range lines[1:40] {
		f.Add(unhex(f, v[0].(string)), unhex(f, v[1].(string)), uint16(v[2].(float64)), uint32(int32(v[3].(float64))), byte(1))
	}
	f.Fuzz(func(t *testing.T, raw, code []byte, input uint16, hashType uint32, other byte) {
		tx, err := types.DecodeTx(raw)
		if err != nil || len(tx.In) == 0 {
			return
		}
		at := int(input) % (len(tx.In) + 1) // also one that is not there
		sums := NewSigSums(tx, nil)
		if got, want := sums.legacySigHash(at, code, hashType), LegacySigHash(tx, at, code, hashType); got != want {
			t.Fatalf("input %d, type %x: %s, want %s", at, hashType, got, want)
		}
		if at == len(tx.In) {
			return
		}
		m := &machine{spend: &spend{Check: &Check{Tx: tx, Input: at, Sums: sums}}}
		for _, kind := range []byte{byte(hashType), other, byte(hashType) ^ 0x40, byte(hashType)} {
			if got, want := m.sigHash(code, kind), LegacySigHash(tx, at, code, uint32(kind)); got != want {
				t.Fatalf("input %d, type %x after others: %s, want %s", at, kind, got, want)
			}
		}
	})
}
