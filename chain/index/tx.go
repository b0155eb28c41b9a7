package index

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Blocks returns hash and bytes of the block at a height on the branch that ends at tip. Its errors are handed on.
type Blocks func(tip chain.Position, height int32) (types.Hash, []byte, error)

// Place is where a transaction was found.
type Place struct {
	Block  types.Hash
	Height int32
	Index  int // in the block
	Tx     *types.Tx
}

// idBytes is how much of a transaction's id is in a key. Two ids that begin alike cost 2⁴⁸ hashes to make, and are told apart by
// the transactions themselves: whatever is found is read from its block and compared.
const idBytes = 12

// Tx is the transaction index: which block on the best chain holds a transaction. Genesis is not in it, as its coinbase is no
// ordinary transaction.
//
// An entry takes 20 bytes of key (the begin of the id, height, number in the block) and at most 4 of value (where in the block the
// transaction begins, so that a block need not be decoded for one of its transactions).
type Tx struct{ *Follower }

// OpenTx returns the transaction index in kv. Errors are Open's.
func OpenTx(kv chain.KV) (*Tx, error) {
	f, err := Open(kv, Kind{Name: "transaction index", Prefix: "t/", Version: 1, Change: txChange})
	if err != nil {
		return nil, err
	}
	return &Tx{f}, nil
}

func txChange(u *consensus.Update) (ch Change) {
	if u.Height == 0 {
		return ch
	}
	ch.Add = make([]chain.Pair, 0, len(u.Block.Txs))
	eachTx(u.Block, func(n, offset int, tx *types.Tx) {
		id := tx.ID()
		key := append([]byte("t/"), id[:idBytes]...)
		ch.Add = append(ch.Add, chain.Pair{Key: appendSpot(key, u.Height, n), Value: binary.AppendUvarint(nil, uint64(offset))})
	})
	return ch
}

// eachTx calls do for the transactions of a block with their number and their offset in its bytes.
func eachTx(b *types.Block, do func(n, offset int, tx *types.Tx)) {
	offset := types.HeaderSize + types.VarIntSize(uint64(len(b.Txs)))
	for n, tx := range b.Txs {
		do(n, offset, tx)
		offset += tx.Size()
	}
}

// spotSize is what appendSpot appends.
const spotSize = 8

// appendSpot appends a place in the chain so that keys are in the chain's order.
func appendSpot(key []byte, height int32, n int) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(key, uint32(height)), uint32(n))
}

func spot(b []byte) (height int32, n int) {
	return int32(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint32(b[4:]))
}

// spotted is an entry that names a place in the chain: height and number from its key, numbers from its value.
type spotted struct {
	height int32
	n      int
	values [2]uint64
}

// maxAlike bounds the entries that are looked at for one key. More than one needs ids that begin alike.
const maxAlike = 64

// spots returns the entries under a key without its spot, and the position to which they belong. count is how many numbers a value has.
func (f *Follower) spots(key []byte, count int) (list []spotted, at chain.Position, err error) {
	err = f.view(func(pos chain.Position) error {
		at = pos
		return f.each(key, nil, func(rest, value []byte) error {
			if len(list) == maxAlike {
				return errEnough
			}
			if len(rest) != spotSize {
				return f.damaged()
			}
			var s spotted
			s.height, s.n = spot(rest)
			for i := range count {
				v, n := binary.Uvarint(value)
				if n <= 0 {
					return f.damaged()
				}
				s.values[i], value = v, value[n:]
			}
			list = append(list, s)
			return nil
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, at, err
}

func (f *Follower) damaged() error {
	return fmt.Errorf("%s: an entry: %w", f.kind.Name, chain.ErrDamaged)
}

// readTx reads one transaction out of its block.
func readTx(raw []byte, offset uint64) (*types.Tx, error) {
	if offset > uint64(len(raw)) {
		return nil, chain.ErrDamaged
	}
	d := types.NewDecoder(raw[offset:])
	tx := d.Tx()
	if err := d.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", chain.ErrDamaged, err)
	}
	return tx, nil
}

// Find returns where the transaction with this id is on the branch of Position; the last place, if it is on it twice (BIP30). Errors:
// ErrNotFound, ErrNotReady, chain.ErrDamaged, or those of blocks. It may be called from any goroutine.
func (x *Tx) Find(id types.Hash, blocks Blocks) (Place, error) {
	list, at, err := x.spots(id[:idBytes], 1)
	if err != nil {
		return Place{}, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		hash, raw, err := blocks(at, list[i].height)
		if err != nil {
			return Place{}, err
		}
		tx, err := readTx(raw, list[i].values[0])
		if err != nil {
			return Place{}, fmt.Errorf("%s: %w", x.Name(), err)
		}
		switch got := tx.ID(); {
		case got == id:
			return Place{Block: hash, Height: list[i].height, Index: list[i].n, Tx: tx}, nil
		case [idBytes]byte(got[:]) != [idBytes]byte(id[:]):
			return Place{}, x.damaged()
		}
	}
	return Place{}, fmt.Errorf("%w: transaction %s", ErrNotFound, id)
}
