package badgerdb

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/cairn-chain/cairn/types"
)

// How space comes back from Badger.
//
// Values over 1 KiB lie in log files, which are only removed as a whole. A file is rewritten, its living values appended to the newest one, when
// Badger knows that more than reclaimRatio of it is dead. It knows that from compaction alone: a key that is deleted, or overwritten, in a
// memtable tells it nothing. Its tables are so small here that no compaction might ever come by itself. So DropBlocks
//
//  1. lets the memtables be written as tables: dropping a prefix does that first;
//  2. drops the keys, which rewrites the tables that hold them and counts each value as dead, with no regard to versions or open reads;
//  3. rewrites log files as long as one is worth it;
//  4. syncs, because the living values of a removed file are in a new one that no sync has seen.
//
// Between 3 and 4 a power cut may lose blocks that were moved. The index still names them then, the next start finds them missing, and
// they are fetched again.

// reclaimRatio is the dead share from which a log file is rewritten.
const reclaimRatio = 0.4

// flushKey is written and dropped to let memtables become tables.
var flushKey = []byte("f")

// BlockBytes implements chain.Store.
func (s *Store) BlockBytes(hash types.Hash) (size int64, err error) {
	err = s.blocks.use(func(db *badger.DB) error {
		txn := db.NewTransaction(false)
		defer txn.Discard()
		for _, kind := range []byte{blockKey, undoKey} {
			for part := 0; part < 256; part++ {
				item, err := txn.Get(keyOfPart(kind, hash, byte(part)))
				if errors.Is(err, badger.ErrKeyNotFound) {
					break
				}
				if err != nil {
					return fmt.Errorf("%s: %w", s.blocks.name, err)
				}
				size += item.ValueSize()
			}
		}
		return nil
	})
	return size, err
}

// DropBlocks implements chain.Store.
func (s *Store) DropBlocks(hashes []types.Hash) error {
	if len(hashes) == 0 {
		return nil
	}
	prefixes := make([][]byte, 0, 2*len(hashes))
	for _, h := range hashes {
		prefixes = append(prefixes, append([]byte{blockKey}, h[:]...), append([]byte{undoKey}, h[:]...))
	}
	return s.blocks.use(func(db *badger.DB) error {
		err := db.Update(func(txn *badger.Txn) error { return txn.Set(flushKey, []byte{1}) })
		if err == nil {
			err = db.DropPrefix(flushKey)
		}
		if err == nil {
			err = db.DropPrefix(prefixes...)
		}
		if err == nil {
			err = reclaim(db)
		}
		if err == nil {
			err = db.Sync()
		}
		if err != nil {
			return fmt.Errorf("removing blocks from %s: %w", s.blocks.name, err)
		}
		return nil
	})
}

// reclaim rewrites log files until none is worth it.
func reclaim(db *badger.DB) error {
	for {
		switch err := db.RunValueLogGC(reclaimRatio); {
		case errors.Is(err, badger.ErrNoRewrite), errors.Is(err, badger.ErrRejected):
			return nil
		case err != nil:
			return err
		}
	}
}
