package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
)

// Verify judges the last depth blocks of the best chain again (all of them if depth is 0 or more than there are), from what is stored: each is read,
// checked, taken off in memory with its undo data and put on again with all scripts. progress, if not nil, is told of each
// step; there are two a block. It changes nothing and may be called from any goroutine; it is bound to the tip of its beginning. Memory grows
// with the coins that these blocks touch. It ends at blocks that were pruned.
//
// The error says which block is wrong and how: it wraps ErrNotStored or ErrDamaged, or a RuleError.
func (c *Chain) Verify(ctx context.Context, depth int, progress func(done, total int)) error {
	tip := c.Tip()
	if depth <= 0 || depth > int(tip.height) {
		depth = int(tip.height)
	}
	depth = min(depth, int(max(tip.height-c.PruneHeight(), 0))) // what was pruned was verified when it came
	if base, ok := c.Assumed(); ok {
		depth = min(depth, int(tip.height-base.Height))
	}
	v := verifying{c: c, layer: newCache(), total: 2 * depth, progress: progress}
	nodes := path(tip.at(tip.height-int32(depth)), tip)
	for i := len(nodes) - 1; i >= 0; i-- {
		if err := errors.Join(ctx.Err(), v.off(nodes[i])); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if err := errors.Join(ctx.Err(), v.on(n)); err != nil {
			return err
		}
	}
	return nil
}

type verifying struct {
	c           *Chain
	layer       *cache
	done, total int
	progress    func(done, total int)
}

func (v *verifying) step() {
	v.done++
	if v.progress != nil {
		v.progress(v.done, v.total)
	}
}

// off checks the block by itself and takes it off the layer.
func (v *verifying) off(n *Node) error {
	defer v.step()
	b, err := v.c.Block(n.hash)
	if err != nil {
		return err
	}
	if err := errors.Join(consensus.CheckBlock(v.c.cfg.Params, b), v.c.checkSigned(b)); err != nil {
		return fmt.Errorf("block %d %s: %w", n.height, n.hash, err)
	}
	undo, err := v.c.Undo(n.hash)
	if err != nil {
		return err
	}
	u, err := consensus.Disconnect(v.c.cfg.Params, n.parent, b, undo)
	if err != nil {
		return fmt.Errorf("block %d %s: %w: %w", n.height, n.hash, ErrDamaged, err)
	}
	v.layer.apply(u.Created, u.Spent)
	return nil
}

// on puts the block on the layer again. All coins that it may spend are there, because taking it off brought them.
func (v *verifying) on(n *Node) error {
	defer v.step()
	b, err := v.c.Block(n.hash)
	if err != nil {
		return err
	}
	coins, _ := v.layer.get(consensus.NeededOutpoints(v.c.cfg.Params, n.parent, b))
	u, checks, err := consensus.Connect(v.c.cfg.Params, n.parent, b, coins)
	if err == nil {
		err = v.c.runChecks(checks)
	}
	if err != nil {
		return fmt.Errorf("block %d %s: %w", n.height, n.hash, err)
	}
	undo, err := v.c.Undo(n.hash)
	if err != nil {
		return err
	}
	if !bytes.Equal(consensus.AppendUndo(nil, undo), consensus.AppendUndo(nil, u.Undo)) {
		return fmt.Errorf("undo data of block %d %s: %w", n.height, n.hash, ErrDamaged)
	}
	v.layer.apply(u.Spent, u.Created)
	return nil
}
