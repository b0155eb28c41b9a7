package script

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cairn-chain/cairn/internal/vectors"
	"github.com/cairn-chain/cairn/types"
)

// loadJSON reads a file of testdata into v.
func loadJSON(t testing.TB, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return b
}

func decodeTx(t testing.TB, s string) *types.Tx {
	t.Helper()
	tx, err := types.DecodeTx(unhex(t, s))
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return tx
}

// flagNames are the names of flags in Core's vectors.
var flagNames = map[string]Flags{
	"NONE": 0, "P2SH": VerifyP2SH, "STRICTENC": VerifyStrictEnc, "DERSIG": VerifyDERSig, "LOW_S": VerifyLowS,
	"NULLDUMMY": VerifyNullDummy, "SIGPUSHONLY": VerifySigPushOnly, "MINIMALDATA": VerifyMinimalData,
	"DISCOURAGE_UPGRADABLE_NOPS": DiscourageUpgradableNops, "CLEANSTACK": VerifyCleanStack,
	"CHECKLOCKTIMEVERIFY": VerifyCLTV, "CHECKSEQUENCEVERIFY": VerifyCSV, "WITNESS": VerifyWitness,
	"DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": DiscourageUpgradableWitnessProgram, "MINIMALIF": VerifyMinimalIf,
	"NULLFAIL": VerifyNullFail, "WITNESS_PUBKEYTYPE": VerifyWitnessPubKeyType,
	"CONST_SCRIPTCODE": VerifyConstScriptCode, "TAPROOT": VerifyTaproot,
	"DISCOURAGE_UPGRADABLE_TAPROOT_VERSION": DiscourageUpgradableTaprootVersion,
	"DISCOURAGE_OP_SUCCESS":                 DiscourageOpSuccess,
	"DISCOURAGE_UPGRADABLE_PUBKEYTYPE":      DiscourageUpgradablePubKeyType,
}

const allFlags = DiscourageUpgradablePubKeyType<<1 - 1

func parseFlags(t testing.TB, s string) (f Flags) {
	t.Helper()
	for _, name := range strings.Split(s, ",") {
		if name == "" {
			continue
		}
		bit, ok := flagNames[name]
		if !ok {
			t.Fatalf("unknown flag %q", name)
		}
		f |= bit
	}
	return f
}

// errorNames are the names of script errors in Core's vectors.
var errorNames = map[string]Error{
	"OK": "", "EVAL_FALSE": ErrEvalFalse, "VERIFY": ErrVerify, "EQUALVERIFY": ErrEqualVerify, "NUMEQUALVERIFY": ErrNumEqualVerify,
	"SCRIPT_SIZE": ErrScriptSize, "PUSH_SIZE": ErrPushSize, "OP_COUNT": ErrOpCount, "STACK_SIZE": ErrStackSize,
	"SIG_COUNT": ErrSigCount, "PUBKEY_COUNT": ErrPubKeyCount, "BAD_OPCODE": ErrBadOpcode, "DISABLED_OPCODE": ErrDisabledOpcode,
	"INVALID_STACK_OPERATION": ErrInvalidStackOperation, "INVALID_ALTSTACK_OPERATION": ErrInvalidAltStackOperation,
	"OP_RETURN": ErrOpReturn, "UNBALANCED_CONDITIONAL": ErrUnbalancedConditional, "NEGATIVE_LOCKTIME": ErrNegativeLockTime,
	"UNSATISFIED_LOCKTIME": ErrUnsatisfiedLockTime, "SCRIPTNUM": ErrScriptNumber, "CLEANSTACK": ErrCleanStack,
	"SIG_HASHTYPE": ErrSigHashType, "SIG_DER": ErrSigDER, "MINIMALDATA": ErrMinimalData, "MINIMALIF": ErrMinimalIf,
	"SIG_PUSHONLY": ErrSigPushOnly, "SIG_HIGH_S": ErrSigHighS, "SIG_NULLDUMMY": ErrSigNullDummy, "NULLFAIL": ErrSigNullFail,
	"PUBKEYTYPE": ErrPubKeyType, "DISCOURAGE_UPGRADABLE_NOPS": ErrUpgradableNops,
	"WITNESS_PROGRAM_WRONG_LENGTH": ErrWitnessWrongLength, "WITNESS_PROGRAM_WITNESS_EMPTY": ErrWitnessEmpty,
	"WITNESS_PROGRAM_MISMATCH": ErrWitnessMismatch, "WITNESS_MALLEATED": ErrWitnessMalleated,
	"WITNESS_MALLEATED_P2SH": ErrWitnessMalleatedP2SH, "WITNESS_UNEXPECTED": ErrWitnessUnexpected,
	"WITNESS_PUBKEYTYPE":                    ErrWitnessPubKeyType,
	"DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": ErrUpgradableWitness,
	"TAPSCRIPT_EMPTY_PUBKEY":                ErrTapscriptEmptyPubKey,
}

