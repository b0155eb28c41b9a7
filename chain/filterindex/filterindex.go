// Package filterindex keeps a compact filter (BIP158, type basic) and its header (BIP157) for every block that was ever on the
// best chain, in a chain.KV. It follows the chain by UpdatesSince at its own pace.
//
// It does not match filters: clients do. It starts no goroutines: whoever owns it calls Sync when the chain's bell rings.
//
// Filter, header and the index's own position are written together, so a killed process leaves an index that is right as far as it goes. Filters of
// blocks that a reorganization took off stay, as they may still be asked for.
//
// Start reading at Build and Index.Sync.
package filterindex

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Parameters of the basic filter (BIP158): Golomb-Rice coding with P bits, and a false positive once in M elements.
const (
	P = 19
	M = 784931
)

// ErrNotIndexed is returned for a block without a stored filter: unknown, never on the best chain, or not reached yet.
var ErrNotIndexed = errors.New("no filter for this block yet")

const opReturn = 0x6a

// Build returns the basic filter of a block: the number of elements as CompactSize, then the coded set. Elements are the scripts of all
// outputs but empty ones and those that begin with OP_RETURN, and the scripts of all outputs spent, but empty ones; each once.
// undo must be the block's.
func Build(b *types.Block, undo consensus.Undo) ([]byte, error) {
	var scripts [][]byte
	for _, tx := range b.Txs {
		for i := range tx.Out {
			if s := tx.Out[i].Script; len(s) > 0 && s[0] != opReturn {
				scripts = append(scripts, s)
			}
		}
	}
	for _, coins := range undo {
		for i := range coins {
			if s := coins[i].Out.Script; len(s) > 0 {
				scripts = append(scripts, s)
			}
		}
	}
	slices.SortFunc(scripts, bytes.Compare)
	scripts = slices.CompactFunc(scripts, bytes.Equal)
	hash := b.Hash()
	f, err := gcs.BuildGCSFilter(P, M, [gcs.KeySize]byte(hash[:gcs.KeySize]), scripts)
	if err != nil {
		return nil, fmt.Errorf("filter of block %s: %w", hash, err)
	}
	return f.NBytes()
}

// Hash returns the double SHA-256 of a filter.
func Hash(filter []byte) types.Hash { return types.DoubleSHA256(filter) }

// Header returns the filter header of a block from its filter and the header of the block before (zero for genesis).
func Header(filter []byte, prev types.Hash) types.Hash {
	h := Hash(filter)
	return types.DoubleSHA256(append(h[:], prev[:]...))
}

// Source is the chain, as far as the index looks at it.
type Source interface {
	UpdatesSince(pos chain.Position, n int) ([]consensus.Update, error)
}

// Index is a filter index. One goroutine calls Sync; the rest may be called from any.
type Index struct {
	kv chain.KV

	mu  sync.Mutex
	pos chain.Position
}

var (
	filterKey   = []byte("cf/f/") // + hash: header, filter, checksum
	positionKey = []byte("cf/p")  // height, hash, checksum
)

// Open returns the index that kv holds, or an empty one. kv stays the caller's. A position that does not read back makes the index start over.
func Open(kv chain.KV) (*Index, error) {
	x := &Index{kv: kv}
	value, err := kv.Get(positionKey)
	if err != nil {
		return nil, fmt.Errorf("filter index: %w", err)
	}
	body, ok := unseal(positionKey, value)
	if ok && len(body) == 4+types.HashSize {
		x.pos = chain.Position{Height: int32(binary.BigEndian.Uint32(body)), Hash: types.Hash(body[4:])}
	}
	return x, nil
}

// Position returns the block up to which the index has come; the zero Position if it has not begun.
func (x *Index) Position() chain.Position {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.pos
}

// batch is how many updates Sync asks for at once.
const batch = 16

// Sync follows src until it is at its tip, or ctx ends. An index that stands where the chain has never been, or whose data does not
// read back, starts over.
func (x *Index) Sync(ctx context.Context, src Source) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		updates, err := src.UpdatesSince(x.Position(), batch)
		if errors.Is(err, chain.ErrUnknownPosition) {
			x.stand(chain.Position{})
			continue
		}
		if err != nil {
			return err
		}
		if len(updates) == 0 {
			return nil
		}
		for i := range updates {
			err := x.apply(&updates[i])
			if errors.Is(err, ErrNotIndexed) || errors.Is(err, chain.ErrDamaged) {
				x.stand(chain.Position{}) // the header before is lost
				break
			}
			if err != nil {
				return fmt.Errorf("filter index: %w", err)
			}
		}
	}
}

func (x *Index) stand(pos chain.Position) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.pos = pos
}

// apply writes what one update brings, together with the position after it.
func (x *Index) apply(u *consensus.Update) error {
	pos := chain.After(u)
	var pairs []chain.Pair
	if u.Connected {
		value, err := x.value(u)
		if err != nil {
			return err
		}
		key := keyOf(u.Hash)
		pairs = append(pairs, chain.Pair{Key: key, Value: seal(key, value)})
	}
	place := binary.BigEndian.AppendUint32(nil, uint32(pos.Height))
	place = append(place, pos.Hash[:]...)
	pairs = append(pairs, chain.Pair{Key: positionKey, Value: seal(positionKey, place)})
	if err := x.kv.Write(pairs); err != nil {
		return err
	}
	x.stand(pos)
	return nil
}

// value is what is stored of a block: header and filter.
func (x *Index) value(u *consensus.Update) ([]byte, error) {
	filter, err := Build(u.Block, u.Undo)
	if err != nil {
		return nil, err
	}
	var prev types.Hash
	if u.Height > 0 {
		if prev, err = x.FilterHeader(u.Block.Header.PrevHash); err != nil {
			return nil, err
		}
	}
	header := Header(filter, prev)
	return append(header[:], filter...), nil
}

// Filter returns the filter of a block; ErrNotIndexed if there is none, chain.ErrDamaged if it does not read back.
func (x *Index) Filter(hash types.Hash) ([]byte, error) {
	body, err := x.stored(hash)
	if err != nil {
		return nil, err
	}
	return body[types.HashSize:], nil
}

// FilterHeader returns the filter header of a block; errors are Filter's.
func (x *Index) FilterHeader(hash types.Hash) (types.Hash, error) {
	body, err := x.stored(hash)
	if err != nil {
		return types.Hash{}, err
	}
	return types.Hash(body[:types.HashSize]), nil
}

func (x *Index) stored(hash types.Hash) ([]byte, error) {
	key := keyOf(hash)
	value, err := x.kv.Get(key)
	if err != nil {
		return nil, fmt.Errorf("filter index: %w", err)
	}
	if value == nil {
		return nil, fmt.Errorf("%w: %s", ErrNotIndexed, hash)
	}
	body, ok := unseal(key, value)
	if !ok || len(body) <= types.HashSize {
		return nil, fmt.Errorf("filter of block %s: %w", hash, chain.ErrDamaged)
	}
	return body, nil
}

func keyOf(hash types.Hash) []byte { return append(bytes.Clone(filterKey), hash[:]...) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}

func seal(key, body []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(body), checksum(key, body))
}

func unseal(key, value []byte) (body []byte, ok bool) {
	if len(value) < 4 {
		return nil, false
	}
	body = value[:len(value)-4]
	return body, checksum(key, body) == binary.LittleEndian.Uint32(value[len(body):])
}
