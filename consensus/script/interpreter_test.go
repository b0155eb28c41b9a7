package script

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// tapLock returns the output that one leaf below numsKey locks, and the control block of the leaf.
func tapLock(t testing.TB, version byte, script []byte) (lock, control []byte) {
	t.Helper()
	leaf := TapLeafHash(version, script)
	internal := unhex(t, numsKey)
	key, odd, err := TweakPublicKey([32]byte(internal), leaf[:])
	if err != nil {
		t.Fatal(err)
	}
	return PayToTaproot(key), append([]byte{version | byte(boolNumber(odd))}, internal...)
}

// wrapped are the ways in which a script can lock an output, apart from tapscript.
var wrapped = []string{"bare", "P2SH", "P2WSH", "P2SH-P2WSH"}

// wrap returns the output that a script locks, and what its input holds beside the items that the script takes.
func wrap(name string, script []byte, items [][]byte) (lock, scriptSig []byte, witness [][]byte) {
	for _, item := range items {
		scriptSig = appendPush(scriptSig, item)
	}
	program := PayToWitnessScriptHash(sha256.Sum256(script))
	witness = append(append(witness, items...), script)
	switch name {
	case "bare":
		return script, scriptSig, nil
	case "P2SH":
		return PayToScriptHash(Hash160(script)), appendPush(scriptSig, script), nil
	case "P2WSH":
		return program, nil, witness
	}
	return PayToScriptHash(Hash160(program)), PushData(program), witness
}

// multiSig returns the script of m of the keys.
func multiSig(m int, keys ...[33]byte) []byte {
	b := PushInt(int64(m))
	for _, key := range keys {
		b = appendPush(b, key[:])
	}
	return append(append(b, PushInt(int64(len(keys)))...), opCheckMultiSig)
}