// assemble reads the scripts of Core's vectors: names of opcodes, decimal numbers, 0x and raw bytes, and text
// in single quotes.
func assemble(t testing.TB, s string) []byte {
	t.Helper()
	var out []byte
	for _, word := range strings.Fields(s) {
		switch n, err := strconv.ParseInt(word, 10, 64); {
		case err == nil:
			out = append(out, PushInt(n)...)
		case strings.HasPrefix(word, "0x"):
			out = append(out, unhex(t, word[2:])...)
		case len(word) >= 2 && word[0] == '\'':
			out = append(out, PushData([]byte(word[1:len(word)-1]))...)
		default:
			out = append(out, opcodeByName(t, word))
		}
	}
	return out
}

func opcodeByName(t testing.TB, name string) byte {
	t.Helper()
	name = "OP_" + strings.TrimPrefix(name, "OP_")
	for op := op16 + 1; op < 256; op++ {
		if opNames[op] == name {
			return byte(op)
		}
	}
	switch name {
	case "OP_1NEGATE":
		return op1Negate
	case "OP_RESERVED":
		return op1Negate + 1
	}
	t.Fatalf("unknown opcode %q", name)
	return 0
}

// run verifies one input of tx, as a Runner does and, if that takes the direct path, with the interpreter too. They must
// say the same.
func run(tx *types.Tx, input int, spent []types.TxOut, flags Flags) error {
	return runWith(&Runner{Verifier: NewVerifier()}, tx, input, spent, flags)
}

// directRuns counts the runs in which the two were held to each other.
var directRuns atomic.Int64

func runWith(r *Runner, tx *types.Tx, input int, spent []types.TxOut, flags Flags) error {
	c := Check{Tx: tx, Input: input, Spent: spent, Flags: flags, Sums: NewSigSums(tx, spent)}
	err := r.Run([]Check{c})
	c.Flags = flags.complete()
	if _, direct := c.direct(nil); !direct {
		return err // it was the interpreter that spoke
	}
	directRuns.Add(1)
	interpreted := r.evaluate(&c)
	var f *Failure
	if errors.As(err, &f) && f.Err != interpreted || err == nil && interpreted != "" {
		panic(fmt.Sprintf("input %d of %x, spending %x: the runner says %v, the interpreter %q", input, tx.Bytes(), spent[input].Script, err, interpreted))
	}
	return err
}

// scriptError returns the Error of a failed check, "" if it passed.
func scriptError(t testing.TB, err error) Error {
	t.Helper()
	var f *Failure
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &f):
		t.Fatalf("not a Failure: %v", err)
	}
	return f.Err
}

// spendOf makes Core's pair of transactions for a vector: one that pays to lock, and one that spends it.
func spendOf(lock, scriptSig []byte, witness [][]byte, amount int64) (*types.Tx, []types.TxOut) {
	out := types.TxOut{Value: amount, Script: lock}
	credit := &types.Tx{Version: 1, In: []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: []byte{0, 0}, Sequence: 0xffffffff}}, Out: []types.TxOut{out}}
	in := types.TxIn{PrevOut: types.OutPoint{TxID: credit.ID()}, ScriptSig: scriptSig, Sequence: 0xffffffff, Witness: witness}
	return &types.Tx{Version: 1, In: []types.TxIn{in}, Out: []types.TxOut{{Value: amount}}}, []types.TxOut{out}
}

// numsKey is BIP341's point of which nobody knows the private key.
const numsKey = "50929b74c1a04954b78b4b6035e97a5e078a5a0f28ec96d547bfee9ace803ac0"

// scriptVector is a line of script_tests.json.
type scriptVector struct {
	witness         [][]byte
	amount          int64
	scriptSig, lock []byte
	flags           Flags
	want            Error
}

// parseScriptVector reads a line. It may have places to fill in: a tapscript, the control block with which it is the only
// leaf below numsKey, and the output key.
func parseScriptVector(t *testing.T, v []any) (out scriptVector) {
	t.Helper()
	var outputKey []byte
	if items, ok := v[0].([]any); ok {
		v = v[1:]
		out.amount = int64(items[len(items)-1].(float64)*1e8 + 0.5)
		for _, item := range items[:len(items)-1] {
			switch text := item.(string); {
			case strings.HasPrefix(text, "#SCRIPT#"):
				out.witness = append(out.witness, assemble(t, strings.TrimPrefix(text, "#SCRIPT#")))
			case text == "#CONTROLBLOCK#":
				root := TapLeafHash(LeafVersionTapscript, out.witness[len(out.witness)-1])
				key, odd, err := TweakPublicKey([32]byte(unhex(t, numsKey)), root[:])
				if err != nil {
					t.Fatal(err)
				}
				outputKey = key[:]
				out.witness = append(out.witness, append([]byte{LeafVersionTapscript | byte(boolNumber(odd))}, unhex(t, numsKey)...))
			default:
				out.witness = append(out.witness, unhex(t, text))
			}
		}
	}
	lock := strings.ReplaceAll(v[1].(string), "#TAPROOTOUTPUT#", "0x"+hex.EncodeToString(outputKey))
	want, ok := errorNames[v[3].(string)]
	if !ok {
		t.Fatalf("unknown error %v", v[3])
	}
	out.scriptSig, out.lock, out.flags, out.want = assemble(t, v[0].(string)), assemble(t, lock), parseFlags(t, v[2].(string)), want
	return out
}

