package badgerdb

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"

	"github.com/cairn-chain/cairn/chain"
)

// checkTables reads all tables of a database and verifies every checksum. Errors wrap chain.ErrDamaged. Tables that are compacted away
// meanwhile are passed over, and so are those that the manifest does not list: one that was being written when the process was killed
// is half a table, and Badger removes it.
func checkTables(dir string) error {
	ids, err := listTables(dir)
	if err != nil {
		return err
	}
	for _, id := range ids {
		name := table.NewFilename(id, dir)
		raw, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := checkTable(raw); err != nil {
			return fmt.Errorf("table %s: %w", filepath.Base(name), err)
		}
	}
	return nil
}

// listTables returns the numbers of the tables that a database is made of, sorted. What is wrong with the manifest is for
// Badger to say.
func listTables(dir string) ([]uint64, error) {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, 0, badger.DefaultOptions(dir).WithLogger(nil))
	if err != nil {
		return nil, nil
	}
	return slices.Sorted(maps.Keys(m.Tables)), nil
}

// checkTable verifies one table. Badger panics on some kinds of damage.
func checkTable(raw []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = chain.ErrDamaged
		}
	}()
	t, err := table.OpenInMemoryTable(raw, 1, &table.Options{ChkMode: options.OnTableRead, Compression: options.None})
	if err == nil {
		err = t.VerifyChecksum()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", chain.ErrDamaged, err)
	}
	return nil
}
