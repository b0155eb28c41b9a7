package node

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// announce tells the node of a block by its header.
func (p *stranger) announce(b *types.Block) {
	p.say(wire.Headers{Headers: []types.Header{b.Header}})
}

func payToKey(t testing.TB) []byte {
	t.Helper()
	key, err := script.PublicKey(consensustest.Key)
	must(t, err)
	return script.PayToPubKey(key[:])
}

func coinbaseOut(t testing.TB, n *Node, height int32) types.TxOut {
	t.Helper()
	b, err := n.chain.Block(n.chain.AtHeight(height).Hash())
	must(t, err)
	return b.Txs[0].Out[0]
}

// dearTx spends all outputs of fan.
func dearTx(t testing.TB, fan *types.Tx, lock []byte) *types.Tx {
	t.Helper()
	tx := &types.Tx{Version: 2, Out: []types.TxOut{{Value: 100_000, Script: lock}}}
	for i := range fan.Out {
		tx.In = append(tx.In, types.TxIn{PrevOut: types.OutPoint{TxID: fan.ID(), Index: uint32(i)}, Sequence: 0xffffffff})
	}
	sums := script.NewSigSums(tx, fan.Out)
	sigs := make([][]byte, len(tx.In))
	parts := make(chan error, 2)
	for part := range 2 {
		go func() {
			var err error
			for i := part; i < len(sigs) && err == nil; i += 2 {
				sigs[i], _, err = script.SignInput(sums, i, consensustest.Key, [32]byte{})
			}
			parts <- err
		}()
	}
	must(t, errors.Join(<-parts, <-parts))
	for i := range sigs {
		tx.In[i].ScriptSig = sigs[i]
	}
	return tx
}

// nextBlock builds and solves a block of the given transactions on the tip without letting the node judge it.
func (s *siege) nextBlock(txs ...*types.Tx) *types.Block {
	s.Helper()
	b := s.block()
	b = &types.Block{Header: b.Header, Txs: append(slices.Clone(b.Txs), txs...)}
	consensus.CommitWitness(b)
	consensustest.Solve(b)
	return b
}

// matured starts a node with coins to spend: the coinbases of the first n blocks.
func matured(t *testing.T, n int, change func(*Config)) *siege {
	t.Helper()
	s := besiege(t, change)
	generate(t, s.ctx, s.node, 100+n)
	return s
}

// twins are copies of a good block that have its hash and are wrong.
func twins(t *testing.T, good *types.Block) map[string]*types.Block {
	t.Helper()
	n := len(good.Txs)
	if n%2 == 0 {
		t.Fatalf("%d transactions have no tail to repeat", n)
	}
	with := func(i int, change func(*types.Tx)) *types.Block {
		txs := slices.Clone(good.Txs)
		txs[i] = txs[i].Clone()
		change(txs[i])
		return &types.Block{Header: good.Header, Txs: txs}
	}
	bare := &types.Block{Header: good.Header}
	for _, tx := range good.Txs {
		tx = tx.Clone()
		for i := range tx.In {
			tx.In[i].Witness = nil
		}
		bare.Txs = append(bare.Txs, tx)
	}
	return map[string]*types.Block{
		"repeated tail":        {Header: good.Header, Txs: append(slices.Clone(good.Txs), good.Txs[n-1])},
		"no witnesses":         bare,
		"one witness less":     with(1, func(tx *types.Tx) { tx.In[0].Witness = nil }),
		"a witness bit":        with(1, func(tx *types.Tx) { tx.In[0].Witness[0][9] ^= 1 }),
		"a witness more":       with(1, func(tx *types.Tx) { tx.In[0].Witness = append(tx.In[0].Witness, []byte{1}) }),
		"the reserved value":   with(0, func(tx *types.Tx) { tx.In[0].Witness[0][0] = 1 }),
		"a transaction less":   {Header: good.Header, Txs: good.Txs[:n-1]},
		"transactions swapped": {Header: good.Header, Txs: []*types.Tx{good.Txs[0], good.Txs[2], good.Txs[1]}},
		"another amount":       with(2, func(tx *types.Tx) { tx.Out[0].Value-- }),
		"only the coinbase":    {Header: good.Header, Txs: good.Txs[:1]},
	}
}

