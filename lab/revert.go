package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/internal/sparse"
	"github.com/cairn-chain/cairn/node"
)

// Revert makes the network what it was when the snapshot was taken. The nodes are started anew on their ports, with their RPC
// cookies; clocks go back, links, cuts and groups are as they were. It can be repeated. On an error before the nodes are stopped
// nothing has changed; on one later the error says so, and the network goes the rest of the way when it is started again.
func (n *Net) Revert(ctx context.Context, name string) (s Snapshot, err error) {
	if err := checkName(name); err != nil {
		return s, err
	}
	n.steer.Lock()
	defer n.steer.Unlock()
	if err := n.usable(); err != nil {
		return s, err
	}
	h, err := readHead(n.snapshotDir(name))
	if err == nil {
		err = n.fits(h)
	}
	if err == nil {
		err = h.verify(ctx, n.snapshotDir(name))
	}
	if err != nil {
		return s, err
	}
	if err = writeDurably(filepath.Join(n.cfg.DataDir, revertingFile), []byte(name+"\n")); err == nil {
		err = n.goBack(n.snapshotDir(name), h)
	}
	if err != nil {
		return s, err
	}
	n.watch.tell(Event{Kind: "revert", Node: -1, Detail: name})
	return h.summary(), nil
}

// goBack goes the way that only leads forward.
func (n *Net) goBack(dir string, h *head) error {
	n.stopPacer()
	defer n.startPacer()
	n.clock.shift.Store(int64(n.shiftTo(h.Taken)))
	n.pacer.mu.Lock()
	n.cfg.adopt(h.Network)
	n.pacer.rng = nil // drawn anew from the seed
	n.pacer.mu.Unlock()
	n.cfg.ClockShift = n.shiftTo(h.Taken)
	n.endAllForRevert(h)
	failed := n.recall(h)
	if failed == nil {
		failed = restoreAll(n.cfg.DataDir, dir, h)
	}
	var err error
	if failed == nil {
		err = n.launchAll(h)
		failed = finishRevert(&n.cfg)
	}
	for i, m := range n.nodes {
		m.cookie = ""
		n.connect(i)
		n.rejoin(i)
		err = errors.Join(err, n.attend(m))
	}
	if failed != nil {
		n.halfway = true
		return fmt.Errorf("the network stands between two states: stop it and start it again, then it goes the rest of the way: %w", errors.Join(failed, err))
	}
	if err != nil {
		return fmt.Errorf("the network is back at %s, but not all of it runs: %w", h.Name, err)
	}
	return nil
}

// usable tells why the network can take no snapshot and make no revert. It is called with steer held.
func (n *Net) usable() error {
	switch {
	case n.ending:
		return errors.New("the network is being stopped")
	case n.halfway:
		return errors.New("the network stands between two states since a revert failed: stop it and start it again")
	}
	return nil
}

// fits tells whether a snapshot is one of this network, as it runs now.
func (n *Net) fits(h *head) error {
	own := n.cfg.saved()
	switch s := h.Network; {
	case h.Rules != rulesText(n.params):
		return fmt.Errorf("the snapshot is of another network (%s), this one is %s", h.Rules, rulesText(n.params))
	case s.Seed != own.Seed:
		return fmt.Errorf("the snapshot is of a network of seed %d, this one has seed %d", s.Seed, own.Seed)
	case s.Nodes != own.Nodes || s.Topology != own.Topology:
		return fmt.Errorf("the snapshot is of %d nodes in a %s, now there are %d in a %s: `cairn testnet down`, then `cairn testnet up --nodes %d --topology %s`",
			s.Nodes, s.Topology, own.Nodes, own.Topology, s.Nodes, s.Topology)
	case h.Topology != "" && h.Topology != n.cfg.carried:
		file := filepath.Join(n.snapshotDir(h.Name), topologyFile)
		return fmt.Errorf("the snapshot is of a network with another topology file: `cairn testnet down`, then `cairn testnet up --topology %s`", file)
	}
	return nil
}

