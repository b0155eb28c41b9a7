package node

import (
	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// filteredBlock reads a block for a light client and says what of it matches its filter: the header, the part of the
// merkle tree that proves the transactions, and those (BIP37). It runs in the peer's own write loop.
func (o *owner) filteredBlock(r proto.ServeBlock) []wire.Message {
	b, ok := o.read(r.Hash)
	if !ok {
		return []wire.Message{wire.NotFound{Items: []wire.Inv{{Type: wire.InvFiltered, Hash: r.Hash}}}}
	}
	ids, match := make([]types.Hash, len(b.Txs)), make([]bool, len(b.Txs))
	msgs := make([]wire.Message, 1)
	for i, tx := range b.Txs {
		ids[i] = tx.ID()
		if match[i] = r.Filter.Match(tx); match[i] {
			msgs = append(msgs, wire.TxMsg{Tx: tx, Base: true})
		}
	}
	tree := merkle.BuildPartial(ids, match)
	msgs[0] = wire.MerkleBlock{Header: b.Header, Total: tree.Total, Hashes: tree.Hashes, Flags: tree.Flags}
	return msgs
}
