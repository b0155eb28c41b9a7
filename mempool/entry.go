package mempool

import (
	"unsafe"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Heights of an origin whose coin is not in a block.
const (
	inPool int32 = -1 // an entry of the pool makes the coin
	gone   int32 = -2 // the block that made the coin was disconnected and nothing replaced it yet
)

// origin is where the coin of an input comes from: the height of its block or one of the constants above.
type origin struct {
	height   int32
	coinbase bool
}

// sums are totals over a transaction and its ancestors in the pool, or over it and its descendants.
type sums struct {
	count int64
	size  int64 // virtual bytes, adjusted for signature operations
	fees  int64 // with the deltas of Prioritise
}

func (s *sums) add(x sums) { s.count, s.size, s.fees = s.count+x.count, s.size+x.size, s.fees+x.fees }
func (s *sums) sub(x sums) { s.count, s.size, s.fees = s.count-x.count, s.size-x.size, s.fees-x.fees }

// entry is one transaction of the pool. All fields but tx, id and wid belong to the pool's lock.
type entry struct {
	tx      *types.Tx
	id, wid types.Hash
	fee     int64
	delta   int64 // of Prioritise
	vsize   int64 // virtual bytes, adjusted for signature operations
	weight  int
	sigops  int
	usage   int64
	time    int64 // seconds since 1970
	seq     uint64
	height  int32 // of the tip at entry
	local   bool  // submitted here and not yet asked for by a peer
	origins []origin
	missing int      // how many origins are gone
	dust    []uint32 // outputs worth less than they cost to spend

	parents, children []*entry
	anc, desc         sums
	pos               int // in Pool.order
	seat              int // in Pool.roster
}

func (e *entry) modified() int64 { return e.fee + e.delta }

// own returns the entry's share in the sums of its relatives.
func (e *entry) own() sums { return sums{count: 1, size: e.vsize, fees: e.modified()} }

// setOrigin records anew where the coin of an input comes from.
func (e *entry) setOrigin(input int, o origin) {
	if e.origins[input].height == gone {
		e.missing--
	}
	if o.height == gone {
		e.missing++
	}
	e.origins[input] = o
}

// spentCoins returns the heights of the spent coins in the form that consensus wants, for a block after a
// tip at tipHeight. Their outputs are left empty.
func (e *entry) spentCoins(tipHeight int32) []consensus.Coin {
	coins := make([]consensus.Coin, len(e.origins))
	for i, o := range e.origins {
		coins[i] = consensus.Coin{Height: o.height, Coinbase: o.coinbase}
		if o.height < 0 {
			coins[i].Height = tipHeight + 1
		}
	}
	return coins
}

// Sizes in the accounting of memory. A map's share per item is its key and value at the table's mean load,
// rounded up.
const (
	entryBytes    = int64(unsafe.Sizeof(entry{})) + 32
	txBytes       = int64(unsafe.Sizeof(types.Tx{})) + 96  // with its sums
	inBytes       = int64(unsafe.Sizeof(types.TxIn{})) + 8 // with its origin
	outBytes      = int64(unsafe.Sizeof(types.TxOut{}))
	itemBytes     = 24
	mapItemBytes  = 72
	spendMapBytes = 96
	orderBytes    = 16
	linkBytes     = 32
)

// usageOf estimates the bytes of memory that an entry costs: the transaction as it is decoded (one buffer of
// its encoding and the slices into it), the entry, its places in the maps, its links.
func usageOf(tx *types.Tx, parents int) int64 {
	n := entryBytes + txBytes + mapItemBytes + orderBytes + int64(tx.Size()) + int64(tx.Size())/8
	if tx.HasWitness() {
		n += mapItemBytes
	}
	n += int64(len(tx.In)) * (inBytes + spendMapBytes)
	for i := range tx.In {
		n += int64(len(tx.In[i].Witness)) * itemBytes
	}
	n += int64(len(tx.Out)) * outBytes
	return n + int64(parents)*linkBytes
}

// set is a small set of entries that remembers the order of insertion.
type set struct {
	list  []*entry
	index map[*entry]struct{}
}

const setScan = 32 // up to this size a set is searched, not hashed

func (s *set) has(e *entry) bool {
	if s.index != nil {
		_, ok := s.index[e]
		return ok
	}
	for _, x := range s.list {
		if x == e {
			return true
		}
	}
	return false
}

// add tells whether e is new.
func (s *set) add(e *entry) bool {
	if s.has(e) {
		return false
	}
	s.list = append(s.list, e)
	switch {
	case s.index != nil:
		s.index[e] = struct{}{}
	case len(s.list) > setScan:
		s.index = make(map[*entry]struct{}, 2*setScan)
		for _, x := range s.list {
			s.index[x] = struct{}{}
		}
	}
	return true
}

// closure returns the set of from and everything that next leads to.
func closure(next func(*entry) []*entry, from ...*entry) *set {
	s := new(set)
	for _, e := range from {
		s.add(e)
	}
	for i := 0; i < len(s.list); i++ {
		for _, e := range next(s.list[i]) {
			s.add(e)
		}
	}
	return s
}

func parentsOf(e *entry) []*entry  { return e.parents }
func childrenOf(e *entry) []*entry { return e.children }

// ancestorsOf returns all ancestors of e, without e.
func ancestorsOf(e *entry) []*entry { return closure(parentsOf, e).list[1:] }

// descendantsOf returns all descendants of e, without e.
func descendantsOf(e *entry) []*entry { return closure(childrenOf, e).list[1:] }

func total(list []*entry) (s sums) {
	for _, e := range list {
		s.add(e.own())
	}
	return s
}
