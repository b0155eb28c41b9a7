package scripts

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// flagNames are Bitcoin Core's names of the rules, as the vectors write them.
var flagNames = map[string]script.Flags{
	"": 0, "NONE": 0,
	"P2SH": script.VerifyP2SH, "STRICTENC": script.VerifyStrictEnc, "DERSIG": script.VerifyDERSig, "LOW_S": script.VerifyLowS,
	"NULLDUMMY": script.VerifyNullDummy, "SIGPUSHONLY": script.VerifySigPushOnly, "MINIMALDATA": script.VerifyMinimalData,
	"DISCOURAGE_UPGRADABLE_NOPS": script.DiscourageUpgradableNops, "CLEANSTACK": script.VerifyCleanStack,
	"CHECKLOCKTIMEVERIFY": script.VerifyCLTV, "CHECKSEQUENCEVERIFY": script.VerifyCSV, "WITNESS": script.VerifyWitness,
	"DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM": script.DiscourageUpgradableWitnessProgram, "MINIMALIF": script.VerifyMinimalIf,
	"NULLFAIL": script.VerifyNullFail, "WITNESS_PUBKEYTYPE": script.VerifyWitnessPubKeyType,
	"CONST_SCRIPTCODE": script.VerifyConstScriptCode, "TAPROOT": script.VerifyTaproot,
	"DISCOURAGE_UPGRADABLE_PUBKEYTYPE": script.DiscourageUpgradablePubKeyType, "DISCOURAGE_OP_SUCCESS": script.DiscourageOpSuccess,
	"DISCOURAGE_UPGRADABLE_TAPROOT_VERSION": script.DiscourageUpgradableTaprootVersion,
}

func parseFlags(t testing.TB, text string) (f script.Flags) {
	t.Helper()
	for _, name := range strings.Split(text, ",") {
		bit, ok := flagNames[name]
		if !ok {
			t.Fatalf("unknown flag %q", name)
		}
		f |= bit
	}
	return coherent(f)
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return b
}

// dataDir is where btcd's module keeps the public vectors.
func dataDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd/txscript/v2").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "data")
}

func load(t testing.TB, file string) (rows [][]any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dataDir(t), file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return rows
}

// assemble reads a script as the vectors write it.
func assemble(t testing.TB, text string) (b []byte) {
	t.Helper()
	for _, word := range strings.Fields(text) {
		if n, err := strconv.ParseInt(word, 10, 64); err == nil {
			b = append(b, script.PushInt(n)...)
		} else if strings.HasPrefix(word, "0x") {
			b = append(b, unhex(t, word[2:])...)
		} else if len(word) > 1 && word[0] == '\'' {
			b = append(b, script.PushData([]byte(word[1:len(word)-1]))...)
		} else if op, ok := txscript.OpcodeByName["OP_"+strings.TrimPrefix(word, "OP_")]; ok {
			b = append(b, op)
		} else {
			t.Fatalf("unknown word %q", word)
		}
	}
	return b
}

// scriptVectors are script_tests.json: a transaction that pays to a script and one that spends it.
func scriptVectors(t testing.TB) (list []*spend) {
	t.Helper()
	for i, row := range load(t, "script_tests.json") {
		if len(row) < 4 {
			continue // a comment
		}
		if strings.Contains(fmt.Sprint(row...), "#") {
			continue // a taproot tree that the reader has to build; taproot-ref has many
		}
		var witness [][]byte
		var value int64
		if items, ok := row[0].([]any); ok {
			for _, item := range items[:len(items)-1] {
				witness = append(witness, unhex(t, item.(string)))
			}
			value = int64(math.Round(items[len(items)-1].(float64) * 1e8))
			row = row[1:]
		}
		credit := &types.Tx{
			Version: 1,
			In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: []byte{0, 0}, Sequence: 0xffffffff}},
			Out:     []types.TxOut{{Value: value, Script: assemble(t, row[1].(string))}},
		}
		tx := &types.Tx{
			Version: 1,
			In: []types.TxIn{{
				PrevOut: types.OutPoint{TxID: credit.ID()}, ScriptSig: assemble(t, row[0].(string)), Sequence: 0xffffffff, Witness: witness,
			}},
			Out: []types.TxOut{{Value: value}},
		}
		list = append(list, &spend{
			name: fmt.Sprintf("script_tests %d", i), tx: tx, spent: credit.Out, flags: parseFlags(t, row[2].(string)),
		})
	}
	return list
}

