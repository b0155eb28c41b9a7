package index

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
)

// Errors of reading an index.
var (
	// ErrNotReady: the index is being checked, removed or repaired. Try again later.
	ErrNotReady = errors.New("the index is not ready yet")
	// ErrNotFound: the index, as far as it has come, has no such thing.
	ErrNotFound = errors.New("not in the index")
)

// Bounds of one Write: entries, and bytes of keys and values. Badger with its smallest memtable takes about half as much again.
const (
	maxPairs = 1000
	maxBytes = 96 << 10
	perPair  = 16 // bytes, for what a database stores beside key and value
)

// Source is the chain, as far as an index looks at it.
type Source interface {
	UpdatesSince(pos chain.Position, n int) ([]consensus.Update, error)
}

// Change is what a block means to an index: entries that its connection adds, and entries, with their values, that it removes. No
// key is in it twice.
type Change struct{ Add, Remove []chain.Pair }

// Kind is what makes one index different from another.
type Kind struct {
	// Name is for people: "transaction index".
	Name string
	// Prefix begins the keys of all entries, and those of no other index.
	Prefix string
	// Version is the format of the entries, from 1 on.
	Version uint32
	// Change tells what a block means. It is a function of block and undo data; u.Connected has no say.
	Change func(u *consensus.Update) Change
}

// Follower keeps the entries of one Kind beside a chain. One goroutine calls Sync and Close; the rest may be called from any.
type Follower struct {
	kv   chain.KV
	kind Kind
	most int // entries in one Write

	mu sync.RWMutex // held for writing while entries and state are being written
	st state
	// doubtful is set until the entries of an unclean stop have been counted.
	doubtful bool
	caughtUp bool
}

func (f *Follower) stateKey() []byte { return []byte("st/" + f.kind.Prefix) }
func (f *Follower) cleanKey() []byte { return []byte("ok/" + f.kind.Prefix) }

// Open returns the index of a kind that kv holds, or an empty one. kv stays the caller's. Errors: *FormatError, or the KV's.
func Open(kv chain.KV, kind Kind) (*Follower, error) {
	f := &Follower{kv: kv, kind: kind, most: maxPairs}
	value, err := kv.Get(f.stateKey())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind.Name, err)
	}
	if value == nil {
		// No state, yet there may be entries that have lost it.
		f.st.mode = clearing
		return f, nil
	}
	body, ok := unseal(f.stateKey(), value)
	if !ok || len(body) < versionSize {
		f.st.mode = clearing
		return f, nil
	}
	if version := uint32(body[0])<<24 | uint32(body[1])<<16 | uint32(body[2])<<8 | uint32(body[3]); version != kind.Version {
		if version > kind.Version {
			return nil, &FormatError{Index: kind.Name, Found: version, Want: kind.Version}
		}
		f.st.mode = clearing
		return f, nil
	}
	if f.st, ok = decodeState(body[versionSize:]); !ok {
		f.st = state{mode: clearing}
		return f, nil
	}
	clean, err := kv.Get(f.cleanKey())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind.Name, err)
	}
	f.doubtful = string(clean) != string(value)
	return f, nil
}

// Close notes that the index was left as it should be, so that the next Open need not look at all of it. It does not
// close the KV.
func (f *Follower) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.doubtful || f.st.mode != steady {
		return nil
	}
	if err := f.kv.Sync(); err != nil {
		return fmt.Errorf("%s: %w", f.kind.Name, err)
	}
	if err := f.kv.Write([]chain.Pair{{Key: f.cleanKey(), Value: f.sealed(&f.st)}}); err != nil {
		return fmt.Errorf("%s: %w", f.kind.Name, err)
	}
	return nil
}

// Name is that of the Kind.
func (f *Follower) Name() string { return f.kind.Name }

// Position returns the block up to which the index has come; the zero Position if it has not begun, or begins again.
func (f *Follower) Position() chain.Position {
	f.mu.RLock()
	defer f.mu.RUnlock()
	switch f.st.mode {
	case clearing:
		return chain.Position{}
	case partial:
		return f.st.below
	}
	return f.st.pos
}

// CaughtUp tells whether the index has stood at the chain's tip since it was opened. Before that it is being built, or was switched
// off for a while.
func (f *Follower) CaughtUp() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.caughtUp
}

// Entries returns how many entries the index has.
func (f *Follower) Entries() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.st.count
}

// Sync follows src until the index is at its tip, or ctx ends. It takes one block at a time, so its memory is bounded by a block and its
// undo data. step, if not nil, is called after each block.
func (f *Follower) Sync(ctx context.Context, src Source, step func()) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		moved, err := f.step(ctx, src)
		if errors.Is(err, chain.ErrUnknownPosition) {
			moved, err = true, f.startOver()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.kind.Name, err)
		}
		if !moved {
			f.mu.Lock()
			f.caughtUp = true
			f.mu.Unlock()
			return nil
		}
		if step != nil {
			step()
		}
	}
}

// step does the next thing that is to do: repair, check, or one block. It reports whether there was any.
func (f *Follower) step(ctx context.Context, src Source) (bool, error) {
	switch {
	case f.st.mode == clearing:
		return true, f.clear(ctx)
	case f.st.mode == partial:
		return true, f.repair(src)
	case f.doubtful:
		return true, f.check(ctx)
	}
	updates, err := src.UpdatesSince(f.st.pos, 1)
	if err != nil || len(updates) == 0 {
		return false, err
	}
	return true, f.apply(&updates[0])
}

