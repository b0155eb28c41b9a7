package chain

import (
	"sync/atomic"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Node is one header in the block tree and what is known of its block. What it is never changes; what is known of it is
// read atomically. It implements consensus.Ancestry.
type Node struct {
	hash       types.Hash
	header     types.Header
	height     int32
	work       consensus.Work
	medianTime int64
	parent     *Node
	skip       *Node // an ancestor further back, see consensus.SkipHeight

	status  atomic.Uint32
	txCount atomic.Uint32
	// chainTx is the number of transactions up to and with this block if it and all its ancestors are
	// stored, else 0.
	chainTx atomic.Uint64
	// seq orders blocks of equal work; the owner's alone.
	seq int64
}

// newNode makes the node of a header whose parent is given (nil for genesis).
func newNode(parent *Node, header types.Header, hash types.Hash) *Node {
	n := &Node{hash: hash, header: header, parent: parent, work: consensus.WorkFromBits(header.Bits)}
	if parent == nil {
		n.medianTime = int64(header.Time)
		return n
	}
	n.height = parent.height + 1
	n.work = n.work.Add(parent.work)
	n.medianTime = consensus.MedianTimeAfter(parent, &header)
	n.skip = parent.at(consensus.SkipHeight(n.height))
	return n
}

// Height of the block; 0 is genesis.
func (n *Node) Height() int32 { return n.height }

// Hash of the header.
func (n *Node) Hash() types.Hash { return n.hash }

// Header returns a copy of the header.
func (n *Node) Header() types.Header { return n.header }

// Work is the sum of the work from genesis to this block.
func (n *Node) Work() consensus.Work { return n.work }

// MedianTime is the median of the times of this block and the ten before it, in seconds since 1970 (BIP113).
func (n *Node) MedianTime() int64 { return n.medianTime }

// Ancestor returns the block at height h on the way back, nil if there is none. O(log n).
func (n *Node) Ancestor(h int32) consensus.Ancestry {
	if a := n.at(h); a != nil {
		return a
	}
	return nil
}

// At is Ancestor with the node's own type.
func (n *Node) At(h int32) *Node { return n.at(h) }

func (n *Node) at(h int32) *Node {
	if n == nil || h < 0 || h > n.height {
		return nil
	}
	for n.height > h {
		if n.skip != nil && n.skip.height >= h && consensus.UseSkip(n.height, h) {
			n = n.skip
		} else {
			n = n.parent
		}
	}
	return n
}

// Parent returns the block before, nil for genesis.
func (n *Node) Parent() *Node { return n.parent }

// HaveBlock tells whether the block's bytes are stored.
func (n *Node) HaveBlock() bool { return n.has(StatusBlock) }

// Pruned tells whether the block was connected and its bytes were removed since, to save space.
func (n *Node) Pruned() bool { return n.has(StatusPruned) }

// Assumed tells whether the block lies below a snapshot that is not validated yet.
func (n *Node) Assumed() bool { return n.has(StatusAssumed) }

// HaveUndo tells whether the block's undo data is stored.
func (n *Node) HaveUndo() bool { return n.has(StatusUndo) }

// Invalid tells whether the block or an ancestor breaks the rules, or an operator said so.
func (n *Node) Invalid() bool { return n.has(statusInvalid) }

// Valid tells whether the block was once connected with all rules checked.
func (n *Node) Valid() bool { return n.has(StatusValid) }

// Active tells whether the block is on the best chain.
func (n *Node) Active() bool { return n.has(StatusActive) }

// Linked tells whether the block and all its ancestors are stored or were, so that it can be connected; or
// lie below a snapshot.
func (n *Node) Linked() bool { return n.chainTx.Load() != 0 || n.has(StatusAssumed) }

// TxCount is the number of the block's transactions, 0 as long as only the header is known.
func (n *Node) TxCount() int { return int(n.txCount.Load()) }

// ChainTxCount is the number of transactions up to and with this block, 0 if some block on the way is missing.
func (n *Node) ChainTxCount() uint64 { return n.chainTx.Load() }

// Position names the place of the node.
func (n *Node) Position() Position { return Position{Hash: n.hash, Height: n.height} }

// Status returns "active", "invalid", "headers-only", "valid-fork" or "valid-headers", with the meanings that they
// have in getchaintips.
func (n *Node) Status() string {
	switch {
	case n.Active():
		return "active"
	case n.Invalid():
		return "invalid"
	case !n.Linked():
		return "headers-only"
	case n.Valid():
		return "valid-fork"
	}
	return "valid-headers"
}

func (n *Node) has(bits Status) bool { return Status(n.status.Load())&bits != 0 }

func (n *Node) set(bits Status)   { n.status.Or(uint32(bits)) }
func (n *Node) clear(bits Status) { n.status.And(^uint32(bits)) }

// entry returns what is stored of n.
func (n *Node) entry() IndexEntry {
	return IndexEntry{Hash: n.hash, Header: n.header, Height: n.height, Status: Status(n.status.Load()) & storedStatus, Seq: n.seq, TxCount: n.txCount.Load()}
}

// forkOf returns the last block that both branches share.
func forkOf(a, b *Node) *Node {
	if a.height > b.height {
		a = a.at(b.height)
	} else {
		b = b.at(a.height)
	}
	for a != b {
		if a.skip != nil && b.skip != nil && a.skip != b.skip {
			a, b = a.skip, b.skip
			continue
		}
		a, b = a.parent, b.parent
	}
	return a
}

// Position names one block as an index's place in the chain. The zero Position is before genesis.
type Position struct {
	Hash   types.Hash
	Height int32
}