// TestScriptVectors runs Core's script_tests.json, and each vector again under other flags: fewer if it passes, more if
// it fails, which changes nothing.
func TestScriptVectors(t *testing.T) {
	var lines [][]any
	loadJSON(t, "script_tests.json", &lines)
	tally := vectors.New(t, "script_tests", 675+547) // those that pass, and those that fail
	for i, v := range lines {
		if len(v) < 4 {
			continue // a comment
		}
		tally.Run(t, strconv.Itoa(i), func(t *testing.T) { runScriptVector(t, v) })
	}
	t.Logf("script_tests: the direct path was taken and held to the interpreter %d times", directRuns.Load())
}

func runScriptVector(t *testing.T, v []any) {
	c := parseScriptVector(t, v)
	tx, spent := spendOf(c.lock, c.scriptSig, c.witness, c.amount)
	if got := scriptError(t, run(tx, 0, spent, c.flags)); got != c.want {
		t.Errorf("%v: got %q, want %q", v, got, c.want)
	}
	for bit := Flags(1); bit <= allFlags; bit <<= 1 {
		other := c.flags | bit
		if c.want == "" {
			other = c.flags &^ bit
		}
		if got := scriptError(t, run(tx, 0, spent, other)); (got == "") != (c.want == "") {
			t.Errorf("%v: got %q with flags %x instead of %x", v, got, other, c.flags)
		}
	}
}

// vectorPrevouts reads the first field of a vector of tx_valid.json and returns what tx spends.
func vectorPrevouts(t *testing.T, tx *types.Tx, field any) []types.TxOut {
	t.Helper()
	known := map[types.OutPoint]types.TxOut{}
	for _, p := range field.([]any) {
		p := p.([]any)
		id, err := types.ParseHash(p[0].(string))
		if err != nil {
			t.Fatal(err)
		}
		out := types.TxOut{Script: assemble(t, p[2].(string))}
		if len(p) > 3 {
			out.Value = int64(p[3].(float64))
		}
		known[types.OutPoint{TxID: id, Index: uint32(int64(p[1].(float64)))}] = out
	}
	spent := make([]types.TxOut, len(tx.In))
	for i := range tx.In {
		out, ok := known[tx.In[i].PrevOut]
		if !ok {
			t.Fatalf("%s spends %s, which the vector does not tell", tx.ID(), tx.In[i].PrevOut)
		}
		spent[i] = out
	}
	return spent
}

// runTxVector runs all inputs of a vector and returns the first error.
func runTxVector(t *testing.T, r *Runner, tx *types.Tx, spent []types.TxOut, flags Flags) Error {
	t.Helper()
	for in := range tx.In {
		if err := scriptError(t, runWith(r, tx, in, spent, flags)); err != "" {
			return err
		}
	}
	return ""
}

// trimFlags leaves out the flags that have no sense without others that are not there.
func trimFlags(f Flags) Flags {
	if !f.has(VerifyP2SH) {
		f &^= VerifyWitness
	}
	if !f.has(VerifyWitness) {
		f &^= VerifyCleanStack
	}
	return f
}

// TestValidTxVectors runs Core's tx_valid.json. Each transaction passes under all flags but those that its vector leaves
// out, and under all of these less one more. The vectors leave out no more than they must: with one flag back it fails.
func TestValidTxVectors(t *testing.T) {
	var lines [][]any
	loadJSON(t, "tx_valid.json", &lines)
	tally := vectors.New(t, "tx_valid", 121)
	r := &Runner{Verifier: NewVerifier()}
	for i, v := range lines {
		if len(v) != 3 {
			continue
		}
		tally.Run(t, strconv.Itoa(i), func(t *testing.T) {
			tx := decodeTx(t, v[1].(string))
			spent, without := vectorPrevouts(t, tx, v[0]), parseFlags(t, v[2].(string))
			if err := runTxVector(t, r, tx, spent, trimFlags(allFlags&^without)); err != "" {
				t.Error(err)
			}
			for bit := Flags(1); bit <= allFlags; bit <<= 1 {
				if err := runTxVector(t, r, tx, spent, trimFlags(allFlags&^without&^bit)); err != "" {
					t.Errorf("without flag %x too: %v", bit, err)
				}
				if without.has(bit) && runTxVector(t, r, tx, spent, trimFlags(allFlags&^without|bit)) == "" {
					t.Errorf("passes with flag %x", bit)
				}
			}
		})
	}
}

