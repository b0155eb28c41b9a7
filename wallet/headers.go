package wallet

import (
	"errors"
	"fmt"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// keepHeaders is how many of the newest headers a wallet keeps. A reorg that goes deeper makes it
// scan from genesis again.
const keepHeaders = 2000

// medianBlocks is from how many headers a median time past is made (BIP113).
const medianBlocks = 11

// seenBlock is a checked header, with the header of its filter and the work up to it.
type seenBlock struct {
	header types.Header
	hash   types.Hash
	filter types.Hash // zero if not known
	work   consensus.Work
}

// headerChain is the newest part of the chain that the wallet follows. It holds genesis at first,
// and at most twice keepHeaders blocks later.
//
// Rules of headers look back at most medianBlocks, and to one pinned block from which ASERT counts;
// it is kept apart when it leaves the window.
type headerChain struct {
	params *consensus.Params
	base   int32 // height of blocks[0]
	blocks []seenBlock
	pinned types.Header // at pinHeight, once the chain is that high
}

// newHeaderChain returns the chain of only genesis, whose filter header the caller must still check
// with setGenesisFilter.
func newHeaderChain(p *consensus.Params) *headerChain {
	g := seenBlock{header: p.Genesis.Header, hash: p.Genesis.Hash(), work: consensus.WorkFromBits(p.Genesis.Header.Bits)}
	c := &headerChain{params: p, blocks: []seenBlock{g}}
	c.pin(0, &g.header)
	return c
}

// pinHeight is the height of the block whose time ASERT starts from.
func (c *headerChain) pinHeight() int32 { return max(c.params.AsertAnchorHeight-1, 0) }

func (c *headerChain) pin(height int32, h *types.Header) {
	if height == c.pinHeight() {
		c.pinned = *h
	}
}

func (c *headerChain) height() int32   { return c.base + int32(len(c.blocks)) - 1 }
func (c *headerChain) tip() *seenBlock { return &c.blocks[len(c.blocks)-1] }

// at returns the block at height h, nil if it is not in the window.
func (c *headerChain) at(h int32) *seenBlock {
	if h < c.base || h > c.height() {
		return nil
	}
	return &c.blocks[h-c.base]
}

// lowestFork is the lowest height to which the chain can be rolled back such that the rules can
// still be checked from there.
func (c *headerChain) lowestFork() int32 {
	if c.base == 0 {
		return 0
	}
	return c.base + medianBlocks
}

// extend checks a header with all rules that need no block, as the child of the tip, and the filter
// against the chain of filter headers. f is nil if the node keeps no filters; the chain of filter
// headers then begins anew with the next one that is given.
func (c *headerChain) extend(h *types.Header, f *Filter, now time.Time) error {
	if err := consensus.CheckHeader(c.params, place{c, c.height()}, h, now); err != nil {
		return fmt.Errorf("header at height %d: %w", c.height()+1, err)
	}
	tip := c.tip()
	b := seenBlock{header: *h, hash: h.Hash()}
	if f != nil {
		b.filter = f.Header
		if !tip.filter.IsZero() && filterHeader(f.Data, tip.filter) != f.Header {
			return fmt.Errorf("%w at height %d", errFilterHeader, c.height()+1)
		}
	}
	b.work = tip.work.Add(consensus.WorkFromBits(h.Bits))
	c.blocks = append(c.blocks, b)
	c.pin(c.height(), h)
	if len(c.blocks) > 2*keepHeaders {
		c.prune()
	}
	return nil
}

var errFilterHeader = errors.New("the compact filter does not hash to its header")

// setGenesisFilter checks and sets the filter header of genesis.
func (c *headerChain) setGenesisFilter(f *Filter) error {
	want := filterHeader(f.Data, types.Hash{})
	if want != f.Header {
		return fmt.Errorf("%w at height 0", errFilterHeader)
	}
	c.blocks[0].filter = want
	return nil
}

// rollback makes the block at height h the tip.
func (c *headerChain) rollback(h int32) { c.blocks = c.blocks[:h-c.base+1] }

// prune drops all but the newest keepHeaders blocks.
func (c *headerChain) prune() {
	if drop := len(c.blocks) - keepHeaders; drop > 0 {
		c.blocks = append([]seenBlock(nil), c.blocks[drop:]...)
		c.base += int32(drop)
	}
}

// place is one block of a headerChain as consensus sees it.
type place struct {
	chain *headerChain
	h     int32
}

func (p place) block() *seenBlock { return p.chain.at(p.h) }

// Height implements consensus.Ancestry.
func (p place) Height() int32 { return p.h }

// Hash implements consensus.Ancestry.
func (p place) Hash() types.Hash { return p.block().hash }

// Header implements consensus.Ancestry.
func (p place) Header() types.Header { return p.block().header }

// Work implements consensus.Ancestry.
func (p place) Work() consensus.Work { return p.block().work }

// MedianTime implements consensus.Ancestry. Near the window's lower end it would see too few blocks;
// lowestFork keeps callers away from there.
func (p place) MedianTime() int64 {
	var times []uint32
	for h := p.h; h > p.h-medianBlocks && p.chain.at(h) != nil; h-- {
		times = append(times, p.chain.at(h).header.Time)
	}
	return consensus.MedianTimeOf(times)
}

// Ancestor implements consensus.Ancestry for blocks of the window and the pinned one.
func (p place) Ancestor(h int32) consensus.Ancestry {
	switch {
	case h > p.h || h < 0:
		return nil
	case p.chain.at(h) != nil:
		return place{p.chain, h}
	case h == p.chain.pinHeight():
		return pinnedPlace{p.chain.pinned, h}
	}
	return nil
}

// pinnedPlace is a block that left the window. Only its header is known.
type pinnedPlace struct {
	header types.Header
	h      int32
}

// Height implements consensus.Ancestry.
func (p pinnedPlace) Height() int32 { return p.h }

// Hash implements consensus.Ancestry.
func (p pinnedPlace) Hash() types.Hash { return p.header.Hash() }

// Header implements consensus.Ancestry.
func (p pinnedPlace) Header() types.Header { return p.header }

// Work is not known any more.
func (p pinnedPlace) Work() consensus.Work { return consensus.Work{} }

// MedianTime is not known any more; the block's own time stands for it.
func (p pinnedPlace) MedianTime() int64 { return int64(p.header.Time) }

// Ancestor implements consensus.Ancestry.
func (p pinnedPlace) Ancestor(h int32) consensus.Ancestry {
	if h == p.h {
		return p
	}
	return nil
}

// append writes the window for the wallet's file: base, work before the first block, pinned header, count, then
// header and filter header of each.
func (c *headerChain) append(b []byte) []byte {
	c.prune()
	first := &c.blocks[0]
	b = types.AppendVarInt(b, uint64(c.base))
	for _, limb := range first.work {
		b = types.AppendVarInt(b, limb)
	}
	b = c.pinned.Append(b)
	b = types.AppendVarInt(b, uint64(len(c.blocks)))
	for i := range c.blocks {
		b = c.blocks[i].header.Append(b)
		b = append(b, c.blocks[i].filter[:]...)
	}
	return b
}

// decodeHeaderChain reads what append writes and checks that the headers link.
func decodeHeaderChain(p *consensus.Params, raw []byte) (*headerChain, error) {
	d := types.NewDecoder(raw)
	c := &headerChain{params: p, base: int32(d.VarInt())}
	var work consensus.Work
	for i := range work {
		work[i] = d.VarInt()
	}
	c.pinned = d.Header()
	n := d.Count(2*keepHeaders, types.HeaderSize+types.HashSize)
	for range n {
		b := seenBlock{header: d.Header(), filter: d.Hash()}
		b.hash = b.header.Hash()
		if len(c.blocks) > 0 {
			if b.header.PrevHash != c.tip().hash {
				return nil, ErrDamaged
			}
			work = work.Add(consensus.WorkFromBits(b.header.Bits))
		}
		b.work = work
		c.blocks = append(c.blocks, b)
	}
	if err := d.Finish(); err != nil || n == 0 || c.base < 0 {
		return nil, ErrDamaged
	}
	return c, nil
}
