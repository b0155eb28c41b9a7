package wallet

import (
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

const coin = 100_000_000

func TestSyncFindsCoinbasesAndTheirMaturity(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.mineEmpty(3)
	n.mine(freshLock(t, w, Taproot))
	n.mine(freshLock(t, w, Segwit))
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Immature: 100 * coin})
	// The coinbase at height 4 can be spent by the block at 104, so when the tip is at 103.
	n.mineEmpty(97)
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Immature: 100 * coin})
	n.mineEmpty(1)
	r := mustSync(t, w, n)
	if r.Height != 103 || r.Scanned != 1 {
		t.Fatalf("%+v", r)
	}
	wantBalance(t, w, Balance{Confirmed: 50 * coin, Immature: 50 * coin})
	if len(n.fetched) != 2 {
		t.Fatalf("%d blocks were fetched, want the two that pay", len(n.fetched))
	}
}

func TestSendConfirmSpendChangeAndRestore(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, Taproot), freshLock(t, w, Segwit))
	mustSync(t, w, n)
	other := scriptFor(Legacy, [33]byte{2, 9})
	for i := range 3 {
		plan, err := w.Plan(Payment{To: other, Amount: 7 * coin, FeeRate: 2000})
		if err != nil {
			t.Fatal(i, err)
		}
		if plan.Fee != feeFor(4*plan.VSize, 2000) || plan.HighFee() {
			t.Fatalf("%+v", plan)
		}
		tx, err := w.Send(t.Context(), n, plan)
		if err != nil {
			t.Fatal(i, err)
		}
		if tx.In[0].Sequence != 0xfffffffd || tx.LockTime > uint32(w.Height()) {
			t.Fatal("not replaceable, or not final")
		}
	}
	b := w.Balance()
	if b.Pending == 0 || b.Pending != b.Trusted {
		t.Fatalf("own change is not trusted: %+v", b)
	}
	n.mineEmpty(1)
	mustSync(t, w, n)
	b = w.Balance()
	if b.Pending != 0 || b.Confirmed >= 79*coin || b.Confirmed < 79*coin-3*2000 {
		t.Fatalf("%+v", b)
	}
	o := testOptions(t)
	again, err := Create(t.Context(), o, testMnemonic, "")
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close() //nolint:errcheck // nothing is written
	mustSync(t, again, n)
	wantBalance(t, again, b)
	if len(again.History()) != len(w.History()) || len(again.Coins()) != len(w.Coins()) {
		t.Fatal("the restored wallet has another history")
	}
	for i, c := range again.Coins() {
		if c.OutPoint != w.Coins()[i].OutPoint {
			t.Fatal("the restored wallet has other coins")
		}
	}
}

func TestReorgTakesBackAndKeepsOwnTransactions(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	fork := n.chain.Tip()
	mustSync(t, w, n)
	plan, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: 5 * coin, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := w.Send(t.Context(), n, plan)
	if err != nil {
		t.Fatal(err)
	}
	n.mineEmpty(1)
	n.mine(freshLock(t, w, ""))
	mustSync(t, w, n)
	if e, _ := w.Lookup(tx.ID()); e.Confirmations != 2 || e.Status != Confirmed {
		t.Fatalf("%+v", e)
	}
	before := w.Balance()

	n.chain.SetTip(fork)
	n.mineEmpty(3)
	r := mustSync(t, w, n)
	if r.Undone != 2 || r.LessWork || r.Rescanned {
		t.Fatalf("%+v", r)
	}
	if e, _ := w.Lookup(tx.ID()); e.Status != Pending {
		t.Fatalf("%+v", e)
	}
	if len(n.pool) != 1 || n.pool[0].ID() != tx.ID() {
		t.Fatal("the transaction was not sent again")
	}
	if b := w.Balance(); b.Immature != 0 || b.Trusted != 45*coin-plan.Fee || b.Confirmed != 0 {
		t.Fatalf("%+v, before %+v", b, before)
	}
	for _, e := range w.History() {
		if e.Coinbase && e.Height < 0 && e.Status != Conflicted {
			t.Fatalf("a coinbase that fell off is %s", e.Status)
		}
	}
	n.mineEmpty(1)
	mustSync(t, w, n)
	if e, _ := w.Lookup(tx.ID()); e.Status != Confirmed {
		t.Fatalf("%+v", e)
	}
}

func TestConflictIsMarkedAndHealsWithAReorg(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	fork := n.chain.Tip()
	mustSync(t, w, n)
	twin, err := Create(t.Context(), testOptions(t), testMnemonic, "")
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close() //nolint:errcheck // nothing is written
	mustSync(t, twin, n)
	send := func(w *Wallet, amount int64) types.Hash {
		plan, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: amount, FeeRate: 1000})
		if err != nil {
			t.Fatal(err)
		}
		tx, err := w.Send(t.Context(), n, plan)
		if err != nil {
			t.Fatal(err)
		}
		return tx.ID()
	}
	mine := send(w, coin)
	child := send(w, coin) // spends the change of the first
	n.pool = nil           // the other side of the partition
	other := send(twin, 2*coin)
	n.mineEmpty(1)
	mustSync(t, w, n)
	for id, want := range map[types.Hash]Status{mine: Conflicted, child: Conflicted, other: Confirmed} {
		if e, _ := w.Lookup(id); e.Status != want {
			t.Fatalf("%s is %s, want %s", id, e.Status, want)
		}
	}
	if b, want := w.Balance(), twinBalance(t, twin, n); b != want {
		t.Fatalf("%+v, want %+v", b, want)
	}
	n.chain.SetTip(fork)
	n.mineEmpty(2)
	n.pool = nil
	mustSync(t, w, n)
	if e, _ := w.Lookup(mine); e.Status != Pending {
		t.Fatalf("after the reorg it is %s", e.Status)
	}
	if e, _ := w.Lookup(other); e.Status != Dropped {
		t.Fatalf("the other is %s", e.Status)
	}
	if len(n.pool) != 2 {
		t.Fatalf("%d transactions were sent again, want parent and child", len(n.pool))
	}
}

