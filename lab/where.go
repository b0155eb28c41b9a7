package lab

import (
	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// Hash names a block or a transaction.
type Hash = types.Hash

// ParseHash reads a hash as it is written.
func ParseHash(s string) (Hash, error) { return types.ParseHash(s) }

// Where a transaction may be, as one node sees it.
const (
	TxAbsent    = "absent"
	TxMempool   = "mempool"
	TxConfirmed = "confirmed"
)

// whereDepth is how many blocks WhereIs looks back.
const whereDepth = 500

// WhereIs tells whether node i has a transaction in its mempool or in one of the last 500 blocks of its best chain. The chain is asked first: for
// a moment after a block the mempool has its transactions still.
func (n *Net) WhereIs(i int, id Hash) string {
	nd := n.Node(i)
	if nd == nil {
		return TxAbsent
	}
	if h, err := coinOf(nd, id); err == nil && h >= 0 {
		return TxConfirmed
	}
	if nd.Pool().Have(id) {
		return TxMempool
	}
	if h, err := confirmedAt(nd, id); err == nil && h >= 0 {
		return TxConfirmed
	}
	return TxAbsent
}

// confirmedAt returns the height of the block that holds a transaction, −1 if none of the last has it. A transaction with a coin that
// is unspent is found at once.
func confirmedAt(nd *node.Node, id Hash) (int32, error) {
	if h, err := coinOf(nd, id); err != nil || h >= 0 {
		return h, err
	}
	c := nd.Chain()
	tip := c.Tip()
	for h := tip.Height(); h > max(0, tip.Height()-whereDepth); h-- {
		in, err := inBlock(c, tip.At(h).Hash(), id)
		if err != nil || in {
			return h, err
		}
	}
	return -1, nil
}

// coinOf returns the height of the block that made one of a transaction's first three coins, −1 if none of them is unspent.
func coinOf(nd *node.Node, id Hash) (int32, error) {
	found, err := nd.Chain().Coins([]types.OutPoint{{TxID: id}, {TxID: id, Index: 1}, {TxID: id, Index: 2}})
	if err != nil {
		return -1, err
	}
	for _, coin := range found {
		return coin.Height, nil
	}
	return -1, nil
}

func inBlock(c *chain.Chain, hash, id Hash) (bool, error) {
	b, err := c.Block(hash)
	if err != nil {
		return false, err
	}
	for _, tx := range b.Txs {
		if tx.ID() == id {
			return true, nil
		}
	}
	return false, nil
}

// Deployment is the state of a soft fork at node i's tip ("defined", "started", "locked_in", "active", "failed"), "" if there is none
// of the name.
func (n *Net) Deployment(i int, name string) string {
	nd := n.Node(i)
	if nd == nil {
		return ""
	}
	for k := range n.params.Deployments {
		if d := &n.params.Deployments[k]; d.Name == name {
			state, _ := consensus.StateAfter(n.params, d, nd.Chain().Tip())
			return string(state)
		}
	}
	return ""
}

// FeeEstimate is what node i thinks a transaction must pay per 1000 vbytes to be in a block within so many; ok is false if it does not know.
func (n *Net) FeeEstimate(i, blocks int) (rate int64, ok bool) {
	nd := n.Node(i)
	if nd == nil {
		return 0, false
	}
	return nd.EstimateFee(blocks)
}
