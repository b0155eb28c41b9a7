package badgerdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Keys. In chainstate: 'c' + txid + index (big-endian) is a coin, 'i' + height (big-endian) + hash an index entry, 'm' + name what
// else there is. In blocks: 'b' + hash + part is a piece of a block, 'u' + hash + part of undo data.
const (
	coinKey  = 'c'
	indexKey = 'i'
	blockKey = 'b'
	undoKey  = 'u'
)

var (
	recordKey   = []byte("mrecord")
	flushingKey = []byte("mflushing")
)

// partBytes is the most bytes of a block or of undo data under one key. Blocks always fit; undo data of a block that spends thousands of
// large scripts can be more than a value log file may take.
const partBytes = 16 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func keyOfCoin(op types.OutPoint) []byte {
	k := append(make([]byte, 0, 37), coinKey)
	k = append(k, op.TxID[:]...)
	return binary.BigEndian.AppendUint32(k, op.Index)
}

func keyOfEntry(e *chain.IndexEntry) []byte {
	k := binary.BigEndian.AppendUint32([]byte{indexKey}, uint32(e.Height))
	return append(k, e.Hash[:]...)
}

func keyOfPart(kind byte, hash types.Hash, part byte) []byte {
	return append(append([]byte{kind}, hash[:]...), part)
}

// sealed appends to value a checksum over key and value.
func sealed(key, value []byte) []byte {
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
	return binary.LittleEndian.AppendUint32(value, sum)
}

// unseal checks and removes the checksum.
func unseal(key, value []byte) ([]byte, error) {
	if len(value) < 4 {
		return nil, chain.ErrDamaged
	}
	body := value[: len(value)-4 : len(value)-4]
	sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
	if sum != binary.LittleEndian.Uint32(value[len(body):]) {
		return nil, chain.ErrDamaged
	}
	return body, nil
}

// Load implements chain.Store.
func (s *Store) Load(ctx context.Context, each func(chain.IndexEntry) error) (meta chain.Meta, err error) {
	err = s.state.iterate([]byte{indexKey}, []byte{indexKey}, false, nil, func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		body, err := unseal(key, value)
		if err != nil {
			return nil // a lost entry; what stands on it is lost with it
		}
		d := types.NewDecoder(body)
		e := chain.DecodeIndexEntry(d)
		if d.Finish() != nil || len(key) != 37 || types.Hash(key[5:]) != e.Hash {
			return nil
		}
		return each(e)
	})
	if err != nil {
		return chain.Meta{}, err
	}
	if meta.Record, err = s.record(); err != nil {
		return chain.Meta{}, err
	}
	if meta.Flushing, err = s.flushing(); err != nil {
		return chain.Meta{}, err
	}
	meta.Clean = meta.Record != nil && meta.Flushing == nil && s.stopped == meta.Record.Hash().String()
	return meta, nil
}

// record reads the last record; one that does not decode counts as none, so that the coins are made anew.
func (s *Store) record() (*chain.Record, error) {
	value, err := s.state.get(recordKey)
	if err != nil || value == nil {
		return nil, err
	}
	d := types.NewDecoder(value)
	r := chain.DecodeRecord(d)
	if d.Finish() != nil {
		return &chain.Record{}, nil
	}
	return &r, nil
}

func (s *Store) flushing() (*chain.Flushing, error) {
	value, err := s.state.get(flushingKey)
	if err != nil || value == nil {
		return nil, err
	}
	d := types.NewDecoder(value)
	f := chain.Flushing{From: chain.DecodeRecord(d), To: chain.DecodeRecord(d)}
	if d.Finish() != nil {
		return &chain.Flushing{}, nil
	}
	return &f, nil
}

