package badgerdb

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/cairn-chain/cairn/chain"
)

// KV implements chain.KV.
type KV struct{ d *database }

// OpenKV opens or makes dir/indexes. Errors are as Open's. One Write takes at most about a tenth of a memtable, but values
// over 1 KiB count little.
func OpenKV(dir string, opt Options) (*KV, error) {
	if err := prepare(dir); err != nil {
		return nil, err
	}
	return openKV(dir, opt)
}

func openKV(dir string, opt Options) (*KV, error) {
	d, err := openDB(filepath.Join(dir, "indexes"), opt, blockThreshold, blockLogBytes, "remove it and start again: indexes are made anew")
	if err != nil {
		return nil, err
	}
	return &KV{d}, nil
}

// RemoveKV removes the database of OpenKV, if there is one, so that it is made anew. The Store of dir must be open: that is what keeps
// other processes out.
func RemoveKV(dir string) error { return os.RemoveAll(filepath.Join(dir, "indexes")) }

// Get implements chain.KV.
func (k *KV) Get(key []byte) ([]byte, error) { return k.d.get(key) }

// Write implements chain.KV.
func (k *KV) Write(pairs []chain.Pair) error { return k.d.write(pairs) }

// Iterate implements chain.KV.
func (k *KV) Iterate(prefix, from []byte, each func(key, value []byte) error) error {
	start := append(append([]byte(nil), prefix...), from...)
	return k.d.iterate(prefix, start, false, nil, each)
}

// Sync implements chain.KV.
func (k *KV) Sync() error { return k.d.sync() }

// Close implements chain.KV.
func (k *KV) Close() error {
	if k == nil {
		return nil
	}
	return k.d.close()
}

// Size returns the bytes on disk.
func (k *KV) Size() (int64, error) { return diskBytes(k.d.name) }

// diskBytes sums the files of a directory. Files may come and go meanwhile.
func diskBytes(dir string) (sum int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, err
		}
		sum += fileBytes(info)
	}
	return sum, nil
}
