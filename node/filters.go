package node

import (
	"errors"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/filterindex"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

func (n *Node) openFilters() (err error) {
	if !n.keepsFilters() {
		return nil
	}
	if n.filters, err = filterindex.Open(n.indexKV); err != nil {
		return err
	}
	return n.keepFor("basic block filter index", func() chain.Position { return n.filters.Position() })
}

// filtersRPC is backend.Filters.
type filtersRPC struct{ n *Node }

func (r filtersRPC) Filter(h types.Hash) (filter []byte, header types.Hash, err error) {
	entry := r.n.chain.Lookup(h)
	if entry == nil {
		return nil, types.Hash{}, backend.ErrNotFound
	}
	filter, err = r.n.filters.Filter(h)
	if err == nil {
		header, err = r.n.filters.FilterHeader(h)
	}
	if errors.Is(err, filterindex.ErrNotIndexed) {
		err = backend.ErrNotSynced
	}
	return filter, header, err
}

func (r filtersRPC) Synced() (height int32, synced bool) {
	pos := r.n.filters.Position()
	return pos.Height, pos.Hash == r.n.chain.Tip().Hash()
}
