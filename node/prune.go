package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/backend"
)

const (
	mib          = 1 << 20
	minPruneMiB  = 550 // Bitcoin Core's: 288 blocks with undo data, and room
	pruneByHand  = 1
	fastFileSize = 1 << 20
)

func (c *Config) checkPrune() error {
	switch {
	case c.Prune < 0:
		return errors.New("--prune cannot be configured with a negative value")
	case c.Prune > pruneByHand && c.Prune < minPruneMiB && !c.FastPrune:
		return fmt.Errorf("--prune is configured below the minimum of %d MiB: use a higher number", minPruneMiB)
	case c.Prune > 0 && c.TxIndex:
		return errors.New("prune mode is incompatible with -txindex")
	case c.Prune > 0 && c.SpentIndex:
		return errors.New("prune mode is incompatible with -txospenderindex")
	case c.Prune > 1<<40:
		return fmt.Errorf("--prune is in MiB, and %d of them are no disk", c.Prune)
	}
	return nil
}

// pruneTarget is how many bytes of blocks are kept, 0 if none are removed without being asked for.
func (c *Config) pruneTarget() int64 {
	if c.Prune <= pruneByHand {
		return 0
	}
	return c.Prune * mib
}

func (c *Config) blockFileBytes() int64 {
	if c.FastPrune {
		return fastFileSize
	}
	return 0
}

// services are the bits that peers are told: a node that removes old blocks has only the last ones for them (BIP159).
func (c *Config) services() wire.Services {
	if c.Prune > 0 {
		return wire.NodeNetworkLimited | wire.NodeWitness
	}
	return wire.NodeNetwork | wire.NodeNetworkLimited | wire.NodeWitness
}

// checkPruned refuses to go on without --prune where blocks are missing: the node would tell peers that it has them.
func (n *Node) checkPruned() error {
	if h := n.chain.PruneHeight(); h > 0 && n.cfg.Prune == 0 {
		return fmt.Errorf("the blocks up to height %d were pruned: start with --prune, or with an empty data directory to fetch all of them again", h)
	}
	return nil
}

// keepFor keeps the blocks for somebody who follows the chain from where he stands, or says that they are gone.
func (n *Node) keepFor(name string, position func() chain.Position) error {
	if at, pruned := position().Height, n.chain.PruneHeight(); at < pruned {
		return fmt.Errorf("the %s ends at height %d and cannot go on: the blocks up to height %d were pruned; switch it off, or start with an empty data directory", name, at, pruned)
	}
	n.chain.KeepFrom(func() int32 { return position().Height })
	return nil
}

// pruneRPC is backend.Pruning.
type pruneRPC struct{ n *Node }

func (r pruneRPC) State() backend.PruneState {
	target := r.n.cfg.pruneTarget()
	return backend.PruneState{Automatic: target > 0, Target: target, Height: r.n.chain.PruneHeight()}
}

func (r pruneRPC) Prune(ctx context.Context, height int32) (last int32, err error) {
	err = r.n.doFirst(ctx, func() error {
		last, err = r.n.chain.Prune(height)
		r.n.ledger.check(err)
		return err
	})
	return last, err
}

func (r pruneRPC) Keep() int32 { return chain.KeepBlocks }

// After is Bitcoin Core's number for each network.
func (r pruneRPC) After() int32 {
	switch {
	case r.n.cfg.FastPrune:
		return 100
	case r.n.cfg.Params.Name == "mainnet":
		return 100_000
	}
	return 1000
}