// TestInvalidTxVectors runs Core's tx_invalid.json: of each transaction an input fails under the flags of its vector, and under all
// flags; those that are invalid without a look at scripts are marked, and tested in package consensus.
func TestInvalidTxVectors(t *testing.T) {
	var lines [][]any
	loadJSON(t, "tx_invalid.json", &lines)
	tally, before := vectors.New(t, "tx_invalid, scripts", 84), 0
	r := &Runner{Verifier: NewVerifier()}
	for i, v := range lines {
		if len(v) != 3 {
			continue
		}
		if v[2] == "BADTX" {
			before++
			continue
		}
		tally.Run(t, strconv.Itoa(i), func(t *testing.T) {
			tx := decodeTx(t, v[1].(string))
			spent := vectorPrevouts(t, tx, v[0])
			for _, flags := range []Flags{parseFlags(t, v[2].(string)), allFlags} {
				if runTxVector(t, r, tx, spent, flags) == "" {
					t.Errorf("every input passes under %x", flags)
				}
			}
		})
	}
	if before != 9 {
		t.Errorf("%d whose form is invalid, want 9", before)
	}
}

type assetInput struct {
	ScriptSig string   `json:"scriptSig"`
	Witness   []string `json:"witness"`
}

type assetVector struct {
	Tx       string      `json:"tx"`
	Prevouts []string    `json:"prevouts"`
	Index    int         `json:"index"`
	Flags    string      `json:"flags"`
	Comment  string      `json:"comment"`
	Final    bool        `json:"final"`
	Success  *assetInput `json:"success"`
	Failure  *assetInput `json:"failure"`
}

// loadAssets reads the taproot spending vectors.
func loadAssets(t testing.TB) (vectors []assetVector) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "script_assets.json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 2760 {
		t.Fatalf("%d vectors, want 2760", len(vectors))
	}
	return vectors
}

// spend returns the vector with one of its inputs filled in.
func (v *assetVector) spend(t testing.TB, in *assetInput) (*types.Tx, []types.TxOut) {
	t.Helper()
	tx := decodeTx(t, v.Tx).Clone()
	tx.In[v.Index].ScriptSig = unhex(t, in.ScriptSig)
	for _, item := range in.Witness {
		tx.In[v.Index].Witness = append(tx.In[v.Index].Witness, unhex(t, item))
	}
	var spent []types.TxOut
	for _, p := range v.Prevouts {
		d := types.NewDecoder(unhex(t, p))
		spent = append(spent, d.TxOut())
		if err := d.Finish(); err != nil {
			t.Fatal(err)
		}
	}
	return tx, spent
}

// consensusSets are all sets of the flags of soft forks in which none lacks what it builds on.
func consensusSets() (sets []Flags) {
	for f := Flags(0); f <= ConsensusFlags; f++ {
		if f&^ConsensusFlags == 0 && f == trimFlags(f) && (f.has(VerifyWitness) || !f.has(VerifyTaproot)) {
			sets = append(sets, f)
		}
	}
	return sets
}

// TestTaprootVectors runs Core's taproot spending vectors. A good spend passes under the flags of its vector
// and every part of them, and under all flags there are if it is marked final; a bad one fails under the flags of its vector and
// whatever is added to them.
func TestTaprootVectors(t *testing.T) {
	sets := consensusSets()
	if len(sets) != 64 {
		t.Fatalf("%d sets of flags", len(sets))
	}
	r := &Runner{Verifier: NewVerifier(), Cache: NewCache(64<<20, [32]byte{1})}
	tally, spends := vectors.New(t, "taproot-ref", 2760), 0
	for i, v := range loadAssets(t) {
		own := parseFlags(t, v.Flags)
		sets := sets
		if i%10 != 0 { // for most the sets that say most
			sets = []Flags{0, own, ConsensusFlags}
		}
		tally.Run(t, strconv.Itoa(i), func(t *testing.T) { spends += v.run(t, r, sets, own) })
	}
	t.Logf("taproot-ref: %d spends, good and bad", spends)
}

