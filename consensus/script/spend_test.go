package script

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ecdsa"

	"github.com/cairn-chain/cairn/types"
)

// testKey returns a private key and its public key.
func testKey(t testing.TB, n byte) (priv [32]byte, pub [33]byte) {
	t.Helper()
	priv = sha256.Sum256([]byte{'k', n})
	pub, err := PublicKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	return priv, pub
}

// lockNames are the forms that can be spent, lockFor makes them.
var lockNames = []string{"P2PK", "P2PKH", "P2SH-P2WPKH", "P2WPKH", "P2TR"}

func lockFor(name string, pub [33]byte) []byte {
	h := Hash160(pub[:])
	switch name {
	case "P2PK":
		return PayToPubKey(pub[:])
	case "P2PKH":
		return PayToPubKeyHash(h)
	case "P2SH-P2WPKH":
		return PayToScriptHash(Hash160(PayToWitnessPubKeyHash(h)))
	case "P2WPKH":
		return PayToWitnessPubKeyHash(h)
	}
	return PayToTaproot(TaprootOutputKey(XOnly(pub)))
}

// spendAll returns a transaction with one input for each lock and two outputs, not signed.
func spendAll(locks ...[]byte) (*types.Tx, []types.TxOut) {
	tx := &types.Tx{Version: 2, LockTime: 7}
	var spent []types.TxOut
	for i, lock := range locks {
		tx.In = append(tx.In, types.TxIn{PrevOut: types.OutPoint{TxID: sha256.Sum256([]byte{byte(i)}), Index: uint32(i)}, Sequence: 0xfffffffd})
		spent = append(spent, types.TxOut{Value: int64(i+1) * 1000, Script: lock})
	}
	tx.Out = []types.TxOut{{Value: 900, Script: PayToWitnessPubKeyHash([20]byte{1})}, {Value: 70, Script: NullDataScript([]byte("note"))}}
	return tx, spent
}

// signedAll returns a transaction that spends all forms, signed.
func signedAll(t testing.TB) (*types.Tx, []types.TxOut) {
	t.Helper()
	var locks [][]byte
	for i, name := range lockNames {
		_, pub := testKey(t, byte(i))
		locks = append(locks, lockFor(name, pub))
	}
	tx, spent := spendAll(locks...)
	sums := NewSigSums(tx, spent)
	for i := range tx.In {
		priv, _ := testKey(t, byte(i))
		scriptSig, witness, err := SignInput(sums, i, priv, [32]byte{})
		if err != nil {
			t.Fatalf("%s: %v", lockNames[i], err)
		}
		tx.In[i].ScriptSig, tx.In[i].Witness = scriptSig, witness
	}
	return tx, spent
}

