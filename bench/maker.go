package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/types"
)

// form is a kind of output that the measured transactions spend and make.
type form int

const (
	keyHash form = iota // P2WPKH
	taproot             // P2TR by key path
	forms               // how many
)

func (f form) String() string { return [...]string{"P2WPKH", "P2TR"}[f] }

// maker makes a chain of regtest blocks with real work and real signatures. It judges nothing: that is what is measured.
type maker struct {
	params *consensus.Params
	key    [32]byte
	locks  [forms][]byte
	tip    *consensustest.Node
	at     time.Time // of the next block
	blocks []*types.Block
}

// fee is what each transaction pays.
const fee = 1000

// newMaker begins a chain of count blocks that ends a minute before now.
func newMaker(now time.Time, count int) (*maker, error) {
	p := consensus.Regtest()
	m := &maker{params: p, key: [32]byte{31: 7}, tip: consensustest.NewNode(nil, p.Genesis), at: now.Add(-time.Minute * time.Duration(count+1))}
	pub, err := script.PublicKey(m.key)
	if err != nil {
		return nil, err
	}
	m.locks[keyHash] = script.PayToWitnessPubKeyHash(script.Hash160(pub[:]))
	m.locks[taproot] = script.PayToTaproot(script.TaprootOutputKey(script.XOnly(pub)))
	return m, nil
}

// build makes the next block, unsolved.
func (m *maker) build(txs ...*types.Tx) *types.Block {
	return miner.BuildBlock(m.params, m.tip, txs, int64(len(txs))*fee, m.locks[taproot], nil, m.at)
}

// mine makes the next block with txs, each of which pays fee.
func (m *maker) mine(ctx context.Context, txs ...*types.Tx) error {
	b, err := miner.Solve(ctx, m.build(txs...), miner.Options{Threads: 1})
	if err != nil {
		return err
	}
	m.tip = consensustest.NewNode(m.tip, b)
	m.blocks = append(m.blocks, b)
	m.at = m.at.Add(time.Minute)
	return nil
}

// mature mines empty blocks until the coinbases of n of them can be spent in the next block.
func (m *maker) mature(ctx context.Context, n int) error {
	for range int(m.params.CoinbaseMaturity) + n - 1 {
		if err := m.mine(ctx); err != nil {
			return err
		}
	}
	return nil
}

// coinbase is the coin that block number i (from 0) pays to its miner.
func (m *maker) coinbase(i int) consensus.CoinEntry {
	return consensustest.CoinEntry(m.blocks[i].Txs[0], 0)
}

// spend makes a transaction of one input that pays what outs leave over, less the fee, to its own kind of lock in a first output.
func (m *maker) spend(coin consensus.CoinEntry, outs ...types.TxOut) (*types.Tx, error) {
	rest := coin.Coin.Out.Value - fee
	for _, o := range outs {
		rest -= o.Value
	}
	if rest <= 0 {
		return nil, fmt.Errorf("a coin of %d does not pay for its transaction", coin.Coin.Out.Value)
	}
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: coin.OutPoint, Sequence: 0xfffffffd}},
		Out: append([]types.TxOut{{Value: rest, Script: coin.Coin.Out.Script}}, outs...)}
	sums := script.NewSigSums(tx, []types.TxOut{coin.Coin.Out})
	scriptSig, witness, err := script.SignInput(sums, 0, m.key, [32]byte{})
	if err != nil {
		return nil, err
	}
	tx.In[0].ScriptSig, tx.In[0].Witness = scriptSig, witness
	return types.DecodeTx(tx.Bytes())
}

// fan makes a transaction that splits a coin into n coins of equal value, their forms as lock says.
func (m *maker) fan(coin consensus.CoinEntry, n int, lock func(i int) form) (*types.Tx, []consensus.CoinEntry, error) {
	value := (coin.Coin.Out.Value - fee) / int64(n+1)
	outs := make([]types.TxOut, n)
	for i := range outs {
		outs[i] = types.TxOut{Value: value, Script: m.locks[lock(i)]}
	}
	tx, err := m.spend(coin, outs...)
	if err != nil {
		return nil, nil, err
	}
	coins := make([]consensus.CoinEntry, n)
	for i := range coins {
		coins[i] = consensustest.CoinEntry(tx, i+1)
	}
	return tx, coins, nil
}

// spendAll makes a transaction of one input and two outputs for each coin.
func (m *maker) spendAll(coins []consensus.CoinEntry) ([]*types.Tx, error) {
	txs := make([]*types.Tx, len(coins))
	for i, c := range coins {
		var err error
		if txs[i], err = m.spend(c, types.TxOut{Value: 1000, Script: c.Coin.Out.Script}); err != nil {
			return nil, err
		}
	}
	return txs, nil
}

// lanes mines count blocks of one transaction a coin: each spends the first output of the one before.
func (m *maker) lanes(ctx context.Context, count int, coins []consensus.CoinEntry) error {
	for range count {
		txs, err := m.spendAll(coins)
		if err != nil {
			return err
		}
		if err := m.mine(ctx, txs...); err != nil {
			return err
		}
		for i, tx := range txs {
			coins[i] = consensustest.CoinEntry(tx, 0)
		}
	}
	return nil
}

// alternate gives every second coin the other form.
func alternate(i int) form { return form(i) % forms }
