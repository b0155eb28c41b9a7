package sim

import (
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/p2p/proto"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// Record is what a run leaves to be reported.
type Record struct {
	world  *World
	first  *types.Block // of the prelude, whose coins are spent
	events uint64
	end    int64 // when mining ended

	blocks  []*foundBlock
	byHash  map[types.Hash]*foundBlock
	traffic map[string]*tally
	reorgs  map[int]int // by depth, of all nodes
	samples []sample
	best    *chain.Node // of node 0 at the end
	tips    int         // different tips at the end

	issued, refused, disconnects int
}

// tally counts messages.
type tally struct{ count, bytes int64 }

// foundBlock is a block that a miner found.
type foundBlock struct {
	hash   types.Hash
	height int32
	miner  int
	at     int64
	size   int
	txs    int
	fees   int64
	bits   uint32
	prev   types.Hash
	// arrived and hops are by node: when it had judged the block, −1: never, and over how many others the block came.
	arrived []int64
	hops    []int16
	onBest  bool
}

// sample is the state of the mempools at one time.
type sample struct {
	at     int64
	count  int64 // mean over the nodes that are looked at
	vbytes int64
	height int32
}

func newRecord(w *World) *Record {
	return &Record{world: w, byHash: map[types.Hash]*foundBlock{}, traffic: map[string]*tally{}, reorgs: map[int]int{}}
}

func (r *Record) sent(msg wire.Message, size int) {
	c := msg.Command()
	t := r.traffic[c]
	if t == nil {
		t = &tally{}
		r.traffic[c] = t
	}
	t.count++
	t.bytes += int64(size)
}

func (r *Record) found(d *digger, b *types.Block, fees int64) {
	w := r.world
	f := &foundBlock{
		hash: b.Hash(), miner: d.index, at: w.now, size: b.Size(), txs: len(b.Txs), fees: fees, bits: b.Header.Bits, prev: b.Header.PrevHash,
		arrived: make([]int64, len(w.nodes)), hops: make([]int16, len(w.nodes)),
	}
	for i := range f.arrived {
		f.arrived[i] = -1
	}
	r.blocks = append(r.blocks, f)
	r.byHash[f.hash] = f
	if w.log != nil {
		w.tell(Happening{Kind: "found", Node: d.node.id, Hash: f.hash.String(), Detail: d.Name})
	}
}

// arrived notes that a node has judged a block that peer gave it (0: nobody).
func (r *Record) arrived(n *node, peer proto.PeerID, h types.Hash) {
	f := r.byHash[h]
	if f == nil || f.arrived[n.id] >= 0 {
		return
	}
	f.arrived[n.id] = r.world.now
	from := n.id
	if peer != 0 {
		at := n.links[peer]
		from = at.link.node[1-at.side]
		f.hops[n.id] = f.hops[from] + 1
	}
	if r.world.log != nil {
		r.world.tell(Happening{Kind: "block", Node: n.id, From: from, Hash: h.String()})
	}
}

func (r *Record) tip(n *node, before, after *chain.Node, off int) {
	if off > 0 {
		r.reorgs[off]++
	}
	if r.world.log == nil {
		return
	}
	h := Happening{Kind: "tip", Node: n.id, Hash: after.Hash().String(), Height: after.Height(), Off: off}
	r.world.tell(h)
}

// lookAt is at how many nodes' mempools a sample looks.
const lookAt = 16

// sample looks at the mempools now and 200 times over the duration.
func (w *World) sample() {
	every := max(int64(w.cfg.Duration)/200, int64(time.Second))
	w.at(w.now+max(every, warmUp), noNode, func() {
		if w.mining.over {
			return
		}
		step := max(len(w.nodes)/lookAt, 1)
		s := sample{at: w.now, height: w.nodes[0].chain.Tip().Height() - preludeBlocks}
		var looked int64
		for i := 0; i < len(w.nodes); i += step {
			info := w.nodes[i].pool.Info(w.clock())
			s.count += int64(info.Count)
			s.vbytes += info.VBytes
			looked++
		}
		s.count /= looked
		s.vbytes /= looked
		w.record.samples = append(w.record.samples, s)
		w.sample()
	})
}

// finish looks at where the nodes stand.
func (r *Record) finish(w *World) {
	tips := map[types.Hash]bool{}
	for _, n := range w.nodes {
		tips[n.chain.Tip().Hash()] = true
		if r.best == nil || n.chain.Tip().Work().Cmp(r.best.Work()) > 0 {
			r.best = n.chain.Tip()
		}
	}
	r.tips = len(tips)
	for n := r.best; n != nil; n = n.Parent() {
		if f := r.byHash[n.Hash()]; f != nil {
			f.onBest, f.height = true, n.Height()
		}
	}
}

// Happening is one line of an event log.
type Happening struct {
	At     time.Duration `json:"at"` // since the start
	Kind   string        `json:"kind"`
	Node   int32         `json:"node"` // −1: the world
	From   int32         `json:"from,omitempty"`
	Hash   string        `json:"hash,omitempty"`
	Height int32         `json:"height,omitempty"`
	Off    int           `json:"off,omitempty"` // blocks taken off
	Detail string        `json:"detail,omitempty"`
}

func (w *World) tell(h Happening) {
	if w.log != nil {
		h.At = time.Duration(w.now)
		w.log(h)
	}
}
