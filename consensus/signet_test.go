package consensus_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// signetBlocks are blocks 1 to 10 of the default signet.
func signetBlocks(t *testing.T) (blocks []*types.Block) {
	t.Helper()
	f, err := os.Open("testdata/signet/blocks.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		raw, err := hex.DecodeString(s.Text())
		if err != nil {
			t.Fatal(err)
		}
		b, err := types.DecodeBlock(raw)
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	if len(blocks) != 10 {
		t.Fatalf("%d blocks, want 10", len(blocks))
	}
	return blocks
}

// TestRealSignetBlocks judges them with all rules, and verifies each solution by hand: the challenge is 1 of 2 keys.
func TestRealSignetBlocks(t *testing.T) {
	c := consensustest.NewChain(t, consensus.Signet())
	challenge := c.Params.SignetChallenge
	keys := [][]byte{challenge[2:35], challenge[36:69]}
	verifier := script.NewVerifier()
	for _, b := range signetBlocks(t) {
		n, err := c.Add(b)
		if err != nil {
			t.Fatalf("block %d: %v", c.Tip().Height()+1, err)
		}
		check, err := consensus.SignetCheck(c.Params, b)
		if err != nil || check == nil {
			t.Fatalf("block %d: %v", n.Height(), err)
		}
		sig := check.Tx.In[0].ScriptSig // OP_0, a push of a signature with its hash type
		if len(sig) < 3 || sig[0] != 0 || int(sig[1]) != len(sig)-2 || sig[len(sig)-1] != 1 {
			t.Fatalf("block %d: solution %x", n.Height(), sig)
		}
		hash := [32]byte(script.LegacySigHash(check.Tx, 0, challenge, 1))
		good := 0
		for _, key := range keys {
			if verifier.ECDSA(&hash, sig[2:len(sig)-1], key) {
				good++
			}
		}
		if good != 1 {
			t.Errorf("block %d: the signature is that of %d keys", n.Height(), good)
		}
	}
	if want := "00000086d6b2636cb2a392d45edc4ec544a10024d30141c9adf4bfd9de533b53"; c.Tip().Ancestor(1).Hash().String() != want {
		t.Errorf("block 1 is %s", c.Tip().Ancestor(1).Hash())
	}
}

// TestRunRealSignetChecks runs the same solutions as scripts.
func TestRunRealSignetChecks(t *testing.T) {
	p := consensus.Signet()
	runner := &script.Runner{Verifier: script.NewVerifier()}
	for i, b := range signetBlocks(t) {
		check, err := consensus.SignetCheck(p, b)
		if err != nil {
			t.Fatal(err)
		}
		err = runner.Run([]script.Check{*check})
		if err != nil && strings.Contains(err.Error(), "script form not supported") {
			t.Skip("bare multisig cannot be run yet")
		}
		if err != nil {
			t.Errorf("block %d: %v", i+1, err)
		}
		// Both keys, as another challenge, are not satisfied.
		other := *p
		other.SignetChallenge = append([]byte{0x52}, p.SignetChallenge[1:]...)
		if check, err = consensus.SignetCheck(&other, b); err != nil {
			t.Fatal(err)
		}
		if runner.Run([]script.Check{*check}) == nil {
			t.Errorf("block %d: one signature for two keys", i+1)
		}
	}
}

// ownSignet is regtest with a challenge that the key of the tests satisfies.
func ownSignet() *consensus.Params {
	p := consensus.Regtest()
	p.Name, p.SignetChallenge = "own-signet", consensustest.KeyLock()
	return p
}

// sign puts a solution into the commitment of a block that is being built.
func sign(t *testing.T, p *consensus.Params, b *types.Block) {
	t.Helper()
	setSolution(b, []byte{0, 0})
	check, err := consensus.SignetCheck(p, copyOf(b))
	if err != nil {
		t.Fatal(err)
	}
	_, witness, err := script.SignInput(check.Sums, 0, consensustest.Key, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	solution := types.AppendVarInt([]byte{0}, uint64(len(witness)))
	for _, item := range witness {
		solution = types.AppendVarBytes(solution, item)
	}
	setSolution(b, solution)
}

// copyOf returns a block whose hash was never asked for.
func copyOf(b *types.Block) *types.Block {
	return &types.Block{Header: b.Header, Txs: append([]*types.Tx(nil), b.Txs...)}
}

func setSolution(b *types.Block, solution []byte) {
	changeCoinbase(b, func(tx *types.Tx) {
		lock := &tx.Out[consensus.CommitmentIndex(tx)].Script
		*lock = append(bytes.Clone((*lock)[:38]), script.PushData(append([]byte{0xec, 0xc7, 0xda, 0xa2}, solution...))...)
	})
}

func TestSignetSolutions(t *testing.T) {
	p := ownSignet()
	c := consensustest.NewChain(t, p)
	runner := &script.Runner{Verifier: script.NewVerifier()}
	judge := func(change func(b *types.Block)) (kind consensus.Kind, ran error) {
		t.Helper()
		b := c.Build(c.Tip(), consensustest.KeyLock())
		sign(t, p, b)
		change(b)
		consensus.SetMerkleRoot(b)
		check, err := consensus.SignetCheck(p, b)
		if err != nil {
			return consensus.KindOf(err), nil
		}
		return "", runner.Run([]script.Check{*check})
	}
	for name, change := range map[string]func(b *types.Block){
		"signed":        func(*types.Block) {},
		"another nonce": func(b *types.Block) { b.Header.Nonce += 77 },
		"other bits":    func(b *types.Block) { b.Header.Bits-- },
	} {
		if kind, err := judge(change); kind != "" || err != nil {
			t.Errorf("%s: %s, %v", name, kind, err)
		}
	}
	for name, change := range map[string]func(b *types.Block){
		"another time":    func(b *types.Block) { b.Header.Time++ },
		"another version": func(b *types.Block) { b.Header.Version++ },
		"another parent":  func(b *types.Block) { b.Header.PrevHash[3]++ },
		"another payee":   func(b *types.Block) { changeCoinbase(b, func(tx *types.Tx) { tx.Out[0].Script = []byte{0x51} }) },
		"no signature":    func(b *types.Block) { setSolution(b, []byte{0, 0}) },
		"another transaction": func(b *types.Block) {
			b.Txs = append(b.Txs, consensustest.SpendTx(0, consensustest.CoinEntry(b.Txs[0], 0)))
		},
	} {
		if kind, err := judge(change); kind != "" || err == nil {
			t.Errorf("%s: %s, %v", name, kind, err)
		}
	}
	for name, change := range map[string]func(b *types.Block){
		"no commitment": func(b *types.Block) { changeCoinbase(b, func(tx *types.Tx) { tx.Out = tx.Out[:1] }) },
		"cut off":       func(b *types.Block) { setSolution(b, []byte{0}) },
		"cut item":      func(b *types.Block) { setSolution(b, []byte{0, 1, 5, 1, 2}) },
		"many items":    func(b *types.Block) { setSolution(b, []byte{0, 0xfe, 0xff, 0xff, 0xff, 0x7f}) },
		"trailing byte": func(b *types.Block) { setSolution(b, []byte{0, 0, 0}) },
	} {
		if kind, err := judge(change); kind != consensus.BadSignetBlockSig {
			t.Errorf("%s: %q, %v", name, kind, err)
		}
	}
}

// TestSignetWithoutSolution: a challenge that anybody satisfies needs no push of the header at all, or one with nothing behind it.
func TestSignetWithoutSolution(t *testing.T) {
	p := ownSignet()
	p.SignetChallenge = []byte{0x51}
	b := consensustest.NewChain(t, p).Build(consensustest.NewNode(nil, p.Genesis), consensustest.KeyLock())
	for _, extra := range [][]byte{nil, {4, 0xec, 0xc7, 0xda, 0xa2}, {1, 7, 0x4c, 0}, {0x4c}, {5, 0xec}} {
		changeCoinbase(b, func(tx *types.Tx) {
			lock := &tx.Out[consensus.CommitmentIndex(tx)].Script
			*lock = append(bytes.Clone((*lock)[:38]), extra...)
		})
		check, err := consensus.SignetCheck(p, copyOf(b))
		if err != nil || len(check.Tx.In[0].ScriptSig) != 0 || check.Tx.In[0].Witness != nil {
			t.Errorf("%x: %v", extra, err)
		}
	}
	if check, err := consensus.SignetCheck(p, p.Genesis); check != nil || err != nil {
		t.Errorf("genesis: %v, %v", check, err)
	}
	if check, err := consensus.SignetCheck(consensus.Regtest(), b); check != nil || err != nil {
		t.Errorf("no signet: %v, %v", check, err)
	}
}

// FuzzSignetSolution: whatever follows the commitment, there is a verdict.
func FuzzSignetSolution(f *testing.F) {
	f.Add([]byte{4, 0xec, 0xc7, 0xda, 0xa2})
	f.Add([]byte{6, 0xec, 0xc7, 0xda, 0xa2, 0, 0})
	f.Add([]byte{0x4e, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{0x4d, 5, 0, 0xec, 0xc7, 0xda, 0xa2, 1, 0x51})
	p := consensus.Signet()
	f.Fuzz(func(t *testing.T, extra []byte) {
		coinbase := &types.Tx{Version: 1, In: []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: []byte{0x51, 0x51}}},
			Out: []types.TxOut{{Script: append(append([]byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}, make([]byte, 32)...), extra...)}}}
		b := &types.Block{Header: types.Header{Version: 4}, Txs: []*types.Tx{coinbase}}
		before := coinbase.ID()
		check, err := consensus.SignetCheck(p, b)
		if (check == nil) == (err == nil) {
			t.Fatalf("%v and %v", check, err)
		}
		if err != nil && consensus.KindOf(err) != consensus.BadSignetBlockSig {
			t.Fatal(err)
		}
		if coinbase.Clone().ID() != before {
			t.Fatal("the block was changed")
		}
	})
}

func TestSignetMagic(t *testing.T) {
	sum := types.DoubleSHA256(types.AppendVarBytes(nil, consensus.Signet().SignetChallenge))
	if got := hex.EncodeToString(sum[:4]); got != "0a03cf40" {
		t.Errorf("the challenge gives %s", got)
	}
}

// TestRealSignetHeaders: the headers stand the retarget and the clock too.
func TestRealSignetHeaders(t *testing.T) {
	p := consensus.Signet()
	tip := consensustest.NewNode(nil, p.Genesis)
	for _, b := range signetBlocks(t) {
		if err := consensus.CheckHeader(p, tip, &b.Header, time.Unix(1_700_000_000, 0)); err != nil {
			t.Fatal(err)
		}
		tip = consensustest.NewNode(tip, b)
	}
}
