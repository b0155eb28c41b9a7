package chain

import (
	"errors"
	"fmt"
	"sync"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// ErrUnknownPosition is returned by UpdatesSince for a block that is not in the tree, or that would have to be taken off and does not
// read back: after a power cut a consumer may be ahead of the chain. It has to start over.
var ErrUnknownPosition = errors.New("no way leads from this position to the tip")

// UpdatesSince returns up to n updates that lead from pos to the tip: first the disconnects of blocks that are no longer on the best
// chain, highest first, then the connects. None means that pos is the tip. The zero Position stands before genesis, whose connect
// is then the first update. The position after an update is that of its block if it was connected, else that of the
// block's parent (see After).
func (c *Chain) UpdatesSince(pos Position, n int) ([]consensus.Update, error) {
	tip := c.Tip()
	var at *Node
	if pos != (Position{}) {
		if at = c.Lookup(pos.Hash); at == nil {
			return nil, fmt.Errorf("%w: %s", ErrUnknownPosition, pos.Hash)
		}
	}
	var updates []consensus.Update
	for len(updates) < n && at != tip {
		node, connected := next(at, tip)
		u, err := c.update(node, connected)
		if err != nil {
			if errors.Is(err, ErrHistory) && len(updates) > 0 {
				return updates, nil // so far there is a way
			}
			if !connected && unreadable(err) {
				err = fmt.Errorf("%w: %w", ErrUnknownPosition, err)
			}
			return updates, err
		}
		updates = append(updates, u)
		if at = node; !connected {
			at = node.parent
		}
	}
	return updates, nil
}

// After returns the position at which a consumer stands when it has applied u.
func After(u *consensus.Update) Position {
	if u.Connected {
		return Position{Hash: u.Hash, Height: u.Height}
	}
	return Position{Hash: u.Block.Header.PrevHash, Height: u.Height - 1}
}

// next returns the block that has to be disconnected or connected to come from at (nil: before genesis) nearer to tip.
func next(at, tip *Node) (node *Node, connected bool) {
	if at == nil {
		return tip.at(0), true
	}
	if tip.at(at.height) == at {
		return tip.at(at.height + 1), true
	}
	return at, false
}

// update makes the update of one block, from memory if it was made lately.
func (c *Chain) update(n *Node, connected bool) (consensus.Update, error) {
	if n.parent == nil {
		g := c.cfg.Params.Genesis
		return consensus.Update{Block: g, Hash: n.hash, MedianTime: n.medianTime, Connected: connected}, nil
	}
	if u, ok := c.recent.get(n.hash, connected); ok {
		return u, nil
	}
	if n.Assumed() && !(n.HaveBlock() && n.HaveUndo()) {
		return consensus.Update{}, ErrHistory
	}
	b, err := c.Block(n.hash)
	if err != nil {
		return consensus.Update{}, err
	}
	undo, err := c.Undo(n.hash)
	if err != nil {
		return consensus.Update{}, err
	}
	u, err := consensus.UpdateFrom(n.parent, b, undo, connected)
	if err != nil {
		return consensus.Update{}, fmt.Errorf("undo data of block %s: %w: %w", n.hash, ErrDamaged, err)
	}
	return u, nil
}

// recentUpdates keeps the last few updates, since several consumers ask for each.
type recentUpdates struct {
	mu    sync.Mutex
	list  []consensus.Update // oldest first
	bytes int
}

// Bounds of recentUpdates.
const (
	recentCount = 16
	recentBytes = 8 << 20
)

func (r *recentUpdates) add(u consensus.Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, u)
	r.bytes += u.Block.Size()
	for len(r.list) > recentCount || r.bytes > recentBytes {
		r.bytes -= r.list[0].Block.Size()
		r.list = append([]consensus.Update(nil), r.list[1:]...)
	}
}

func (r *recentUpdates) get(h types.Hash, connected bool) (consensus.Update, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.list) - 1; i >= 0; i-- {
		if u := r.list[i]; u.Hash == h && u.Connected == connected {
			return u, true
		}
	}
	return consensus.Update{}, false
}

// bells ring when the tip changes.
type bells struct {
	mu   sync.Mutex
	next int
	all  map[int]chan struct{}
}

// Subscribe returns a channel of capacity 1 that gets a value whenever the tip has changed since the last one was
// taken. It carries no data: ask UpdatesSince. cancel ends it; it may be called more than once. The channel is never closed.
func (c *Chain) Subscribe() (bell <-chan struct{}, cancel func()) {
	b := &c.bells
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[int]chan struct{}{}
	}
	id, ch := b.next, make(chan struct{}, 1)
	b.next++
	b.all[id] = ch
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.all, id)
	}
}

// ring does not wait for anyone.
func (b *bells) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ch := range b.all {
		select {
		case ch <- struct{}{}:
		default:
		}
	}
}
