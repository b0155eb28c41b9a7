package consensus_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// publicTxs calls f with the flags and the transaction of each of Bitcoin Core's cases.
func publicTxs(t *testing.T, file string, f func(flags, text string)) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("script", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var cases []json.RawMessage
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var fields []json.RawMessage
		var text, flags string
		if json.Unmarshal(c, &fields) == nil && len(fields) == 3 &&
			json.Unmarshal(fields[1], &text) == nil && json.Unmarshal(fields[2], &flags) == nil {
			f(flags, text)
		}
	}
}

// TestPublicTransactions: CheckTx takes all valid transactions of Bitcoin Core's vectors, and refuses those of the invalid
// ones that are marked as wrong by themselves.
func TestPublicTransactions(t *testing.T) {
	p := consensus.Regtest()
	good, bad := 0, 0
	publicTxs(t, "tx_valid.json", func(_, text string) {
		tx, err := types.DecodeTx(unhex(t, text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		if err := consensus.CheckTx(p, tx); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		good++
	})
	publicTxs(t, "tx_invalid.json", func(flags, text string) {
		tx, err := types.DecodeTx(unhex(t, text))
		if !strings.Contains(flags, "BADTX") || err != nil {
			return
		}
		if err := consensus.CheckTx(p, tx); consensus.KindOf(err) == "" {
			t.Errorf("%s is accepted", text)
		}
		bad++
	})
	if good < 100 || bad < 8 {
		t.Errorf("only %d valid and %d invalid transactions found", good, bad)
	}
}

// place stands for the parent of a block whose ancestors are not at hand.
type place struct {
	height int32
	median int64
}

func (p place) Height() int32                     { return p.height }
func (p place) Hash() types.Hash                  { return types.Hash{} }
func (p place) Header() types.Header              { return types.Header{} }
func (p place) Work() consensus.Work              { return consensus.Work{} }
func (p place) MedianTime() int64                 { return p.median }
func (p place) Ancestor(int32) consensus.Ancestry { return nil }

// TestRealBlocks judges two large blocks of Bitcoin's main network, almost at the weight limit, which another module
// carries as test data. It is skipped where that module is not downloaded.
func TestRealBlocks(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/btcsuite/btcd/wire/v2").Output()
	if err != nil {
		t.Skipf("the blocks' module is not at hand: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "testdata", "block-*.blk"))
	if err != nil || len(files) == 0 {
		t.Skip("the blocks' module is not at hand")
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b, err := types.DecodeBlock(raw)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if !strings.Contains(file, b.Hash().String()) || hex.EncodeToString(b.Bytes()) != hex.EncodeToString(raw) {
			t.Errorf("%s: hash %s, or encoded differently", file, b.Hash())
		}
		judgeRealBlock(t, b)
	}
}

func judgeRealBlock(t *testing.T, b *types.Block) {
	t.Helper()
	p := consensus.Regtest()
	if err := consensus.CheckWork(p, &b.Header, b.Hash()); err != nil {
		t.Errorf("%s: %v", b.Hash(), err)
	}
	if err := consensus.CheckBlock(p, b); err != nil {
		t.Errorf("%s: %v", b.Hash(), err)
	}
	sig := b.Txs[0].In[0].ScriptSig // 3, then the height
	height := int32(sig[1]) | int32(sig[2])<<8 | int32(sig[3])<<16
	parent := place{height - 1, int64(b.Header.Time) - 1}
	if err := consensus.CheckBlockInPlace(p, parent, b); err != nil {
		t.Errorf("%s at height %d: %v", b.Hash(), height, err)
	}
	if spent := consensus.SpentOutpoints(b); len(spent) < 1000 {
		t.Errorf("%s spends only %d coins", b.Hash(), len(spent))
	}
	t.Logf("%s: height %d, %d transactions, weight %d, witnesses %v", b.Hash(), height, len(b.Txs), b.Weight(), b.Size() != b.BaseSize())
}
