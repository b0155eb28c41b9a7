package web

import (
	"encoding/json"
	"slices"

	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/types"
)

// Bounds of the tree that is shown.
const (
	treeHeights = 200  // below the highest block
	treeBlocks  = 1000 // in all; the lowest go first
	treeTips    = 64   // of one node, the heaviest
)

// tree is a window of the block tree: all blocks of the last heights that any node has shown. Blocks stay when no node
// has them on its best branch any more, until they fall out of the window.
//
// Invariant: for every block above the window's lower edge its parent is in the tree, unless the bound on blocks has
// removed it. When all nodes go back below the window, as after a revert, it begins anew.
type tree struct {
	blocks map[types.Hash]*treeBlock
	next   uint64 // number of the next new block
	low    int32  // lower edge
	high   int32  // the highest tip since begin
}

// treeBlock is a block as it is sent to the page.
type treeBlock struct {
	Seq    uint64     `json:"seq"` // grows in the order in which blocks became known
	Parent types.Hash `json:"parent"`
	Height int32      `json:"height"`
	Time   uint32     `json:"time"`
	Bits   uint32     `json:"bits"`
	By     int        `json:"by"` // the node that found it, −1: not known
	Txs    int        `json:"txs"`
	Have   bool       `json:"have"`              // some node has its bytes
	Bad    bool       `json:"invalid,omitempty"` // some node found it invalid

	raw json.RawMessage
}

func newTree() *tree { return &tree{blocks: map[types.Hash]*treeBlock{}} }

// begin is called before all nodes are looked at. If no tip reached the window any more, the tree is forgotten; while no
// node runs it stays.
func (t *tree) begin() {
	if t.high >= 0 && t.high < t.low {
		t.low, t.blocks = 0, map[types.Hash]*treeBlock{}
	}
	t.high = -1
}

// look adds what a node's chain shows.
func (t *tree) look(c backend.Chain, finder func(types.Hash) int) {
	t.high = max(t.high, c.Tip().Height())
	t.low = max(t.low, c.Tip().Height()-treeHeights+1)
	tips := c.Tips()
	for _, tip := range tips[:min(len(tips), treeTips)] {
		t.walk(c, tip, finder)
	}
}

// walk goes back from a tip to what is known. Blocks whose bytes are missing are looked at again each time.
func (t *tree) walk(c backend.Chain, at backend.Entry, finder func(types.Hash) int) {
	var fresh []backend.Entry
	for ok := true; ok && at.Height() >= t.low; {
		if b := t.blocks[at.Hash()]; b != nil && (b.Have || !at.HaveBlock) && b.Bad == (at.Status == "invalid") {
			break
		}
		fresh = append(fresh, at)
		at, ok = c.Lookup(at.Header().PrevHash)
	}
	slices.Reverse(fresh)
	for _, e := range fresh {
		t.put(e, finder)
	}
}

func (t *tree) put(e backend.Entry, finder func(types.Hash) int) {
	hash, h := e.Hash(), e.Header()
	b := t.blocks[hash]
	if b == nil {
		b = &treeBlock{Seq: t.next, Parent: h.PrevHash, Height: e.Height(), Time: h.Time, Bits: h.Bits, By: finder(hash)}
		t.blocks[hash] = b
		t.next++
	}
	b.Have = b.Have || e.HaveBlock
	b.Bad = e.Status == "invalid"
	b.Txs = max(b.Txs, e.TxCount)
	b.raw = encode(b)
}

// trim forgets what lies below the window, and the lowest of what is too much.
func (t *tree) trim() {
	var list []types.Hash
	for hash, b := range t.blocks {
		if b.Height < t.low {
			delete(t.blocks, hash)
			continue
		}
		list = append(list, hash)
	}
	if len(list) <= treeBlocks {
		return
	}
	slices.SortFunc(list, func(x, y types.Hash) int {
		if d := t.blocks[x].Height - t.blocks[y].Height; d != 0 {
			return int(d)
		}
		return x.Compare(y)
	})
	for _, hash := range list[:len(list)-treeBlocks] {
		delete(t.blocks, hash)
	}
}
