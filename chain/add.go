package chain

import (
	"context"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// ErrUnknownBlock is returned by Invalidate, Reconsider and Precious for a hash that is not in the tree.
var ErrUnknownBlock = errors.New("no such block in the tree")

// AddHeaders adds headers to the tree, in an order in which parents come before children. Known ones are accepted again. It stops
// at the first that is refused, with a RuleError that names it (prev-blk-not-found if its parent is unknown); accepted is the
// number before it, and they stay.
func (c *Chain) AddHeaders(hs []types.Header) (accepted int, err error) {
	if err := c.begin(); err != nil {
		return 0, err
	}
	for i := range hs {
		if _, err = c.addHeader(&hs[i]); err != nil {
			break
		}
		accepted++
	}
	if cerr := c.commitIndex(); cerr != nil {
		return accepted, cerr
	}
	return accepted, err
}

// begin is how every method of the owner begins: it refuses after a failure of ours and takes note of what readers found damaged.
func (c *Chain) begin() error {
	if c.failed != nil {
		return c.failed
	}
	nodes, what := c.damage.take()
	for i, n := range nodes {
		c.lose(n, what[i])
	}
	return nil
}

// fail remembers an error of ours.
func (c *Chain) fail(err error) error {
	if c.failed == nil {
		c.failed = fmt.Errorf("the chain has stopped: %w", err)
	}
	return err
}

// lose takes note that a part of n does not read back, so that it is fetched again. On the best chain it stays connected; the next
// start makes the coins again up to the gap.
func (c *Chain) lose(n *Node, what Status) {
	c.log.Error("a stored block does not read back", "height", n.height, "block", n.hash, "part", what.String(), "best chain", n.Active())
	n.clear(what)
	c.touch(n)
	if n.Assumed() {
		return // the history asks for it again
	}
	if n.Active() {
		c.scarred = true
		if what&StatusBlock != 0 {
			c.damage.lose(n)
		}
		return
	}
	if what&StatusBlock != 0 {
		c.tree.unlink(n)
	}
}

// touch says that n has to be written to the index.
func (c *Chain) touch(n *Node) { c.dirty[n] = struct{}{} }

// addHeader finds or adds the node of a header. Nothing is looked at before its work, and nothing more if its parent is unknown or invalid.
func (c *Chain) addHeader(h *types.Header) (*Node, error) {
	hash := h.Hash()
	if n := c.Lookup(hash); n != nil {
		if n.Invalid() {
			return n, consensus.Reject(consensus.DuplicateInvalid, hash.String())
		}
		return n, nil
	}
	if err := consensus.CheckWork(c.cfg.Params, h, hash); err != nil {
		return nil, err
	}
	parent := c.Lookup(h.PrevHash)
	switch {
	case parent == nil:
		return nil, consensus.Reject(consensus.PrevBlkNotFound, h.PrevHash.String())
	case parent.Invalid():
		return nil, consensus.Reject(consensus.BadPrevBlk, h.PrevHash.String())
	}
	if err := consensus.CheckHeaderInPlace(c.cfg.Params, parent, h, c.cfg.Now()); err != nil {
		return nil, err
	}
	n := newNode(parent, *h, hash)
	c.tree.insert(n)
	c.touch(n)
	return n, nil
}

// AddBlock checks a block, stores it, and moves the tip if the block's branch is now the best that is complete. known tells
// that the block was stored before; then nothing happens. The error is a RuleError if this block or one before it breaks
// the rules (bad-prevblk then); nil does not say that the block is on the best chain, nor, if an ancestor is missing or
// heavier branches exist, that it was connected. Any other error is ours, and the chain takes nothing more.
//
// b must not be changed afterwards.
func (c *Chain) AddBlock(b *types.Block) (known bool, err error) {
	if err := c.begin(); err != nil {
		return false, err
	}
	if n := c.Lookup(b.Hash()); n != nil && (n.HaveBlock() || n.Pruned()) {
		if n.Invalid() {
			return true, consensus.Reject(consensus.DuplicateInvalid, n.hash.String())
		}
		return true, nil
	}
	n, err := c.addHeader(&b.Header)
	if err != nil {
		return false, err
	}
	if h := c.history.Load(); h != nil && n.Assumed() {
		return c.addHistory(h, b)
	}
	placed, err := c.check(n, b)
	if err != nil {
		return false, errors.Join(err, c.commitIndex())
	}
	if c.cfg.Checked != nil && n.parent == c.Tip() {
		c.cfg.Checked(b)
	}
	if err := c.storeBlock(n, b); err != nil {
		return false, c.fail(err)
	}
	c.lastFault = nil
	if err := c.activate(context.Background(), placed); err != nil {
		return false, err
	}
	return false, c.verdict(n)
}

// verdict is the answer to the block that was just added.
func (c *Chain) verdict(n *Node) error {
	switch {
	case !n.Invalid():
		return nil
	case c.lastFault != nil && c.lastFault.node == n:
		return c.lastFault.err
	}
	return consensus.Reject(consensus.BadPrevBlk, "an ancestor is invalid")
}

// check judges what needs no coins, once for each block: what it returns goes on to judge. It marks n invalid if the fault lies in
// what n's hash commits to.
func (c *Chain) check(n *Node, b *types.Block) (placed consensus.Placed, err error) {
	defer c.phase("check")()
	err = consensus.CheckBlock(c.cfg.Params, b)
	if err == nil {
		err = c.checkSigned(b)
	}
	if err == nil && n.parent != nil {
		placed, err = consensus.CheckBlockInPlace(c.cfg.Params, n.parent, b)
	}
	if kind := consensus.KindOf(err); kind != "" && !consensus.IsMutation(kind) && !looksLikeTree(b) {
		c.markInvalid(n, err)
	}
	return placed, err
}

// checkSigned runs the check that a block was signed for its signet; on other networks there is none.
func (c *Chain) checkSigned(b *types.Block) error {
	check, err := consensus.SignetCheck(c.cfg.Params, b)
	if err != nil || check == nil {
		return err
	}
	var f *script.Failure
	if err = c.cfg.Verify.Run([]script.Check{*check}); errors.As(err, &f) {
		return consensus.Reject(consensus.BadSignetBlockSig, f.Err.Error())
	}
	return err
}

// looksLikeTree tells whether the transactions of b may be inner nodes of another block's merkle tree, which are 64 bytes each:
// the root does not commit to them then (CVE-2017-12842). A real block begins with a coinbase.
func looksLikeTree(b *types.Block) bool {
	if len(b.Txs) > 0 && b.Txs[0].IsCoinbase() {
		return false
	}
	for _, tx := range b.Txs {
		if tx.BaseSize() == 64 {
			return true
		}
	}
	return len(b.Txs) == 0
}

// storeBlock writes a checked block and links it into the tree.
func (c *Chain) storeBlock(n *Node, b *types.Block) error {
	defer c.phase("store")()
	if err := c.putBlock(n, b); err != nil {
		return fmt.Errorf("storing block %s: %w", n.hash, err)
	}
	c.pruning.bytes += int64(b.Size())
	c.linkBlock(n, len(b.Txs))
	return nil
}

func (c *Chain) putBlock(n *Node, b *types.Block) error {
	if h, ok := c.store.(BlockHolder); ok {
		return h.HoldBlock(n.hash, b)
	}
	return c.store.PutBlock(n.hash, b.Bytes())
}

// linkBlock takes note that n's block is stored.
func (c *Chain) linkBlock(n *Node, txs int) {
	n.txCount.Store(uint32(txs))
	n.set(StatusBlock)
	c.touch(n)
	if n.Active() {
		c.damage.comeBack(n) // it was lost
		return
	}
	for _, l := range c.tree.link(n) {
		c.touch(l)
	}
}

// markInvalid marks n and all that stands on it.
func (c *Chain) markInvalid(n *Node, why error) {
	c.log.Warn("a block breaks the rules", "height", n.height, "block", n.hash, "why", why)
	c.lastFault = &fault{n, why}
	c.mark(n)
}

func (c *Chain) mark(n *Node) {
	n.set(StatusFailed)
	c.touch(n)
	c.tree.descendants(n, func(d *Node) {
		d.set(StatusFailedParent)
		c.touch(d)
	})
	c.tree.findBestHeader()
	c.tree.findCandidates()
}

// phase starts to measure a phase; the function that it returns ends it.
func (c *Chain) phase(name string) func() {
	if c.cfg.Observe == nil || c.cfg.Monotonic == nil {
		return func() {}
	}
	start := c.cfg.Monotonic()
	return func() { c.cfg.Observe.Phase(name, c.cfg.Monotonic()-start) }
}

// Invalidate marks a block invalid as if it broke the rules, with all that stands on it, and moves the tip to the best
// branch that is left. It is remembered. Genesis cannot be invalidated.
func (c *Chain) Invalidate(hash types.Hash) error {
	n, err := c.operate(hash)
	if err != nil {
		return err
	}
	if n.parent == nil {
		return errors.New("genesis cannot be invalidated")
	}
	c.mark(n)
	if err := c.commitIndex(); err != nil {
		return err
	}
	return c.activate(context.Background(), consensus.Placed{})
}

// Reconsider takes the mark of invalidity from a block, its ancestors and all that stands on it, and judges them again
// if their branch is the best.
func (c *Chain) Reconsider(hash types.Hash) error {
	n, err := c.operate(hash)
	if err != nil {
		return err
	}
	forgive := func(n *Node) {
		if n.Invalid() {
			n.clear(statusInvalid)
			c.touch(n)
		}
	}
	c.tree.descendants(n, forgive)
	for a := n; a != nil; a = a.parent {
		forgive(a)
	}
	// A branch beside n that stood on a forgiven ancestor is forgiven too, unless it has a fault of its own.
	c.tree.inherit(c.touch)
	c.tree.findBestHeader()
	c.tree.findCandidates()
	return c.activate(context.Background(), consensus.Placed{})
}

// Precious treats a block as if it had been seen before all others of the same work. It does nothing if the block's
// branch has less work than the tip, or is not complete and valid.
func (c *Chain) Precious(hash types.Hash) error {
	n, err := c.operate(hash)
	if err != nil {
		return err
	}
	if n.work.Cmp(c.Tip().work) < 0 || !n.Linked() || n.Invalid() {
		return nil
	}
	n.seq = c.tree.precious
	c.tree.precious--
	c.touch(n)
	c.tree.candidates[n] = struct{}{}
	return c.activate(context.Background(), consensus.Placed{})
}

// operate begins an operator's command about a block.
func (c *Chain) operate(hash types.Hash) (*Node, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	n := c.Lookup(hash)
	if n == nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownBlock, hash)
	}
	return n, nil
}

