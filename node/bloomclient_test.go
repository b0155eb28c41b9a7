package node

import (
	"encoding/hex"
	"testing"

	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/p2p/bloom"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// proven asks for a filtered block and returns the transactions in it that concern the client, proven by the header.
func (p *stranger) proven(block types.Hash) (txs []*types.Tx) {
	p.t.Helper()
	p.say(wire.GetData{Items: []wire.Inv{{Type: wire.InvFiltered, Hash: block}}})
	m := await[wire.MerkleBlock](p)
	tree := merkle.Partial[types.Hash]{Total: m.Total, Hashes: m.Hashes, Flags: m.Flags}
	root, ids, _, err := tree.Extract()
	must(p.t, err)
	if root != m.Header.MerkleRoot || m.Header.Hash() != block {
		p.t.Fatalf("the tree of %v has the root %v, not %v", block, root, m.Header.MerkleRoot)
	}
	for _, id := range ids {
		tx := awaitThat(p, func(m wire.TxMsg) bool { return m.Tx.ID() == id }).Tx
		for i := range tx.In {
			if len(tx.In[i].Witness) > 0 {
				p.t.Error("a witness is sent to a client of BIP37")
			}
		}
		txs = append(txs, tx)
	}
	return txs
}

// An old light client (BIP37) hears of its coin and of the spend, in blocks and in the mempool.
func TestBloomClient(t *testing.T) {
	s := matured(t, 3, func(c *Config) { c.PeerBloomFilters = true })
	coin := s.node.chain.Tip().Ancestor(1).Hash()
	spend := coinbaseSpend(t, s.node, 1, 1000)
	var first struct{ Tx []string }
	s.call(&first, "getblock", coin.String())
	id, err := types.ParseHash(first.Tx[0])
	must(t, err)

	p := s.approach()
	v := p.version()
	v.Relay = false
	p.say(v)
	if theirs := await[wire.Version](p); theirs.Services&wire.NodeBloom == 0 {
		t.Errorf("services %#x", uint64(theirs.Services))
	}
	p.say(wire.Verack{})
	data := make([]byte, 200)
	f, err := bloom.New(data, 8, 5, bloom.UpdateNone)
	must(t, err)
	f.Add(id[:])
	p.say(wire.FilterLoad{Data: data, Hashes: 8, Tweak: 5}, wire.FilterAdd{Data: append(id[:], 0, 0, 0, 0)}) // and its first output
	if txs := p.proven(coin); len(txs) != 1 || txs[0].ID() != id {
		t.Errorf("in the first block: %v", txs)
	}
	if txs := p.proven(s.node.chain.Tip().Ancestor(2).Hash()); len(txs) != 0 {
		t.Errorf("in the second block: %v", txs)
	}
	other := coinbaseSpend(t, s.node, 2, 1000)
	for _, tx := range []*types.Tx{other, spend} {
		var accepted string
		s.call(&accepted, "sendrawtransaction", hex.EncodeToString(tx.Bytes()))
	}
	inv := await[wire.InvMsg](p)
	if len(inv.Items) != 1 || inv.Items[0].Hash != spend.ID() {
		t.Errorf("announced %v", inv.Items)
	}
	p.say(wire.Mempool{})
	if inv := await[wire.InvMsg](p); len(inv.Items) != 1 || inv.Items[0].Hash != spend.ID() {
		t.Errorf("the mempool is %v", inv.Items)
	}
	block := generate(t, s.ctx, s.node, 1)[0]
	if txs := p.proven(block); len(txs) != 1 || txs[0].ID() != spend.ID() {
		t.Errorf("in the last block: %v", txs)
	}
	p.say(wire.FilterLoad{Data: []byte{1}, Hashes: bloom.MaxHashes + 1})
	p.hungUp()
}

// By default nobody may search a node.
func TestBloomNotServed(t *testing.T) {
	s := besiege(t, nil)
	for _, m := range []wire.Message{wire.Mempool{}, wire.FilterLoad{Data: []byte{1}}, wire.FilterAdd{}, wire.FilterClear{}} {
		p := s.meet()
		p.say(m)
		p.hungUp()
	}
	s.alive()
}

// Filters that match everything and are asked for without end cost what the requests take.
func TestHostileFilteredBlocks(t *testing.T) {
	s := matured(t, 3, func(c *Config) { c.PeerBloomFilters = true })
	var items []wire.Inv
	for h := range int32(3) {
		b := s.largeBlock(h + 1)
		must(t, s.node.SubmitBlock(s.ctx, b))
		items = append(items, wire.Inv{Type: wire.InvFiltered, Hash: b.Hash()})
	}
	crowd := make([]*stranger, 10)
	for i := range crowd {
		crowd[i] = s.meet()
	}
	before := heap()
	for _, p := range crowd {
		p.say(wire.FilterLoad{Data: []byte{0xff}, Hashes: 1})
		for range 1000 {
			p.say(wire.GetData{Items: items})
		}
	}
	// 30,000 blocks of a megabyte are asked for. Of each peer one is on its way into the socket, and one was read for it.
	within(t, "10 peers with 3,000 unread filtered blocks each", before, 64<<20)
	s.alive()
}
