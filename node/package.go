package node

import (
	"context"
	"errors"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// packageCoins fetches what a package may need, in one read.
func (l *ledger) packageCoins(txs []*types.Tx) (consensus.Coins, error) {
	coins, err := l.chain.Coins(l.pool.Needs(txs...))
	if err != nil {
		l.fail(err)
	}
	return coins, err
}

// addPackage offers a peer's package (peer 0: our own) to the pool and reports.
func (l *ledger) addPackage(peer proto.PeerID, txs []*types.Tx, opt mempool.AddOptions) (mempool.PackageResult, error) {
	coins, err := l.packageCoins(txs)
	if err != nil {
		return mempool.PackageResult{}, err
	}
	res, err := l.pool.AddPackage(txs, coins, l.chain.Tip(), l.clock.now(), opt)
	v := proto.PackageVerdict{Peer: peer, Txs: txs, Err: res.Err}
	if err != nil {
		v.Err = err
	}
	for i := range res.Txs {
		if res.Txs[i].Judged {
			v.Results = append(v.Results, l.verdict(peer, txs[i], &res.Txs[i]))
		}
	}
	if peer != 0 {
		v.Removed = l.pool.TakeRemoved()
		l.out(v)
		return res, err
	}
	for _, r := range v.Results { // as in addTx
		if r.Err == nil {
			l.out(r)
		}
	}
	return res, err
}

// verdict is what is told of one transaction. Peers are told of it at its own feerate, whatever paid for it.
func (l *ledger) verdict(peer proto.PeerID, tx *types.Tx, r *mempool.TxResult) proto.TxVerdict {
	v := txVerdict(peer, tx, r.Err)
	if !r.OtherWitness.IsZero() {
		v.Err = consensus.Reject(consensus.SameNonWitnessData, "")
	}
	_, v.FeeRate, _ = l.pool.Get(tx.WitnessID())
	return v
}

// txVerdict reports why a transaction was refused, if it was.
func txVerdict(peer proto.PeerID, tx *types.Tx, err error) proto.TxVerdict {
	v := proto.TxVerdict{Peer: peer, Tx: tx, Err: err, Reconsider: mempool.Reconsiderable(err)}
	var missing *mempool.MissingParents
	if errors.As(err, &missing) {
		v.MissingParents = missing.Parents()
	}
	return v
}

// Package is backend.Submit's.
func (r submitRPC) Package(ctx context.Context, txs []*types.Tx, maxFeeRate int64) (out backend.PackageResult, err error) {
	err = r.n.do(ctx, func() error {
		res, err := r.n.ledger.addPackage(0, txs, mempool.AddOptions{Local: true, MaxFeeRate: maxFeeRate})
		out = packageRPC(res)
		return err
	})
	return out, err
}

// Test is backend.Mempool's. A single transaction may replace others, as if it were sent.
func (r poolRPC) Test(ctx context.Context, txs []*types.Tx) (out backend.PackageResult, err error) {
	l := r.n.ledger
	err = r.n.do(ctx, func() error {
		if len(txs) == 1 {
			res, err := l.accept(txs[0], mempool.AddOptions{TestOnly: true})
			if err != nil && !mempool.IsPolicy(err) && consensus.KindOf(err) == "" {
				return err
			}
			one := mempool.TxResult{Result: res, Judged: true, Err: err, Includes: []types.Hash{txs[0].WitnessID()}}
			out = packageRPC(mempool.PackageResult{Txs: []mempool.TxResult{one}})
			return nil
		}
		coins, err := l.packageCoins(txs)
		if err != nil {
			return err
		}
		res, err := l.pool.TestPackage(txs, coins, l.chain.Tip(), l.clock.now())
		out = packageRPC(res)
		return err
	})
	return out, err
}

// HasDust is backend.Mempool's.
func (r poolRPC) HasDust(id types.Hash) bool {
	tx, _, ok := r.n.pool.Get(id)
	return ok && r.n.pool.HasDust(tx)
}

func packageRPC(res mempool.PackageResult) backend.PackageResult {
	out := backend.PackageResult{Err: res.Err, Replaced: res.Replaced, Txs: make([]backend.PackageTx, len(res.Txs))}
	for i := range res.Txs {
		t := &res.Txs[i]
		out.Txs[i] = backend.PackageTx{Judged: t.Judged, Err: poolError(t.Err), VSize: t.VSize, Fee: t.Fee, FeeRate: t.FeeRate,
			Includes: t.Includes, Known: t.Known, OtherWitness: t.OtherWitness}
	}
	return out
}