// Bad inputs 1, 12 and 18 (CVE-2012-2459, CVE-2024-52921): whatever wrong copy of a block comes first, asked for or not, its hash
// stays good: the clean block from another peer is accepted.
func TestHostileMutatedTwin(t *testing.T) {
	s := matured(t, 40, nil)
	height := int32(1)
	next := func() *types.Block {
		return s.nextBlock(coinbaseSpend(t, s.node, height, 1000), coinbaseSpend(t, s.node, height+1, 1000))
	}
	names := slices.Sorted(maps.Keys(twins(t, next())))
	for _, asked := range []bool{true, false} {
		for _, name := range names {
			good := next()
			height += 2
			bad := twins(t, good)[name]
			if bad.Hash() != good.Hash() {
				t.Fatalf("%s: not a twin", name)
			}
			before := s.node.chain.Tip().Hash()
			liar, honest := s.meet(), s.meet()
			if asked {
				liar.announce(good)
				liar.asked(good.Hash())
			}
			liar.say(wire.BlockMsg{Block: bad})
			liar.hungUp()
			if s.node.chain.Tip().Hash() != before {
				t.Fatalf("%s: the tip has moved", name)
			}
			if n := s.node.chain.Lookup(good.Hash()); n != nil && n.Invalid() {
				t.Errorf("%s: the hash is taken for invalid", name)
			}
			honest.announce(good)
			honest.asked(good.Hash())
			honest.say(wire.BlockMsg{Block: good})
			awaitTip(t, s.ctx, s.node, good.Hash())
			honest.close()
		}
	}
	s.alive()
}

// Bad input 18: the honest peer's delivery is under way when the wrong copy comes from another peer. Nothing is asked again,
// and the clean block counts.
func TestHostileTwinDoesNotCancel(t *testing.T) {
	s := matured(t, 2, nil)
	good := s.nextBlock(coinbaseSpend(t, s.node, 1, 1000), coinbaseSpend(t, s.node, 2, 1000))
	honest, liar := s.meet(), s.meet()
	honest.announce(good)
	honest.asked(good.Hash())
	liar.say(wire.BlockMsg{Block: twins(t, good)["a witness bit"]})
	liar.hungUp()
	honest.say(wire.BlockMsg{Block: good})
	awaitTip(t, s.ctx, s.node, good.Hash())
}

// Bad input 18 (CVE-2024-52922): who announces a block, is asked for it and stays silent is not waited for: after two
// seconds another is asked. A second and a third liar do not change that for whoever they hide.
func TestHostileWithheldBlock(t *testing.T) {
	s := besiege(t, nil)
	generate(t, s.ctx, s.node, 3)
	b := s.nextBlock()
	liar := s.meet()
	liar.announce(b)
	liar.asked(b.Hash())
	honest := s.meet()
	honest.announce(b)
	honest.asked(b.Hash()) // the liar is still connected
	honest.say(wire.BlockMsg{Block: b})
	awaitTip(t, s.ctx, s.node, b.Hash())
	liar.fence()
}

// Bad input 2 (CVE-2018-17144): the same outpoint twice, within a transaction, over two transactions of a block, and in a chain
// within the block. Refused, and the coin set is what it was.
func TestHostileDoubleSpend(t *testing.T) {
	s := matured(t, 3, nil)
	tx := coinbaseSpend(t, s.node, 1, 1000)
	again := coinbaseSpend(t, s.node, 1, 2000)
	twice := tx.Clone()
	twice.In = append(twice.In, twice.In[0])
	twice.Out[0].Value *= 2
	child := consensustest.Signed(t, 500, consensustest.CoinEntry(tx, 0))
	rival := consensustest.Signed(t, 900, consensustest.CoinEntry(tx, 0))
	before, tip := s.muhash(), s.node.chain.Tip().Hash()
	for _, c := range []struct {
		name, want string
		txs        []*types.Tx
	}{
		{"twice in one transaction", "bad-txns-inputs-duplicate", []*types.Tx{twice}},
		{"in two transactions", "bad-txns-inputs-missingorspent", []*types.Tx{tx, again}},
		{"by two children in the block", "bad-txns-inputs-missingorspent", []*types.Tx{tx, child, rival}},
		{"the same transaction twice", "bad-txns-inputs-missingorspent", []*types.Tx{tx, child, tx}},
	} {
		var verdict string
		s.call(&verdict, "submitblock", rawHex(s.nextBlock(c.txs...)))
		if verdict != c.want {
			t.Errorf("%s: %q", c.name, verdict)
		}
		if after := s.muhash(); after != before || s.node.chain.Tip().Hash() != tip {
			t.Fatalf("%s: the coin set has changed", c.name)
		}
	}
	var verdict *string
	s.call(&verdict, "submitblock", rawHex(s.nextBlock(tx, child)))
	if verdict != nil || s.muhash() == before {
		t.Errorf("the good block: %v", verdict)
	}
	s.alive()
}
