package chain

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// A snapshot lets a node begin near the tip: it believes a coin set whose hash somebody has declared, and validates how it came about
// afterwards (Bitcoin Core's assumeutxo).
//
// The store has two coin sets. One belongs to the tip, it is the active one. The other is empty, or is being filled from a file, or
// follows the blocks from genesis up to the snapshot's base, the history. Which is what is a Snapshot, written in the same batch as
// what it tells of:
//
//	none ──BeginSnapshot──► loading ──ActivateSnapshot──► assumed ──┬─► valid ────┐
//	  ▲                        │                                    └─► refuted ──┤
//	  └── the next start removes what is left of the other set ◄───────────────────┘
//
//   - Loading fills the other set, by another goroutine than the owner's; the chain goes on meanwhile. A file that is refused, and a process
//     that dies, leave coins in a set that nobody reads, and the next start, or EndSnapshot, removes them.
//   - Activating makes the loaded set the active one in a single write, together with its record. The set that was active until then
//     becomes that of the history, as it is; the way from its block to the base is the background's work.
//   - While assumed, the blocks up to the base count as complete though they are not stored (StatusAssumed, never stored itself). The history
//     is a Chain of its own over the same blocks and index (history.go), fed by the same AddBlock.
//   - When the history arrives at the base, both sets have a MuHash. If they are equal the snapshot is valid, and its chain is one like any
//     other. If not, or if a block of the history breaks the rules, it is refuted: the set from genesis becomes the active one, what was found of
//     blocks above the base is forgotten, and the chain stops, because all that was told to anybody since may be wrong. The next start goes
//     on with what was validated.
//   - A branch that leaves the chain below the base cannot be followed by taking blocks off: they have no undo data. It refutes the
//     snapshot, too.
//   - A loaded set that is damaged after an unclean stop is given up in the same way; nothing else could bring it back.
//
// The attack that the hash stops: a file with coins that nobody was ever paid. What remains is that whoever declares the hash is believed until
// the history is through.

// SnapshotPhase is how far a snapshot is.
type SnapshotPhase uint8

// The phases, as above.
const (
	SnapshotNone SnapshotPhase = iota
	SnapshotLoading
	SnapshotAssumed
	SnapshotValid
	SnapshotRefuted
)

// Snapshot is what a store remembers of its two coin sets.
type Snapshot struct {
	Active  uint8 // which set is that of the tip: 0 the Store's own, 1 its Second
	Phase   SnapshotPhase
	ChainTx uint64 // transactions up to the base, as they were declared
	Coins   Record // of the loaded set: height and hash of the base, number and checksum of the coins
}

// Append appends the encoding of s.
func (s *Snapshot) Append(b []byte) []byte {
	b = append(b, s.Active, byte(s.Phase))
	b = binary.LittleEndian.AppendUint64(b, s.ChainTx)
	return s.Coins.Append(b)
}

// DecodeSnapshot reads what Append wrote. Errors are the Decoder's.
func DecodeSnapshot(d *types.Decoder) Snapshot {
	s := Snapshot{Active: d.Uint8(), Phase: SnapshotPhase(d.Uint8()), ChainTx: d.Uint64(), Coins: DecodeRecord(d)}
	if s.Active > 1 || s.Phase > SnapshotRefuted {
		d.Fail(fmt.Errorf("%w: a snapshot of set %d, phase %d", ErrDamaged, s.Active, s.Phase))
	}
	return s
}

// SnapshotError says why a snapshot is not loaded, in Bitcoin Core's words. Nothing has changed then.
type SnapshotError struct{ Text string }

// Error returns the text.
func (e *SnapshotError) Error() string { return e.Text }

func noSnapshot(format string, args ...any) error {
	return &SnapshotError{fmt.Sprintf(format, args...)}
}

// activeSet lets a CoinSet be swapped at once.
type activeSet struct{ CoinSet }

// set is the coin set of the tip.
func (c *Chain) set() CoinSet { return c.coins.Load().CoinSet }

// setOf returns one of the store's two sets.
func (c *Chain) setOf(i uint8) CoinSet {
	if i == 0 {
		return c.store
	}
	return c.store.Second()
}

