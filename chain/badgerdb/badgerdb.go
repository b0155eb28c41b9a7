// Package badgerdb is a chain.Store and a chain.KV on Badger, and the only package that imports it.
//
// A data directory holds
//
//	format       the number of the layout, in one line
//	clean        there only after a clean stop: the hash of the last record of each coin set, or -
//	chainstate/  coins, block index, records; small values in the tables
//	blocks/      raw blocks and undo data; values over 1 KiB in the value log, which compaction does not rewrite
//	indexes/     what OpenKV is asked for
//
// It can be moved and copied while no process uses it.
//
// # What is synced, and when
//
// Badger writes to mapped files, so what was committed survives a killed process without any sync. Commit syncs when, and only
// when, its batch has a Record: first blocks/, then it writes the batch, then it syncs chainstate/. So a record is
// never durable before the blocks and undo data it stands on. Between two such commits a power cut may lose writes; if it leaves the coins
// of a flush behind in part, the check after an unclean stop finds that.
//
// That a stop was clean is said by a file and not by a key, because a damaged write-ahead log may bring an old key back.
// Badger answers "not found" for a key whose table block is damaged, and ends the process when it finds a table damaged while opening it, so this
// package verifies all tables before it opens a database, and Check does it again.
// Blocks and undo data carry a checksum over key and value.
//
// Start reading at Open and Store.Commit.
package badgerdb

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/chain"
)

// Format is the number of the layout that this package reads and writes.
const Format = 1

// Options are the few choices that there are.
type Options struct {
	// Log gets Badger's messages, all at debug level but errors; nil drops them.
	Log *slog.Logger
	// MemTableBytes is the size of each database's memtables, of which one or two are in memory; 0 means 1 MiB, which suits
	// many nodes in one process. A node that takes in a large chain is faster with 16 MiB and more.
	MemTableBytes int64
	// BlockFileBytes is the size of a file of blocks, the least that pruning can give back; 0 means 64 MiB, and less than 1 MiB is
	// raised to that.
	BlockFileBytes int64
}

func (o Options) blockFile() int64 {
	if o.BlockFileBytes == 0 {
		return blockLogBytes
	}
	return min(max(o.BlockFileBytes, 1<<20), blockLogBytes)
}

func (o Options) memTable() int64 {
	if o.MemTableBytes < 1<<20 {
		return 1 << 20
	}
	return o.MemTableBytes
}

// Value log files and thresholds.
const (
	blockLogBytes  = 64 << 20 // a value log file of blocks/
	blockThreshold = 1 << 10
	stateThreshold = 64 << 10
)

// Store implements chain.Store.
type Store struct {
	dir           string
	state, blocks *database
	entries       int
	bytes         int
	sets          [2]*coinSet
}

// Open opens or makes the databases under dir. Another process that uses dir, a newer or older format (*chain.FormatError), and a
// database that does not open are refused with a sentence that says what to do; what is stored is not changed then.
func Open(dir string, opt Options) (*Store, error) {
	s, _, err := open(dir, opt, false)
	return s, err
}

// OpenWithKV is Open and OpenKV at the same time, which is faster than one after the other: most of it is waiting for the disk.
func OpenWithKV(dir string, opt Options) (*Store, *KV, error) { return open(dir, opt, true) }

func open(dir string, opt Options, withKV bool) (*Store, *KV, error) {
	if err := prepare(dir); err != nil {
		return nil, nil, err
	}
	s, kv := &Store{dir: dir}, (*KV)(nil)
	var g errgroup.Group
	var blocksErr, kvErr error // one sentence is enough: that of the first database
	g.Go(func() (err error) { s.state, err = openState(dir, opt); return err })
	g.Go(func() error { s.blocks, blocksErr = openBlocks(dir, opt); return nil })
	if withKV {
		g.Go(func() error { kv, kvErr = openKV(dir, opt); return nil })
	}
	err := g.Wait()
	if err == nil {
		err = cmp.Or(blocksErr, kvErr)
	}
	var stopped string
	if err == nil {
		stopped, err = takeClean(dir)
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.state.close(), s.blocks.close(), kv.Close())
	}
	// A commit must stay under 15 % of a memtable; a coin or index entry takes at most what chain estimates.
	s.bytes = int(opt.memTable()*15/100)*9/10 - 8<<10
	s.entries = min(s.bytes/160, int(s.state.db.MaxBatchCount())-16)
	s.makeSets(stopped)
	return s, kv, nil
}