// EachBlock implements chain.Store; the order is that of the hashes' bytes.
func (s *Store) EachBlock(ctx context.Context, each func(types.Hash, types.Header) error) error {
	var hashes []types.Hash
	err := s.blocks.iterate([]byte{blockKey}, []byte{blockKey}, true, nil, func(key, _ []byte) error {
		if len(key) == 34 && key[33] == 0 {
			hashes = append(hashes, types.Hash(key[1:33]))
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		if err := ctx.Err(); err != nil {
			return err
		}
		raw, err := s.RawBlock(hash)
		if errors.Is(err, chain.ErrDamaged) || errors.Is(err, chain.ErrNotStored) {
			continue
		}
		if err != nil {
			return err
		}
		h, err := types.DecodeHeader(raw[:types.HeaderSize])
		if err != nil {
			return err
		}
		if err := each(hash, h); err != nil {
			return err
		}
	}
	return nil
}

// Coins implements chain.Store.
func (s *Store) Coins(ops []types.OutPoint) (consensus.Coins, error) {
	coins := make(consensus.Coins, len(ops))
	if !slices.IsSortedFunc(ops, types.OutPoint.Compare) {
		ops = slices.Clone(ops)
		slices.SortFunc(ops, types.OutPoint.Compare)
	}
	err := s.state.use(func(db *badger.DB) error {
		txn := db.NewTransaction(false)
		defer txn.Discard()
		for _, op := range ops {
			item, err := txn.Get(keyOfCoin(op))
			if errors.Is(err, badger.ErrKeyNotFound) {
				continue
			}
			if err != nil {
				return fmt.Errorf("coin %s: %w", op, err)
			}
			err = item.Value(func(value []byte) error {
				coin, err := decodeCoin(value)
				coins[op] = coin
				return err
			})
			if err != nil {
				return fmt.Errorf("coin %s: %w: %w", op, chain.ErrDamaged, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return coins, nil
}

func decodeCoin(value []byte) (consensus.Coin, error) {
	d := types.NewDecoder(value)
	coin := consensus.DecodeCoin(d)
	return coin, d.Finish()
}

// RawBlock implements chain.Store.
func (s *Store) RawBlock(hash types.Hash) ([]byte, error) {
	raw, err := s.parts(blockKey, hash)
	if err != nil {
		return nil, err
	}
	if len(raw) < types.HeaderSize || types.DoubleSHA256(raw[:types.HeaderSize]) != hash {
		return nil, chain.ErrDamaged
	}
	return raw, nil
}

// Block implements chain.Store.
func (s *Store) Block(hash types.Hash) (*types.Block, error) {
	raw, err := s.RawBlock(hash)
	if err != nil {
		return nil, err
	}
	b, err := types.DecodeBlock(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", chain.ErrDamaged, err)
	}
	return b, nil
}

// Undo implements chain.Store.
func (s *Store) Undo(hash types.Hash) (consensus.Undo, error) {
	raw, err := s.parts(undoKey, hash)
	if err != nil {
		return nil, err
	}
	d := types.NewDecoder(raw)
	u := consensus.DecodeUndo(d)
	if err := d.Finish(); err != nil {
		return nil, fmt.Errorf("%w: %w", chain.ErrDamaged, err)
	}
	return u, nil
}

// parts reads what putParts wrote. The first part begins with the number of parts.
func (s *Store) parts(kind byte, hash types.Hash) ([]byte, error) {
	first, err := s.part(kind, hash, 0)
	if err != nil {
		return nil, err
	}
	if len(first) == 0 {
		return nil, chain.ErrDamaged
	}
	raw := first[1:]
	for i := byte(1); i < first[0]; i++ {
		more, err := s.part(kind, hash, i)
		if errors.Is(err, chain.ErrNotStored) {
			return nil, chain.ErrDamaged
		}
		if err != nil {
			return nil, err
		}
		raw = append(raw, more...)
	}
	return raw, nil
}

func (s *Store) part(kind byte, hash types.Hash, i byte) ([]byte, error) {
	key := keyOfPart(kind, hash, i)
	value, err := s.blocks.get(key)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, chain.ErrNotStored
	}
	return unseal(key, value)
}

// HasBlock implements chain.Store.
func (s *Store) HasBlock(hash types.Hash) (bool, error) {
	return s.blocks.has(keyOfPart(blockKey, hash, 0))
}

// HasUndo implements chain.Store.
func (s *Store) HasUndo(hash types.Hash) (bool, error) {
	return s.blocks.has(keyOfPart(undoKey, hash, 0))
}

// PutBlock implements chain.Store.
func (s *Store) PutBlock(hash types.Hash, raw []byte) error { return s.putParts(blockKey, hash, raw) }

// PutUndo implements chain.Store.
func (s *Store) PutUndo(hash types.Hash, u consensus.Undo) error {
	return s.putParts(undoKey, hash, consensus.AppendUndo(nil, u))
}

// putParts writes the first part last, so that it never stands for parts that are not there.
func (s *Store) putParts(kind byte, hash types.Hash, raw []byte) error {
	count := max(1, (len(raw)+partBytes-1)/partBytes)
	if count > 255 {
		return fmt.Errorf("%d bytes are too many for one block", len(raw))
	}
	for i := count - 1; i >= 0; i-- {
		piece := raw[i*partBytes : min((i+1)*partBytes, len(raw))]
		value := make([]byte, 0, len(piece)+5)
		if i == 0 {
			value = append(value, byte(count))
		}
		key := keyOfPart(kind, hash, byte(i))
		if err := s.blocks.write([]chain.Pair{{Key: key, Value: sealed(key, append(value, piece...))}}); err != nil {
			return err
		}
	}
	return nil
}

// Commit implements chain.Store.
func (s *Store) Commit(b *chain.Batch) error {
	s.clean = ""
	if b.Clean {
		r, err := s.record()
		if err != nil {
			return err
		}
		if r != nil {
			s.clean = r.Hash().String()
		}
	}
	if b.Record != nil {
		if err := s.blocks.sync(); err != nil {
			return err
		}
	}
	if pairs := encodeBatch(b); len(pairs) > 0 {
		if err := s.state.write(pairs); err != nil {
			return err
		}
	}
	if b.Record != nil {
		return s.state.sync()
	}
	return nil
}

func encodeBatch(b *chain.Batch) []chain.Pair {
	pairs := make([]chain.Pair, 0, len(b.Index)+len(b.Coins)+2)
	for i := range b.Index {
		key := keyOfEntry(&b.Index[i])
		pairs = append(pairs, chain.Pair{Key: key, Value: sealed(key, b.Index[i].Append(nil))})
	}
	for _, ch := range b.Coins {
		p := chain.Pair{Key: keyOfCoin(ch.OutPoint)}
		if ch.Coin != nil {
			p.Value = consensus.AppendCoin(make([]byte, 0, 24+len(ch.Coin.Out.Script)), *ch.Coin)
		}
		pairs = append(pairs, p)
	}
	if f := b.Flushing; f != nil {
		pairs = append(pairs, chain.Pair{Key: flushingKey, Value: f.To.Append(f.From.Append(nil))})
	}
	if b.Record != nil {
		pairs = append(pairs, chain.Pair{Key: recordKey, Value: b.Record.Append(nil)}, chain.Pair{Key: flushingKey})
	}
	return pairs
}

// Limits implements chain.Store.
func (s *Store) Limits() (entries, bytes int) { return s.entries, s.bytes }

// EachCoin implements chain.Store.
func (s *Store) EachCoin(ctx context.Context, ready func(), each func(consensus.CoinEntry) error) error {
	n := 0
	return s.state.iterate([]byte{coinKey}, []byte{coinKey}, false, ready, func(key, value []byte) error {
		if n++; n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		coin, err := decodeCoin(value)
		if err != nil || len(key) != 37 {
			return fmt.Errorf("a coin in %s: %w", s.state.name, chain.ErrDamaged)
		}
		op := types.OutPoint{TxID: types.Hash(key[1:33]), Index: binary.BigEndian.Uint32(key[33:])}
		return each(consensus.CoinEntry{OutPoint: op, Coin: coin})
	})
}

// Check implements chain.Checker: it reads all tables of the chain state and verifies their checksums.
func (s *Store) Check() error {
	if err := checkTables(s.state.name); err != nil {
		return fmt.Errorf("%s: %w", s.state.name, err)
	}
	return nil
}

// Size implements chain.Store with the bytes that the files take on disk.
func (s *Store) Size() (size chain.Size, err error) {
	if size.State, err = diskBytes(s.state.name); err != nil {
		return size, err
	}
	size.Blocks, err = diskBytes(s.blocks.name)
	return size, err
}

// Close implements chain.Store.
func (s *Store) Close() error {
	err := errors.Join(s.blocks.close(), s.state.close())
	if err == nil && s.clean != "" {
		err = writeFile(s.dir, "clean", s.clean+"\n")
		s.clean = ""
	}
	return err
}