// SnapshotLoad is a snapshot on its way into the store. Add and Finish are for one goroutine, which need not be the owner's.
type SnapshotLoad struct {
	c              *Chain
	set            CoinSet
	base           *Node
	pending        []CoinChange
	bytes          int
	entries, limit int
	count          uint64
	serial         *SerialHash
	hasher         *setHasher
	sum            consensus.CoinSetHash
	finished       bool
}

// Base is the block after which the coins are the coin set.
func (l *SnapshotLoad) Base() *Node { return l.base }

// BeginSnapshot prepares to load the coin set after a block that is known by its header. It is for the owner, as EndSnapshot and
// ActivateSnapshot, one of which must follow.
func (c *Chain) BeginSnapshot(base types.Hash) (*SnapshotLoad, error) {
	if err := c.begin(); err != nil {
		return nil, err
	}
	n := c.Lookup(base)
	if n == nil {
		return nil, noSnapshot("The base block header (%s) must appear in the headers chain. Make sure all headers are syncing, and call loadtxoutset again.", base)
	}
	if c.store.Second() == nil {
		return nil, noSnapshot("This node's store has no place for a snapshot")
	}
	if err := c.maySnapshot(n, SnapshotNone); err != nil {
		return nil, err
	}
	if err := c.writeSnapshot(c.set(), Snapshot{Active: c.snap.Active, Phase: SnapshotLoading}, nil); err != nil {
		return nil, err
	}
	l := &SnapshotLoad{c: c, set: c.setOf(1 - c.snap.Active), base: n, serial: NewSerialHash(), hasher: newSetHasher(c.cfg.Workers)}
	l.entries, l.limit = l.set.Limits()
	return l, nil
}

// maySnapshot tells why a snapshot based on n cannot be loaded now.
func (c *Chain) maySnapshot(n *Node, phase SnapshotPhase) error {
	switch best := c.BestHeader(); {
	case c.snap.Phase != phase && phase == SnapshotNone && c.snap.Phase == SnapshotLoading:
		return noSnapshot("Another snapshot is being loaded")
	case c.snap.Phase != phase:
		return noSnapshot("Can't activate a snapshot-based chainstate more than once")
	case n.Invalid():
		return noSnapshot("The base block header (%s) is part of an invalid chain.", n.hash)
	case best.at(n.height) != n:
		return noSnapshot("A forked headers-chain with more work than the chain with the snapshot base block header exists. Please proceed to sync without AssumeUtxo.")
	case n.work.Cmp(c.Tip().work) <= 0:
		return noSnapshot("Population failed: Work does not exceed active chainstate.")
	}
	return nil
}

// Add takes the next coin, in the order of outpoints.
func (l *SnapshotLoad) Add(e consensus.CoinEntry) error {
	l.serial.Add(e)
	l.hasher.add(e)
	l.count++
	ch := CoinChange{OutPoint: e.OutPoint, Coin: &e.Coin}
	size := coinChangeBytes(&ch)
	if len(l.pending) > 0 && (len(l.pending) >= l.entries || l.bytes+size > l.limit) {
		if err := l.flush(); err != nil {
			return err
		}
	}
	l.pending = append(l.pending, ch)
	l.bytes += size
	return nil
}

func (l *SnapshotLoad) flush() error {
	err := l.set.Commit(&Batch{Coins: l.pending})
	l.pending, l.bytes = l.pending[:0], 0
	return err
}

// Finish ends the coins and returns their number and hash_serialized_3.
func (l *SnapshotLoad) Finish() (coins uint64, hash types.Hash, err error) {
	l.stop()
	return l.count, l.serial.Sum(), l.flush()
}

func (l *SnapshotLoad) stop() {
	if !l.finished {
		l.finished, l.sum = true, l.hasher.finish()
	}
}

// Wipe removes what was loaded. It is for the goroutine that loads; EndSnapshot must follow.
func (l *SnapshotLoad) Wipe(ctx context.Context) error {
	l.stop()
	return l.c.wipeSet(ctx, l.set, int64(l.count))
}

// EndSnapshot ends a load that came to nothing.
func (c *Chain) EndSnapshot() error {
	if err := c.begin(); err != nil || c.snap.Phase != SnapshotLoading {
		return err
	}
	return c.writeSnapshot(c.set(), Snapshot{Active: c.snap.Active}, nil)
}

