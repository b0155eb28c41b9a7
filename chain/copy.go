package chain

import "errors"

// Copier is what a Store or KV may also implement: CopyTo puts a copy of what it holds into a directory, from which it can be
// opened. A Store's copy has been stopped cleanly if the last batch was Clean. Nobody may write meanwhile.
type Copier interface{ CopyTo(dir string) error }

// ErrNoCopy says that a store cannot be copied.
var ErrNoCopy = errors.New("what is kept in memory cannot be copied to a directory")

// CopyTo flushes and puts a copy of the store into dir, from which a chain opens as after a clean stop. The chain goes on.
func (c *Chain) CopyTo(dir string) error {
	store, ok := c.store.(Copier)
	if !ok {
		return ErrNoCopy
	}
	if err := c.Flush(); err != nil {
		return err
	}
	if h := c.history.Load(); h != nil {
		if err := h.chain.set().Commit(&Batch{Clean: !h.chain.scarred}); err != nil {
			return c.fail(err)
		}
	}
	if err := c.set().Commit(&Batch{Clean: !c.scarred}); err != nil {
		return c.fail(err)
	}
	return store.CopyTo(dir)
}