// run spends the vector's output in its good and its bad way and returns how many it has.
func (v *assetVector) run(t *testing.T, r *Runner, sets []Flags, own Flags) (spends int) {
	if v.Success != nil {
		tx, spent := v.spend(t, v.Success)
		for _, flags := range sets {
			if v.Final || own.has(flags) {
				if err := scriptError(t, runWith(r, tx, v.Index, spent, flags)); err != "" {
					t.Errorf("%s: %v under %x", v.Comment, err, flags)
				}
			}
		}
		spends++
	}
	if v.Failure != nil {
		tx, spent := v.spend(t, v.Failure)
		for _, flags := range sets {
			if flags.has(own) && scriptError(t, runWith(r, tx, v.Index, spent, flags)) == "" {
				t.Errorf("%s: accepted under %x", v.Comment, flags)
			}
		}
		spends++
	}
	if spends == 0 {
		t.Errorf("%s has nothing to run", v.Comment)
	}
	return spends
}

func TestLegacySigHashVectors(t *testing.T) {
	var lines [][]any
	loadJSON(t, "sighash.json", &lines)
	tally := vectors.New(t, "sighash", 500)
	for i, v := range lines {
		if len(v) != 5 {
			continue
		}
		tally.Run(t, strconv.Itoa(i), func(t *testing.T) {
			tx := decodeTx(t, v[0].(string))
			code, input := unhex(t, v[1].(string)), int(v[2].(float64))
			hashType := uint32(int32(v[3].(float64)))
			if got := LegacySigHash(tx, input, code, hashType); got.String() != v[4] {
				t.Errorf("got %s, want %s", got, v[4])
			}
			// The pieces of one serialization give the same.
			if got := NewSigSums(tx, nil).legacySigHash(input, code, hashType); got.String() != v[4] {
				t.Errorf("in pieces: got %s, want %s", got, v[4])
			}
			all := NewSigSums(tx, nil).legacySigHash(input, code, SigHashAll)
			if want := LegacySigHash(tx, input, code, SigHashAll); all != want {
				t.Errorf("all, in pieces: got %s, want %s", all, want)
			}
		})
	}
}