// ActivateSnapshot makes the block of a finished load the tip, with the loaded coins, and begins to validate the history. Whether the hash is
// the right one is for the caller to have seen. chainTx is the number of transactions up to the base.
func (c *Chain) ActivateSnapshot(ctx context.Context, l *SnapshotLoad, chainTx uint64) error {
	if err := c.begin(); err != nil {
		return err
	}
	if err := c.maySnapshot(l.base, SnapshotLoading); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	record := Record{Height: l.base.height, Block: l.base.hash, Coins: l.count, Set: l.sum}
	s := Snapshot{Active: 1 - c.snap.Active, Phase: SnapshotAssumed, ChainTx: chainTx, Coins: record}
	if err := c.writeSnapshot(l.set, s, &record); err != nil {
		return err
	}
	c.jump(l.base, record)
	if err := c.openHistory(ctx); err != nil {
		return c.fail(err)
	}
	c.log.Info("a snapshot of the coin set was loaded; the blocks before it are validated from now on", "height", l.base.height, "block", l.base.hash, "coins", l.count)
	return c.activate(ctx, consensus.Placed{})
}

// jump makes base the tip, without the blocks on the way to it.
func (c *Chain) jump(base *Node, record Record) {
	old := c.Tip()
	fork := forkOf(old, base)
	for n := old; n != fork; n = n.parent {
		n.clear(StatusActive)
	}
	for n := base; n != fork; n = n.parent {
		n.set(StatusActive)
	}
	c.assume(base)
	c.tree.link(base)
	c.tree.findCandidates()
	c.mu.Lock()
	c.cache = newCache()
	c.coins.Store(&activeSet{c.setOf(c.snap.Active)})
	c.flushed = record
	c.gen++
	c.tip.Store(base)
	c.mu.Unlock()
	c.moved = 0
	c.bells.ring()
}

// assume lets the blocks up to base count as complete.
func (c *Chain) assume(base *Node) {
	for n := base; n.parent != nil; n = n.parent {
		n.set(StatusAssumed)
	}
	c.tree.base, c.tree.baseTx = base, c.snap.ChainTx
}

// writeSnapshot commits s to the store, with the record of a set if it is not nil.
func (c *Chain) writeSnapshot(set CoinSet, s Snapshot, record *Record) error {
	if err := set.Commit(&Batch{Snapshot: &s, Record: record}); err != nil {
		return c.fail(fmt.Errorf("writing the state of the snapshot: %w", err))
	}
	c.noteSnapshot(s)
	return nil
}

func (c *Chain) noteSnapshot(s Snapshot) {
	c.snap = s
	c.snapView.Store(&s)
}

// loadSnapshot takes over what the last run left, before the blocks are linked.
func (c *Chain) loadSnapshot(meta *Meta) {
	s := Snapshot{}
	if meta.Snapshot != nil {
		s = *meta.Snapshot
	}
	c.noteSnapshot(s)
	base := c.tree.lookup(s.Coins.Block)
	switch {
	case s.Phase == SnapshotAssumed && base != nil:
		c.assume(base)
	case s.Phase == SnapshotRefuted && base != nil:
		c.forgetAbove(base)
	}
}

// forgetAbove forgets what was found of the blocks above a base whose coins were wrong. They stay stored.
func (c *Chain) forgetAbove(base *Node) {
	c.tree.descendants(base, func(n *Node) {
		n.clear(StatusValid | StatusUndo | statusInvalid)
		c.touch(n)
	})
}