func openState(dir string, opt Options) (*database, error) {
	return openDB(filepath.Join(dir, "chainstate"), opt, stateThreshold, 1<<20,
		"move it away and start again: it will be made anew from the blocks")
}

func openBlocks(dir string, opt Options) (*database, error) {
	return openDB(filepath.Join(dir, "blocks"), opt, blockThreshold, opt.blockFile(),
		"restore it from a copy, or use an empty data directory and let the blocks be fetched again")
}

// prepare makes dir and its format file, or checks the one that is there.
func prepare(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	name := filepath.Join(dir, "format")
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "chainstate")); err == nil {
			return fmt.Errorf("%s holds a chain but no file %q that tells its format; use another data directory", dir, "format")
		}
		return writeFile(dir, "format", strconv.Itoa(Format)+"\n")
	}
	if err != nil {
		return fmt.Errorf("reading the format of the data directory: %w", err)
	}
	found, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s does not hold a number: it is damaged, or not from cairn", name)
	}
	if found != Format {
		return &chain.FormatError{Dir: dir, Found: found, Want: Format}
	}
	return nil
}

// writeFile writes a small file so that it is there as a whole or not at all, and durable.
func writeFile(dir, name, text string) error {
	tmp := filepath.Join(dir, name+".new")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

// takeClean reads and removes the clean file, durably, before anything else is written.
func takeClean(dir string) (string, error) {
	name := filepath.Join(dir, "clean")
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err == nil {
		err = os.Remove(name)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return "", fmt.Errorf("taking the mark of the last clean stop: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// database is one Badger database whose Close waits for those who use it.
type database struct {
	name string
	db   *badger.DB
	mu   sync.RWMutex // held for reading while the database is used
	shut bool
}

// openDB opens one database with options that take little memory.
func openDB(dir string, opt Options, threshold, logFile int64, remedy string) (d *database, err error) {
	defer func() {
		if r := recover(); r != nil { // Badger asserts on some damage
			d, err = nil, openError(dir, fmt.Errorf("%v", r), remedy)
		}
	}()
	if err := checkTables(dir); err != nil {
		return nil, openError(dir, err, remedy)
	}
	o := badger.DefaultOptions(dir).
		WithLogger(logger{opt.Log}).
		WithMemTableSize(opt.memTable()).
		WithNumMemtables(2).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithCompression(options.None).
		WithNumCompactors(2).
		WithNumGoroutines(1).
		WithValueThreshold(threshold).
		WithValueLogFileSize(logFile).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithDetectConflicts(false).
		WithSyncWrites(false)
	db, err := badger.Open(o)
	for range maxUnborn {
		if err == nil || !strings.Contains(err.Error(), unborn) {
			break
		}
		db, err = badger.Open(o)
	}
	if err != nil {
		return nil, openError(dir, err, remedy)
	}
	return &database{name: dir, db: db}, nil
}

// A process that is killed right after it has made a log leaves an empty file. Badger makes it whole at the next start, but
// then says unborn and gives up; once more, and it opens. Every start leaves at most two such files.
const (
	unborn    = "Create a new file"
	maxUnborn = 8
)

func openError(dir string, err error, remedy string) error {
	if strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return fmt.Errorf("the data directory %s is in use by another process; stop that one, or use another directory", filepath.Dir(dir))
	}
	return fmt.Errorf("the database %s does not open (%s); %s", dir, oneLine(err), remedy)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// use calls do with the database, unless it is closed. A panic of Badger's on damaged data becomes chain.ErrDamaged.
func (d *database) use(do func(db *badger.DB) error) (err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.shut {
		return chain.ErrClosed
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %w: %v", d.name, chain.ErrDamaged, r)
		}
	}()
	return do(d.db)
}

// close ends the use of the database, nil among them.
func (d *database) close() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return nil
	}
	d.shut = true
	return d.db.Close()
}

// get returns a copy of a value, nil if there is none.
func (d *database) get(key []byte) (value []byte, err error) {
	err = d.use(func(db *badger.DB) error {
		txn := db.NewTransaction(false)
		defer txn.Discard()
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		if value, err = item.ValueCopy(nil); err != nil {
			return fmt.Errorf("%s: %w: %w", d.name, chain.ErrDamaged, err)
		}
		if value == nil {
			value = []byte{}
		}
		return nil
	})
	return value, err
}

// has tells whether there is a value, without reading it.
func (d *database) has(key []byte) (ok bool, err error) {
	err = d.use(func(db *badger.DB) error {
		txn := db.NewTransaction(false)
		defer txn.Discard()
		_, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil
		}
		ok = err == nil
		return err
	})
	return ok, err
}

