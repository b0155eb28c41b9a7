package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// Tx goes before all transactions of peers that wait, since its scripts are run here and not by the ledger.
func (r submitRPC) Tx(ctx context.Context, tx *types.Tx, maxFeeRate int64) error {
	proof := r.n.ledger.prove(tx)
	return r.n.doFirst(ctx, func() error {
		if r.n.pool.Have(tx.WitnessID()) {
			r.n.ledger.out(proto.Broadcast{ID: tx.ID(), WitnessID: tx.WitnessID()})
			return nil
		}
		_, err := r.n.ledger.addTx(0, tx, mempool.AddOptions{Local: true, MaxFeeRate: maxFeeRate, Proof: proof})
		return poolError(err)
	})
}

// poolError gives the RPC's error for one of the pool's.
func poolError(err error) error {
	var missing *mempool.MissingParents
	if errors.As(err, &missing) {
		return backend.ErrMissingInputs
	}
	return err
}

// poolRPC is backend.Mempool.
type poolRPC struct{ n *Node }

func (r poolRPC) Info() backend.MempoolInfo {
	i := r.n.pool.Info(r.n.clock.now())
	return backend.MempoolInfo{Loaded: true, Count: i.Count, Bytes: i.VBytes, Usage: i.Usage, MaxBytes: i.MaxBytes, TotalFee: i.Fees,
		FeeFloor: i.FeeFloor, MinRelay: i.MinRelayFeeRate, IncrementalRelay: i.IncrementalFeeRate, Unbroadcast: i.Local,
		FullRBF: true, MaxDataCarrierBytes: mempool.DefaultDataCarrierBytes}
}

func (r poolRPC) Sequence() uint64 { return r.n.pool.Info(r.n.clock.now()).Seq }

func (r poolRPC) IDs() []types.Hash { return r.n.pool.IDs() }

func (r poolRPC) Entry(id types.Hash) (backend.MempoolEntry, bool) {
	e, ok := r.n.pool.Entry(id)
	if !ok {
		return backend.MempoolEntry{}, false
	}
	return backend.MempoolEntry{
		Tx: e.Tx, VSize: e.VSize, Fee: e.Fee, ModifiedFee: e.Fee + e.Delta, Time: e.Time, Height: e.Height,
		Ancestors:   backend.PackageSums{Count: int(e.AncestorCount), VSize: e.AncestorSize, Fees: e.AncestorFees},
		Descendants: backend.PackageSums{Count: int(e.DescendantCount), VSize: e.DescendantSize, Fees: e.DescendantFees},
		Depends:     e.Parents, SpentBy: e.Children, Replaceable: r.replaceable(e), Unbroadcast: e.Local,
	}, true
}

// replaceable tells whether the transaction or an ancestor in the pool signals BIP125.
func (r poolRPC) replaceable(e mempool.Entry) bool {
	if signals(e.Tx) {
		return true
	}
	ancestors, _ := r.n.pool.Ancestors(e.Tx.ID())
	return slices.ContainsFunc(ancestors, func(a mempool.Entry) bool { return signals(a.Tx) })
}

func signals(tx *types.Tx) bool {
	return slices.ContainsFunc(tx.In, func(in types.TxIn) bool { return in.Sequence <= 0xfffffffd })
}

func (r poolRPC) Ancestors(id types.Hash) []types.Hash {
	list, _ := r.n.pool.Ancestors(id)
	return idsOf(list)
}

func (r poolRPC) Descendants(id types.Hash) []types.Hash {
	list, _ := r.n.pool.Descendants(id)
	return idsOf(list)
}

func idsOf(list []mempool.Entry) []types.Hash {
	ids := make([]types.Hash, len(list))
	for i := range list {
		ids[i] = list[i].Tx.ID()
	}
	return ids
}

func (r poolRPC) Spends(op types.OutPoint) (types.Hash, bool) { return r.n.pool.Spends(op) }

func (r poolRPC) Cluster(id types.Hash) ([]backend.MempoolChunk, bool) {
	chunks, ok := r.n.pool.Cluster(id)
	return chunksOf(chunks), ok
}