// settleSnapshot chooses the coin set to go on with, removes the other one if it is of no use, and returns what is known of the chosen one.
func (c *Chain) settleSnapshot(ctx context.Context, meta Meta) (Meta, error) {
	s := c.snap
	if s.Phase == SnapshotAssumed && c.tree.base == nil {
		return c.refuteAtStart(ctx, "its base is not in the index")
	}
	if s.Phase == SnapshotLoading || s.Phase == SnapshotValid || s.Phase == SnapshotRefuted {
		if err := c.writeIndex(); err != nil {
			return meta, err
		}
		other := c.setOf(1 - s.Active)
		if err := c.wipeSet(ctx, other, int64(s.Coins.Coins)); err != nil {
			return meta, err
		}
		if err := other.Commit(&Batch{Forget: true}); err != nil {
			return meta, err
		}
		if err := c.writeSnapshot(c.setOf(s.Active), Snapshot{Active: s.Active}, nil); err != nil {
			return meta, err
		}
	}
	c.coins.Store(&activeSet{c.setOf(s.Active)})
	if s.Active == 0 {
		return meta, nil
	}
	return c.set().Meta()
}

// refuteAtStart gives a snapshot up whose coins are damaged, and loads the tree again as it is without it.
func (c *Chain) refuteAtStart(ctx context.Context, why string) (Meta, error) {
	c.log.Warn("the snapshot is given up; the chain goes on from where it was validated", "why", why)
	s := c.snap
	s.Active, s.Phase = 1-s.Active, SnapshotRefuted
	if err := c.writeSnapshot(c.setOf(s.Active), s, nil); err != nil {
		return Meta{}, err
	}
	c.tree, c.dirty = newTree(), map[*Node]struct{}{}
	meta, err := c.load(ctx)
	if err != nil {
		return Meta{}, err
	}
	return c.settleSnapshot(ctx, meta)
}

// refute gives the snapshot up and stops the chain.
func (c *Chain) refute(why string) error {
	height := int32(0)
	if h := c.history.Load(); h != nil {
		height = h.chain.Tip().height
		if err := h.chain.Flush(); err != nil {
			return c.fail(err)
		}
	}
	s := c.snap
	s.Active, s.Phase = 1-s.Active, SnapshotRefuted
	if err := c.writeSnapshot(c.setOf(s.Active), s, nil); err != nil {
		return err
	}
	return c.fail(fmt.Errorf("the snapshot of the coin set at height %d is given up: %s. What this node has told since it was loaded may be wrong. Start again: it goes on with the chain that it has validated itself, up to height %d",
		s.Coins.Height, why, height))
}

// wipeSet removes all coins of a set.
func (c *Chain) wipeSet(ctx context.Context, set CoinSet, total int64) error {
	limit, _ := set.Limits()
	var piece []CoinChange
	var done int64
	write := func() error {
		done += int64(len(piece))
		c.progress("rebuild", done, total)
		err := set.Commit(&Batch{Coins: piece})
		piece = nil
		return err
	}
	err := set.EachCoin(ctx, nil, func(e consensus.CoinEntry) error {
		if piece = append(piece, CoinChange{OutPoint: e.OutPoint}); len(piece) < min(limit, 1000) {
			return nil
		}
		return write()
	})
	if err == nil {
		err = write()
	}
	if err != nil {
		return fmt.Errorf("removing coins: %w", err)
	}
	return nil
}

// ErrHistory is returned by UpdatesSince for a block below a snapshot whose history has not come so far: the bell rings when it has gone on.
var ErrHistory = errors.New("this block lies below the snapshot that the node began with, and has not been fetched and validated yet")

// Assumed returns the base of a snapshot that is not validated yet.
func (c *Chain) Assumed() (base Position, ok bool) {
	s := c.snapView.Load()
	if s == nil || s.Phase != SnapshotAssumed {
		return Position{}, false
	}
	return Position{Hash: s.Coins.Block, Height: s.Coins.Height}, true
}

// Chainstate is one of the coin sets that a chain works on.
type Chainstate struct {
	Tip *Node
	// Base is the snapshot that it began with, nil if it began at genesis.
	Base      *types.Hash
	Validated bool
	Cache     CacheStats
}

// Chainstates returns the coin sets that are worked on, the one of the tip last.
func (c *Chain) Chainstates() (states []Chainstate) {
	active := Chainstate{Tip: c.Tip(), Validated: true, Cache: c.CacheStats()}
	if h := c.history.Load(); h != nil {
		states = append(states, Chainstate{Tip: c.Lookup(h.chain.Tip().hash), Validated: true, Cache: h.chain.CacheStats()})
		hash := h.base.hash
		active.Base, active.Validated = &hash, false
	}
	return append(states, active)
}
