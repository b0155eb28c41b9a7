package node

import (
	"context"
	"errors"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/filterindex"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// A light client asks for the filter of a block that it has just heard of, and the index follows the chain a moment
// later. So one that is filterLag blocks behind or less is waited for, filterWait at most.
const (
	filterLag  = 10
	filterWait = 30 * time.Second
)

// offers are the services that peers are told.
func (n *Node) offers() wire.Services {
	s := n.cfg.services()
	if _, assumed := n.chain.Assumed(); assumed {
		s &^= wire.NodeNetwork
	}
	if n.filters != nil && !n.cfg.NoPeerFilters {
		s |= wire.NodeCompactFilters
	}
	if n.cfg.PeerBloomFilters {
		s |= wire.NodeBloom
	}
	if !n.cfg.NoV2Transport {
		s |= wire.NodeP2PV2
	}
	return s
}

// serveFilters answers a light client (BIP157), in its own write loop and only when its turn has come, so that nothing
// waits for a disk and no filter waits in memory. It returns nil, and the client hears nothing, if the index has not
// come so far.
func (n *Node) serveFilters(r proto.ServeFilters) wire.Message {
	m, err := n.filterMessage(r.Request)
	if err != nil {
		if !errors.Is(err, filterindex.ErrNotIndexed) && n.ctx.Err() == nil {
			n.cfg.Log.Warn("a filter that a peer asked for could not be read", "err", err)
		}
		return nil
	}
	return m
}

func (n *Node) filterMessage(request wire.Message) (wire.Message, error) {
	switch q := request.(type) {
	case wire.GetCFilters:
		filter, err := n.awaitFilter(q.Stop)
		return wire.CFilter{Block: q.Stop, Filter: filter}, err
	case wire.GetCFHeaders:
		return n.filterHeaders(q)
	case wire.GetCFCheckpt:
		return n.filterCheckpoints(q)
	}
	return nil, nil
}

// filterHeaders reads the hashes of the filters from Start to Stop, and the filter header before them.
func (n *Node) filterHeaders(q wire.GetCFHeaders) (wire.Message, error) {
	if _, err := n.awaitFilter(q.Stop); err != nil {
		return nil, err
	}
	m := wire.CFHeaders{Stop: q.Stop, Hashes: make([]types.Hash, 0, wire.MaxCFHeaders)}
	stop := n.chain.Lookup(q.Stop)
	for h := int32(q.Start); h <= stop.Height(); h++ {
		filter, err := n.filters.Filter(ancestor(stop, h))
		if err != nil {
			return nil, err
		}
		m.Hashes = append(m.Hashes, filterindex.Hash(filter))
	}
	if q.Start == 0 {
		return m, nil
	}
	var err error
	m.Prev, err = n.filters.FilterHeader(ancestor(stop, int32(q.Start)-1))
	return m, err
}

// filterCheckpoints reads every CFCheckptInterval-th filter header up to Stop.
func (n *Node) filterCheckpoints(q wire.GetCFCheckpt) (wire.Message, error) {
	if _, err := n.awaitFilter(q.Stop); err != nil {
		return nil, err
	}
	m := wire.CFCheckpt{Stop: q.Stop}
	stop := n.chain.Lookup(q.Stop)
	for h := int32(wire.CFCheckptInterval); h <= stop.Height(); h += wire.CFCheckptInterval {
		header, err := n.filters.FilterHeader(ancestor(stop, h))
		if err != nil {
			return nil, err
		}
		m.Headers = append(m.Headers, header)
	}
	return m, nil
}

// ancestor is the hash of the block at a height of n's branch.
func ancestor(n *chain.Node, height int32) types.Hash { return n.Ancestor(height).Hash() }

// awaitFilter reads the filter of a block that the chain knows, and waits a moment if the index is about to have it.
func (n *Node) awaitFilter(hash types.Hash) ([]byte, error) {
	block := n.chain.Lookup(hash)
	if block == nil {
		return nil, filterindex.ErrNotIndexed
	}
	ctx, cancel := context.WithTimeout(n.ctx, filterWait)
	defer cancel()
	for {
		moved := n.indexed.next()
		filter, err := n.filters.Filter(hash)
		lag := block.Height() - n.filters.Position().Height
		if !errors.Is(err, filterindex.ErrNotIndexed) || !block.Active() || lag > filterLag {
			return filter, err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, err
		}
	}
}
