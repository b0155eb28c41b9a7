package badgerdb

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// snapshotKey tells what the two coin sets are.
var snapshotKey = []byte("msnapshot")

// coinSet is one of a store's two, told apart by their keys. It implements chain.CoinSet.
type coinSet struct {
	s                   *Store
	prefix              byte // of coins
	recordKey, flushKey []byte
	stopped             string // what the clean file said of this set at Open
	clean               string // what to write there at Close; empty: nothing
}

// makeSets makes both, with what the clean file said.
func (s *Store) makeSets(stopped string) {
	s.sets[0] = &coinSet{s: s, prefix: 'c', recordKey: []byte("mrecord"), flushKey: []byte("mflushing")}
	s.sets[1] = &coinSet{s: s, prefix: 'd', recordKey: []byte("mrecord2"), flushKey: []byte("mflushing2")}
	for i, text := range strings.Fields(stopped) {
		if i < len(s.sets) {
			s.sets[i].stopped = text
		}
	}
}

// cleanText is what the clean file is to say.
func (s *Store) cleanText() string {
	if s.sets[0].clean == "" && s.sets[1].clean == "" {
		return ""
	}
	text := [2]string{"-", "-"}
	for i, set := range s.sets {
		if set.clean != "" {
			text[i] = set.clean
		}
	}
	return text[0] + " " + text[1]
}

func (c *coinSet) key(op types.OutPoint) []byte {
	k := append(make([]byte, 0, 37), c.prefix)
	k = append(k, op.TxID[:]...)
	return binary.BigEndian.AppendUint32(k, op.Index)
}

// Meta implements chain.CoinSet.
func (c *coinSet) Meta() (meta chain.Meta, err error) {
	if meta.Record, err = c.record(); err != nil {
		return chain.Meta{}, err
	}
	if meta.Flushing, err = c.flushing(); err != nil {
		return chain.Meta{}, err
	}
	if meta.Snapshot, err = c.s.snapshot(); err != nil {
		return chain.Meta{}, err
	}
	meta.Clean = meta.Record != nil && meta.Flushing == nil && c.stopped == meta.Record.Hash().String()
	return meta, nil
}

// record reads the last record; one that does not decode counts as none, so that the coins are made anew.
func (c *coinSet) record() (*chain.Record, error) {
	value, err := c.s.state.get(c.recordKey)
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

func (c *coinSet) flushing() (*chain.Flushing, error) {
	value, err := c.s.state.get(c.flushKey)
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

// snapshot reads what the two sets are. Without it nobody knows whose coins the node has, so damage to it is an error.
func (s *Store) snapshot() (*chain.Snapshot, error) {
	value, err := s.state.get(snapshotKey)
	if err != nil || value == nil {
		return nil, err
	}
	body, err := unseal(snapshotKey, value)
	if err != nil {
		return nil, fmt.Errorf("the state of the snapshot in %s: %w", s.state.name, err)
	}
	d := types.NewDecoder(body)
	n := chain.DecodeSnapshot(d)
	if err := d.Finish(); err != nil {
		return nil, fmt.Errorf("the state of the snapshot in %s: %w: %w", s.state.name, chain.ErrDamaged, err)
	}
	return &n, nil
}

// Coins implements chain.CoinSet.
func (c *coinSet) Coins(ops []types.OutPoint) (consensus.Coins, error) {
	coins := make(consensus.Coins, len(ops))
	if !slices.IsSortedFunc(ops, types.OutPoint.Compare) {
		ops = slices.Clone(ops)
		slices.SortFunc(ops, types.OutPoint.Compare)
	}
	err := c.s.state.use(func(db *badger.DB) error {
		txn := db.NewTransaction(false)
		defer txn.Discard()
		for _, op := range ops {
			item, err := txn.Get(c.key(op))
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

// Commit implements chain.CoinSet.
func (c *coinSet) Commit(b *chain.Batch) error {
	c.clean = ""
	if b.Clean {
		r, err := c.record()
		if err != nil {
			return err
		}
		if r != nil {
			c.clean = r.Hash().String()
		}
	}
	if b.Record != nil {
		if err := c.s.blocks.sync(); err != nil {
			return err
		}
	}
	if pairs := c.encode(b); len(pairs) > 0 {
		if err := c.s.state.write(pairs); err != nil {
			return err
		}
	}
	if b.Record != nil || b.Snapshot != nil {
		return c.s.state.sync()
	}
	return nil
}

func (c *coinSet) encode(b *chain.Batch) []chain.Pair {
	pairs := make([]chain.Pair, 0, len(b.Index)+len(b.Coins)+3)
	for i := range b.Index {
		key := keyOfEntry(&b.Index[i])
		pairs = append(pairs, chain.Pair{Key: key, Value: sealed(key, b.Index[i].Append(nil))})
	}
	for _, ch := range b.Coins {
		p := chain.Pair{Key: c.key(ch.OutPoint)}
		if ch.Coin != nil {
			p.Value = consensus.AppendCoin(make([]byte, 0, 24+len(ch.Coin.Out.Script)), *ch.Coin)
		}
		pairs = append(pairs, p)
	}
	if f := b.Flushing; f != nil {
		pairs = append(pairs, chain.Pair{Key: c.flushKey, Value: f.To.Append(f.From.Append(nil))})
	}
	if b.Record != nil {
		pairs = append(pairs, chain.Pair{Key: c.recordKey, Value: b.Record.Append(nil)}, chain.Pair{Key: c.flushKey})
	}
	if b.Forget {
		pairs = append(pairs, chain.Pair{Key: c.recordKey}, chain.Pair{Key: c.flushKey})
	}
	if b.Snapshot != nil {
		pairs = append(pairs, chain.Pair{Key: snapshotKey, Value: sealed(snapshotKey, b.Snapshot.Append(nil))})
	}
	return pairs
}

// Limits implements chain.CoinSet.
func (c *coinSet) Limits() (entries, bytes int) { return c.s.entries, c.s.bytes }

// EachCoin implements chain.CoinSet.
func (c *coinSet) EachCoin(ctx context.Context, ready func(), each func(consensus.CoinEntry) error) error {
	n := 0
	prefix := []byte{c.prefix}
	return c.s.state.iterate(prefix, prefix, false, ready, func(key, value []byte) error {
		if n++; n%1024 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		coin, err := decodeCoin(value)
		if err != nil || len(key) != 37 {
			return fmt.Errorf("a coin in %s: %w", c.s.state.name, chain.ErrDamaged)
		}
		op := types.OutPoint{TxID: types.Hash(key[1:33]), Index: binary.BigEndian.Uint32(key[33:])}
		return each(consensus.CoinEntry{OutPoint: op, Coin: coin})
	})
}

// Second implements chain.Store.
func (s *Store) Second() chain.CoinSet { return s.sets[1] }

// Meta implements chain.Store.
func (s *Store) Meta() (chain.Meta, error) { return s.sets[0].Meta() }

// Coins implements chain.Store.
func (s *Store) Coins(ops []types.OutPoint) (consensus.Coins, error) { return s.sets[0].Coins(ops) }

// Commit implements chain.Store.
func (s *Store) Commit(b *chain.Batch) error { return s.sets[0].Commit(b) }

// Limits implements chain.Store.
func (s *Store) Limits() (entries, bytes int) { return s.entries, s.bytes }

// EachCoin implements chain.Store.
func (s *Store) EachCoin(ctx context.Context, ready func(), each func(consensus.CoinEntry) error) error {
	return s.sets[0].EachCoin(ctx, ready, each)
}
