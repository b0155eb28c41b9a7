package node

import (
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/types"
)

// chainView shows the block tree to the protocol machine.
type chainView struct{ chain *chain.Chain }

func (v chainView) Tip() consensus.Ancestry        { return v.chain.Tip() }
func (v chainView) BestHeader() consensus.Ancestry { return v.chain.BestHeader() }

func (v chainView) Lookup(h types.Hash) (proto.Entry, bool) {
	n := v.chain.Lookup(h)
	if n == nil {
		return proto.Entry{}, false
	}
	return proto.Entry{Ancestry: n, HaveBlock: n.HaveBlock(), Invalid: n.Invalid(), Txs: n.TxCount()}, true
}

// poolView shows the mempool to the protocol machine.
type poolView struct {
	pool  *mempool.Pool
	clock *clock
}

func (v poolView) Have(h types.Hash) bool { return v.pool.Have(h) }

func (v poolView) Get(h types.Hash) (*types.Tx, int64, bool) {
	return v.pool.Get(h)
}

func (v poolView) IDs() []types.Hash { return v.pool.IDs() }

func (v poolView) WitnessIDs(from int, buf []types.Hash) int { return v.pool.WitnessIDs(from, buf) }

func (v poolView) FeeFloor() int64 { return v.pool.FeeFloor(v.clock.now()) }

func unix(seconds uint32) time.Time { return time.Unix(int64(seconds), 0) }
