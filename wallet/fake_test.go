package wallet

import (
	"context"
	"encoding/binary"
	"errors"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// fakeNode is a Node in memory over a chain of real blocks. Its mempool takes what the rules let it
// spend, scripts included. Hooks let a test make it lie.
type fakeNode struct {
	t     *testing.T
	chain *consensustest.Chain
	pool  []*types.Tx
	rate  int64

	filters map[types.Hash]Filter
	without bool   // keeps no filters
	reject  string // refuse all transactions with this reason
	fail    error  // answer everything with this

	lieBlock  func(*types.Block) *types.Block
	lieHeader func([]types.Header)
	lieFilter func([]Filter)
	liePool   func(*types.Tx) *types.Tx
	fetched   []types.Hash
}

func newFakeNode(t *testing.T) *fakeNode {
	t.Helper()
	return newFakeNodeOn(t, consensus.Regtest())
}

func newFakeNodeOn(t *testing.T, p *consensus.Params) *fakeNode {
	t.Helper()
	return &fakeNode{t: t, chain: consensustest.NewChain(t, p), rate: 1000, filters: map[types.Hash]Filter{}}
}

// quickParams are regtest's with coinbases that mature soon, for tests that run many times.
func quickParams() *consensus.Params {
	p := *consensus.Regtest()
	p.CoinbaseMaturity = 3
	return &p
}

func (n *fakeNode) at(h int32) *consensustest.Node {
	node := n.chain.Tip()
	for node != nil && node.Height() > h {
		node = node.Parent
	}
	return node
}

// filter builds the block's filter as BIP158 says, independently of the matcher: all output scripts
// but OP_RETURN, and all spent scripts.
func (n *fakeNode) filter(node *consensustest.Node) Filter {
	if f, ok := n.filters[node.Hash()]; ok {
		return f
	}
	var scripts [][]byte
	for _, tx := range node.Block.Txs {
		for _, out := range tx.Out {
			if len(out.Script) > 0 && out.Script[0] != opReturn {
				scripts = append(scripts, out.Script)
			}
		}
	}
	for _, spent := range node.Update.Undo {
		for _, c := range spent {
			scripts = append(scripts, c.Out.Script)
		}
	}
	var prev types.Hash
	if node.Parent != nil {
		prev = n.filter(node.Parent).Header
	}
	f := Filter{Data: encodeFilter(node.Hash(), scripts)}
	f.Header = filterHeader(f.Data, prev)
	n.filters[node.Hash()] = f
	return f
}

// encodeFilter is the writing side of decodeFilter.
func encodeFilter(block types.Hash, scripts [][]byte) []byte {
	scripts = slices.Clone(scripts)
	slices.SortFunc(scripts, slices.Compare[[]byte])
	scripts = slices.CompactFunc(scripts, slices.Equal[[]byte])
	k0, k1 := binary.LittleEndian.Uint64(block[:8]), binary.LittleEndian.Uint64(block[8:16])
	span := uint64(len(scripts)) * filterM
	var values []uint64
	for _, s := range scripts {
		hi, _ := bits.Mul64(sipHash(k0, k1, s), span)
		values = append(values, hi)
	}
	slices.Sort(values)
	out := types.AppendVarInt(nil, uint64(len(scripts)))
	var acc byte
	var used int
	put := func(bit uint64) {
		acc = acc<<1 | byte(bit)
		if used++; used == 8 {
			out, acc, used = append(out, acc), 0, 0
		}
	}
	var last uint64
	for _, v := range values {
		delta := v - last
		last = v
		for range delta >> filterP {
			put(1)
		}
		put(0)
		for i := filterP - 1; i >= 0; i-- {
			put(delta >> i & 1)
		}
	}
	for used > 0 {
		put(0)
	}
	return out
}

func (n *fakeNode) Tip(context.Context) (int32, types.Hash, error) {
	return n.chain.Tip().Height(), n.chain.Tip().Hash(), n.fail
}

func (n *fakeNode) Hashes(_ context.Context, from int32, count int) (out []types.Hash, err error) {
	if n.fail != nil {
		return nil, n.fail
	}
	for h := from; h < from+int32(count); h++ {
		node := n.at(h)
		if node == nil || node.Height() != h {
			return nil, errors.New("block height out of range")
		}
		out = append(out, node.Hash())
	}
	return out, nil
}

func (n *fakeNode) Headers(_ context.Context, blocks []types.Hash) (out []types.Header, err error) {
	for _, h := range blocks {
		out = append(out, n.chain.Lookup(h).Block.Header)
	}
	if n.lieHeader != nil {
		n.lieHeader(out)
	}
	return out, n.fail
}

func (n *fakeNode) Filters(_ context.Context, blocks []types.Hash) (out []Filter, err error) {
	if n.without {
		return nil, ErrNoFilters
	}
	for _, h := range blocks {
		out = append(out, n.filter(n.chain.Lookup(h)))
	}
	if n.lieFilter != nil {
		n.lieFilter(out)
	}
	return out, n.fail
}

func (n *fakeNode) Block(_ context.Context, hash types.Hash) (*types.Block, error) {
	n.fetched = append(n.fetched, hash)
	b := n.chain.Lookup(hash).Block
	if n.lieBlock != nil {
		b = n.lieBlock(b)
	}
	return b, n.fail
}

func (n *fakeNode) Broadcast(_ context.Context, tx *types.Tx) error {
	if n.fail != nil {
		return n.fail
	}
	if n.reject != "" {
		return &Rejected{Reason: n.reject}
	}
	if slices.ContainsFunc(n.pool, func(x *types.Tx) bool { return x.ID() == tx.ID() }) {
		return nil
	}
	if err := n.judge(tx); err != nil {
		return &Rejected{Reason: err.Error()}
	}
	// Full replace by fee, its fee rules left out.
	spends := map[types.OutPoint]bool{}
	for _, in := range tx.In {
		spends[in.PrevOut] = true
	}
	n.pool = slices.DeleteFunc(n.pool, func(x *types.Tx) bool {
		return slices.ContainsFunc(x.In, func(in types.TxIn) bool { return spends[in.PrevOut] })
	})
	n.pool = append(n.pool, tx)
	return nil
}

// judge checks a transaction against the coins of the tip and the mempool.
func (n *fakeNode) judge(tx *types.Tx) error {
	coins := n.chain.CoinsAt(n.chain.Tip())
	for _, p := range n.pool {
		for i, out := range p.Out {
			coins[types.OutPoint{TxID: p.ID(), Index: uint32(i)}] = consensus.Coin{Out: out, Height: n.chain.Tip().Height() + 1}
		}
	}
	var spent []consensus.Coin
	for _, in := range tx.In {
		c, ok := coins[in.PrevOut]
		if !ok {
			return errors.New("bad-txns-inputs-missingorspent")
		}
		spent = append(spent, c)
	}
	tip := n.chain.Tip()
	if !consensus.IsFinal(tx, tip.Height()+1, tip.MedianTime()) {
		return errors.New("non-final")
	}
	_, checks, err := consensus.CheckSpend(n.chain.Params, tx, spent, tip, script.StandardFlags)
	if err != nil {
		return err
	}
	return (&script.Runner{Verifier: script.NewVerifier()}).Run(checks)
}

func (n *fakeNode) FeeRate(context.Context) (int64, error) { return n.rate, n.fail }

func (n *fakeNode) Mempool(context.Context) (ids []types.Hash, err error) {
	for _, tx := range n.pool {
		ids = append(ids, tx.ID())
	}
	return ids, n.fail
}

func (n *fakeNode) MempoolTxs(_ context.Context, ids []types.Hash) (txs []*types.Tx, err error) {
	for _, tx := range n.pool {
		if slices.Contains(ids, tx.ID()) {
			if n.liePool != nil {
				tx = n.liePool(tx)
			}
			txs = append(txs, tx)
		}
	}
	return txs, n.fail
}

// mine puts a block with all of the mempool on the tip; its coinbase pays to lock.
func (n *fakeNode) mine(lock []byte) *consensustest.Node {
	n.t.Helper()
	b := n.chain.Build(n.chain.Tip(), lock, n.pool...)
	consensustest.Solve(b)
	node, err := n.chain.Add(b)
	if err != nil {
		n.t.Fatalf("mine: %v", err)
	}
	n.pool = nil
	return node
}

func (n *fakeNode) mineEmpty(count int) {
	n.t.Helper()
	for range count {
		n.mine(consensustest.AnyoneCanSpend)
	}
}

// fund mines a coinbase to each of the scripts and lets them mature.
func (n *fakeNode) fund(locks ...[]byte) {
	n.t.Helper()
	for _, lock := range locks {
		n.mine(lock)
	}
	n.mineEmpty(int(n.chain.Params.CoinbaseMaturity))
}

// testOptions is a wallet without passphrase in a directory of its own.
func testOptions(t *testing.T) Options {
	t.Helper()
	return Options{
		Dir: t.TempDir(), Name: "test", Params: consensus.Regtest(),
		Rand: rand.New(rand.NewPCG(1, 2)),
		Now:  func() time.Time { return time.Unix(2_000_000_000, 0) },
	}
}

const testMnemonic = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about"

func testWallet(t *testing.T) *Wallet {
	t.Helper()
	return testWalletOn(t, consensus.Regtest())
}

func testWalletOn(t *testing.T, p *consensus.Params) *Wallet {
	t.Helper()
	o := testOptions(t)
	o.Params = p
	w, err := Create(t.Context(), o, testMnemonic, Taproot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func mustSync(t *testing.T, w *Wallet, n Node) SyncResult {
	t.Helper()
	r, err := w.Sync(t.Context(), n, nil)
	if err != nil {
		t.Fatalf("sync: %v", err)
	}
	return r
}

// lock returns the script of a fresh address.
func freshLock(t *testing.T, w *Wallet, kind AddressType) []byte {
	t.Helper()
	a, _, err := w.NewAddress(kind)
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.ParseAddress(a.Address)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantBalance(t *testing.T, w *Wallet, want Balance) {
	t.Helper()
	if got := w.Balance(); got != want {
		t.Fatalf("balance %+v, want %+v", got, want)
	}
}