func twinBalance(t *testing.T, w *Wallet, n Node) Balance {
	t.Helper()
	mustSync(t, w, n)
	return w.Balance()
}

func TestIncomingPaymentIsPendingThenDroppedOrConfirmed(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	first := n.mine(consensustest.AnyoneCanSpend)
	n.mineEmpty(100)
	pay := first.Spend(1000).Clone()
	pay.Out[0] = types.TxOut{Value: 3 * coin, Script: freshLock(t, w, "")}
	n.pool = []*types.Tx{pay}
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Pending: 3 * coin})
	if _, err := w.Plan(Payment{To: consensustest.AnyoneCanSpend, Amount: coin, FeeRate: 1000}); !errors.Is(err, ErrNotEnough) {
		t.Fatalf("an incoming unconfirmed payment was spent: %v", err)
	}
	n.pool = nil
	mustSync(t, w, n)
	wantBalance(t, w, Balance{})
	n.pool = []*types.Tx{pay}
	n.mineEmpty(1)
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Confirmed: 3 * coin})
}

func TestGapLimitFindsAddressesOfAnotherCopy(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	a := w.keys.account(Taproot)
	for _, index := range []uint32{19, 38, 57} { // each within 20 of the one before
		s, err := a.script(receiveChain, index)
		if err != nil {
			t.Fatal(err)
		}
		n.mine(s)
	}
	s, err := a.script(receiveChain, 78) // one too far
	if err != nil {
		t.Fatal(err)
	}
	n.mine(s)
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Immature: 150 * coin})
}

func TestPaymentsWithinOneBlockInWrongOrderOfIndex(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	a := w.keys.account(Segwit)
	first, second := n.mine(consensustest.AnyoneCanSpend), n.mine(consensustest.AnyoneCanSpend)
	n.mineEmpty(100)
	far, err := a.script(receiveChain, 25)
	if err != nil {
		t.Fatal(err)
	}
	near, err := a.script(receiveChain, 10)
	if err != nil {
		t.Fatal(err)
	}
	one, two := first.Spend(0).Clone(), second.Spend(0).Clone()
	one.Out[0].Script, two.Out[0].Script = far, near
	n.pool = []*types.Tx{one, two}
	n.mineEmpty(1)
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Confirmed: 100 * coin})
}

func TestReorgDeeperThanTheWindowScansAgain(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	mustSync(t, w, n)
	w.chain.blocks = w.chain.blocks[60:]
	w.chain.base = 60
	want := w.Balance()
	n.chain.SetTip(n.at(30))
	n.mineEmpty(90)
	if r := mustSync(t, w, n); !r.Rescanned || r.Height != 120 {
		t.Fatalf("%+v", r)
	}
	wantBalance(t, w, want)
}

func TestNodeBehindIsFollowedWithAWarning(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	mustSync(t, w, n)
	n.chain.SetTip(n.at(50))
	r := mustSync(t, w, n)
	if !r.LessWork || r.Height != 50 {
		t.Fatalf("%+v", r)
	}
	wantBalance(t, w, Balance{Immature: 50 * coin})
}

func TestSyncKeepsProgressWhenTheNodeFails(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	down := errors.New("connection refused")
	calls := 0
	n.lieHeader = func([]types.Header) {
		if calls++; calls == 1 {
			n.fail = down
		}
	}
	if _, err := w.Sync(t.Context(), n, nil); !errors.Is(err, down) {
		t.Fatalf("%v", err)
	}
	n.fail = nil
	mustSync(t, w, n)
	wantBalance(t, w, Balance{Confirmed: 50 * coin})
}

func TestNodeWithoutFilters(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.without = true
	n.fund(freshLock(t, w, ""))
	if r := mustSync(t, w, n); r.Fetched != r.Scanned {
		t.Fatalf("%+v", r)
	}
	wantBalance(t, w, Balance{Confirmed: 50 * coin})
	n.lieBlock = func(b *types.Block) *types.Block { return n.at(1).Block }
	n.mineEmpty(1)
	if _, err := w.Sync(t.Context(), n, nil); !errors.Is(err, ErrNodeLies) {
		t.Fatalf("%v", err)
	}
	// A node that has filters takes over, and theirs must form a chain from there.
	n.lieBlock, n.without = nil, false
	n.mineEmpty(2)
	fetched := len(n.fetched)
	if r := mustSync(t, w, n); r.Scanned != 3 || len(n.fetched) != fetched {
		t.Fatalf("%+v", r)
	}
	n.mineEmpty(2)
	n.lieFilter = func(f []Filter) { f[0].Header[0]++ }
	if _, err := w.Sync(t.Context(), n, nil); !errors.Is(err, ErrNodeLies) {
		t.Fatalf("%v", err)
	}
}