// repair makes whole what a stop between the pieces of a block left behind. If the block is on the best chain it is put on, else taken off.
func (f *Follower) repair(src Source) error {
	updates, err := src.UpdatesSince(f.st.pos, 1)
	if err != nil {
		return err
	}
	if len(updates) == 0 || updates[0].Connected {
		if updates, err = src.UpdatesSince(f.st.below, 1); err != nil {
			return err
		}
	}
	if len(updates) == 0 || updates[0].Hash != f.st.pos.Hash {
		return nil // the tip moved between the two questions: ask again
	}
	return f.apply(&updates[0])
}

// apply writes what one update brings, together with the position after it.
func (f *Follower) apply(u *consensus.Update) error {
	ch := f.kind.Change(u)
	block := chain.Position{Hash: u.Hash, Height: u.Height}
	below, above := f.st, f.st // without and with the block
	switch {
	case f.st.mode == partial: // count and sum are already those below
		below.pos = f.st.below
		above = below.moved(ch.Add, ch.Remove)
	case u.Connected:
		above = below.moved(ch.Add, ch.Remove)
	default:
		below = above.moved(ch.Remove, ch.Add)
		below.pos = chain.After(u)
	}
	above.pos = block
	mark := below
	mark.mode, mark.pos, mark.below = partial, block, below.pos
	target, pairs := above, pairsOf(ch.Add, ch.Remove)
	if !u.Connected {
		target, pairs = below, pairsOf(ch.Remove, ch.Add)
	}
	target.mode, target.below = steady, chain.Position{}
	return f.write(mark, target, pairs)
}

// pairsOf puts and deletes in one list.
func pairsOf(put, drop []chain.Pair) []chain.Pair {
	pairs := make([]chain.Pair, 0, len(put)+len(drop)+1)
	for _, p := range drop {
		pairs = append(pairs, chain.Pair{Key: p.Key})
	}
	return append(pairs, put...)
}

// write brings pairs and the state target to disk, in pieces under the mark if they do not fit into one Write.
func (f *Follower) write(mark, target state, pairs []chain.Pair) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := fitting(pairs, f.most)
	if n < len(pairs) {
		if err := f.put(mark, nil); err != nil {
			return err
		}
	}
	for n < len(pairs) {
		if err := f.kv.Write(pairs[:n]); err != nil {
			return err
		}
		pairs = pairs[n:]
		n = fitting(pairs, f.most)
	}
	return f.put(target, pairs)
}

// put writes pairs and a state at once. The caller holds the lock.
func (f *Follower) put(s state, pairs []chain.Pair) error {
	s.serial = f.st.serial + 1
	if err := f.kv.Write(append(pairs, chain.Pair{Key: f.stateKey(), Value: f.sealed(&s)})); err != nil {
		return err
	}
	f.st = s
	return nil
}

func (f *Follower) sealed(s *state) []byte { return seal(f.stateKey(), s.encode(f.kind.Version)) }

// fitting returns how many of the pairs, at most so many, fit into one Write.
func fitting(pairs []chain.Pair, most int) int {
	bytes := 0
	for i := range pairs {
		bytes += len(pairs[i].Key) + len(pairs[i].Value) + perPair
		if i > 0 && (bytes > maxBytes || i == most) {
			return i
		}
	}
	return len(pairs)
}

// startOver begins to remove all entries.
func (f *Follower) startOver() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubtful, f.caughtUp = false, false
	return f.put(state{mode: clearing}, []chain.Pair{{Key: f.cleanKey()}})
}

var errEnough = errors.New("enough for now")

// clear removes all entries and stands before genesis afterwards.
func (f *Follower) clear(ctx context.Context) error {
	if err := f.startOver(); err != nil {
		return err
	}
	var from []byte
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var gone []chain.Pair
		err := f.kv.Iterate([]byte(f.kind.Prefix), from, func(key, _ []byte) error {
			if len(gone) == f.most {
				return errEnough
			}
			gone = append(gone, chain.Pair{Key: append([]byte(nil), key...)})
			return nil
		})
		if err != nil && !errors.Is(err, errEnough) {
			return err
		}
		if err == nil {
			return f.write(state{mode: clearing}, state{}, gone)
		}
		if err := f.kv.Write(gone); err != nil {
			return err
		}
		from = gone[len(gone)-1].Key[len(f.kind.Prefix):]
	}
}

// check counts the entries and sums them up after an unclean stop.
func (f *Follower) check(ctx context.Context) error {
	var count, sum uint64
	err := f.kv.Iterate([]byte(f.kind.Prefix), nil, func(key, value []byte) error {
		if count++; count%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		sum += fingerprint(key, value)
		return nil
	})
	if errors.Is(err, chain.ErrDamaged) || err == nil && (count != f.st.count || sum != f.st.sum) {
		return f.startOver()
	}
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.doubtful = false
	return nil
}

// view calls read while no entry changes, with the position to which the entries belong. read must be short: it holds up the index.
func (f *Follower) view(read func(at chain.Position) error) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.st.mode != steady || f.doubtful {
		return fmt.Errorf("%s: %w", f.kind.Name, ErrNotReady)
	}
	return read(f.st.pos)
}

// each calls do for the entries whose key begins with the index's prefix and then prefix, from prefix+from on.
func (f *Follower) each(prefix, from []byte, do func(rest, value []byte) error) error {
	whole := append([]byte(f.kind.Prefix), prefix...)
	return f.kv.Iterate(whole, from, func(key, value []byte) error { return do(key[len(whole):], value) })
}
