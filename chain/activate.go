package chain

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// fault is a block that cannot be connected: because it breaks the rules (err is a RuleError), or because it does not
// read back.
type fault struct {
	node *Node
	err  error
}

func (f *fault) Error() string { return fmt.Sprintf("block %s: %v", f.node.hash, f.err) }
func (f *fault) Unwrap() error { return f.err }

// activate moves the tip to the best branch that is complete and valid. have is a block that the caller holds in memory
// and has checked, or none.
//
// A move is tried in a layer over the coin cache: blocks are taken off back to the fork and put on up to the target. As soon as the place
// reached is better than the published tip, the layer is merged and this place is published. A branch that fails before that
// leaves no trace but its mark: the layer is dropped, and the next best branch is tried, which may be the old tip. A layer that
// outgrows the cache is merged and published early; then the way back is walked like any other.
func (c *Chain) activate(ctx context.Context, have consensus.Placed) error {
	before := c.Tip()
	for {
		tip, target := c.Tip(), c.tree.bestCandidate()
		if target == nil || target == tip || (!tip.Invalid() && !better(target, tip)) {
			break
		}
		if err := c.moveTo(ctx, target, have); err != nil {
			if err = c.absorb(err); err != nil {
				return errors.Join(err, c.failedIndex(err))
			}
		}
	}
	clear(c.tree.candidates)
	c.tree.candidates[c.Tip()] = struct{}{}
	c.noteReorg(before)
	if err := c.commitIndex(); err != nil {
		return err
	}
	return c.pruneToTarget()
}

// absorb deals with a move that failed: a fault of a block is noted, so that another branch is tried. Any other error is ours.
func (c *Chain) absorb(err error) error {
	var f *fault
	switch {
	case errors.As(err, &f) && consensus.KindOf(f.err) != "":
		c.markInvalid(f.node, f.err)
		return nil
	case errors.As(err, &f) && unreadable(f.err) && !f.node.Active():
		c.lose(f.node, StatusBlock)
		return nil
	case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return c.fail(err)
}

// failedIndex writes what was found out about blocks before a failure, if the store still works.
func (c *Chain) failedIndex(err error) error {
	if !unreadable(err) {
		return nil
	}
	return c.writeIndex()
}

// moveTo moves the published tip to target, or returns why not.
func (c *Chain) moveTo(ctx context.Context, target *Node, have consensus.Placed) error {
	fork := forkOf(c.Tip(), target)
	if fork != c.Tip() && c.cache.bytes > c.cfg.CacheBytes/2 {
		if err := c.flush(); err != nil { // make room, so that the layer need not be published early
			return err
		}
	}
	m := &move{c: c, layer: newCache(), at: c.Tip()}
	for m.at != fork {
		if err := m.down(); err != nil {
			return err
		}
	}
	for _, n := range path(fork, target) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.up(n, have); err != nil {
			return err
		}
		if c.starting {
			c.progress("connect", int64(n.height), int64(target.height))
		}
	}
	if m.at == c.Tip() {
		return nil
	}
	return m.publish() // the old tip was invalid, and target is an ancestor of it
}

// move is a tip on its way: the coins after block at are in the layer.
type move struct {
	c     *Chain
	layer *cache
	at    *Node
}

// down takes off one block.
func (m *move) down() error {
	if err := m.c.disconnect(m.layer, m.at); err != nil {
		return err
	}
	m.at = m.at.parent
	if m.c.overflows(m.layer) {
		return m.publish()
	}
	return nil
}

// up puts n on, and publishes it if that is an improvement.
func (m *move) up(n *Node, have consensus.Placed) error {
	if err := m.c.connect(m.layer, n, have); err != nil {
		return err
	}
	m.at = n
	if tip := m.c.Tip(); better(n, tip) || tip.Invalid() || m.c.overflows(m.layer) {
		return m.publish()
	}
	return nil
}

func (m *move) publish() error {
	layer := m.layer
	m.layer = newCache()
	return m.c.publish(layer, m.at)
}

func (c *Chain) overflows(layer *cache) bool { return c.cache.bytes+layer.bytes > c.cfg.CacheBytes }

// path returns the blocks after from, up to and with to, lowest first.
func path(from, to *Node) []*Node {
	nodes := make([]*Node, to.height-from.height)
	for i := len(nodes) - 1; i >= 0; i-- {
		nodes[i] = to
		to = to.parent
	}
	return nodes
}

// publish makes n, whose coins are in the layer, the tip that everybody sees. What is stored of n and its ancestors is written first.
func (c *Chain) publish(layer *cache, n *Node) error {
	if err := c.commitIndex(); err != nil {
		return err
	}
	old := c.Tip()
	fork := forkOf(old, n)
	for m := old; m != fork; m = m.parent {
		m.clear(StatusActive)
	}
	for m := n; m != fork; m = m.parent {
		m.set(StatusActive)
	}
	c.mu.Lock()
	c.cache.merge(layer)
	c.gen++
	c.tip.Store(n)
	c.mu.Unlock()
	c.moved += int(old.height - fork.height + n.height - fork.height)
	c.bells.ring()
	if c.cache.bytes > c.cfg.CacheBytes || c.moved >= c.cfg.FlushBlocks {
		return c.flush()
	}
	return nil
}