// TestBlock tells whether b would be accepted as the child of the tip, its work left out: nil, a RuleError, or an error of ours. It
// changes nothing and may be called from any goroutine.
func (c *Chain) TestBlock(b *types.Block) error {
	parent := c.Lookup(b.Header.PrevHash)
	if parent == nil {
		parent = c.Tip() // it will be refused below
	}
	coins, tip, err := c.CoinsAt(consensus.NeededOutpoints(c.cfg.Params, parent, b))
	if err != nil {
		return err
	}
	if b.Header.PrevHash != tip.hash {
		return consensus.Reject("inconclusive-not-best-prevblk", "the tip is "+tip.hash.String())
	}
	if err := consensus.CheckHeaderInPlace(c.cfg.Params, tip, &b.Header, c.cfg.Now()); err != nil {
		return err
	}
	if err := consensus.CheckBlock(c.cfg.Params, b); err != nil {
		return err
	}
	_, checks, err := consensus.Connect(c.cfg.Params, tip, b, coins)
	if err != nil {
		return c.firstFault(tip, b, coins, err, func(ops []types.OutPoint) (consensus.Coins, error) {
			own, now, err := c.CoinsAt(ops)
			if err == nil && now != tip {
				own = nil // the tip has moved on: the first fault found stands
			}
			return own, err
		})
	}
	return c.runChecks(checks)
}
