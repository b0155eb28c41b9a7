package node

import (
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/mempool/fees"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// teacher tells the estimator of fees what the mempool and the chain do. It belongs to the ledger's goroutine.
type teacher struct {
	fees *fees.Estimator
	pool *mempool.Pool
	seen uint64 // the last change of the pool that it has heard of
}

func newTeacher(pool *mempool.Pool, height int32) *teacher {
	return &teacher{fees: fees.New(height), pool: pool}
}

// catchUp passes on what came and went. With fresh set, what came is counted as having entered at the tip of height; else it is
// left out: it came back from blocks, or from the last run.
func (t *teacher) catchUp(fresh bool, height int32) {
	for {
		list, lost := t.pool.Changes(t.seen, 1024)
		if lost {
			t.seen = t.pool.Seq()
			return
		}
		if len(list) == 0 {
			return
		}
		for _, c := range list {
			t.seen = c.Seq
			switch {
			case !c.Added && c.Reason != mempool.ReasonBlock:
				t.fees.Leave(c.ID)
			case c.Added && fresh:
				if e, ok := t.pool.Entry(c.ID); ok && len(e.Parents) == 0 {
					t.fees.Enter(c.ID, height, e.FeeRate())
				}
			}
		}
	}
}

// block is to be called before the pool hears of a block that was put on.
func (t *teacher) block(b *types.Block, height int32) {
	t.catchUp(true, height-1)
	ids := make([]types.Hash, 0, len(b.Txs)-1)
	for _, tx := range b.Txs[1:] {
		ids = append(ids, tx.ID())
	}
	t.fees.Block(height, ids)
}

// feesRPC is backend.Fees.
type feesRPC struct{ e *fees.Estimator }

func (r feesRPC) Smart(target int, conservative bool) (int64, int, bool) {
	return r.e.Smart(target, conservative)
}

func (r feesRPC) Raw(horizon string, target int, share float64) (backend.RawFee, bool) {
	for _, at := range []fees.Horizon{fees.Short, fees.Medium, fees.Long} {
		if at.String() == horizon {
			raw, ok := r.e.Raw(at, target, share)
			return backend.RawFee{FeeRate: raw.FeeRate, Decay: raw.Decay, Scale: raw.Scale, Pass: backend.FeeBucket(raw.Pass), Fail: backend.FeeBucket(raw.Fail)}, ok
		}
	}
	return backend.RawFee{}, false
}
