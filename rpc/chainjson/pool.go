package chainjson

import (
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// PoolEntry describes a transaction of the mempool as getmempoolentry does.
func PoolEntry(e backend.MempoolEntry) jsonrpc.Fields {
	return jsonrpc.Obj(
		"vsize", e.VSize,
		"weight", e.Tx.Weight(),
		"time", e.Time.Unix(),
		"height", e.Height,
		"descendantcount", e.Descendants.Count,
		"descendantsize", e.Descendants.VSize,
		"ancestorcount", e.Ancestors.Count,
		"ancestorsize", e.Ancestors.VSize,
		"wtxid", e.Tx.WitnessID(),
		"fees", jsonrpc.Obj("base", Amount(e.Fee), "modified", Amount(e.ModifiedFee), "ancestor", Amount(e.Ancestors.Fees), "descendant", Amount(e.Descendants.Fees)),
		"depends", Hashes(e.Depends),
		"spentby", Hashes(e.SpentBy),
		"bip125-replaceable", e.Replaceable,
		"unbroadcast", e.Unbroadcast,
	)
}
