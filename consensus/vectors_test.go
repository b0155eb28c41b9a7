package consensus_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/internal/vectors"
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
	valid := vectors.New(t, "tx_valid, form", 121)
	publicTxs(t, "tx_valid.json", func(_, text string) {
		tx, err := types.DecodeTx(unhex(t, text))
		if err == nil {
			err = consensus.CheckTx(p, tx)
		}
		if valid.Case(err == nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	})
	invalid := vectors.New(t, "tx_invalid, form", 9)
	publicTxs(t, "tx_invalid.json", func(flags, text string) {
		if !strings.Contains(flags, "BADTX") {
			return
		}
		tx, err := types.DecodeTx(unhex(t, text))
		refused := err != nil || consensus.KindOf(consensus.CheckTx(p, tx)) != ""
		if invalid.Case(refused); !refused {
			t.Errorf("%s is accepted", text)
		}
	})
}
