package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet"
)

const (
	// DefaultFaucetAmount is what the faucet gives if nothing else is asked for.
	DefaultFaucetAmount = 1 * consensus.CoinUnit
	minFaucetAmount     = 1000
)

// faucet is the account that the miners' blocks pay.
type faucet struct{ net *Net }

// balance is what the faucet could give now.
func (f *faucet) balance(nd *node.Node) int64 {
	return f.net.purse.balance(nd, f.net.keys.faucet.script)
}

// Faucet pays out what the miners earn: all of their blocks are paid to its key. It sends amount to an address from node i (−1: the first that runs) and returns the transaction's id. If the faucet
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
		tx, err := n.purse.pay(ctx, nd, "the faucet", n.keys.faucet.script, purseFeeRate, types.TxOut{Value: amount, Script: payTo})
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

// coins writes an amount with eight decimals.
func coins(n int64) string {
	return wallet.FormatAmount(n)
}

// bounded gives a request that may wait an end.
func bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}
