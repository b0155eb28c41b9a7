package chain_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/blockfile"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// mainnetFile finds the file with blocks 0 to 14,131 of Bitcoin in the module cache, where btcd's module has it. It is not
// downloaded for this test.
func mainnetFile(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	dirs, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "github.com", "btcsuite", "btcd@*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		file := filepath.Join(dir, "blockchain", "testdata", "blk_0_to_14131.dat")
		if _, err := os.Stat(file); err == nil {
			return file
		}
	}
	t.Skip("the real blocks are not in the module cache: `go mod download github.com/btcsuite/btcd@v0.26.2`")
	return ""
}

func mainnetBlocks(t *testing.T) []*types.Block {
	t.Helper()
	f, err := os.Open(mainnetFile(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var blocks []*types.Block
	for r := blockfile.NewReader(f, consensus.Mainnet().Magic); ; {
		raw, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := types.DecodeBlock(raw)
		if err != nil {
			t.Fatalf("block %d: %v", len(blocks), err)
		}
		blocks = append(blocks, b)
	}
	if len(blocks) != 14_132 {
		t.Fatalf("%d blocks, want 14,132", len(blocks))
	}
	return blocks
}

func openMainnet(t *testing.T, store chain.Store) *chain.Chain {
	t.Helper()
	cfg := storetest.Config(consensus.Mainnet(), store)
	cfg.Verify = &script.Runner{Verifier: script.NewVerifier()}
	return storetest.Open(t, cfg)
}

// TestRealBlocks validates the first 14,132 blocks of Bitcoin with all their scripts: versions of 1, coinbases
// without heights, outputs that pay to bare keys, BIP30 checked against the coin set.
func TestRealBlocks(t *testing.T) {
	blocks := mainnetBlocks(t)
	store := memdb.New()
	c := openMainnet(t, store)
	start, txs := time.Now(), 0
	for i, b := range blocks {
		known, err := c.AddBlock(b)
		if err != nil || known != (i == 0) {
			t.Fatalf("block %d: known %t, %v", i, known, err)
		}
		txs += len(b.Txs)
	}
	t.Logf("%d blocks with %d transactions in %v", len(blocks), txs, time.Since(start).Round(time.Millisecond))
	last := blocks[len(blocks)-1]
	if tip := c.Tip(); tip.Height() != 14_131 || tip.Hash() != last.Hash() {
		t.Fatalf("the tip is %d %s", tip.Height(), tip.Hash())
	}
	info, err := c.SetInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(14_131) * 50 * consensus.CoinUnit; info.Amount != want {
		t.Errorf("all coins are worth %d, want %d", info.Amount, want)
	}
	if err := c.Verify(t.Context(), 200, nil); err != nil {
		t.Errorf("verify: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again := openMainnet(t, store.Reopen())
	if again.Tip().Hash() != last.Hash() {
		t.Errorf("after a restart the tip is %d", again.Tip().Height())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