// verify reads all files of the snapshot that lies in dir.
func (h *head) verify(ctx context.Context, dir string) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range h.Nodes {
		g.Go(func() error {
			for _, f := range h.Nodes[i].Files {
				name := filepath.Join(dir, nodeName(i), filepath.FromSlash(f.Name))
				info, err := sparse.Sum(name)
				if err == nil && info != f.Info {
					err = fmt.Errorf("%s: %w", name, sparse.ErrOther)
				}
				if err = cmp.Or(err, ctx.Err()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("the snapshot %s cannot be used: %w", h.Name, err)
	}
	return nil
}

// endAllForRevert ends all nodes before any of them goes back: one that still ran would bring its blocks to those that are back.
func (n *Net) endAllForRevert(h *head) {
	var all sync.WaitGroup
	for i, m := range n.nodes {
		all.Go(func() { n.endForRevert(m, h.Nodes[i].State) })
	}
	all.Wait()
}

// endForRevert ends a node. What it has in memory is not wanted any more.
func (n *Net) endForRevert(m *member, state string) {
	n.mu.Lock()
	nd, log := m.node, m.log
	m.node, m.state = nil, cmp.Or(state, "stopped") // nobody sees it of one that runs again
	n.mu.Unlock()
	if nd == nil {
		return
	}
	m.cookie = nd.RPCCookie()
	if err := errors.Join(nd.Kill(), log.Close()); err != nil {
		n.cfg.Log.Warn("a node did not end well before a revert", "node", m.index, "err", err)
	}
}

// launchAll starts the nodes that ran, several at a time, and says of each that does not start why.
func (n *Net) launchAll(h *head) error {
	notUp := make([]error, len(n.nodes))
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i, m := range n.nodes {
		if h.Nodes[i].Running {
			g.Go(func() error {
				notUp[i] = n.launch(m)
				return nil
			})
		}
	}
	return errors.Join(append(notUp, g.Wait())...)
}

// restoreAll makes the files of all nodes in data those of the snapshot that lies in dir. No node runs.
func restoreAll(data, dir string, h *head) error {
	var g errgroup.Group
	g.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i := range h.Nodes {
		g.Go(func() error {
			return restore(filepath.Join(data, nodeName(i)), filepath.Join(dir, nodeName(i)), h.Nodes[i].Files)
		})
	}
	return g.Wait()
}

// restore makes the state in a node's directory what it is in from. What is the same already, byte for byte, stays, and files are written over
// rather than made anew: with a database's many small files, making them would take most of the time.
func restore(home, from string, want []fileHead) error {
	names, err := node.StateFiles(home)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, f := range want {
		wanted[f.Name] = true
	}
	have := map[string]bool{}
	for _, name := range names {
		if have[name] = wanted[name]; wanted[name] {
			continue
		}
		if err := os.Remove(filepath.Join(home, filepath.FromSlash(name))); err != nil {
			return err
		}
	}
	if err := makeFolders(home, want); err != nil {
		return err
	}
	for _, f := range want {
		name := filepath.FromSlash(f.Name)
		if err := restoreFile(filepath.Join(home, name), filepath.Join(from, name), f.Info, have[f.Name]); err != nil {
			return err
		}
	}
	return nil
}

// restoreFile makes dst what src is, of which info is known. there: dst is a file.
func restoreFile(dst, src string, info sparse.Info, there bool) error {
	if there {
		if same, err := sparse.Same(dst, src); err == nil && same {
			return nil
		}
	}
	got, err := sparse.Replace(dst, src)
	if err != nil { // perhaps it is something else than a file, or may not be written to
		if err := os.RemoveAll(dst); err != nil {
			return err
		}
		got, err = sparse.Copy(dst, src)
	}
	if err == nil && got != info {
		err = fmt.Errorf("%s: %w", src, sparse.ErrOther)
	}
	return err
}

// finishRevert says in network.json what the network is now, and forgets that there was a revert.
func finishRevert(c *Config) error {
	if err := c.save(); err != nil {
		return err
	}
	return os.Remove(filepath.Join(c.DataDir, revertingFile))
}

// adopt takes over what may differ between a network and its snapshot.
func (c *Config) adopt(s saved) {
	c.Miners, c.Hashpower = s.Miners, s.Hashpower
	if s.Mining != "" {
		c.Mining = s.Mining
	}
}

// recall sets links and members as the snapshot has them.
func (n *Net) recall(h *head) error {
	shares, err := n.cfg.shares()
	if err != nil {
		return err
	}
	n.shares = shares
	n.branches.Store(max(n.branches.Load(), h.Branches))
	n.mu.Lock()
	for i, m := range n.nodes {
		if i < len(h.Nodes) {
			m.mining, m.share = h.Nodes[i].Mining, h.Nodes[i].Share
		}
	}
	n.mu.Unlock()
	n.wires.restore(h.Links)
	return nil
}

// resumeRevert looks into the data directory before anything of the network is opened: it takes in a state file, goes the rest of the way of a
// revert that was broken off, and removes what else a killed process has left. It returns the snapshot that the network is now at, nil if none.
func (c *Config) resumeRevert(ctx context.Context) (h *head, err error) {
	if c.State != "" {
		if err := c.takeIn(ctx, c.State); err != nil {
			return nil, err
		}
	}
	if c.DataDir == "" {
		return nil, nil
	}
	b, err := os.ReadFile(filepath.Join(c.DataDir, revertingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(string(b))
	if err := checkName(name); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(c.DataDir, revertingFile), err)
	}
	dir := filepath.Join(c.DataDir, snapshotsDir, name)
	if h, err = readHead(dir); err == nil {
		err = h.verify(ctx, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("%s was on its way back to the snapshot %s, which is needed to go on: %w", c.DataDir, name, err)
	}
	if err := restoreAll(c.DataDir, dir, h); err != nil {
		return nil, err
	}
	then := c.of(h)
	if h.Topology != "" {
		if err := writeDurably(filepath.Join(c.DataDir, topologyFile), []byte(h.Topology)); err != nil {
			return nil, err
		}
	}
	return h, finishRevert(&then)
}

// giveUp removes the directory that a state file was taken into, if it is a temporary one.
func (c *Config) giveUp(err error) error {
	if c.temporary {
		err = errors.Join(err, os.RemoveAll(c.DataDir))
	}
	return err
}

// of is the network that a snapshot is of, in c's place and at the snapshot's time.
func (c *Config) of(h *head) Config {
	s := h.Network
	base := c.Now
	then := Config{Nodes: s.Nodes, Miners: s.Miners, Hashpower: s.Hashpower, Topology: s.Topology, BlockTime: s.BlockTime, Network: s.Network,
		DataDir: c.DataDir, Seed: s.Seed, Now: base, Mining: s.Mining, carried: h.Topology}
	then.fill()
	then.ClockShift = min(max(h.Taken.Sub(then.Now()), -maxShift), maxShift)
	return then
}

// sweep removes what a killed process has left of snapshots, and of small files that were being written.
func (c *Config) sweep() error {
	var errs []error
	for _, pattern := range []string{filepath.Join(snapshotsDir, newSnapshot+"*"), temporary(revertingFile) + "*", temporary(savedFile) + "*", temporary(topologyFile) + "*"} {
		found, err := filepath.Glob(filepath.Join(globEscape(c.DataDir), pattern))
		errs = append(errs, err)
		for _, name := range found {
			errs = append(errs, os.RemoveAll(name))
		}
	}
	return errors.Join(errs...)
}

func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(dir)
}

// settleRestored stops the nodes that did not run when the snapshot was taken. It is for a network that has just been started.
func (n *Net) settleRestored(h *head) error {
	var errs []error
	for i := range min(len(h.Nodes), len(n.nodes)) {
		if h.Nodes[i].Running || n.running(i) == nil {
			continue
		}
		errs = append(errs, n.end(i, "stop", h.Nodes[i].State, (*node.Node).Close))
	}
	return errors.Join(errs...)
}