// signCode signs a script in whichever wrapping.
func signCode(t testing.TB, tx *types.Tx, spent []types.TxOut, wrapping string, code []byte, key byte) []byte {
	t.Helper()
	priv, _ := testKey(t, key)
	hash := LegacySigHash(tx, 0, code, SigHashAll)
	if strings.HasSuffix(wrapping, "WSH") {
		hash = WitnessV0SigHash(NewSigSums(tx, spent), 0, code, SigHashAll)
	}
	sig, err := SignECDSA(priv, hash, SigHashAll)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestMultiSig has 2 of 3 keys in every wrapping, with items that are missing, surplus, empty or in the wrong order.
func TestMultiSig(t *testing.T) {
	var keys [3][33]byte
	for i := range keys {
		_, keys[i] = testKey(t, byte(i))
	}
	code := multiSig(2, keys[:]...)
	for _, name := range wrapped {
		lock, _, _ := wrap(name, code, nil)
		tx, spent := spendAll(lock)
		var sig [3][]byte
		for i := range sig {
			sig[i] = signCode(t, tx, spent, name, code, byte(i))
		}
		other := signCode(t, tx, spent, name, code, 9)
		extra := ErrCleanStack
		for _, c := range []struct {
			name            string
			items           [][]byte
			relay, inBlocks Error
		}{
			{"first two", [][]byte{{}, sig[0], sig[1]}, "", ""},
			{"outer two", [][]byte{{}, sig[0], sig[2]}, "", ""},
			{"last two", [][]byte{{}, sig[1], sig[2]}, "", ""},
			{"swapped", [][]byte{{}, sig[1], sig[0]}, ErrSigNullFail, ErrEvalFalse},
			{"the same twice", [][]byte{{}, sig[1], sig[1]}, ErrSigNullFail, ErrEvalFalse},
			{"a stranger's", [][]byte{{}, sig[0], other}, ErrSigNullFail, ErrEvalFalse},
			{"one is empty", [][]byte{{}, sig[0], {}}, ErrSigNullFail, ErrEvalFalse},
			{"all are empty", [][]byte{{}, {}, {}}, ErrEvalFalse, ErrEvalFalse},
			{"no dummy", [][]byte{sig[0], sig[1]}, ErrInvalidStackOperation, ErrInvalidStackOperation},
			{"another dummy", [][]byte{{2, 2}, sig[0], sig[1]}, ErrSigNullDummy, ErrSigNullDummy},
			{"one signature", [][]byte{{}, sig[0]}, ErrSigNullFail, ErrInvalidStackOperation},
			{"nothing", nil, ErrInvalidStackOperation, ErrInvalidStackOperation},
			{"an item more", [][]byte{{5, 5}, {}, sig[0], sig[1]}, extra, ""},
			{"cut", [][]byte{{}, sig[0], sig[1][:20]}, ErrSigDER, ErrSigDER},
		} {
			_, scriptSig, witness := wrap(name, code, c.items)
			if c.name == "an item more" && strings.HasSuffix(name, "WSH") {
				c.inBlocks = extra // a witness is always clean
			}
			runShapesOf(t, tx, []shape{
				{name + " " + c.name, lock, scriptSig, witness, StandardFlags, c.relay},
				{name + " " + c.name + ", in a block", lock, scriptSig, witness, ConsensusFlags, c.inBlocks},
			})
		}
	}
}

// runShapesOf is runShapes for a transaction that was made, and may be signed, before.
func runShapesOf(t *testing.T, tx *types.Tx, shapes []shape) {
	t.Helper()
	for _, s := range shapes {
		c := tx.Clone()
		c.In[0].ScriptSig, c.In[0].Witness = s.scriptSig, s.witness
		spent := []types.TxOut{{Value: 1000, Script: s.lock}}
		if got := scriptError(t, run(c, 0, spent, s.flags)); got != s.want {
			t.Errorf("%s: got %q, want %q", s.name, got, s.want)
		}
	}
}

// TestWitnessTemplates: every template with a witness, native and in P2SH, with no item, an empty one, one short and one too
// many. None is accepted.
func TestWitnessTemplates(t *testing.T) {
	_, pub := testKey(t, 1)
	one, short := []byte{op1}, []byte{opDup, opDrop, op1}
	tapLockOne, control := tapLock(t, LeafVersionTapscript, one)
	sum := sha256.Sum256(one)
	for _, c := range []struct {
		name    string
		program []byte
		good    [][]byte
	}{
		{"P2WSH", PayToWitnessScriptHash(sum), [][]byte{one}},
		{"P2WSH of an item", PayToWitnessScriptHash(sha256.Sum256(short)), nil},
		{"P2WPKH", lockFor("P2WPKH", pub), nil},
		{"P2TR", tapLockOne, [][]byte{one, control}},
	} {
		for _, nested := range []bool{false, true} {
			lock, scriptSig := c.program, []byte(nil)
			if nested {
				lock, scriptSig = PayToScriptHash(Hash160(c.program)), PushData(c.program)
			}
			check := func(what string, witness [][]byte, pass bool) {
				t.Helper()
				tx, spent := spendAll(lock)
				tx.In[0].ScriptSig, tx.In[0].Witness = scriptSig, witness
				if err := run(tx, 0, spent, StandardFlags); (err == nil) != pass {
					t.Errorf("%s, nested %v, %s: %v", c.name, nested, what, err)
				}
			}
			pass := c.good != nil && (!nested || c.name != "P2TR") // version 1 in P2SH is not standard
			check("whole", c.good, pass)
			check("no item", nil, false)
			check("an empty item", [][]byte{{}}, false)
			check("two empty items", [][]byte{{}, {}}, false)
			check("an empty item before", append([][]byte{{}}, c.good...), false)
			check("an empty item behind", append(append([][]byte{}, c.good...), []byte{}), false)
			for i := range c.good {
				check(fmt.Sprintf("without item %d", i), append(append([][]byte{}, c.good[:i]...), c.good[i+1:]...), false)
			}
		}
	}
}

// repeat is a script of n times the same instruction.
func repeat(n int, op ...byte) []byte { return bytes.Repeat(op, n) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// TestLimits has each limit of legacy and witness v0 scripts, just kept and just broken.
func TestLimits(t *testing.T) {
	const nop, drop = opNop, opDrop
	tenKeys := join(repeat(1, op0), repeat(1, op0), repeat(10, op1), []byte{op1 + 9, opCheckMultiSig, drop})
	pushes := append([]byte{opPushData2, 0x08, 0x02}, make([]byte, 520)...) // 523 bytes
	for _, c := range []struct {
		name string
		code []byte
		want Error
	}{
		{"201 operations", join(repeat(201, nop), []byte{op1}), ""},
		{"202 operations", join(repeat(202, nop), []byte{op1}), ErrOpCount},
		{"202 operations, not taken", join([]byte{op0, opIf}, repeat(200, nop), []byte{opEndIf, op1}), ErrOpCount},
		{"201 with keys", join(repeat(189, nop), tenKeys, []byte{op1}), ""},
		{"202 with keys", join(repeat(190, nop), tenKeys, []byte{op1}), ErrOpCount},
		{"1000 items", join(repeat(1000, op1), repeat(100, op2Drop), repeat(1, op1)), ErrCleanStack},
		{"1001 items", repeat(1001, op1), ErrStackSize},
		{"1001 items on both", join([]byte{op1, opToAltStack}, repeat(1000, op1)), ErrStackSize},
		{"nine large items", join(repeat(9, pushes...), repeat(4, op2Drop), repeat(1, drop), repeat(120, nop), []byte{op1}), ""},
		{"item of 520", join(pushes, []byte{drop, op1}), ""},
		{"item of 521", join([]byte{opPushData2, 0x09, 0x02}, make([]byte, 521), []byte{drop, op1}), ErrPushSize},
		{"item of 521, not taken", join([]byte{op0, opIf, opPushData2, 0x09, 0x02}, make([]byte, 521), []byte{opEndIf, op1}), ErrPushSize},
		{"20 keys", join([]byte{op0, op0}, repeat(20, op1), []byte{1, 20, opCheckMultiSig}), ""},
		{"21 keys", join([]byte{op0, op0}, repeat(21, op1), []byte{1, 21, opCheckMultiSig}), ErrPubKeyCount},
		{"−1 keys", []byte{op0, op0, op1Negate, opCheckMultiSig}, ErrPubKeyCount},
		{"2 of 1", []byte{op0, op0, op0, op1 + 1, op1, op1, opCheckMultiSig}, ErrSigCount},
	} {
		lock, _, witness := wrap("P2WSH", c.code, nil)
		runShapes(t, []shape{{c.name, lock, nil, witness, ConsensusFlags, c.want}})
	}
	long := join(repeat(19, pushes...), repeat(9, op2Drop), repeat(1, drop), []byte{op1})
	for _, n := range []int{MaxScriptSize, MaxScriptSize + 1} {
		code := join(long, repeat(n-len(long), nop))
		want := Error("")
		if n > MaxScriptSize {
			want = ErrScriptSize
		}
		lock, _, witness := wrap("P2WSH", code, nil)
		runShapes(t, []shape{
			{fmt.Sprintf("%d bytes in a witness", n), lock, nil, witness, ConsensusFlags, want},
			{fmt.Sprintf("%d bytes", n), code, nil, nil, ConsensusFlags, want},
			{fmt.Sprintf("%d bytes of scriptSig", n), []byte{op1}, code, nil, ConsensusFlags, want},
		})
	}
}

// TestTapscriptLimits: neither bytes nor operations are bounded in a tapscript; items and signatures are.
func TestTapscriptLimits(t *testing.T) {
	_, pub := testKey(t, 1)
	key := pub[1:]
	spendLeaf := func(name string, script []byte, items [][]byte, flags Flags, want Error) {
		t.Helper()
		lock, control := tapLock(t, LeafVersionTapscript, script)
		witness := append(append([][]byte{}, items...), script, control)
		runShapes(t, []shape{{name, lock, nil, witness, flags, want}})
	}
	items := func(n, size int) (out [][]byte) {
		for range n {
			out = append(out, make([]byte, size))
		}
		return out
	}
	spendLeaf("100,000 operations", join(repeat(100_000, opNop), []byte{op1}), nil, StandardFlags, "")
	spendLeaf("1000 items", join(repeat(500, op2Drop), []byte{op1}), items(1000, 1), StandardFlags, "")
	spendLeaf("1001 items", join(repeat(500, op2Drop), []byte{opDrop, op1}), items(1001, 1), StandardFlags, ErrStackSize)
	spendLeaf("item of 520", []byte{opDrop, op1}, items(1, 520), StandardFlags, "")
	spendLeaf("item of 521", []byte{opDrop, op1}, items(1, 521), StandardFlags, ErrPushSize)
	spendLeaf("CHECKMULTISIG", []byte{op0, op0, op0, opCheckMultiSig}, nil, StandardFlags, ErrTapscriptCheckMultiSig)
	spendLeaf("CHECKMULTISIG, not taken", []byte{op0, opIf, opCheckMultiSig, opEndIf, op1}, nil, StandardFlags, "")
	spendLeaf("IF of 2", []byte{op1 + 1, opIf, opEndIf, op1}, nil, ConsensusFlags, ErrTapscriptMinimalIf)
	spendLeaf("empty key", []byte{op0, op0, opCheckSig}, nil, ConsensusFlags, ErrTapscriptEmptyPubKey)
	// A key of another size passes any signature: each takes 50 of the weight, which is the witness's size and 50.
	upgradable := []byte{opDup, op1, opCheckSigVerify}
	pad := func(n int) []byte { // sigs checks, and bytes so that the balance is just enough, or short by one
		return join(repeat(n, upgradable...), []byte{opDrop, op1})
	}
	for _, n := range []int{1, 7, 100} {
		script := pad(n)
		base := int(witnessSize([][]byte{{1}, script, make([]byte, 33)})) + weightBounty
		fill := max(0, n*sigWeight-base)
		for _, short := range []int{0, 1} {
			if fill == 0 && short == 1 {
				continue
			}
			// The filling is dropped first: PUSHDATA2 n bytes DROP is four bytes more than its data.
			body, want := script, Error("")
			if fill > 0 {
				body = join(fillScript(t, script, fill-short), script)
			}
			if short == 1 {
				want = ErrTapscriptWeight
			}
			spendLeaf(fmt.Sprintf("%d signatures, short by %d", n, short), body, [][]byte{{1}}, ConsensusFlags, want)
			if want == "" {
				spendLeaf("keys of another size, relayed", body, [][]byte{{1}}, StandardFlags, ErrUpgradablePubKeyType)
			}
		}
	}
	spendLeaf("no signature costs nothing", join(repeat(200, join([]byte{op0, 32}, key, []byte{opCheckSig, opDrop})...), []byte{op1}), nil, StandardFlags, "")
	spendLeaf("any OP_SUCCESS", join(repeat(3, opVerify), []byte{0x50}), items(2000, 600), ConsensusFlags, "")
	spendLeaf("any OP_SUCCESS, relayed", []byte{0xbb}, nil, StandardFlags, ErrOpSuccess)
	spendLeaf("OP_SUCCESS behind a cut push", []byte{5, 0xbb}, nil, ConsensusFlags, ErrBadOpcode)
	spendLeaf("OP_SUCCESS before a cut push", []byte{0xbb, 5, 0}, nil, ConsensusFlags, "")
	spendLeaf("OP_SUCCESS in a push", []byte{1, 0xbb}, nil, StandardFlags, "")
}

// fillScript returns a script without effect that makes the witness just n bytes larger.
func fillScript(t *testing.T, script []byte, n int) []byte {
	t.Helper()
	base := witnessSize([][]byte{script})
	for data := range n {
		b := append(PushData(make([]byte, data%400)), opDrop)
		for rest := data / 400; rest > 0; rest-- {
			b = join(b, PushData(make([]byte, 400)), []byte{opDrop})
		}
		if witnessSize([][]byte{join(b, script)})-base == int64(n) {
			return b
		}
	}
	return repeat(n-int(witnessSize([][]byte{join(repeat(n, opNop), script)})-base-int64(n)), opNop)
}

// TestControlBlocks has control blocks of every wrong kind.
func TestControlBlocks(t *testing.T) {
	script := []byte{op1}
	lock, control := tapLock(t, LeafVersionTapscript, script)
	later, laterControl := tapLock(t, 0xc2, script)
	node := make([]byte, 32)
	var shapes []shape
	add := func(name string, lock, control []byte, flags Flags, want Error) {
		shapes = append(shapes, shape{name, lock, nil, [][]byte{script, control}, flags, want})
	}
	add("good", lock, control, StandardFlags, "")
	add("other parity", lock, flip(control, 0), StandardFlags, ErrWitnessMismatch)
	add("other version", lock, flip(control, 1), StandardFlags, ErrWitnessMismatch)
	add("other key", lock, flip(control, 9), StandardFlags, ErrWitnessMismatch)
	add("a node more", lock, join(control, node), StandardFlags, ErrWitnessMismatch)
	add("128 nodes", lock, join(control, repeat(128, node...)), StandardFlags, ErrWitnessMismatch)
	add("129 nodes", lock, join(control, repeat(129, node...)), StandardFlags, ErrTaprootControlSize)
	add("no bytes", lock, nil, StandardFlags, ErrTaprootControlSize)
	add("a byte less", lock, control[:32], StandardFlags, ErrTaprootControlSize)
	add("a byte more", lock, join(control, []byte{1}), StandardFlags, ErrTaprootControlSize)
	add("later leaf version", later, laterControl, ConsensusFlags, "")
	add("later leaf version, relayed", later, laterControl, StandardFlags, ErrUpgradableTaproot)
	runShapes(t, shapes)
	for bit := range 8 * len(control) {
		if bit == 0 || bit > 7 {
			add(fmt.Sprintf("bit %d", bit), lock, flip(control, bit), ConsensusFlags, ErrWitnessMismatch)
		}
	}
	runShapes(t, shapes)
}

// TestTapscriptSignatures signs in a tapscript: CHECKSIG, CHECKSIGVERIFY, CHECKSIGADD, behind CODESEPARATORs, with an annex. Any
// flipped bit of the outputs, and any change of leaf, place or annex, fails.
func TestTapscriptSignatures(t *testing.T) {
	priv, pub := testKey(t, 1)
	key := append([]byte{32}, pub[1:]...)
	for _, c := range []struct {
		name      string
		script    []byte
		separator uint32
		annex     []byte
	}{
		{"CHECKSIG", join(key, []byte{opCheckSig}), noSeparator, nil},
		{"with an annex", join(key, []byte{opCheckSig}), noSeparator, []byte{annexTag, 9}},
		{"CHECKSIGVERIFY", join(key, []byte{opCheckSigVerify, op1}), noSeparator, nil},
		{"CHECKSIGADD", join([]byte{op0}, key, []byte{opCheckSigAdd, op1, opEqual}), noSeparator, nil},
		{"separator first", join([]byte{opCodeSeparator}, key, []byte{opCheckSig}), 0, nil},
		{"separator counted in instructions", join(key, []byte{opNop, opCodeSeparator, opCheckSig}), 2, nil},
		{"separator not taken", join([]byte{op0, opIf, opCodeSeparator, opEndIf}, key, []byte{opCheckSig}), noSeparator, nil},
		{"separator behind", join(key, []byte{opCheckSigVerify, opCodeSeparator, op1}), noSeparator, nil},
	} {
		lock, control := tapLock(t, LeafVersionTapscript, c.script)
		tx, spent := spendAll(lock)
		sign := func(leaf *TapLeaf, annex []byte) []byte {
			t.Helper()
			hash, ok := TaprootSigHash(NewSigSums(tx, spent), 0, SigHashDefault, annex, leaf)
			sig, err := SignSchnorr(priv, hash, [32]byte{})
			if err != nil || !ok {
				t.Fatal(err, ok)
			}
			return sig[:]
		}
		check := func(what string, sig []byte, want Error) {
			t.Helper()
			tx := tx.Clone()
			tx.In[0].Witness = [][]byte{sig, c.script, control}
			if c.annex != nil {
				tx.In[0].Witness = append(tx.In[0].Witness, c.annex)
			}
			if got := scriptError(t, run(tx, 0, spent, StandardFlags)); got != want {
				t.Errorf("%s, %s: got %q, want %q", c.name, what, got, want)
			}
		}
		leaf := TapLeaf{Hash: TapLeafHash(LeafVersionTapscript, c.script), CodeSeparator: c.separator}
		good := sign(&leaf, c.annex)
		check("good", good, "")
		check("key path's", sign(nil, c.annex), ErrSchnorrSig)
		check("another leaf's", sign(&TapLeaf{Hash: [32]byte{1}, CodeSeparator: c.separator}, c.annex), ErrSchnorrSig)
		check("another place's", sign(&TapLeaf{Hash: leaf.Hash, CodeSeparator: c.separator + 1}, c.annex), ErrSchnorrSig)
		check("another annex's", sign(&leaf, []byte{annexTag}), ErrSchnorrSig)
		check("63 bytes", good[:63], ErrSchnorrSigSize)
		check("type 0 written out", append(bytes.Clone(good), 0), ErrSchnorrSigHashType)
		check("type 4", append(bytes.Clone(good), 4), ErrSchnorrSigHashType)
		for bit := 0; bit < 8*len(good); bit += 7 {
			check("flipped", flip(good, bit), ErrSchnorrSig)
		}
		check("empty", nil, map[bool]Error{true: ErrCheckSigVerify, false: ErrEvalFalse}[bytes.Contains(c.script, []byte{opCheckSigVerify})])
	}
}

// TestSingleSums: many signatures with SigHashSingle hash their output once, and as BIP143 and BIP341 say.
func TestSingleSums(t *testing.T) {
	tx, spent := spendAll(make([][]byte, 2)...)
	sums := NewSigSums(tx, spent)
	for range 2 {
		for i := range tx.Out {
			if got, want := sums.singleSum(i), sha256.Sum256(tx.Out[i].Append(nil)); got != want {
				t.Errorf("output %d: %x, want %x", i, got, want)
			}
		}
	}
	if len(sums.single) != len(tx.Out) {
		t.Errorf("%d sums kept", len(sums.single))
	}
}

// TestLockTimes has BIP65 and BIP112 at their edges.
func TestLockTimes(t *testing.T) {
	const cltv, csv = opCheckLockTimeVerify, opCheckSequenceVerify
	for _, c := range []struct {
		op             byte
		operand        int64
		lock, sequence uint32
		version        uint32
		want           Error
	}{
		{cltv, 7, 7, 0, 1, ""},
		{cltv, 8, 7, 0, 1, ErrUnsatisfiedLockTime},
		{cltv, 7, 7, sequenceFinal, 1, ErrUnsatisfiedLockTime},
		{cltv, -1, 7, 0, 1, ErrNegativeLockTime},
		{cltv, lockTimeThreshold - 1, lockTimeThreshold - 1, 0, 1, ""},
		{cltv, lockTimeThreshold - 1, lockTimeThreshold, 0, 1, ErrUnsatisfiedLockTime},
		{cltv, lockTimeThreshold, lockTimeThreshold, 0, 1, ""},
		{cltv, lockTimeThreshold, lockTimeThreshold - 1, 0, 1, ErrUnsatisfiedLockTime},
		{cltv, 0xffffffff, 0xffffffff, 0, 1, ""},
		{cltv, 0x100000000, 0xffffffff, 0, 1, ErrUnsatisfiedLockTime},
		{cltv, 0x8000000000, 0xffffffff, 0, 1, ErrScriptNumber}, // six bytes
		{csv, 5, 0, 5, 2, ""},
		{csv, 5, 0, 5, 1, ErrUnsatisfiedLockTime},
		{csv, 5, 0, 5, 0x80000000, ""}, // versions have no sign
		{csv, 6, 0, 5, 2, ErrUnsatisfiedLockTime},
		{csv, 5, 0, sequenceDisabled | 5, 2, ErrUnsatisfiedLockTime},
		{csv, sequenceDisabled, 0, sequenceFinal, 0, ""},
		{csv, -1, 0, 5, 2, ErrNegativeLockTime},
		{csv, sequenceTime | 5, 0, 5, 2, ErrUnsatisfiedLockTime},
		{csv, 5, 0, sequenceTime | 5, 2, ErrUnsatisfiedLockTime},
		{csv, sequenceTime | 5, 0, sequenceTime | 6, 2, ""},
		{csv, 0x10000 | 5, 0, 5, 2, ""}, // bits between are not looked at
		{csv, 0x100000000 | 5, 0, 5, 2, ""},
	} {
		code := join(PushInt(c.operand), []byte{c.op, opDrop, op1})
		lock, _, witness := wrap("P2WSH", code, nil)
		tx, spent := spendAll(lock)
		tx.Version, tx.LockTime, tx.In[0].Sequence, tx.In[0].Witness = c.version, c.lock, c.sequence, witness
		if got := scriptError(t, run(tx, 0, spent, ConsensusFlags)); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
		off := ConsensusFlags &^ (VerifyCLTV | VerifyCSV)
		if got := scriptError(t, run(tx, 0, spent, off)); got != "" {
			t.Errorf("%+v without the rule: got %q", c, got)
		}
	}
}

// slowBranches is what branches stand for: a list of all of them.
type slowBranches []bool

func (b slowBranches) taken() bool {
	for _, t := range b {
		if !t {
			return false
		}
	}
	return true
}

// TestBranches holds the two numbers to the list.
func TestBranches(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var fast branches
		var slow slowBranches
		for range 60 {
			switch rng.IntN(4) {
			case 0, 1:
				taken := rng.IntN(3) > 0
				fast.enter(taken)
				slow = append(slow, taken)
			case 2:
				if err := fast.turn(); (err == "") != (len(slow) > 0) {
					t.Fatal(err)
				} else if err == "" {
					slow[len(slow)-1] = !slow[len(slow)-1]
				}
			case 3:
				if err := fast.leave(); (err == "") != (len(slow) > 0) {
					t.Fatal(err)
				} else if err == "" {
					slow = slow[:len(slow)-1]
				}
			}
			if fast.taken() != slow.taken() || fast.closed() != (len(slow) == 0) {
				t.Fatalf("%+v, want %v", fast, slow)
			}
		}
	}
}

// TestNumbers: what is written can be read; other encodings of the same number are not minimal.
func TestNumbers(t *testing.T) {
	for _, n := range []int64{0, 1, -1, 16, 127, 128, -127, -128, 255, 256, 32767, 32768, -32768, 1<<31 - 1, -1<<31 + 1} {
		item := appendScriptNum(nil, n)
		got, err := readNumber(item, maxNumberBytes, true)
		if got != n || err != "" || isTrue(item) != (n != 0) {
			t.Errorf("%d: read as %d, %q", n, got, err)
		}
		if len(item) == maxNumberBytes {
			continue
		}
		long := append(bytes.Clone(item), 0)
		if len(item) > 0 {
			long[len(item)-1] &^= 0x80
			long[len(item)] = item[len(item)-1] & 0x80
		}
		if isMinimalNumber(long) && n != 128 && n != 32768 && n != 255 && n != -128 && n != -32768 {
			t.Errorf("%d: %x is taken as minimal", n, long)
		}
	}
	for _, n := range []int64{1 << 31, -1 << 31} {
		if _, err := readNumber(appendScriptNum(nil, n), maxNumberBytes, false); err != ErrScriptNumber {
			t.Errorf("%d: %q", n, err)
		}
	}
	for _, item := range [][]byte{{0}, {0x80}, {1, 0}, {1, 0x80}, {0, 0}} {
		if _, err := readNumber(item, maxNumberBytes, true); err != ErrScriptNumber {
			t.Errorf("%x is taken as minimal", item)
		}
	}
	for _, item := range [][]byte{nil, {0}, {0x80}, {0, 0}, {0, 0x80}} {
		if isTrue(item) {
			t.Errorf("%x is true", item)
		}
	}
	for _, item := range [][]byte{{1}, {0x80, 0}, {0, 1}, {0x81}} {
		if !isTrue(item) {
			t.Errorf("%x is false", item)
		}
	}
}

// TestPushes has what scriptSigs leave on the stack.
func TestPushes(t *testing.T) {
	for _, c := range []struct {
		script []byte
		last   []byte
		n      int
		ok     bool
	}{
		{nil, nil, 0, true},
		{[]byte{2, 7, 8}, []byte{7, 8}, 1, true},
		{[]byte{1, 7, op1}, []byte{1}, 2, true},
		{[]byte{op1Negate}, []byte{0x81}, 1, true},
		{[]byte{opPushData1, 1, 9}, []byte{9}, 1, true},
		{[]byte{opPushData2, 1, 0, 9}, []byte{9}, 1, true},
		{[]byte{opPushData4, 1, 0, 0, 0, 9}, []byte{9}, 1, true},
		{[]byte{opPushData4, 0xff, 0xff, 0xff, 0xff, 9}, nil, 0, false},
		{[]byte{opPushData1}, nil, 0, false},
		{[]byte{5, 1}, nil, 0, false},
		{[]byte{opNop}, nil, 0, false},
		{[]byte{0x50}, nil, 0, false},
		{PushData(make([]byte, 521)), nil, 0, false},
		{repeat(1001, op1), nil, 0, false},
	} {
		items, ok := Pushes(c.script)
		if ok != c.ok || ok && (len(items) != c.n || c.n > 0 && !bytes.Equal(items[c.n-1], c.last)) {
			t.Errorf("%x: %x, %v", c.script, items, ok)
		}
	}
}

// TestFindAndDeleteEmpty: the empty signature is the byte 00 in a legacy script, and is deleted as such.
func TestFindAndDeleteEmpty(t *testing.T) {
	_, pub := testKey(t, 1)
	code := join([]byte{op0, opDrop}, []byte{op0, 33}, pub[:], []byte{opCheckSig, opNot})
	runShapes(t, []shape{
		{"by consensus", code, nil, nil, ConsensusFlags, ""},
		{"relayed", code, nil, nil, StandardFlags, ErrSigFindAndDelete},
	})
	lock, _, witness := wrap("P2WSH", code, nil)
	runShapes(t, []shape{{"in a witness", lock, nil, witness, StandardFlags, ""}})
}

// TestVerifiedTransactions: a transaction that passed passes again without a look at it, under the flags that it passed
// under or part of them, and only with the same outputs spent.
func TestVerifiedTransactions(t *testing.T) {
	tx, spent := signedAll(t)
	bad := append([]types.TxOut(nil), spent...)
	bad[4].Value++
	r := &Runner{Verifier: NewVerifier(), Cache: NewCache(1<<20, [32]byte{3})}
	known := func(what string, tx *types.Tx, spent []types.TxOut, flags Flags, want bool) {
		t.Helper()
		if r.Verified(NewSigSums(tx, spent), flags) != want {
			t.Errorf("%s: want %v", what, want)
		}
	}
	checks := checksOf(tx, spent, StandardFlags)
	known("nothing ran", tx, spent, ConsensusFlags, false)
	for _, part := range [][]Check{checks[1:], checks[:4], {checks[0], checks[0], checks[0], checks[0], checks[0]}, {checks[1], checks[0], checks[2], checks[3], checks[4]}} {
		if err := r.Run(part); err != nil {
			t.Fatal(err)
		}
		known("not every input, in order", tx, spent, ConsensusFlags, false)
	}
	if err := r.Run(checksOf(tx, bad, StandardFlags)); err == nil {
		t.Fatal("a wrong amount passes")
	}
	known("failed", tx, bad, ConsensusFlags, false)
	if err := r.Run(checks); err != nil {
		t.Fatal(err)
	}
	known("passed", tx, spent, StandardFlags, true)
	known("fewer flags", tx, spent, ConsensusFlags, true)
	known("no flags", tx, spent, 0, true)
	known("a flag more", tx, spent, StandardFlags|VerifySigPushOnly, false)
	known("another amount", tx, bad, ConsensusFlags, false)
	if err := r.Run(checksOf(tx, bad, ConsensusFlags)); err == nil {
		t.Error("a transaction passes although it spends something else")
	}
	other := tx.Clone()
	other.In[3].Witness[0] = flip(other.In[3].Witness[0], 77)
	known("another witness", other, spent, ConsensusFlags, false)
	if err := r.Run(checksOf(other, spent, ConsensusFlags)); err == nil {
		t.Error("another witness passes")
	}
	mixed := checksOf(tx, spent, ConsensusFlags)
	for i := range mixed {
		mixed[i].Spent = append([]types.TxOut(nil), spent...)
		mixed[i].Spent[1].Script = []byte{op0}
	}
	if err := r.Run(mixed); err == nil {
		t.Error("the outputs of the sums were believed, not those of the checks")
	}
	// Fewer flags later do not make the entry forget.
	if err := r.Run(checksOf(tx, spent, VerifyP2SH)); err != nil {
		t.Fatal(err)
	}
	known("still", tx, spent, StandardFlags, true)
	var none Runner
	if none.Verified(NewSigSums(tx, spent), 0) || r.Verified(NewSigSums(tx, nil), 0) {
		t.Error("known without a cache, or without outputs")
	}
	// A failure says which, and nothing of the pass is kept.
	all := append(append([]Check(nil), checksOf(tx.Clone(), spent, allFlags)...), checksOf(other, spent, StandardFlags)...)
	var f *Failure
	if err := r.Run(all); !errors.As(err, &f) || f.Tx != other.ID() || f.Input != 3 {
		t.Errorf("got %v", err)
	}
	known("beside a failure", tx, spent, allFlags, false)
}

// TestHashedCode: the remembered hash is that of the script, version, type and input that are asked for, in whatever order. The
// transaction has inputs on both sides of a mark, and fewer outputs than inputs.
func TestHashedCode(t *testing.T) {
	_, pub := testKey(t, 1)
	locks := make([][]byte, markEvery+3)
	for i := range locks {
		locks[i] = lockFor("P2PKH", pub)
	}
	tx, spent := spendAll(locks...)
	tx.Out = append(tx.Out, spent[:markEvery]...)
	for i := range tx.In {
		tx.In[i].Sequence = uint32(i * 7)
	}
	sums := NewSigSums(tx, spent)
	codes := [][]byte{{op1}, {op1, op1}, {opCodeSeparator, opNop}, {}}
	rng := rand.New(rand.NewPCG(20, 11))
	for _, input := range []int{0, 1, markEvery - 1, markEvery, markEvery + 1, markEvery + 2} {
		s := &spend{Check: &Check{Tx: tx, Input: input, Spent: spent, Sums: sums}}
		for range 3000 {
			code, hashType := codes[rng.IntN(len(codes))], byte(rng.Uint32())
			if rng.IntN(2) == 0 {
				hashType &= SigHashAnyoneCanPay | 3
			}
			m := &machine{spend: s, version: sigVersion(rng.IntN(2))}
			want := LegacySigHash(tx, input, code, uint32(hashType))
			if m.version == witnessScript {
				want = WitnessV0SigHash(sums, input, code, uint32(hashType))
			}
			if got := m.sigHash(code, hashType); got != want {
				t.Fatalf("input %d, %x, type %x, version %d: %s, want %s", input, code, hashType, m.version, got, want)
			}
			if got := sums.legacySigHash(input, code, uint32(hashType)); m.version == legacyScript && got != want {
				t.Fatalf("input %d, %x, type %x, from pieces: %s, want %s", input, code, hashType, got, want)
			}
		}
		if len(s.hashed) != 6 {
			t.Errorf("%d kinds of hash types", len(s.hashed))
		}
	}
}
