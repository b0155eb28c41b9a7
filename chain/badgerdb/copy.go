package badgerdb

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/internal/sparse"
)

// How an open database is copied.
//
// Nobody writes keys meanwhile: the caller sees to that. What Badger does by itself is to turn memtables into tables and to merge tables.
// Each such step writes new files, then appends to the manifest, then removes old files. So the manifest is copied first, then the logs of the
// memtables, the value log and the tables that the copied manifest lists. If the manifest is the same afterwards, all of these were there and
// whole the whole time; otherwise everything is copied once more. The mapped files are read through the page cache, which they share with
// Badger, so the copy is what a process that is killed leaves behind, and Badger opens it as such.
//
// The files cannot be shared by hard links, though tables and old value logs never change: Badger cuts a file to nothing before it
// removes it, and that would empty the other name too. For the same reason the log of a memtable that is found empty is left out.

// maxCopies bounds how often a copy is begun again.
const maxCopies = 50

// CopyTo implements chain.Copier: it makes dir a data directory with what the store holds. Nobody may write to the store meanwhile.
func (s *Store) CopyTo(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return s.state.copyTo(filepath.Join(dir, "chainstate")) })
	g.Go(func() error { return s.blocks.copyTo(filepath.Join(dir, "blocks")) })
	if err := g.Wait(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "format"), []byte(strconv.Itoa(Format)+"\n"), 0o600); err != nil {
		return err
	}
	clean := s.cleanText()
	for _, set := range s.sets {
		set.clean = "" // it goes on
	}
	if clean == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, "clean"), []byte(clean+"\n"), 0o600)
}

// CopyTo implements chain.Copier: it puts a copy beside that of a Store.
func (k *KV) CopyTo(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return k.d.copyTo(filepath.Join(dir, "indexes"))
}

func (d *database) copyTo(dst string) error {
	if err := os.Mkdir(dst, 0o700); err != nil {
		return err
	}
	return d.use(func(*badger.DB) (err error) {
		for range maxCopies {
			if err = copyDatabase(dst, d.name); err == nil {
				return nil
			}
			if again := errors.Join(os.RemoveAll(dst), os.Mkdir(dst, 0o700)); again != nil {
				return errors.Join(err, again)
			}
		}
		return fmt.Errorf("copying %s: %w", d.name, err)
	})
}

// errMoved says that the manifest changed while its files were being copied.
var errMoved = errors.New("the database does not come to rest")

// copyDatabase copies the files of one database to an empty directory.
func copyDatabase(dst, src string) error {
	manifest, err := os.ReadFile(filepath.Join(src, badger.ManifestFilename))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dst, badger.ManifestFilename), manifest, 0o600); err != nil {
		return err
	}
	names, err := copiedFiles(dst, src)
	if err != nil {
		return err
	}
	for _, name := range names {
		from := filepath.Join(src, name)
		if info, err := os.Stat(from); filepath.Ext(name) == ".mem" && (errors.Is(err, os.ErrNotExist) || (err == nil && info.Size() == 0)) {
			continue // it has become a table
		}
		info, err := sparse.Copy(filepath.Join(dst, name), from)
		if err == nil {
			err = cutLog(filepath.Join(dst, name), info)
		}
		if err != nil {
			return err
		}
	}
	now, err := os.ReadFile(filepath.Join(src, badger.ManifestFilename))
	if err == nil && !bytes.Equal(now, manifest) {
		err = errMoved
	}
	return err
}

// logHeader is how many bytes a log has before its first entry.
const logHeader = 20

// cutLog cuts what a log has not used yet from its copy, as closing does: Badger would look for entries there, and a look into a hole is slow.
// Some zeros stay, since an entry may end with them. The log of a memtable without entries is not needed at all.
func cutLog(name string, info sparse.Info) error {
	const page = 4096
	ext := filepath.Ext(name)
	switch {
	case ext != ".mem" && ext != ".vlog":
		return nil
	case info.Data > logHeader:
		return os.Truncate(name, min(info.Size, (info.Data/page+2)*page))
	case ext == ".mem":
		return os.Remove(name)
	}
	return os.Truncate(name, min(info.Size, logHeader))
}

// copiedFiles lists what is to be copied beside the manifest, in this order: logs of memtables, which point into the value log; the value
// log and what else there is; the tables that the copied manifest names.
func copiedFiles(dst, src string) (names []string, err error) {
	entries, err := os.ReadDir(src)
	if err != nil {
		return nil, err
	}
	var others []string
	for _, e := range entries {
		switch name := e.Name(); {
		case filepath.Ext(name) == ".mem":
			names = append(names, name)
		case filepath.Ext(name) == ".vlog", name == badger.KeyRegistryFileName, name == "DISCARD":
			others = append(others, name)
		}
	}
	tables, err := listTables(dst)
	if err != nil {
		return nil, err
	}
	names = slices.Concat(names, others)
	for _, id := range tables {
		names = append(names, filepath.Base(table.NewFilename(id, src)))
	}
	return names, nil
}

// IsFile tells whether a file of that name may be part of a database; locks are not.
func IsFile(name string) bool {
	if name == badger.ManifestFilename || name == badger.KeyRegistryFileName || name == "DISCARD" {
		return true
	}
	number, ext, _ := strings.Cut(name, ".")
	if ext != "mem" && ext != "vlog" && ext != "sst" || len(number) < 5 || len(number) > 20 {
		return false
	}
	return strings.Trim(number, "0123456789") == ""
}
