package lab

import (
	"context"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// hears waits until node i has the transaction in its mempool.
func (n *Net) hears(t *testing.T, ctx context.Context, i int, id types.Hash) {
	t.Helper()
	pool := n.Node(i).Pool()
	bell, cancel := pool.Subscribe()
	defer cancel()
	for !pool.Have(id) {
		select {
		case <-bell:
		case <-ctx.Done():
			t.Fatalf("node %d never heard of the transaction", i)
		}
	}
}

// What was sent in one half of a cut network reaches the other half after it healed, although all of its own half knows
// it already and nobody announces a transaction twice; and a node that starts late hears of it too.
func TestTransactionsCrossAfterHealing(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 4, Topology: Ring})
	pay := n.payment(t, 0, 1_000_000, 1)
	must(t, n.Stop(1))
	must(t, n.Partition([]int{0, 0, 1, 1}))
	must(t, n.Node(2).SubmitTx(ctx, pay))
	n.hears(t, ctx, 3, pay.ID())
	if n.Node(0).Pool().Have(pay.ID()) {
		t.Fatal("the network is not cut")
	}
	n.Heal()
	n.hears(t, ctx, 0, pay.ID())
	must(t, n.Start(1))
	n.hears(t, ctx, 1, pay.ID())
}
