package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

const (
	// DefaultFaucetAmount is what the faucet gives if nothing else is asked for.
	DefaultFaucetAmount = 1 * consensus.CoinUnit
	faucetFeeRate       = 2000 // per 1000 vbytes
	maxFaucetInputs     = 200
	minFaucetAmount     = 1000
	faucetDust          = 330 // what a taproot output must be worth at least
)

// faucet pays out what the miners earn: all of their blocks are paid to its key. It knows its coins from a
// running node's chain, which it follows as the node's mempool does; there is no other bookkeeping that could
// go wrong at a reorganization.
type faucet struct {
	net *Net

	mu    sync.Mutex
	node  *node.Node // whose chain coins are of
	at    chain.Position
	coins map[types.OutPoint]consensus.Coin
}

func newFaucet(n *Net) *faucet { return &faucet{net: n, coins: map[types.OutPoint]consensus.Coin{}} }

// follow brings coins to the tip of nd.
func (f *faucet) follow(nd *node.Node) error {
	if f.node != nd {
		f.node, f.at = nd, chain.Position{}
		clear(f.coins)
	}
	for {
		updates, err := nd.Chain().UpdatesSince(f.at, 100)
		if err != nil {
			return err
		}
		if len(updates) == 0 {
			return nil
		}
		for _, u := range updates {
			f.apply(u)
		}
	}
}

func (f *faucet) apply(u consensus.Update) {
	gone, come := u.Spent, u.Created
	f.at = chain.After(&u)
	if !u.Connected {
		gone, come = u.Created, u.Spent
	}
	for _, e := range gone {
		delete(f.coins, e.OutPoint)
	}
	for _, e := range come {
		if string(e.Coin.Out.Script) == string(f.net.keys.faucet.script) {
			f.coins[e.OutPoint] = e.Coin
		}
	}
}

// Faucet sends amount to an address from node i (−1: the first that runs) and returns the transaction's id. If the faucet
// has too little that is mature and wait is set, it waits for blocks; if wait is set it also waits until the transaction
// is in a block.
func (n *Net) Faucet(ctx context.Context, i int, address string, amount int64, wait bool) (types.Hash, error) {
	payTo, err := script.DecodeAddress(n.params.Addresses(), address)
	if err != nil {
		return types.Hash{}, err
	}
	if amount < minFaucetAmount || amount > consensus.MaxMoney {
		return types.Hash{}, fmt.Errorf("the faucet gives amounts from 0.00001000, not %s", coins(amount))
	}
	nd, err := n.pick(i)
	if err != nil {
		return types.Hash{}, err
	}
	for {
		bell, cancel := nd.Chain().Subscribe()
		tx, err := n.faucet.pay(ctx, nd, types.TxOut{Value: amount, Script: payTo})
		var poor *poorError
		if errors.As(err, &poor) && wait {
			err = waitBell(ctx, bell, nd)
		}
		cancel()
		if err != nil {
			return types.Hash{}, err
		}
		if tx == nil {
			continue
		}
		n.watch.tell(Event{Kind: "faucet", Node: -1, Hash: tx.ID(), Detail: coins(amount) + " to " + address})
		if wait {
			err = awaitConfirmed(ctx, nd, tx)
		}
		return tx.ID(), err
	}
}

func waitBell(ctx context.Context, bell <-chan struct{}, nd *node.Node) error {
	select {
	case <-bell:
		return nil
	case <-nd.Done():
		return errors.New("the node stopped while the faucet was waiting")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// awaitConfirmed returns when the transaction's first output is a coin of the chain.
func awaitConfirmed(ctx context.Context, nd *node.Node, tx *types.Tx) error {
	op := types.OutPoint{TxID: tx.ID()}
	bell, cancel := nd.Chain().Subscribe()
	defer cancel()
	for {
		coins, err := nd.Chain().Coins([]types.OutPoint{op})
		if err != nil {
			return err
		}
		if _, ok := coins[op]; ok {
			return nil
		}
		if err := waitBell(ctx, bell, nd); err != nil {
			return err
		}
	}
}

// poorError says that the faucet has not enough mature coins.
type poorError struct{ have, want int64 }

func (e *poorError) Error() string {
	return fmt.Sprintf("the faucet has %s to give now, not %s: mine some blocks, or use --wait", coins(e.have), coins(e.want))
}

// pay builds, signs and submits a payment. Coins that the mempool has spent already are left alone.
func (f *faucet) pay(ctx context.Context, nd *node.Node, out types.TxOut) (*types.Tx, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.follow(nd); err != nil {
		return nil, err
	}
	ops, spent, sum := f.choose(nd, out.Value)
	fee := faucetFee(len(ops))
	if sum < out.Value+fee {
		return nil, &poorError{have: max(sum-fee, 0), want: out.Value}
	}
	tx := &types.Tx{Version: 2, Out: []types.TxOut{out}, LockTime: uint32(nd.Chain().Tip().Height())}
	if change := sum - out.Value - fee; change >= faucetDust {
		tx.Out = append(tx.Out, types.TxOut{Value: change, Script: f.net.keys.faucet.script})
	}
	for _, op := range ops {
		tx.In = append(tx.In, types.TxIn{PrevOut: op, Sequence: 0xfffffffd})
	}
	if err := f.sign(tx, spent); err != nil {
		return nil, err
	}
	return tx, nd.SubmitTx(ctx, tx)
}

// choose picks coins for an amount and its fee, those of the oldest blocks first.
func (f *faucet) choose(nd *node.Node, amount int64) (ops []types.OutPoint, spent []types.TxOut, sum int64) {
	height := nd.Chain().Tip().Height()
	var free []types.OutPoint
	for op, c := range f.coins {
		if _, taken := nd.Pool().Spends(op); !taken && spendable(f.net.params, c, height) {
			free = append(free, op)
		}
	}
	slices.SortFunc(free, func(a, b types.OutPoint) int {
		if d := f.coins[a].Height - f.coins[b].Height; d != 0 {
			return int(d)
		}
		return a.Compare(b)
	})
	for _, op := range free {
		if len(ops) == maxFaucetInputs || (len(ops) > 0 && sum >= amount+faucetFee(len(ops))) {
			break
		}
		ops = append(ops, op)
		spent = append(spent, f.coins[op].Out)
		sum += f.coins[op].Out.Value
	}
	return ops, spent, sum
}

// faucetFee is for a transaction of taproot inputs and two outputs.
func faucetFee(inputs int) int64 { return int64(110+58*inputs) * faucetFeeRate / 1000 }

func (f *faucet) sign(tx *types.Tx, spent []types.TxOut) error {
	sums := script.NewSigSums(tx, spent)
	for i := range tx.In {
		var aux [32]byte
		if _, err := rand.Read(aux[:]); err != nil {
			return err
		}
		var err error
		if tx.In[i].ScriptSig, tx.In[i].Witness, err = script.SignInput(sums, i, f.net.keys.faucet.secret, aux); err != nil {
			return err
		}
	}
	return nil
}

// balance is what the faucet could give now.
func (f *faucet) balance(nd *node.Node) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.follow(nd) != nil {
		return 0
	}
	var sum int64
	height := nd.Chain().Tip().Height()
	for op, c := range f.coins {
		if _, taken := nd.Pool().Spends(op); !taken && spendable(f.net.params, c, height) {
			sum += c.Out.Value
		}
	}
	return sum
}

// coins writes an amount with eight decimals.
func coins(n int64) string {
	return fmt.Sprintf("%d.%08d", n/consensus.CoinUnit, n%consensus.CoinUnit)
}

// bounded gives a request that may wait an end.
func bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}