// TestBIP143 has the examples of BIP143.
func TestBIP143(t *testing.T) {
	native := "0100000002fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f0000000000eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac11000000"
	separator := "0100000002fe3dc9208094f3ffd12645477b3dc56f60ec4fa8e6f5d67c565d1c6b9216b36e0000000000ffffffff0815cf020f013ed6cf91d29f4202e8a58726b1ac6c79da47c23d1bee0a6925f80000000000ffffffff0100f2052a010000001976a914a30741f8145e5acadf23f751864167f32e0963f788ac00000000"
	nested := "010000000136641869ca081e70f394c6948e8af409e18b619df2ed74aa106c1ca29787b96e0100000000ffffffff0200e9a435000000001976a914389ffce9cd9ae88dcc0631e88a821ffdbe9bfe2688acc0832f05000000001976a9147480a33f950689af511e6e84c138dbbd3c3ee41588ac00000000"
	sixOfSix := "56210307b8ae49ac90a048e9b53357a2354b3334e9c8bee813ecb98e99a7e07e8c3ba32103b28f0c28bfab54554ae8c658ac5c3e0ce6e79ad336331f78c428dd43eea8449b21034b8113d703413d57761b8b9781957b8c0ac1dfe69f492580ca4195f50376ba4a21033400f6afecb833092a9a21cfdf1ed1376e58c5d1f47de74683123987e967a8f42103a6d48b1131e94ba04d9737d61acdaa1322008af9602b3b14862c07a1789aac162102d8b661b0b3302ee2f162b09e07a55ad5dfbe673a9f01d9f0c19617681024306b56ae"
	tally := vectors.New(t, "bip143 hashes", 12)
	anyone := "0100000002e9b542c5176808107ff1df906f46bb1f2583b16112b95ee5380665ba7fcfc0010000000000ffffffff80e68831516392fcd100d186b3c2c7b95c80b53c77e77c35ba03a66b429a2a1b0000000000ffffffff0280969800000000001976a914de4b231626ef508c9a74a8517e6783c0546d6b2888ac80969800000000001976a9146648a8cd4531e1ec47f35916de8e259237294d1e88ac00000000"
	for _, c := range []struct {
		tx       string
		input    int
		code     string
		amount   int64
		hashType uint32
		want     string
	}{
		{native, 1, "76a9141d0f172a0ecb48aee1be1f2687d2963ae33f71a188ac", 600000000, SigHashAll, "c37af31116d1b27caf68aae9e3ac82f1477929014d5b917657d0eb49478cb670"},
		{"0100000001db6b1b20aa0fd7b23880be2ecbd4a98130974cf4748fb66092ac4d3ceb1a54770100000000feffffff02b8b4eb0b000000001976a914a457b684d7f0d539a46a45bbc043f35b59d0d96388ac0008af2f000000001976a914fd270b1ee6abcaea97fea7ad0402e8bd8ad6d77c88ac92040000",
			0, "76a91479091972186c449eb1ded22b78e40d009bdf008988ac", 1000000000, SigHashAll, "64f3b0f4dd2bb3aa1ce8566d220cc74dda9df97d8490cc81d89d735c92e59fb6"},
		{separator, 1, "21026dccc749adc2a9d0d89497ac511f760f45c47dc5ed9cf352a58ac706453880aeadab210255a9626aebf5e29c0e6538428ba0d1dcf6ca98ffdf086aa8ced5e0d0215ea465ac", 4900000000, SigHashSingle, "82dde6e4f1e94d02c2b7ad03d2115d691f48d064e9d52f58194a6637e4194391"},
		{separator, 1, "210255a9626aebf5e29c0e6538428ba0d1dcf6ca98ffdf086aa8ced5e0d0215ea465ac", 4900000000, SigHashSingle, "fef7bd749cce710c5c052bd796df1af0d935e59cea63736268bcbe2d2134fc47"},
		{anyone, 0, "0063ab68210392972e2eb617b2388771abe27235fd5ac44af8e61693261550447a4c3e39da98ac", 16777215, SigHashSingle | SigHashAnyoneCanPay, "e9071e75e25b8a1e298a72f0d2e9f4f95a0f5cdf86a533cda597eb402ed13b3a"},
		{anyone, 1, "68210392972e2eb617b2388771abe27235fd5ac44af8e61693261550447a4c3e39da98ac", 16777215, SigHashSingle | SigHashAnyoneCanPay, "cd72f1f1a433ee9df816857fad88d8ebd97e09a75cd481583eb841c330275e54"},
		{nested, 0, sixOfSix, 987654321, SigHashAll, "185c0be5263dce5b4bb50a047973c1b6272bfbd0103a89444597dc40b248ee7c"},
		{nested, 0, sixOfSix, 987654321, SigHashNone, "e9733bc60ea13c95c6527066bb975a2ff29a925e80aa14c213f686cbae5d2f36"},
		{nested, 0, sixOfSix, 987654321, SigHashSingle, "1e1f1c303dc025bd664acb72e583e933fae4cff9148bf78c157d1e8f78530aea"},
		{nested, 0, sixOfSix, 987654321, SigHashAll | SigHashAnyoneCanPay, "2a67f03e63a6a422125878b40b82da593be8d4efaafe88ee528af6e5a9955c6e"},
		{nested, 0, sixOfSix, 987654321, SigHashNone | SigHashAnyoneCanPay, "781ba15f3779d5542ce8ecb5c18716733a5ee42a6f51488ec96154934e2c890a"},
		{nested, 0, sixOfSix, 987654321, SigHashSingle | SigHashAnyoneCanPay, "511e8e52ed574121fc1b654970395502128263f62662e076dc6baf05c2e6a99b"},
	} {
		tx := decodeTx(t, c.tx)
		spent := make([]types.TxOut, len(tx.In))
		spent[c.input].Value = c.amount
		got := WitnessV0SigHash(NewSigSums(tx, spent), c.input, unhex(t, c.code), c.hashType)
		passed := hex.EncodeToString(got[:]) == c.want
		if tally.Case(passed); !passed {
			t.Errorf("input %d of %s: got %x, want %s", c.input, tx.ID(), got, c.want)
		}
	}
}

