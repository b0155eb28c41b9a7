package consensus_test

import (
	"encoding/hex"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/types"
)

func TestRegtestGenesis(t *testing.T) {
	g := consensus.Regtest().Genesis
	if got, want := g.Hash().String(), "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"; got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
	const raw = "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a" +
		"dae5494dffff7f2002000000" + "0101000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"
	if got := hex.EncodeToString(g.Bytes()); got != raw {
		t.Errorf("genesis encodes to\n%s, want\n%s", got, raw)
	}
}

// TestCairnGenesis mines the genesis of cairn again: the nonce that is embedded is the first that meets the limit.
func TestCairnGenesis(t *testing.T) {
	p := consensus.Cairn()
	g := p.Genesis
	if root, _ := merkle.Root([]types.Hash{g.Txs[0].ID()}); root != g.Header.MerkleRoot {
		t.Error("the header does not commit to the coinbase")
	}
	if g.Header.Bits != p.PowLimitBits {
		t.Errorf("bits %08x, want the limit %08x", g.Header.Bits, p.PowLimitBits)
	}
	for i, out := range g.Txs[0].Out {
		if !script.Unspendable(out.Script) {
			t.Errorf("output %d can be spent", i)
		}
	}
	target, _ := consensus.TargetFromBits(p.PowLimitBits)
	h := g.Header
	h.Nonce = 0
	for !consensus.MeetsTarget(h.Hash(), target) {
		h.Nonce++
	}
	if h.Nonce != g.Header.Nonce {
		t.Errorf("embedded nonce %d, mined %d", g.Header.Nonce, h.Nonce)
	}
	if got := g.Hash().String(); got != cairnGenesisHash {
		t.Errorf("hash %s, want %s", got, cairnGenesisHash)
	}
	if err := consensus.CheckWork(p, &g.Header, g.Hash()); err != nil {
		t.Errorf("work: %v", err)
	}
	if err := consensus.CheckBlock(p, g); err != nil {
		t.Errorf("genesis breaks the rules: %v", err)
	}
}

const cairnGenesisHash = "00008c120a87f5e83d14a289c620ed04b31a177b488d13bd29772c4300d8cbb2"
