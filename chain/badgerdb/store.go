package badgerdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Keys. In chainstate: 'c' + txid + index (big-endian) is a coin, with 'd' one of the second set, 'i' + height (big-endian) + hash an index entry, 'm' + name what
// else there is. In blocks: 'b' + hash + part is a piece of a block, 'u' + hash + part of undo data.
const (
	indexKey = 'i'
	blockKey = 'b'
	undoKey  = 'u'
)

// partBytes is the most bytes of a block or of undo data under one key. Blocks always fit; undo data of a block that spends thousands of
// large scripts can be more than a value log file may take.
const partBytes = 16 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

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
	return s.sets[0].Meta()
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
	var g errgroup.Group
	g.Go(s.blocks.close)
	err := errors.Join(s.state.close(), g.Wait())
	if clean := s.cleanText(); err == nil && clean != "" {
		err = writeFile(s.dir, "clean", clean+"\n")
		for _, set := range s.sets {
			set.clean = ""
		}
	}
	return err
}
