package badgerdb

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"

	"github.com/cairn-chain/cairn/chain"
)

// checkTables reads all tables of a database and verifies every checksum. Errors wrap chain.ErrDamaged. Tables that are compacted away
// meanwhile are passed over.
func checkTables(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".sst" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := checkTable(raw); err != nil {
			return fmt.Errorf("table %s: %w", e.Name(), err)
		}
	}
	return nil
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
