package node

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/badgerdb"
)

// DataFormat is the number of the layout of a data directory.
const DataFormat = badgerdb.Format

// CopyTo makes dir, which must not be there, a data directory from which a node starts as this one stands: chain, indexes, mempool and
// address book, stopped cleanly. Meanwhile the node takes no block and no transaction; they wait, and its peers notice nothing.
//
// The ledger is held still first, and the indexes have followed it; then ready is called, if it is not nil, and what it returns ends
// the copy. Several nodes whose ready waits for the others are thus copied at the same moment. On an error dir may hold anything.
func (n *Node) CopyTo(ctx context.Context, dir string, ready func(context.Context) error) error {
	if n.cfg.DataDir == "" {
		return chain.ErrNoCopy
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	n.ledger.submitFirst(0, func() { done <- n.copyStill(ctx, dir, ready) })
	select {
	case err := <-done:
		return err
	case <-n.halted:
	}
	cancel()
	<-n.done
	select {
	case err := <-done:
		return err
	default:
		return errStopped
	}
}

// copyStill runs in the ledger's goroutine, so that nothing changes.
func (n *Node) copyStill(ctx context.Context, dir string, ready func(context.Context) error) error {
	if err := n.followed(ctx); err != nil {
		return err
	}
	if ready != nil {
		if err := ready(ctx); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	var g errgroup.Group
	g.Go(func() error { return n.chain.CopyTo(dir) })
	g.Go(func() error { return n.copyIndexes(dir) })
	g.Go(func() error { return n.copyFiles(dir) })
	return g.Wait()
}

// followed waits until all indexes stand at the tip. Nothing moves it, so they come to rest there.
func (n *Node) followed(ctx context.Context) error {
	tip := n.chain.Tip()
	if n.filters != nil {
		if err := n.reaches(ctx, n.filters.Position, tip); err != nil {
			return err
		}
	}
	for _, x := range n.indexes.list() {
		if err := n.reaches(ctx, x.Position, tip); err != nil {
			return err
		}
	}
	return nil
}

// copyIndexes notes that the indexes are in order, which holds until they are next written to, and copies them.
func (n *Node) copyIndexes(dir string) error {
	if n.indexKV == nil {
		return nil
	}
	for _, x := range n.indexes.list() {
		if err := x.Close(); err != nil {
			return err
		}
	}
	kv, ok := n.indexKV.(chain.Copier)
	if !ok {
		return chain.ErrNoCopy
	}
	return kv.CopyTo(dir)
}

// copyFiles writes the mempool and the address book.
func (n *Node) copyFiles(dir string) error {
	var book []byte
	n.read(func() {
		n.book.SetAnchors(n.machine.Anchors())
		book = n.book.Encode()
	})
	err := os.WriteFile(filepath.Join(dir, peersFile), book, 0o600)
	if n.cfg.NoMempoolFile {
		return err
	}
	f, ferr := os.OpenFile(filepath.Join(dir, mempoolFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if ferr != nil {
		return errors.Join(err, ferr)
	}
	w := bufio.NewWriter(f)
	return errors.Join(err, n.pool.Save(w), w.Flush(), f.Close())
}

// stateFiles are the files of a data directory that make up what a node knows, beside the databases.
var stateFiles = []string{"format", "clean", mempoolFile, peersFile}

// databases are the folders of a data directory.
var databases = []string{"chainstate", "blocks", "indexes"}

// StateFiles lists, with slashes, the files of a data directory that make up what a node knows: databases, mempool, address book. What belongs
// to its run or its place (cookie, log, locks) is not among them. It is meant for a directory that no node uses.
func StateFiles(dir string) (names []string, err error) {
	for _, name := range stateFiles {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			names = append(names, name)
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	for _, db := range databases {
		entries, err := os.ReadDir(filepath.Join(dir, db))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if name := db + "/" + e.Name(); e.Type().IsRegular() && IsStateFile(name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// IsStateFile tells whether a file of that name, written with slashes, may be one of StateFiles. Such a name never leads out of the directory.
func IsStateFile(name string) bool {
	for _, known := range stateFiles {
		if name == known {
			return true
		}
	}
	for _, db := range databases {
		if len(name) > len(db)+1 && name[:len(db)+1] == db+"/" {
			return badgerdb.IsFile(name[len(db)+1:])
		}
	}
	return false
}