func (r poolRPC) Chunks() []backend.MempoolChunk { return chunksOf(r.n.pool.Chunks()) }

func chunksOf(chunks []mempool.Chunk) []backend.MempoolChunk {
	list := make([]backend.MempoolChunk, len(chunks))
	for i, c := range chunks {
		list[i] = backend.MempoolChunk{Fee: c.Fee, Weight: c.Weight, Txs: c.Txs}
	}
	return list
}

func (r poolRPC) Prioritise(id types.Hash, delta int64) { r.n.pool.Prioritise(id, delta) }

func (r poolRPC) Prioritised() []backend.Prioritised {
	var out []backend.Prioritised
	for _, d := range r.n.pool.Deltas() {
		out = append(out, backend.Prioritised{ID: d.ID, Delta: d.Fee, InMempool: d.InMempool})
	}
	return out
}

func (r poolRPC) Save(context.Context) (string, error) { return r.n.saveMempool() }

func (r poolRPC) Import(ctx context.Context, file string, opt backend.ImportOptions) error {
	return r.n.importMempool(ctx, file, opt)
}

// miningRPC is backend.Mining.
type miningRPC struct{ n *Node }

func (r miningRPC) Template(ctx context.Context, script []byte) (t backend.Template, err error) {
	err = r.n.doFirst(ctx, func() error {
		b, chosen, err := r.n.mining.template(script)
		if err != nil {
			return err
		}
		t = backend.Template{Block: b, Fees: make([]int64, 1, len(b.Txs)), SigOps: make([]int64, 1, len(b.Txs)), MempoolSequence: poolRPC(r).Sequence()}
		for _, c := range chosen {
			t.Fees = append(t.Fees, c.Fee)
			t.SigOps = append(t.SigOps, int64(c.SigOps))
		}
		return nil
	})
	return t, err
}

func (r miningRPC) Generate(ctx context.Context, n int, script []byte, maxTries uint64) ([]types.Hash, error) {
	return r.n.mining.generate(ctx, n, script, maxTries)
}

func (r miningRPC) GenerateBlock(ctx context.Context, script []byte, txs []*types.Tx, submit bool) (*types.Block, error) {
	return r.n.mining.generateBlock(ctx, script, txs, submit)
}

func (r miningRPC) State() backend.MiningState {
	on, rate := r.n.mining.state()
	return backend.MiningState{On: on, Threads: r.n.mining.threads, HashRate: rate}
}

func (r miningRPC) SetMining(on bool) error { return r.n.mining.set(r.n.ctx, on) }

// nodeRPC is backend.Node and backend.Filters.
type nodeRPC struct{ n *Node }

func (r nodeRPC) Params() *consensus.Params { return r.n.cfg.Params }

func (r nodeRPC) Service() backend.LocalService {
	return backend.LocalService{Version: versionNumber, SubVersion: dialectAgent + r.n.userAgent, Protocol: wire.ProtocolVersion,
		Services: uint64(r.n.offers()), LocalRelay: !r.n.cfg.BlocksOnly, DataDir: r.n.cfg.DataDir, LogFile: r.n.cfg.LogFile}
}

// Settle waits for the ledger, whose jobs include the pool, for the indexes, and for the filter index.
func (r nodeRPC) Settle(ctx context.Context) error {
	if err := r.n.do(ctx, func() error { return nil }); err != nil {
		return err
	}
	for _, x := range r.n.indexes.list() {
		if err := r.n.settled(ctx, x); err != nil {
			return err
		}
	}
	if r.n.filters == nil {
		return nil
	}
	return r.n.reaches(ctx, r.n.filters.Position, r.n.chain.Tip())
}

func (r nodeRPC) Now() time.Time        { return r.n.clock.now() }
func (r nodeRPC) Uptime() time.Duration { return time.Since(r.n.started) }
func (r nodeRPC) Stop()                 { r.n.Stop() }

// SetMockTime sets the clock and lets the machine do at once what is due by it.
func (r nodeRPC) SetMockTime(t time.Time) {
	r.n.clock.set(t)
	r.n.step(proto.Tick{})
}
