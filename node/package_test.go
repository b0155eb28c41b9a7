package node

import (
	"encoding/hex"
	"testing"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// anchorScript is pay to anchor.
var anchorScript = []byte{0x51, 0x02, 0x4e, 0x73}

// anchored spends the coinbase at a height without any fee, and has an anchor without value; the child spends both outputs for
// a fee.
func anchored(t *testing.T, n *Node, height int32, fee int64) (parent, child *types.Tx) {
	t.Helper()
	parent = &types.Tx{Version: 3, In: coinbaseSpend(t, n, height, 0).In}
	coin := coinbaseOut(t, n, height)
	parent.Out = []types.TxOut{{Value: coin.Value, Script: coin.Script}, {Script: anchorScript}}
	entry := consensustest.CoinEntry(parent, 0)
	entry.Coin.Out = coin
	parent = consensustest.Sign(t, parent, entry)
	child = &types.Tx{Version: 3, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: parent.ID(), Index: 1}}}}
	child.In = append([]types.TxIn{{PrevOut: types.OutPoint{TxID: parent.ID()}}}, child.In...)
	child.Out = []types.TxOut{{Value: coin.Value - fee, Script: coin.Script}}
	child = signFirst(t, child, parent)
	return parent, child
}

// signFirst signs the first input alone: an anchor needs no witness.
func signFirst(t *testing.T, child, parent *types.Tx) *types.Tx {
	t.Helper()
	return consensustest.SignSome(t, child, 1, consensustest.CoinEntry(parent, 0), consensustest.CoinEntry(parent, 1))
}

func hexOf(txs ...*types.Tx) (list []string) {
	for _, tx := range txs {
		list = append(list, hex.EncodeToString(tx.Bytes()))
	}
	return list
}

type packageReply struct {
	Msg      string   `json:"package_msg"`
	Replaced []string `json:"replaced-transactions"`
	Results  map[string]struct {
		Error string `json:"error"`
		VSize int64  `json:"vsize"`
		Fees  struct {
			Includes []string `json:"effective-includes"`
		} `json:"fees"`
	} `json:"tx-results"`
}

// submitpackage lets in what alone is refused, tells peers, and it is mined.
func TestRPCPackage(t *testing.T) {
	n, ctx := start(t, nil)
	c := call(t, ctx, n)
	generate(t, ctx, n, 103)
	parent, child := anchored(t, n, 1, 5000)
	type verdict struct {
		Allowed *bool  `json:"allowed"`
		Reason  string `json:"reject-reason"`
		Package string `json:"package-error"`
	}
	if v := ask[[]verdict](c, "testmempoolaccept", hexOf(parent, child)); v[0].Reason != "min relay fee not met" || v[1].Allowed != nil {
		t.Errorf("tested: %+v", v)
	}
	if v := ask[[]verdict](c, "testmempoolaccept", hexOf(child, parent)); v[0].Package != "package-not-sorted" {
		t.Errorf("unsorted: %+v", v)
	}
	reply := ask[packageReply](c, "submitpackage", hexOf(parent, child))
	if got := reply.Results[child.WitnessID().String()]; reply.Msg != "success" || len(got.Fees.Includes) != 2 || got.VSize != int64(child.VSize()) {
		t.Fatalf("submitted: %+v", reply)
	}
	c.refused(-8, "prioritisetransaction", parent.ID().String(), nil, 1000)
	if reply := ask[packageReply](c, "submitpackage", hexOf(parent, child)); reply.Msg != "success" || len(reply.Results[child.WitnessID().String()].Fees.Includes) != 0 {
		t.Errorf("again: %+v", reply)
	}
	_, better := anchored(t, n, 1, 50_000)
	if reply := ask[packageReply](c, "submitpackage", hexOf(parent, better)); reply.Msg != "success" || len(reply.Replaced) != 1 || reply.Replaced[0] != child.ID().String() {
		t.Errorf("a better child: %+v", reply)
	}
	dearer, dear := anchored(t, n, 2, 50_000_000)
	if reply := ask[packageReply](c, "submitpackage", hexOf(dearer, dear)); reply.Results[dear.WitnessID().String()].Error != "max feerate exceeded" {
		t.Errorf("too dear: %+v", reply)
	}
	line := []*types.Tx{coinbaseSpend(t, n, 3, 1000)}
	for i := range 3 {
		line = append(line, consensustest.Signed(t, 1000, consensustest.CoinEntry(line[i], 0)))
	}
	for i, v := range ask[[]verdict](c, "testmempoolaccept", hexOf(line...)) {
		if v.Allowed == nil || !*v.Allowed {
			t.Errorf("%d of a line: %+v", i, v)
		}
	}
	tip := generate(t, ctx, n, 1)[0]
	b, err := n.chain.Block(tip)
	must(t, err)
	if len(b.Txs) != 3 || b.Txs[1].ID() != parent.ID() || b.Txs[2].ID() != better.ID() {
		t.Errorf("%d transactions were mined", len(b.Txs))
	}
}

// A peer sends a child whose parent pays nothing, then the parent; both enter together, whoever of two nodes in a row hears of them.
func TestPackageIsRelayed(t *testing.T) {
	s := matured(t, 2, nil)
	next, _ := start(t, nil)
	next.AddPeer(s.node.P2PAddr())
	awaitTip(t, s.ctx, next, s.node.chain.Tip().Hash())
	parent, child := anchored(t, s.node, 1, 5000)
	spoiled := child.Clone()
	spoiled.In[0].Witness[0][9] ^= 1
	liar, honest := s.meet(), s.meet()
	liar.deliver(parent)
	liar.say(wire.TxMsg{Tx: spoiled.Clone()})
	liar.asked(parent.ID())
	liar.say(wire.TxMsg{Tx: parent})
	s.settled(liar)
	if s.node.pool.Have(parent.ID()) {
		t.Fatal("the parent came in with a child that is not signed")
	}
	honest.deliver(child)
	honest.asked(parent.ID())
	honest.say(wire.TxMsg{Tx: parent})
	s.awaitPool(parent.ID())
	s.awaitPool(child.ID())
	bell, cancel := next.pool.Subscribe()
	defer cancel()
	for !next.pool.Have(child.ID()) {
		select {
		case <-bell:
		case <-s.ctx.Done():
			t.Fatal("the package did not reach the second node")
		}
	}
	if !next.pool.Have(parent.ID()) {
		t.Error("the child came without its parent")
	}
}