// txVectors are tx_valid.json and tx_invalid.json, each input a spend. In tx_valid the flags are those that are left out.
func txVectors(t testing.TB, file string) (list []*spend) {
	t.Helper()
	for i, row := range load(t, file) {
		if len(row) < 3 {
			continue // a comment
		}
		outs := map[types.OutPoint]types.TxOut{}
		for _, in := range row[0].([]any) {
			f := in.([]any)
			hash, err := types.ParseHash(f[0].(string))
			if err != nil {
				t.Fatal(err)
			}
			out := types.TxOut{Script: assemble(t, f[2].(string))}
			if len(f) > 3 {
				out.Value = int64(f[3].(float64))
			}
			outs[types.OutPoint{TxID: hash, Index: uint32(int64(f[1].(float64)))}] = out
		}
		tx, err := types.DecodeTx(unhex(t, row[1].(string)))
		if err != nil {
			continue // no transaction at all
		}
		var flags script.Flags
		if text := row[2].(string); text != "BADTX" {
			flags = parseFlags(t, text)
		}
		if file == "tx_valid.json" {
			flags = coherent(script.StandardFlags &^ flags)
		}
		spent := make([]types.TxOut, len(tx.In))
		known := true
		for j, in := range tx.In {
			out, ok := outs[in.PrevOut]
			spent[j], known = out, known && ok
		}
		for j := 0; known && j < len(tx.In); j++ {
			list = append(list, &spend{name: fmt.Sprintf("%s %d", file, i), tx: tx, input: j, spent: spent, flags: flags})
		}
	}
	return list
}

// taprootVectors are the folder taproot-ref, each with a spend that works and one that fails.
func taprootVectors(t testing.TB) (list []*spend) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dataDir(t), "taproot-ref", "*"))
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			Tx, Flags        string
			Prevouts         []string
			Index            int
			Success, Failure *struct {
				ScriptSig string
				Witness   []string
			}
		}
		if err := json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimSpace(string(text)), ",")), &v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		base, err := types.DecodeTx(unhex(t, v.Tx))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		var spent []types.TxOut
		for _, out := range v.Prevouts {
			d := types.NewDecoder(unhex(t, out))
			spent = append(spent, d.TxOut())
			if err := d.Finish(); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		for name, way := range map[string]*struct {
			ScriptSig string
			Witness   []string
		}{"success": v.Success, "failure": v.Failure} {
			if way == nil {
				continue
			}
			tx := base.Clone()
			in := &tx.In[v.Index]
			in.ScriptSig, in.Witness = unhex(t, way.ScriptSig), nil
			for _, item := range way.Witness {
				in.Witness = append(in.Witness, unhex(t, item))
			}
			list = append(list, &spend{
				name: "taproot-ref " + filepath.Base(file) + " " + name, tx: tx, input: v.Index, spent: spent, flags: parseFlags(t, v.Flags),
			})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].name < list[j].name })
	return list
}

// vectors are all of them.
func vectors(t testing.TB) []*spend {
	t.Helper()
	var all []*spend
	for _, part := range [][]*spend{scriptVectors(t), txVectors(t, "tx_valid.json"), txVectors(t, "tx_invalid.json"), taprootVectors(t)} {
		if len(part) < 100 {
			t.Fatalf("only %d vectors in one of the files", len(part))
		}
		all = append(all, part...)
	}
	return all
}
