package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/utxofile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/backend"
)

// snapshotRPC is backend.Snapshots.
type snapshotRPC struct{ n *Node }

// snapshotPath is where a relative path of a snapshot leads.
func (r snapshotRPC) snapshotPath(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.n.cfg.DataDir, path)
	}
	return filepath.Abs(path)
}

func (r snapshotRPC) Declared() (heights []int32) {
	for _, a := range r.n.cfg.Params.Assume {
		heights = append(heights, a.Height)
	}
	return heights
}

// Dump writes to a file beside the one that is asked for and renames it when it is whole.
func (r snapshotRPC) Dump(ctx context.Context, path string, at backend.Entry) (d backend.Dumped, err error) {
	if d.Path, err = r.snapshotPath(path); err != nil {
		return d, err
	}
	if _, err := os.Lstat(d.Path); !errors.Is(err, fs.ErrNotExist) {
		return d, errors.Join(err, backend.ErrSnapshotExists)
	}
	node := r.n.chain.Lookup(at.Hash())
	if node == nil {
		return d, backend.ErrNotFound
	}
	temp := d.Path + ".incomplete"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return d, err
	}
	err = r.dumpTo(ctx, f, node, &d)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, d.Path)
	}
	if err != nil {
		os.Remove(temp)
	}
	if errors.Is(err, chain.ErrNotStored) {
		err = fmt.Errorf("%w: %w", backend.ErrPruned, err)
	}
	return d, err
}

func (r snapshotRPC) dumpTo(ctx context.Context, f *os.File, at *chain.Node, d *backend.Dumped) error {
	w, err := utxofile.NewWriter(f, utxofile.Header{Network: r.n.cfg.Params.Magic, Base: at.Hash()})
	if err != nil {
		return err
	}
	hash := chain.NewSerialHash()
	err = r.n.chain.EachCoinAt(ctx, at, func(e consensus.CoinEntry) error {
		hash.Add(e)
		return w.Add(e)
	})
	if err != nil {
		return err
	}
	header, coins, err := w.Finish()
	if err != nil {
		return err
	}
	d.Coins, d.Hash = int64(coins), hash.Sum()
	_, err = f.WriteAt(header, 0)
	return errors.Join(err, f.Sync())
}
