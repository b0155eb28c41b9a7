package node

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	mrand "math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/p2p/addrbook"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/backend"
)

// Files beside the databases. Both may be deleted at any time: the node does without.
const (
	mempoolFile = "mempool.dat"
	peersFile   = "peers.dat"
	maxBookFile = 64 << 20
	// maxEndpoints bounds what is taken from one source of peers.
	maxEndpoints = 1000
)

// writeFile replaces a file at once or not at all.
func writeFile(path string, perm os.FileMode, write func(*bufio.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriter(f)
	err = errors.Join(write(w), w.Flush(), f.Chmod(perm), f.Sync())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// saveMempool writes the mempool's file and returns its name.
func (n *Node) saveMempool() (string, error) {
	if n.cfg.DataDir == "" || n.cfg.NoMempoolFile {
		return "", nil
	}
	path := filepath.Join(n.cfg.DataDir, mempoolFile)
	return path, writeFile(path, 0o600, func(w *bufio.Writer) error { return n.pool.Save(w) })
}

// loadMempool offers the transactions of the last run to the pool again. A damaged file costs only what
// is in it.
func (n *Node) loadMempool() {
	if n.cfg.DataDir == "" || n.cfg.NoMempoolFile {
		return
	}
	saved, err := readMempool(filepath.Join(n.cfg.DataDir, mempoolFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		n.cfg.Log.Warn("the mempool of the last run cannot be read and is left out", "err", err)
		return
	}
	taken := 0
	for _, s := range saved {
		n.pool.Prioritise(s.ID, s.Delta)
		if s.Tx == nil {
			continue
		}
		if _, err := n.ledger.accept(s.Tx, mempool.AddOptions{Local: s.Local, Time: s.Time}); err == nil {
			taken++
		}
	}
	n.ledger.fees.catchUp(false, n.chain.Tip().Height())
	n.cfg.Log.Info("mempool loaded", "transactions", taken, "left out", len(saved)-taken)
}

func readMempool(path string) ([]mempool.Saved, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return mempool.Load(bufio.NewReader(f))
}

// importBatch is how many transactions of a file the ledger takes at once.
const importBatch = 100

// importMempool offers what a file holds to the pool, as if it came from a peer.
func (n *Node) importMempool(ctx context.Context, path string, opt backend.ImportOptions) error {
	saved, err := readMempool(path)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(saved, importBatch) {
		err := n.do(ctx, func() error {
			for _, s := range batch {
				if opt.FeeDeltas {
					n.pool.Prioritise(s.ID, s.Delta)
				}
				if s.Tx == nil {
					continue
				}
				add := mempool.AddOptions{Local: s.Local && opt.Unbroadcast, Time: s.Time}
				if opt.CurrentTime {
					add.Time = time.Time{}
				}
				n.ledger.addTx(0, s.Tx, add)
			}
			n.ledger.fees.catchUp(false, n.chain.Tip().Height())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) saveBook() {
	if n.cfg.DataDir == "" {
		return
	}
	n.book.SetAnchors(n.machine.Anchors())
	data := n.book.Encode()
	err := writeFile(filepath.Join(n.cfg.DataDir, peersFile), 0o600, func(w *bufio.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		n.cfg.Log.Error("the address book was not saved", "err", err)
	}
}

// loadBook reads the address book; one that is missing or damaged is begun anew.
func (n *Node) loadBook(salt [32]byte, rng *mrand.Rand) *addrbook.Book {
	if n.cfg.DataDir != "" {
		path := filepath.Join(n.cfg.DataDir, peersFile)
		if info, err := os.Stat(path); err == nil && info.Size() <= maxBookFile {
			data, err := os.ReadFile(path)
			if err == nil {
				book, derr := addrbook.Decode(data, rng)
				if derr == nil {
					return book
				}
				err = derr
			}
			n.cfg.Log.Warn("the address book cannot be read, a new one is begun", "err", err)
		}
	}
	return addrbook.New(salt, rng)
}

// takeEndpoints puts what a source finds into the address book.
func (n *Node) takeEndpoints(ctx context.Context, src p2p.Source) {
	addrs, err := p2p.Collect(ctx, maxEndpoints, src)
	if err != nil && ctx.Err() == nil {
		n.cfg.Log.Warn("a source of peers failed", "err", err)
	}
	now := n.clock.now()
	timed := make([]wire.TimedAddr, len(addrs))
	for i, a := range addrs {
		timed[i] = wire.TimedAddr{Time: uint32(now.Unix()), NetAddr: wire.NetAddr{Services: wire.NodeNetwork | wire.NodeWitness, Addr: a}}
	}
	n.read(func() { n.book.Add(now, timed, netip.AddrPort{}) })
}