func TestSpendAllForms(t *testing.T) {
	tx, spent := signedAll(t)
	for _, flags := range []Flags{ConsensusFlags, StandardFlags} {
		for i, name := range lockNames {
			if err := run(tx, i, spent, flags); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for i, name := range lockNames {
		wrong, _ := testKey(t, 99)
		if _, _, err := SignInput(NewSigSums(tx, spent), i, wrong, [32]byte{}); !errors.Is(err, ErrWrongKey) {
			t.Errorf("%s signed with another key: %v", name, err)
		}
	}
}

// flip returns a copy of b with one bit changed.
func flip(b []byte, bit int) []byte {
	c := bytes.Clone(b)
	c[bit/8] ^= 1 << (bit % 8)
	return c
}

// TestFlippedOutputs changes every bit of the outputs: no signature may hold.
func TestFlippedOutputs(t *testing.T) {
	tx, spent := signedAll(t)
	refused := func(what string, changed *types.Tx, spent []types.TxOut) {
		t.Helper()
		for i := range changed.In {
			if err := run(changed, i, spent, StandardFlags); err == nil {
				t.Errorf("%s: %s is still accepted", what, lockNames[i])
			}
		}
	}
	for o := range tx.Out {
		for bit := range 64 {
			c := tx.Clone()
			c.Out[o].Value ^= 1 << bit
			refused(fmt.Sprintf("bit %d of amount %d", bit, o), c, spent)
		}
		for bit := range 8 * len(tx.Out[o].Script) {
			c := tx.Clone()
			c.Out[o].Script = flip(c.Out[o].Script, bit)
			refused(fmt.Sprintf("bit %d of script %d", bit, o), c, spent)
		}
	}
	for bit := range 32 {
		c := tx.Clone()
		c.Version ^= 1 << bit
		refused("version", c, spent)
		c = tx.Clone()
		c.LockTime ^= 1 << bit
		refused("lock time", c, spent)
	}
	c := tx.Clone()
	c.Out = c.Out[:1]
	refused("an output less", c, spent)
	c = tx.Clone()
	c.Out[0], c.Out[1] = c.Out[1], c.Out[0]
	refused("outputs swapped", c, spent)
}

// TestFlippedInputs changes every bit of what an input proves and of what it names.
func TestFlippedInputs(t *testing.T) {
	tx, spent := signedAll(t)
	for i, name := range lockNames {
		refused := func(what string, c *types.Tx) {
			t.Helper()
			if err := run(c, i, spent, StandardFlags); err == nil {
				t.Errorf("%s: %s: accepted", name, what)
			}
		}
		for bit := range 8 * len(tx.In[i].ScriptSig) {
			c := tx.Clone()
			c.In[i].ScriptSig = flip(c.In[i].ScriptSig, bit)
			refused(fmt.Sprintf("bit %d of scriptSig", bit), c)
		}
		for j, item := range tx.In[i].Witness {
			for bit := range 8 * len(item) {
				c := tx.Clone()
				c.In[i].Witness[j] = flip(item, bit)
				refused(fmt.Sprintf("bit %d of item %d", bit, j), c)
			}
		}
		for k := range tx.In {
			c := tx.Clone()
			c.In[k].PrevOut.Index ^= 1
			refused(fmt.Sprintf("outpoint %d", k), c)
			c = tx.Clone()
			c.In[k].Sequence ^= 1
			refused(fmt.Sprintf("sequence %d", k), c)
		}
	}
}

// TestSignedAmounts: witness signatures sign the amount of their own input, taproot's those of all inputs
// and their scripts.
func TestSignedAmounts(t *testing.T) {
	tx, spent := signedAll(t)
	for i, name := range lockNames {
		for k := range spent {
			other := append([]types.TxOut(nil), spent...)
			other[k].Value++
			want := name == "P2TR" || i == k && len(tx.In[i].Witness) > 0
			if err := run(tx, i, other, StandardFlags); (err != nil) != want {
				t.Errorf("%s with another amount at input %d: %v", name, k, err)
			}
			if i == k {
				continue
			}
			other = append([]types.TxOut(nil), spent...)
			other[k].Script = PayToTaproot([32]byte{})
			if err := run(tx, i, other, StandardFlags); (err != nil) != (name == "P2TR") {
				t.Errorf("%s with another script at input %d: %v", name, k, err)
			}
		}
	}
}

// shape is a way to spend the one input of a transaction.
type shape struct {
	name      string
	lock      []byte
	scriptSig []byte
	witness   [][]byte
	flags     Flags
	want      Error
}

func runShapes(t *testing.T, shapes []shape) {
	t.Helper()
	for _, s := range shapes {
		tx, spent := spendAll(s.lock)
		tx.In[0].ScriptSig, tx.In[0].Witness = s.scriptSig, s.witness
		if got := scriptError(t, run(tx, 0, spent, s.flags)); got != s.want {
			t.Errorf("%s: got %q, want %q", s.name, got, s.want)
		}
	}
}

// TestKeyHashWitnesses has P2WPKH, native and in P2SH, with witnesses that are empty, short or long.
func TestKeyHashWitnesses(t *testing.T) {
	priv, pub := testKey(t, 1)
	other, otherPub := testKey(t, 2)
	h := Hash160(pub[:])
	redeem := PayToWitnessPubKeyHash(h)
	for _, lock := range [][]byte{redeem, PayToScriptHash(Hash160(redeem))} {
		tx, spent := spendAll(lock)
		hash := WitnessV0SigHash(NewSigSums(tx, spent), 0, PayToPubKeyHash(h), SigHashAll)
		sig, err := SignECDSA(priv, hash, SigHashAll)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := SignECDSA(other, hash, SigHashAll)
		if err != nil {
			t.Fatal(err)
		}
		var scriptSig []byte
		if len(lock) == 23 {
			scriptSig = PushData(redeem)
		}
		item := func(items ...[]byte) [][]byte { return items }
		key := pub[:]
		var shapes []shape
		for _, c := range []struct {
			name    string
			witness [][]byte
			want    Error
		}{
			{"whole", item(sig, key), ""},
			{"none", nil, ErrWitnessMismatch},
			{"one empty item", item(nil), ErrWitnessMismatch},
			{"signature only", item(sig), ErrWitnessMismatch},
			{"extra item", item(sig, key, nil), ErrWitnessMismatch},
			{"extra item first", item(nil, sig, key), ErrWitnessMismatch},
			{"with an annex", item(sig, key, []byte{annexTag}), ErrWitnessMismatch},
			{"empty signature", item(nil, key), ErrEvalFalse},
			{"empty key", item(sig, nil), ErrEqualVerify},
			{"both empty", item(nil, nil), ErrEqualVerify},
			{"swapped", item(key, sig), ErrEqualVerify},
			{"another key", item(foreign, otherPub[:]), ErrEqualVerify},
			{"another's signature", item(foreign, key), ErrSigNullFail},
			{"signature cut", item(sig[:len(sig)-1], key), ErrSigDER},
			{"signature of one byte", item(sig[:1], key), ErrSigDER},
			{"signature of 520 bytes", item(make([]byte, 520), key), ErrSigDER},
			{"signature of 521 bytes", item(make([]byte, 521), key), ErrPushSize},
			{"key of 521 bytes", item(sig, make([]byte, 521)), ErrPushSize},
			{"hash type changed", item(append(bytes.Clone(sig[:len(sig)-1]), SigHashNone), key), ErrSigNullFail},
			{"hash type undefined", item(append(bytes.Clone(sig[:len(sig)-1]), 4), key), ErrSigHashType},
		} {
			shapes = append(shapes, shape{fmt.Sprintf("%d bytes, %s", len(lock), c.name), lock, scriptSig, c.witness, StandardFlags, c.want})
		}
		shapes = append(shapes,
			shape{"not NULLFAIL", lock, scriptSig, item(foreign, key), ConsensusFlags, ErrEvalFalse},
			shape{"no WITNESS rule", lock, scriptSig, item(sig, key), VerifyP2SH, ""})
		runShapes(t, shapes)
	}
	runShapes(t, []shape{
		{"native with a scriptSig", redeem, []byte{op0}, nil, StandardFlags, ErrWitnessMalleated},
		{"native with the redeem script", redeem, PushData(redeem), nil, StandardFlags, ErrWitnessMalleated},
	})
}

// TestP2SHScriptSigs: the scriptSig of a witness program in P2SH is exactly one push.
func TestP2SHScriptSigs(t *testing.T) {
	_, pub := testKey(t, 1)
	redeem := PayToWitnessPubKeyHash(Hash160(pub[:]))
	lock := PayToScriptHash(Hash160(redeem))
	long := append([]byte{opPushData1, byte(len(redeem))}, redeem...)
	multi := []byte{op1, op1 + 1, opCheckMultiSig}
	runShapes(t, []shape{
		{"empty", lock, nil, nil, StandardFlags, ErrInvalidStackOperation},
		{"another script", lock, PushData(PayToWitnessPubKeyHash([20]byte{})), nil, StandardFlags, ErrEvalFalse},
		{"extra push", lock, append([]byte{op0}, PushData(redeem)...), nil, StandardFlags, ErrWitnessMalleatedP2SH},
		{"long push", lock, long, nil, ConsensusFlags, ErrWitnessMalleatedP2SH},
		{"long push, policy", lock, long, nil, StandardFlags, ErrMinimalData},
		{"not a push", lock, append(PushData(redeem), opDup), nil, StandardFlags, ErrSigPushOnly},
		{"cut push", lock, PushData(redeem)[:10], nil, StandardFlags, ErrBadOpcode},
		{"reserved", lock, append([]byte{0x50}, PushData(redeem)...), nil, StandardFlags, ErrBadOpcode},
		{"large push", lock, PushData(make([]byte, 521)), nil, StandardFlags, ErrPushSize},
		{"large scriptSig", lock, make([]byte, MaxScriptSize+1), nil, StandardFlags, ErrScriptSize},
		{"other redeem script", PayToScriptHash(Hash160(multi)), PushData(multi), nil, StandardFlags, ErrInvalidStackOperation},
		{"no P2SH rule", lock, PushData(redeem), nil, 0, ""},
	})
}

// TestOtherWitnesses has the programs other than P2WPKH and P2TR, native and in P2SH.
func TestOtherWitnesses(t *testing.T) {
	_, pub := testKey(t, 1)
	script := PayToPubKey(pub[:])
	sum := sha256.Sum256(script)
	key := TaprootOutputKey(XOnly(pub))
	var shapes []shape
	add := func(name string, program []byte, witness [][]byte, flags Flags, want, inP2SH Error) {
		shapes = append(shapes, shape{name, program, nil, witness, flags, want},
			shape{name + " in P2SH", PayToScriptHash(Hash160(program)), PushData(program), witness, flags, inP2SH})
	}
	for _, flags := range []Flags{ConsensusFlags, StandardFlags} {
		wsh := PayToWitnessScriptHash(sum)
		add("P2WSH, no witness", wsh, nil, flags, ErrWitnessEmpty, ErrWitnessEmpty)
		add("P2WSH, empty item", wsh, [][]byte{nil}, flags, ErrWitnessMismatch, ErrWitnessMismatch)
		add("P2WSH, another script", wsh, [][]byte{{op1}}, flags, ErrWitnessMismatch, ErrWitnessMismatch)
		add("P2WSH, script", wsh, [][]byte{nil, script}, flags, ErrEvalFalse, ErrEvalFalse)
		add("P2WSH, extra item", wsh, [][]byte{nil, nil, script}, flags, ErrCleanStack, ErrCleanStack)
		for _, n := range []int{2, 19, 21, 31, 33, 40} {
			add(fmt.Sprintf("version 0, %d bytes", n), PayToWitness(0, bytes.Repeat([]byte{1}, n)), nil, flags, ErrWitnessWrongLength, ErrWitnessWrongLength)
		}
		later := Error("")
		if flags.has(DiscourageUpgradableWitnessProgram) {
			later = ErrUpgradableWitness
		}
		for version := 2; version <= 16; version++ {
			for _, n := range []int{2, 20, 32, 40} {
				add(fmt.Sprintf("version %d, %d bytes", version, n), PayToWitness(version, bytes.Repeat([]byte{1}, n)), [][]byte{{1}}, flags, later, later)
			}
		}
		add("version 1, 20 bytes", PayToWitness(1, bytes.Repeat([]byte{1}, 20)), nil, flags, later, later)
		add("anchor", PayToWitness(1, []byte{0x4e, 0x73}), nil, flags, "", later)
		shapes = append(shapes, shape{"P2TR in P2SH", PayToScriptHash(Hash160(PayToTaproot(key))), PushData(PayToTaproot(key)), nil, flags, later})
	}
	runShapes(t, shapes)
}

// TestTaprootWitnesses has the key path with witnesses that are empty, short or long.
func TestTaprootWitnesses(t *testing.T) {
	priv, pub := testKey(t, 1)
	lock := lockFor("P2TR", pub)
	tweaked, err := TweakPrivateKey(priv, nil)
	if err != nil {
		t.Fatal(err)
	}
	tx, spent := spendAll(lock)
	sums := NewSigSums(tx, spent)
	sign := func(hashType byte, annex []byte) []byte {
		t.Helper()
		hash, ok := TaprootSigHash(sums, 0, hashType, annex, nil)
		if !ok {
			t.Fatalf("no hash for type %x", hashType)
		}
		sig, err := SignTaprootKeyPath(tweaked, hash, hashType, [32]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	item := func(items ...[]byte) [][]byte { return items }
	sig, annex, short := sign(0, nil), []byte{annexTag, 1, 2}, []byte{annexTag}
	annexed := sign(SigHashAll, annex)
	shapes := []shape{
		{"none", lock, nil, nil, StandardFlags, ErrWitnessEmpty},
		{"empty item", lock, nil, item(nil), StandardFlags, ErrSchnorrSigSize},
		{"annex alone", lock, nil, item(annex), StandardFlags, ErrSchnorrSigSize},
		{"63 bytes", lock, nil, item(sig[:63]), StandardFlags, ErrSchnorrSigSize},
		{"66 bytes", lock, nil, item(append(bytes.Clone(sig), 1, 1)), StandardFlags, ErrSchnorrSigSize},
		{"hash type 0 written out", lock, nil, item(append(bytes.Clone(sig), 0)), StandardFlags, ErrSchnorrSigHashType},
		{"hash type 1 added", lock, nil, item(append(bytes.Clone(sig), 1)), StandardFlags, ErrSchnorrSig},
		{"annex not signed", lock, nil, item(sig, annex), StandardFlags, ErrSchnorrSig},
		{"annex signed", lock, nil, item(annexed, annex), StandardFlags, ""},
		{"annex of one byte", lock, nil, item(sign(0, short), short), StandardFlags, ""},
		{"annex changed", lock, nil, item(annexed, []byte{annexTag, 1, 3}), StandardFlags, ErrSchnorrSig},
		{"annex taken away", lock, nil, item(annexed), StandardFlags, ErrSchnorrSig},
		{"two annexes", lock, nil, item(annexed, annex, annex), StandardFlags, ErrTaprootControlSize},
		{"annex first", lock, nil, item(annex, sig), StandardFlags, ErrTaprootControlSize},
		{"extra empty item", lock, nil, item(sig, nil), StandardFlags, ErrTaprootControlSize},
		{"script path", lock, nil, item([]byte{op1}, make([]byte, 33)), StandardFlags, ErrWitnessMismatch},
		{"with a scriptSig", lock, []byte{op0}, item(sig), StandardFlags, ErrWitnessMalleated},
		{"no TAPROOT rule", lock, nil, item(sig), VerifyP2SH | VerifyWitness, ""},
		{"key on no curve", PayToTaproot([32]byte{31: 5}), nil, item(sig), StandardFlags, ErrSchnorrSig},
		{"key over the field", PayToTaproot([32]byte(bytes.Repeat([]byte{0xff}, 32))), nil, item(sig), StandardFlags, ErrSchnorrSig},
	}
	for hashType := range 256 {
		s := append(bytes.Clone(sig), byte(hashType))
		want := ErrSchnorrSigHashType
		switch hashType {
		case 1, 2, 3, 0x81, 0x82, 0x83:
			s, want = sign(byte(hashType), nil), ""
		}
		shapes = append(shapes, shape{fmt.Sprintf("hash type %x", hashType), lock, nil, item(s), StandardFlags, want})
	}
	runShapes(t, shapes)
}

// TestTaprootSingle: the second input has an output beside it, the third has none.
func TestTaprootSingle(t *testing.T) {
	priv, pub := testKey(t, 1)
	lock := lockFor("P2TR", pub)
	tx, spent := spendAll(lock, lock, lock)
	sums := NewSigSums(tx, spent)
	for _, hashType := range []byte{SigHashSingle, SigHashSingle | SigHashAnyoneCanPay} {
		if _, ok := TaprootSigHash(sums, 2, hashType, nil, nil); ok {
			t.Errorf("type %x: a hash without an output", hashType)
		}
		hash, ok := TaprootSigHash(sums, 1, hashType, nil, nil)
		tweaked, err := TweakPrivateKey(priv, nil)
		if err != nil || !ok {
			t.Fatal(err, ok)
		}
		sig, err := SignTaprootKeyPath(tweaked, hash, hashType, [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		c := tx.Clone()
		c.In[1].Witness, c.In[2].Witness = [][]byte{sig}, [][]byte{sig}
		if err := run(c, 1, spent, StandardFlags); err != nil {
			t.Error(err)
		}
		if err := scriptError(t, run(c, 2, spent, StandardFlags)); err != ErrSchnorrSigHashType {
			t.Errorf("no output beside the input: %q", err)
		}
		c.Out[0].Value++
		if err := run(c, 1, spent, StandardFlags); err != nil {
			t.Errorf("an output that is not signed: %v", err)
		}
		c.Out[1].Value++
		if err := run(c, 1, spent, StandardFlags); err == nil {
			t.Error("the output that is signed may change")
		}
	}
}

// legacySpend signs P2PKH or P2PK for a key in any encoding and with any hash type.
func legacySpend(t *testing.T, priv [32]byte, key []byte, hashType byte, hashed bool) shape {
	t.Helper()
	lock := PayToPubKey(key)
	if hashed {
		lock = PayToPubKeyHash(Hash160(key))
	}
	tx, _ := spendAll(lock)
	sig, err := SignECDSA(priv, LegacySigHash(tx, 0, lock, uint32(hashType)), hashType)
	if err != nil {
		t.Fatal(err)
	}
	s := shape{lock: lock, scriptSig: PushData(sig), flags: StandardFlags}
	if hashed {
		s.scriptSig = append(s.scriptSig, PushData(key)...)
	}
	return s
}

func (s shape) as(name string, flags Flags, want Error) shape {
	s.name, s.flags, s.want = name, flags, want
	return s
}

// TestLegacyKeys has the encodings of keys: consensus takes hybrid ones, policy does not.
func TestLegacyKeys(t *testing.T) {
	priv, pub := testKey(t, 1)
	d, err := parseKey(&priv)
	if err != nil {
		t.Fatal(err)
	}
	long := btcec.PrivKeyFromScalar(d).PubKey().SerializeUncompressed()
	hybrid := append([]byte{6 + long[64]&1}, long[1:]...)
	wrong := append([]byte{7 - long[64]&1}, long[1:]...)
	for _, hashed := range []bool{false, true} {
		compressed := legacySpend(t, priv, pub[:], SigHashAll, hashed)
		full := legacySpend(t, priv, long, SigHashAll, hashed)
		mixed := legacySpend(t, priv, hybrid, SigHashAll, hashed)
		odd := legacySpend(t, priv, wrong, SigHashAll, hashed)
		shapes := []shape{
			compressed.as("compressed", StandardFlags, ""),
			compressed.as("compressed, no rules", 0, ""),
			full.as("uncompressed", StandardFlags, ""),
			mixed.as("hybrid", ConsensusFlags, ""),
			mixed.as("hybrid, policy", StandardFlags, ErrPubKeyType),
			odd.as("hybrid of the wrong parity", ConsensusFlags, ErrEvalFalse),
		}
		malleated := compressed.as("with a witness", StandardFlags, ErrWitnessUnexpected)
		malleated.witness = [][]byte{{}}
		shapes = append(shapes, malleated)
		for _, hashType := range []byte{SigHashAll, SigHashNone, SigHashSingle, 0x81, 0x82, 0x83} {
			shapes = append(shapes, legacySpend(t, priv, pub[:], hashType, hashed).as("defined type", StandardFlags, ""))
		}
		for _, hashType := range []byte{0, 4, 0x1f, 0x80, 0x84, 0xff} {
			s := legacySpend(t, priv, pub[:], hashType, hashed)
			shapes = append(shapes, s.as("undefined type", ConsensusFlags, ""), s.as("undefined type, policy", StandardFlags, ErrSigHashType))
		}
		runShapes(t, shapes)
	}
}

// TestWitnessKeyEncoding: uncompressed keys in P2WPKH pass by consensus, not by policy.
func TestWitnessKeyEncoding(t *testing.T) {
	priv, _ := testKey(t, 1)
	d, err := parseKey(&priv)
	if err != nil {
		t.Fatal(err)
	}
	key := btcec.PrivKeyFromScalar(d).PubKey().SerializeUncompressed()
	h := Hash160(key)
	lock := PayToWitnessPubKeyHash(h)
	tx, spent := spendAll(lock)
	sig, err := SignECDSA(priv, WitnessV0SigHash(NewSigSums(tx, spent), 0, PayToPubKeyHash(h), SigHashAll), SigHashAll)
	if err != nil {
		t.Fatal(err)
	}
	runShapes(t, []shape{
		{"consensus", lock, nil, [][]byte{sig, key}, ConsensusFlags, ""},
		{"policy", lock, nil, [][]byte{sig, key}, StandardFlags, ErrWitnessPubKeyType},
	})
}

// TestLegacyScriptSigs has what else a scriptSig may hold.
func TestLegacyScriptSigs(t *testing.T) {
	priv, pub := testKey(t, 1)
	good := legacySpend(t, priv, pub[:], SigHashAll, true)
	sig := good.scriptSig[1 : 1+int(good.scriptSig[0])]
	with := func(name string, flags Flags, want Error, parts ...[]byte) shape {
		return shape{name, good.lock, bytes.Join(parts, nil), nil, flags, want}
	}
	sigPush, keyPush := PushData(sig), PushData(pub[:])
	longKey := append([]byte{opPushData1, 33}, pub[:]...)
	runShapes(t, []shape{
		with("whole", StandardFlags, "", sigPush, keyPush),
		with("empty", StandardFlags, ErrInvalidStackOperation),
		with("key only", StandardFlags, ErrInvalidStackOperation, keyPush),
		with("empty signature", StandardFlags, ErrEvalFalse, []byte{op0}, keyPush),
		with("numbers", StandardFlags, ErrEqualVerify, []byte{op1}, []byte{op1Negate}),
		with("swapped", StandardFlags, ErrEqualVerify, keyPush, sigPush),
		with("long push", ConsensusFlags, "", sigPush, longKey),
		with("long push, policy", StandardFlags, ErrMinimalData, sigPush, longKey),
		with("cut", StandardFlags, ErrBadOpcode, sigPush, keyPush[:20]),
		with("item of 521 bytes", StandardFlags, ErrPushSize, sigPush, PushData(make([]byte, 521))),
		with("extra push", ConsensusFlags, "", []byte{op0}, sigPush, keyPush),
		with("code", ConsensusFlags, "", sigPush, keyPush, []byte{opDup, 0x75}),
		with("code, push only", ConsensusFlags|VerifySigPushOnly, ErrSigPushOnly, sigPush, keyPush, []byte{0x61}),
		with("padded signature", ConsensusFlags, ErrSigDER, PushData(padded(sig)), keyPush),
		with("padded signature, no rules", 0, "", PushData(padded(sig)), keyPush),
		with("high S", ConsensusFlags, "", PushData(highS(t, sig)), keyPush),
		with("high S, policy", StandardFlags, ErrSigHighS, PushData(highS(t, sig)), keyPush),
	})
	runShapes(t, []shape{
		{"OP_TRUE", []byte{op1}, nil, nil, ConsensusFlags, ""},
		{"empty script", nil, []byte{op1}, nil, ConsensusFlags, ""},
		{"OP_RETURN", []byte{opReturn}, nil, nil, ConsensusFlags, ErrOpReturn},
		{"OP_RETURN with data", NullDataScript([]byte("x")), []byte{op1}, nil, ConsensusFlags, ErrOpReturn},
		{"large script", make([]byte, MaxScriptSize+1), nil, nil, ConsensusFlags, ErrScriptSize},
		{"bare multisig", append(append([]byte{op1}, keyPush...), op1, opCheckMultiSig), []byte{op0}, nil, ConsensusFlags, ErrInvalidStackOperation},
	})
}

// padded returns sig with a zero byte before R, which only the lax parser reads.
func padded(sig []byte) []byte {
	out := append([]byte{0x30, sig[1] + 1, 0x02, sig[3] + 1, 0}, sig[4:]...)
	return out
}

// highS returns sig with S replaced by the order less S.
func highS(t *testing.T, sig []byte) []byte {
	t.Helper()
	_, s, ok := parseLaxDER(sig)
	if !ok {
		t.Fatal("not a signature")
	}
	s.Negate()
	sBytes := s.Bytes()
	rPart := sig[2 : 4+int(sig[3])]
	sPart := append([]byte{0x02, 33, 0}, sBytes[:]...)
	out := append([]byte{0x30, byte(len(rPart) + len(sPart))}, rPart...)
	return append(append(out, sPart...), sig[len(sig)-1])
}

// TestSingleBug: SigHashSingle without an output beside the input signs the number one.
func TestSingleBug(t *testing.T) {
	priv, pub := testKey(t, 1)
	lock := lockFor("P2PKH", pub)
	tx, spent := spendAll(lock, lock, lock)
	sig, err := SignECDSA(priv, types.Hash{0: 1}, SigHashSingle)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tx.In {
		tx.In[i].ScriptSig = append(PushData(sig), PushData(pub[:])...)
	}
	for i, ok := range []bool{false, false, true} {
		if err := run(tx, i, spent, StandardFlags); (err == nil) != ok {
			t.Errorf("input %d: %v", i, err)
		}
	}
}

// TestFindAndDelete has the cases of Core's script_FindAndDelete.
func TestFindAndDelete(t *testing.T) {
	for _, c := range []struct {
		code, pattern, want string
		found               int
	}{
		{"5152", "", "5152", 0},
		{"515253", "52", "5153", 1},
		{"535153535453", "53", "5154", 4},
		{"0302ff03", "0302ff03", "", 1},
		{"0302ff030302ff03", "0302ff03", "", 2},
		{"0302ff030302ff03", "02", "0302ff030302ff03", 0},
		{"0302ff030302ff03", "ff", "0302ff030302ff03", 0},
		{"0302ff030302ff03", "03", "02ff0302ff03", 2},
		{"02feed5169", "feed51", "02feed5169", 0},
		{"02feed5169", "02feed51", "69", 1},
		{"516902feed5169", "feed51", "516902feed5169", 0},
		{"516902feed5169", "02feed51", "516969", 1},
		{"00005151", "0051", "0051", 1},
		{"000051005151", "0051", "0051", 2},
		{"0003feed", "03feed", "00", 1},
		{"0003feed", "00", "03feed", 1},
	} {
		got, found := findAndDelete(unhex(t, c.code), unhex(t, c.pattern))
		if fmt.Sprintf("%x", got) != c.want || found != c.found {
			t.Errorf("%s without %s: got %x, %d, want %s, %d", c.code, c.pattern, got, found, c.want, c.found)
		}
	}
}

// TestVerifierECDSA holds the seat to btcec's own parser where that is strict, and to its own corner cases.
func TestVerifierECDSA(t *testing.T) {
	priv, pub := testKey(t, 3)
	hash := sha256.Sum256([]byte("message"))
	sig, err := SignECDSA(priv, hash, SigHashAll)
	if err != nil {
		t.Fatal(err)
	}
	v, der := NewVerifier(), sig[:len(sig)-1]
	if !isStrictDER(sig) || !v.ECDSA(&hash, der, pub[:]) {
		t.Error("a good signature fails")
	}
	parsed, err := ecdsa.ParseDERSignature(der)
	if err != nil {
		t.Fatal(err)
	}
	r, s, _ := parseLaxDER(der)
	if !parsed.IsEqual(ecdsa.NewSignature(&r, &s)) {
		t.Error("the parsers disagree")
	}
	order := unhex(t, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	zero := []byte{0x30, 6, 2, 1, 0, 2, 1, 0}
	over := append(append([]byte{0x30, 0x26, 2, 0x21, 0}, order...), 2, 1, 1)
	for name, bad := range map[string][]byte{
		"nil": nil, "tag only": {0x30}, "no R": {0x30, 0}, "length only": {0x30, 0x84}, "R cut": {0x30, 4, 2, 5, 1},
		"no S": {0x30, 3, 2, 1, 1}, "huge length": {0x30, 9, 2, 0x84, 0xff, 0xff, 0xff, 0xff, 1}, "zero": zero, "R is the order": over,
		"another R": flip(der, 8*6),
	} {
		if v.ECDSA(&hash, bad, pub[:]) {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, key := range [][]byte{nil, {2}, pub[:32], append(bytes.Clone(pub[:]), 0), append([]byte{5}, pub[1:]...), make([]byte, 65)} {
		if v.ECDSA(&hash, der, key) {
			t.Errorf("key %x: accepted", key)
		}
	}
}
