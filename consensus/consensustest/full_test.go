package consensustest_test

import (
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// fullBlock mines what f prepares and returns a block of what it fills, a divide-th of a whole one.
func fullBlock(t *testing.T, c *consensustest.Chain, f consensustest.Full, divide int) *types.Block {
	t.Helper()
	prepared, err := f.Prepare(consensustest.CoinEntry(c.Tip().Block.Txs[0], 0), divide)
	if err != nil {
		t.Fatal(err)
	}
	c.Mine(prepared)
	unsigned := f.Fill(prepared, divide)
	switch {
	case divide == 1 && f == consensustest.FullOfInputs: // signing takes long, and says nothing of the size
		for _, tx := range unsigned.Txs {
			tx.In[0].Witness = [][]byte{make([]byte, 72), make([]byte, 33)}
		}
	case divide == 1 && f == consensustest.FullOfHashing:
		for i := range unsigned.Txs[0].In {
			unsigned.Txs[0].In[i].ScriptSig = make([]byte, 73)
		}
	default:
		if _, err := unsigned.SignAll(); err != nil {
			t.Fatal(err)
		}
	}
	b := c.Build(c.Tip(), consensustest.KeyLock(), unsigned.Txs...)
	consensustest.Solve(b)
	return b
}

func fullChain(t *testing.T) *consensustest.Chain {
	p := consensus.Regtest()
	p.CoinbaseMaturity = 1
	c := consensustest.NewChain(t, p)
	c.PayTo = consensustest.KeyLock()
	c.Mine()
	return c
}

// TestFullBlocks: smaller blocks of each kind are valid, scripts too.
func TestFullBlocks(t *testing.T) {
	for _, f := range consensustest.Fulls() {
		c := fullChain(t)
		n, err := c.Add(fullBlock(t, c, f, 300))
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		if err := (&script.Runner{Verifier: script.NewVerifier()}).Run(n.Checks); err != nil || len(n.Checks) == 0 {
			t.Errorf("%v: %d checks, %v", f, len(n.Checks), err)
		}
	}
	poor := consensustest.CoinEntry(fullChain(t).Tip().Block.Txs[0], 0)
	poor.Coin.Out.Value = 1_000_000
	if _, err := consensustest.FullOfInputs.Prepare(poor, 1); err == nil {
		t.Error("a poor coin was split")
	}
}

// TestFullToTheBrim: a whole block of each kind is within the rules, and near the bound that it is named after.
func TestFullToTheBrim(t *testing.T) {
	for f, near := range map[consensustest.Full]func(b *types.Block) bool{
		consensustest.FullOfInputs: func(b *types.Block) bool { return len(b.Txs) > 9000 && b.Weight() > types.MaxBlockWeight*99/100 },
		consensustest.FullOfOutputs: func(b *types.Block) bool {
			return len(b.Txs[1].Out) == 111_000 && b.Weight() > types.MaxBlockWeight*99/100
		},
		consensustest.FullOfSigOps: func(b *types.Block) bool { return (len(b.Txs)-1)*15*4 > consensus.MaxBlockSigOpCost*99/100 },
		consensustest.FullOfHashing: func(b *types.Block) bool {
			return len(b.Txs[1].In) > 5000 && b.Txs[1].BaseSize() > types.MaxBlockWeight/types.WitnessScale*98/100
		},
	} {
		c := fullChain(t)
		b := fullBlock(t, c, f, 1)
		if n, err := c.Add(b); err != nil || !near(b) {
			t.Errorf("%v: %v; %d transactions, weight %d, %v", f, err, len(b.Txs), b.Weight(), n != nil)
		}
	}
}
