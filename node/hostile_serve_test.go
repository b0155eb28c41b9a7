package node

import (
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// largeBlock is a block of about a megabyte: one transaction with OP_RETURN outputs.
func (s *siege) largeBlock(height int32) *types.Block {
	s.Helper()
	tx := coinbaseSpend(s.T, s.node, height, 0)
	tx = tx.Clone()
	tx.In[0].Witness = nil
	note := types.TxOut{Script: script.NullDataScript(make([]byte, 9_900))}
	tx.Out = append(tx.Out, slices.Repeat([]types.TxOut{note}, 99)...)
	tx = consensustest.Sign(s.T, tx, consensustest.CoinEntry(&types.Tx{Out: []types.TxOut{coinbaseOut(s.T, s.node, height)}}, 0))
	return s.nextBlock(tx)
}

// Bad input 20 (CVE-2024-52920): peers that ask for blocks without end and read nothing. Each costs what its requests
// take, at most 50,000 of them, and not the blocks; who asks for more is dropped. An honest peer is served all the while.
func TestHostileGetDataLoop(t *testing.T) {
	s := matured(t, 6, nil)
	var items []wire.Inv
	for h := range int32(6) {
		b := s.largeBlock(h + 1)
		must(t, s.node.SubmitBlock(s.ctx, b))
		items = append(items, wire.Inv{Type: wire.InvWitnessBlock, Hash: b.Hash()})
	}
	honest := s.meet()
	crowd := make([]*stranger, 10)
	for i := range crowd {
		crowd[i] = s.meet()
	}
	loop := slices.Repeat(items, wire.MaxInvs/len(items))
	before := heap()
	for _, p := range crowd {
		p.say(wire.GetData{Items: loop})
	}
	for range 2 {
		honest.say(wire.GetData{Items: items})
		for _, it := range items {
			awaitThat(honest, func(m wire.BlockMsg) bool { return m.Block.Hash() == it.Hash })
		}
	}
	// Ten queues of 50,000 requests of 36 bytes, and two blocks for each peer on their way into its socket.
	within(t, "10 peers with 50,000 unread blocks each", before, 50<<20)
	for _, p := range crowd {
		p.say(wire.GetData{Items: loop})
	}
	s.awaitPeers(1)
	within(t, "when they are dropped", before, 4<<20)
	s.alive()
}

// Bad input 20, with what is small: pings, headers and addresses asked for without reading the answers. The queue of what waits to be
// sent is bounded, and its overflow ends the connection.
func TestHostileUnread(t *testing.T) {
	s := besiege(t, nil)
	generate(t, s.ctx, s.node, 2100)
	genesis := s.node.cfg.Params.Genesis.Hash()
	before := heap()
	for name, m := range map[string]wire.Message{
		"ping":       wire.Ping{Nonce: 1},
		"getheaders": wire.GetHeaders{Protocol: wire.ProtocolVersion, Locator: []types.Hash{genesis}},
		"getblocks":  wire.GetBlocks{Protocol: wire.ProtocolVersion, Locator: []types.Hash{genesis}},
		"getdata":    wire.GetData{Items: slices.Repeat([]wire.Inv{{Type: wire.InvWTx}}, 1000)},
	} {
		p := s.meet()
		var b []byte
		for range 200 {
			b = wire.AppendFrame(b, p.magic, m)
		}
		sent := 0
		for p.write(b) {
			if sent += len(b); sent > 1<<30 {
				t.Fatalf("%s: a gigabyte of requests was taken", name)
			}
		}
		s.awaitPeers(0)
	}
	within(t, "answers that nobody read", before, 4<<20)
	s.alive()
}