// write commits pairs in one transaction; a nil value deletes.
func (d *database) write(pairs []chain.Pair) error {
	return d.use(func(db *badger.DB) error {
		txn := db.NewTransaction(true)
		defer txn.Discard()
		for _, p := range pairs {
			var err error
			if p.Value == nil {
				err = txn.Delete(p.Key)
			} else {
				err = txn.Set(p.Key, p.Value)
			}
			if err != nil {
				return fmt.Errorf("writing %s: %w", d.name, err)
			}
		}
		if err := txn.Commit(); err != nil {
			return fmt.Errorf("writing %s: %w", d.name, err)
		}
		return nil
	})
}

func (d *database) sync() error {
	return d.use(func(db *badger.DB) error {
		if err := db.Sync(); err != nil {
			return fmt.Errorf("syncing %s: %w", d.name, err)
		}
		return nil
	})
}

// iterate calls each for the keys with prefix, from start on, in one consistent state of the database. ready, if not nil, is called when
// that state is fixed. Values are read unless keysOnly.
func (d *database) iterate(prefix, start []byte, keysOnly bool, ready func(), each func(key, value []byte) error) error {
	return d.use(func(db *badger.DB) error {
		txn := db.NewTransaction(false)
		defer txn.Discard()
		if ready != nil {
			ready()
		}
		o := badger.DefaultIteratorOptions
		o.Prefix = prefix
		o.PrefetchValues = false // values are small or few; read at their place
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Seek(start); it.ValidForPrefix(prefix); it.Next() {
			item := it.Item()
			if keysOnly {
				if err := each(item.Key(), nil); err != nil {
					return err
				}
				continue
			}
			err := item.Value(func(value []byte) error { return wrapped(each(item.Key(), value)) })
			if w := (*callError)(nil); errors.As(err, &w) {
				return w.err
			}
			if err != nil {
				return fmt.Errorf("%s: %w: %w", d.name, chain.ErrDamaged, err)
			}
		}
		return nil
	})
}

// callError tells an error of the caller's function from one of Badger's.
type callError struct{ err error }

func (e *callError) Error() string { return e.err.Error() }

func wrapped(err error) error {
	if err == nil {
		return nil
	}
	return &callError{err}
}

// logger passes Badger's messages to slog.
type logger struct{ log *slog.Logger }

func (l logger) write(level slog.Level, format string, args []any) {
	if l.log == nil {
		return
	}
	text := string(bytes.TrimSpace(fmt.Appendf(nil, format, args...)))
	l.log.Log(context.Background(), level, "badger: "+text)
}

func (l logger) Errorf(format string, args ...any)   { l.write(slog.LevelError, format, args) }
func (l logger) Warningf(format string, args ...any) { l.write(slog.LevelDebug, format, args) }
func (l logger) Infof(format string, args ...any)    { l.write(slog.LevelDebug, format, args) }
func (l logger) Debugf(format string, args ...any)   { l.write(slog.LevelDebug, format, args) }
