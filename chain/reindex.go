package chain

import "context"

// forget gives up a snapshot that is not validated yet, and then all judgements.
func (c *Chain) forget(ctx context.Context, meta Meta) (_ Meta, err error) {
	if c.snap.Phase == SnapshotAssumed {
		if meta, err = c.refuteAtStart(ctx, "all blocks are judged again"); err != nil {
			return meta, err
		}
	}
	return meta, c.forgetJudgements(ctx)
}

// forgetJudgements is what Config.Reindex begins with: nothing of what was judged is believed. Blocks that do not read back are noted as
// missing, every other one is judged again with all of its scripts when rebuild connects it, also those that were found invalid, or
// that an operator called so. The headers stay.
func (c *Chain) forgetJudgements(ctx context.Context) error {
	if err := c.checkStored(ctx); err != nil {
		return err
	}
	for _, n := range c.tree.all() {
		if n.parent != nil {
			n.clear(StatusValid | statusInvalid)
			c.touch(n)
		}
	}
	c.tree.findBestHeader()
	return nil
}