// TestBIP143Signed verifies the signed transactions of BIP143 and makes their signatures again.
func TestBIP143Signed(t *testing.T) {
	tally := vectors.New(t, "bip143 signed", 2)
	for n, c := range []struct {
		signed string
		spent  []types.TxOut
		keys   []string
	}{
		{"01000000000102fff7f7881a8099afa6940d42d1e7f6362bec38171ea3edf433541db4e4ad969f00000000494830450221008b9d1dc26ba6a9cb62127b02742fa9d754cd3bebf337f7a55d114c8e5cdd30be022040529b194ba3f9281a99f2b1c0a19c0489bc22ede944ccf4ecbab4cc618ef3ed01eeffffffef51e1b804cc89d182d279655c3aa89e815b1b309fe287d9b2b55d57b90ec68a0100000000ffffffff02202cb206000000001976a9148280b37df378db99f66f85c95a783a76ac7a6d5988ac9093510d000000001976a9143bde42dbee7e4dbe6a21b2d50ce2f0167faa815988ac000247304402203609e17b84f6a7d30c80bfa610b5b4542f32a8a0d5447a12fb1366d7f01cc44a0220573a954c4518331561406f90300e8f3358f51928d43c212a8caed02de67eebee0121025476c2e83188368da1ff3e292e7acafcdb3566bb0ad253f62fc70f07aeee635711000000",
			[]types.TxOut{{Value: 625000000, Script: unhex(t, "2103c9f4836b9a4f77fc0d81f7bcb01b7f1b35916864b9476c241ce9fc198bd25432ac")}, {Value: 600000000, Script: unhex(t, "00141d0f172a0ecb48aee1be1f2687d2963ae33f71a1")}},
			[]string{"bbc27228ddcb9209d7fd6f36b02f7dfa6252af40bb2f1cbc7a557da8027ff866", "619c335025c7f4012e556c2a58b2506e30b8511b53ade95ea316fd8c3286feb9"}},
		{"01000000000101db6b1b20aa0fd7b23880be2ecbd4a98130974cf4748fb66092ac4d3ceb1a5477010000001716001479091972186c449eb1ded22b78e40d009bdf0089feffffff02b8b4eb0b000000001976a914a457b684d7f0d539a46a45bbc043f35b59d0d96388ac0008af2f000000001976a914fd270b1ee6abcaea97fea7ad0402e8bd8ad6d77c88ac02473044022047ac8e878352d3ebbde1c94ce3a10d057c24175747116f8288e5d794d12d482f0220217f36a485cae903c713331d877c1f64677e3622ad4010726870540656fe9dcb012103ad1d8e89212f0b92c74d23bb710c00662ad1470198ac48c43f7d6f93a2a2687392040000",
			[]types.TxOut{{Value: 1000000000, Script: unhex(t, "a9144733f37cf4db86fbc2efed2500b4f4e49f31202387")}},
			[]string{"eb696a065ef48a2192da5b28b694f87544b30fae8327c4510137a922f32c6dcf"}},
	} {
		tally.Run(t, strconv.Itoa(n), func(t *testing.T) { signAgain(t, c.signed, c.spent, c.keys) })
	}
}