// connect puts n's block on the layer, which holds the coins after n's parent.
func (c *Chain) connect(layer *cache, n *Node, have consensus.Placed) error {
	b := have.Block()
	if b == nil || b.Hash() != n.hash {
		var err error
		if b, err = c.readForConnect(n); err != nil {
			return err
		}
		have = consensus.Placed{}
	}
	coins, err := c.fetch(layer, consensus.NeededOutpoints(c.cfg.Params, n.parent, b))
	if err != nil {
		return err
	}
	u, err := c.judge(layer, n, b, have, coins)
	if err != nil {
		if consensus.KindOf(err) == "" {
			return err
		}
		if n.Valid() {
			// It was valid on the same coins once, so it is the coins that are wrong.
			return fmt.Errorf("block %s followed the rules once and does not now (%v): the coin set is damaged; start again, it will be checked", n.hash, err)
		}
		if err := c.doubt(err); err != nil {
			return err
		}
		return &fault{n, err}
	}
	if !n.Valid() || !n.HaveUndo() {
		done := c.phase("undo")
		if err := c.store.PutUndo(n.hash, u.Undo); err != nil {
			return fmt.Errorf("storing the undo data of block %s: %w", n.hash, err)
		}
		done()
		if err := c.weighUndo(n, b); err != nil {
			return err
		}
		n.set(StatusValid | StatusUndo)
		c.touch(n)
	}
	layer.apply(u.Spent, u.Created)
	c.recent.add(u)
	return nil
}

// doubt looks whether the store has lost coins before a block is called invalid for spending one that is not there.
func (c *Chain) doubt(err error) error {
	if k, ok := c.store.(Checker); ok && consensus.KindOf(err) == consensus.BadTxnsMissingOrSpent {
		return k.Check()
	}
	return nil
}

// readForConnect returns n's block from the store.
func (c *Chain) readForConnect(n *Node) (*types.Block, error) {
	defer c.phase("read")()
	b, err := c.store.Block(n.hash)
	if unreadable(err) {
		return nil, &fault{n, err}
	}
	return b, describe(err, "block", n.hash)
}

// judge applies all rules that need coins, and before them those of the block's place if placed does not hold the block.
func (c *Chain) judge(layer *cache, n *Node, b *types.Block, placed consensus.Placed, coins consensus.Coins) (consensus.Update, error) {
	done := c.phase("connect")
	var u consensus.Update
	var checks []script.Check
	var err error
	if placed.Block() == b {
		u, checks, err = placed.Connect(coins)
	} else {
		u, checks, err = consensus.Connect(c.cfg.Params, n.parent, b, coins)
	}
	done()
	err = c.firstFault(n.parent, b, coins, err, func(ops []types.OutPoint) (consensus.Coins, error) { return c.fetch(layer, ops) })
	if err != nil || n.Valid() {
		return u, err // scripts that were right once are right
	}
	defer c.phase("scripts")()
	return u, c.runChecks(checks)
}

// firstFault returns the fault for which a block is refused that consensus.Connect has refused with err: that of BIP30 comes
// first, and is looked for only now (see consensus.OwnOutpoints). fetch gets coins as they are after parent.
func (c *Chain) firstFault(parent *Node, b *types.Block, coins consensus.Coins, err error,
	fetch func([]types.OutPoint) (consensus.Coins, error)) error {
	if consensus.KindOf(err) == "" || parent == nil {
		return err
	}
	ops := consensus.OwnOutpoints(c.cfg.Params, parent, b)
	if len(ops) == 0 {
		return err
	}
	own, ferr := fetch(ops)
	if ferr != nil {
		return ferr
	}
	if len(own) == 0 {
		return err
	}
	maps.Copy(own, coins)
	_, _, first := consensus.Connect(c.cfg.Params, parent, b, own)
	return first
}

// fetch collects coins as they are on the layer.
func (c *Chain) fetch(layer *cache, ops []types.OutPoint) (consensus.Coins, error) {
	defer c.phase("coins")()
	coins, missing := layer.get(ops)
	below, missing := c.cache.get(missing)
	for op, coin := range below {
		coins[op] = coin
	}
	return coins, c.readCoins(missing, coins)
}

// disconnect takes n's block off the layer, which holds the coins after n.
func (c *Chain) disconnect(layer *cache, n *Node) error {
	defer c.phase("disconnect")()
	if n.Assumed() {
		return c.refute("a branch with more work leaves the chain below it")
	}
	if n.Pruned() {
		return c.beyondPruned(n)
	}
	u, err := c.update(n, true)
	if err != nil {
		if unreadable(err) {
			c.lose(n, c.unreadablePart(n))
			err = fmt.Errorf("a block of the best chain has to be taken off and does not read back; start again, and the coin set will be made anew from the blocks: %w", err)
		}
		return err
	}
	u, err = consensus.Disconnect(c.cfg.Params, n.parent, u.Block, u.Undo)
	if err != nil {
		return fmt.Errorf("block %s: %w", n.hash, err)
	}
	layer.apply(u.Created, u.Spent)
	c.recent.add(u)
	return nil
}

// unreadablePart finds out which part of n does not read back.
func (c *Chain) unreadablePart(n *Node) Status {
	if _, err := c.store.Block(n.hash); err != nil {
		return StatusBlock
	}
	return StatusUndo
}

// noteReorg remembers how the tip came from before to where it is, if blocks were taken off.
func (c *Chain) noteReorg(before *Node) {
	tip := c.Tip()
	fork := forkOf(before, tip)
	if fork == before {
		return
	}
	r := &Reorg{At: c.cfg.Now(), ForkHeight: fork.height}
	for n := before; n != fork; n = n.parent {
		r.Off = append(r.Off, n.hash)
	}
	for _, n := range path(fork, tip) {
		r.On = append(r.On, n.hash)
	}
	c.lastReorg.Store(r)
	if c.cfg.Observe != nil {
		c.cfg.Observe.Reorg(len(r.Off))
	}
}
