package wallet

import (
	"context"
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// TestLyingNode shows that a node cannot make the wallet believe what is not in a block with work.
func TestLyingNode(t *testing.T) {
	richer := func(b *types.Block) *types.Block {
		tx := b.Txs[0].Clone()
		tx.Out[0].Value *= 2
		return &types.Block{Header: b.Header, Txs: append([]*types.Tx{tx}, b.Txs[1:]...)}
	}
	cases := map[string]func(n *fakeNode){
		"amount raised in a block": func(n *fakeNode) { n.lieBlock = richer },
		"amount raised and merkle root mended": func(n *fakeNode) {
			n.lieBlock = func(b *types.Block) *types.Block {
				b = richer(b)
				consensus.SetMerkleRoot(b)
				return b
			}
		},
		"another block":         func(n *fakeNode) { n.lieBlock = func(*types.Block) *types.Block { return n.at(1).Block } },
		"no block":              func(n *fakeNode) { n.lieBlock = func(*types.Block) *types.Block { return nil } },
		"header without a link": func(n *fakeNode) { n.lieHeader = func(h []types.Header) { h[len(h)-1].PrevHash[0]++ } },
		"another header":        func(n *fakeNode) { n.lieHeader = func(h []types.Header) { h[0].Nonce++ } },
		"a header too few":      func(n *fakeNode) { n.lieFilter = nil; n.lieHeader = func(h []types.Header) { h[0] = types.Header{} } },
		"filter that does not hash to its header": func(n *fakeNode) {
			n.lieFilter = func(f []Filter) { f[len(f)-1].Data = []byte{0} }
		},
		"filter header out of the chain": func(n *fakeNode) {
			n.lieFilter = func(f []Filter) { f[len(f)-1].Header[3]++ }
		},
		"malformed filter that hashes well": func(n *fakeNode) {
			n.lieFilter = func(f []Filter) {
				at := len(f) - 1
				f[at].Data = []byte{0xff, 1, 2}
				if at > 0 {
					f[at].Header = filterHeader(f[at].Data, f[at-1].Header)
				}
			}
		},
	}
	for name, lie := range cases {
		t.Run(name, func(t *testing.T) {
			n, w := newFakeNode(t), testWallet(t)
			n.mineEmpty(2)
			n.mine(freshLock(t, w, ""))
			lie(n)
			if _, err := w.Sync(t.Context(), n, nil); !errors.Is(err, ErrNodeLies) && !errors.Is(err, errMoved) {
				t.Fatalf("sync said %v", err)
			}
			wantBalance(t, w, Balance{})
			n.lieBlock, n.lieHeader, n.lieFilter = nil, nil, nil
			mustSync(t, w, n)
			wantBalance(t, w, Balance{Immature: 50 * coin})
		})
	}
}

func TestNodeWithoutWork(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	p := *consensus.Regtest()
	easy := n.chain
	n.mineEmpty(1)
	b := easy.Build(easy.Tip(), freshLock(t, w, ""))
	consensustest.Unsolve(b)
	node := consensustest.NewNode(easy.Tip(), b)
	forged := &forgedTip{fakeNode: n, node: node}
	if _, err := w.Sync(t.Context(), forged, nil); !errors.Is(err, ErrNodeLies) || !errors.Is(err, consensus.HighHash) {
		t.Fatalf("a header without work on %s: %v", p.Name, err)
	}
	wantBalance(t, w, Balance{})
}

// forgedTip adds one block to a fakeNode that its chain would refuse.
type forgedTip struct {
	*fakeNode
	node *consensustest.Node
}

func (f *forgedTip) Tip(ctx context.Context) (int32, types.Hash, error) {
	return f.node.Height(), f.node.Hash(), nil
}

func (f *forgedTip) Hashes(ctx context.Context, from int32, count int) ([]types.Hash, error) {
	if from == 0 {
		return f.fakeNode.Hashes(ctx, from, count)
	}
	hashes, err := f.fakeNode.Hashes(ctx, from, count-1)
	return append(hashes, f.node.Hash()), err
}

func (f *forgedTip) Headers(ctx context.Context, blocks []types.Hash) ([]types.Header, error) {
	headers, err := f.fakeNode.Headers(ctx, blocks[:len(blocks)-1])
	return append(headers, f.node.Header()), err
}

func (f *forgedTip) Filters(ctx context.Context, blocks []types.Hash) ([]Filter, error) {
	if blocks[len(blocks)-1] != f.node.Hash() {
		return f.fakeNode.Filters(ctx, blocks)
	}
	filters, err := f.fakeNode.Filters(ctx, blocks[:len(blocks)-1])
	return append(filters, f.filter(f.node)), err
}

func TestNodeOfAnotherNetwork(t *testing.T) {
	n := newFakeNode(t)
	o := testOptions(t)
	o.Params = consensus.Cairn()
	w, err := Create(t.Context(), o, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // nothing is written
	if _, err := w.Sync(t.Context(), n, nil); !errors.Is(err, ErrOtherChain) {
		t.Fatalf("%v", err)
	}
}

func TestInventedPendingPaymentIsNeverSpendable(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.mineEmpty(1)
	lock := freshLock(t, w, "")
	fake := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}}}}, Out: []types.TxOut{{Value: 1000 * coin, Script: lock}}}
	tooMuch := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{2}}}}, Out: []types.TxOut{{Value: consensus.MaxMoney + 1, Script: lock}}}
	n.pool = []*types.Tx{fake, tooMuch}
	mustSync(t, w, n)
	b := w.Balance()
	if b.Spendable() != 0 || b.Confirmed != 0 || b.Pending != 1000*coin {
		t.Fatalf("%+v", b)
	}
	// One that says another id than it has is not even looked at.
	n.pool = []*types.Tx{n.at(1).Block.Txs[0]}
	n.liePool = func(*types.Tx) *types.Tx { return tooMuch }
	mustSync(t, w, n)
	wantBalance(t, w, Balance{})
}

func TestFeeRateOfALyingNodeAsksFirst(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	mustSync(t, w, n)
	for _, c := range []struct {
		amount, rate int64
		high         bool
	}{
		{coin, 1000, false},
		{coin, 20_000_000, true},      // 20,000 per virtual byte
		{30 * coin, 10_000_000, true}, // over the cap, under the share
		{30 * coin, 5_000_000, false}, // 0.0077
		{10_000, 10_000, true},        // 1,540 of 10,000
	} {
		plan, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: c.amount, FeeRate: c.rate})
		if err != nil {
			t.Fatal(err)
		}
		if plan.HighFee() != c.high {
			t.Errorf("amount %d at %d: fee %d, high %v", c.amount, c.rate, plan.Fee, plan.HighFee())
		}
	}
	if _, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: coin, FeeRate: maxFeeRate + 1}); !errors.Is(err, ErrFeeRate) {
		t.Fatalf("%v", err)
	}
}