func signAgain(t *testing.T, signed string, spent []types.TxOut, keys []string) {
	tx := decodeTx(t, signed)
	for i := range tx.In {
		if err := run(tx, i, spent, StandardFlags); err != nil {
			t.Error(err)
		}
		scriptSig, witness, err := SignInput(NewSigSums(tx, spent), i, [32]byte(unhex(t, keys[i])), [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		again := tx.Clone()
		again.In[i].ScriptSig, again.In[i].Witness = scriptSig, witness
		if got := hex.EncodeToString(again.Bytes()); got != signed {
			t.Errorf("input %d signed again:\n got %s\nwant %s", i, got, signed)
		}
	}
}

func TestBIP340(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "bip340.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 2 {
		t.Fatalf("%d rows", len(rows))
	}
	tally := vectors.New(t, "bip340", 19)
	for _, row := range rows[1:] {
		tally.Run(t, row[0], func(t *testing.T) { runBIP340(t, row) })
	}
	for n, size := range []int{0, 1, 17, 100} {
		tally.LeftOut(fmt.Sprintf("vector %d", 15+n), fmt.Sprintf("its message has %d bytes; all that Bitcoin signs has 32", size))
	}
}

func runBIP340(t *testing.T, row []string) {
	key, message := [32]byte(unhex(t, row[2])), [32]byte(unhex(t, row[4]))
	sig, want := [64]byte(unhex(t, row[5])), row[6] == "TRUE"
	if got := NewVerifier().Schnorr(&message, &sig, &key); got != want {
		t.Errorf("got %v, want %v (%s)", got, want, row[7])
	}
	if row[1] == "" {
		return
	}
	priv := [32]byte(unhex(t, row[1]))
	got, err := SignSchnorr(priv, message, [32]byte(unhex(t, row[3])))
	if err != nil || got != sig {
		t.Errorf("signed: got %x %v, want %x", got, err, sig)
	}
	if pub, err := PublicKey(priv); err != nil || XOnly(pub) != key {
		t.Errorf("key %x %v, want %x", pub, err, key)
	}
}

// bip341 are the wallet vectors of BIP341.
type bip341 struct {
	ScriptPubKey []struct {
		InternalPubkey, MerkleRoot, TweakedPubkey, ScriptPubKey, Bip350Address string
		Leaves                                                                 []struct {
			Script, Hash, ControlBlock string
			LeafVersion                byte
		}
	}
	RawUnsignedTx string
	UtxosSpent    []struct {
		ScriptPubKey string
		AmountSats   int64
	}
	InputSpending []struct {
		TxinIndex                                            int
		InternalPrivkey, MerkleRoot, TweakedPrivkey, SigHash string
		Witness                                              string
		HashType                                             byte
	}
	FullySignedTx string
}

func loadBIP341(t *testing.T) (v bip341, spent []types.TxOut) {
	t.Helper()
	loadJSON(t, "bip341.json", &v)
	if len(v.ScriptPubKey) != 7 || len(v.InputSpending) != 7 || len(v.UtxosSpent) != 9 {
		t.Fatal("vectors are missing")
	}
	for _, u := range v.UtxosSpent {
		spent = append(spent, types.TxOut{Value: u.AmountSats, Script: unhex(t, u.ScriptPubKey)})
	}
	return v, spent
}

func TestBIP341Keys(t *testing.T) {
	v, _ := loadBIP341(t)
	tally := vectors.New(t, "bip341 keys", 7)
	for i, c := range v.ScriptPubKey {
		internal := [32]byte(unhex(t, c.InternalPubkey))
		out, _, err := TweakPublicKey(internal, unhex(t, c.MerkleRoot))
		if err != nil || hex.EncodeToString(out[:]) != c.TweakedPubkey {
			t.Errorf("key %d: got %x %v, want %s", i, out, err, c.TweakedPubkey)
		}
		lock := PayToTaproot(out)
		address, ok := EncodeAddress(AddressParams{HRP: "bc"}, lock)
		passed := hex.EncodeToString(lock) == c.ScriptPubKey && ok && address == c.Bip350Address &&
			(c.MerkleRoot != "" || TaprootOutputKey(internal) == out)
		if tally.Case(passed); !passed {
			t.Errorf("key %d: got %x %s, want %s %s", i, lock, address, c.ScriptPubKey, c.Bip350Address)
		}
	}
}

// TestBIP341Trees spends each leaf of the script trees with its control block.
func TestBIP341Trees(t *testing.T) {
	v, _ := loadBIP341(t)
	tally := vectors.New(t, "bip341 leaves", 12)
	for i, c := range v.ScriptPubKey {
		for j, leaf := range c.Leaves {
			tally.Run(t, fmt.Sprintf("tree %d, leaf %d", i, j), func(t *testing.T) {
				spendLeaf(t, unhex(t, c.ScriptPubKey), unhex(t, leaf.Script), unhex(t, leaf.ControlBlock), leaf.LeafVersion, leaf.Hash, c.MerkleRoot)
			})
		}
	}
}

func spendLeaf(t *testing.T, lock, script, control []byte, version byte, hash, root string) {
	node := TapLeafHash(version, script)
	if hex.EncodeToString(node[:]) != hash {
		t.Errorf("hash %x, want %s", node, hash)
	}
	if !commitsTo(lock[2:], control, node) {
		t.Error("the output does not commit to it")
	}
	for path := control[controlBlockBase:]; len(path) > 0; path = path[controlBlockNode:] {
		node = TapBranchHash(node, [32]byte(path))
	}
	if hex.EncodeToString(node[:]) != root {
		t.Errorf("root %x, want %s", node, root)
	}
	want := Error("") // a push of text, or an unknown version
	if bytes.HasSuffix(script, []byte{opCheckSig}) {
		want = ErrInvalidStackOperation // CHECKSIG without a signature
	}
	tx, spent := spendOf(lock, nil, [][]byte{script, control}, 1)
	if got := scriptError(t, run(tx, 0, spent, ConsensusFlags)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBIP341Signatures(t *testing.T) {
	v, spent := loadBIP341(t)
	sums := NewSigSums(decodeTx(t, v.RawUnsignedTx), spent)
	tally := vectors.New(t, "bip341 signatures", 7)
	for _, c := range v.InputSpending {
		tally.Run(t, strconv.Itoa(c.TxinIndex), func(t *testing.T) {
			priv, err := TweakPrivateKey([32]byte(unhex(t, c.InternalPrivkey)), unhex(t, c.MerkleRoot))
			if err != nil || hex.EncodeToString(priv[:]) != c.TweakedPrivkey {
				t.Errorf("private key %x %v, want %s", priv, err, c.TweakedPrivkey)
			}
			hash, ok := TaprootSigHash(sums, c.TxinIndex, c.HashType, nil, nil)
			if !ok || hex.EncodeToString(hash[:]) != c.SigHash {
				t.Errorf("hash %x, want %s", hash[:], c.SigHash)
			}
			sig, err := SignTaprootKeyPath(priv, hash, c.HashType, [32]byte{})
			if err != nil || hex.EncodeToString(sig) != c.Witness {
				t.Errorf("signature %x %v, want %s", sig, err, c.Witness)
			}
		})
	}
	// All kinds of inputs in one transaction, verified together.
	checks := checksOf(decodeTx(t, v.FullySignedTx), spent, StandardFlags)
	if err := (&Runner{Verifier: NewVerifier()}).Run(checks); err != nil {
		t.Error(err)
	}
}

// checksOf returns the checks of all inputs of tx.
func checksOf(tx *types.Tx, spent []types.TxOut, flags Flags) []Check {
	sums := NewSigSums(tx, spent)
	checks := make([]Check, len(tx.In))
	for i := range checks {
		checks[i] = Check{Tx: tx, Input: i, Spent: spent, Flags: flags, Sums: sums}
	}
	return checks
}
