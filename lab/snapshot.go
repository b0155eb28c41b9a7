package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/internal/sparse"
	"github.com/cairn-chain/cairn/lab/shape"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// Snapshots: what a network is at a moment, kept to go back to.
//
// A snapshot holds for each node the files that a node starts from (node.StateFiles), and a head: what the network is, the time in it, its links,
// cuts and groups, who ran, who mined. It is taken while the nodes run: all of them hold their ledgers still at the same moment, write what is
// only in memory, and are copied. Their connections stay.
//
//	DIR/snapshots/NAME/head.json     written last; what has no head is no snapshot
//	DIR/snapshots/NAME/node0/…       one folder a node
//	DIR/snapshots/.new-…             one that is being taken; nobody needs it after a kill
//	DIR/reverting                    the name of the snapshot that the network is going back to
//
// A revert reads the whole snapshot first and compares every file with the head. Then the file `reverting` is written, and from there on the way
// only leads forward: all nodes end, the files of all are made those of the snapshot, and only then do they start, so that nodes of two states
// never meet; network.json is written, `reverting` is removed. A process that is killed before has the old state, one that is killed later has the
// new one: Up finds `reverting` and does it once more. Whatever a revert needs is in the snapshot, which it does not change, so it can be repeated.

// snapshotFormat is the number of the form of snapshots and state files.
const snapshotFormat = 1

const (
	snapshotsDir  = "snapshots"
	headFile      = "head.json"
	revertingFile = "reverting"
	newSnapshot   = ".new-"
)

// Bounds of what is read from a head, which may come from anywhere.
const (
	maxHead     = 64 << 20
	maxFileSize = 1 << 32 // of one file, holes counted
	maxFiles    = 100_000 // of one node
)

// head describes a snapshot.
type head struct {
	Format  int       `json:"format"`
	Layout  int       `json:"layout"` // node.DataFormat
	Name    string    `json:"name"`
	Taken   time.Time `json:"taken"` // in the network
	Rules   string    `json:"rules"` // see rulesText
	Network saved     `json:"network"`
	Links   linkState `json:"links"`
	// Topology is the text of the topology file, if the network has one. Heads that were written before it was kept lack it.
	Topology string     `json:"topology_file,omitempty"`
	Branches uint64     `json:"branches"`
	Nodes    []nodeHead `json:"nodes"`
}

type nodeHead struct {
	Running bool       `json:"running"`
	State   string     `json:"state"`
	Mining  bool       `json:"mining"`
	Share   float64    `json:"share"`
	Height  int32      `json:"height"`
	Tip     types.Hash `json:"tip"`
	Mempool int        `json:"mempool_txs"`
	Files   []fileHead `json:"files"`
}

type fileHead struct {
	Name string `json:"name"`
	sparse.Info
}

// linkState is what the wires are told.
type linkState struct {
	Group  []int        `json:"group,omitempty"`
	OneWay bool         `json:"one_way,omitempty"`
	Cuts   [][2]int     `json:"cuts,omitempty"`
	Shapes []shapeState `json:"shapes,omitempty"`
}

type shapeState struct {
	From  int         `json:"from"`
	To    int         `json:"to"`
	Shape shape.Shape `json:"shape"`
}

// Snapshot is a snapshot at a glance.
type Snapshot struct {
	Name   string    `json:"name"`
	Taken  time.Time `json:"taken"` // in the network
	Nodes  int       `json:"nodes"`
	Height int32     `json:"height"` // of the highest node that ran
	Bytes  int64     `json:"bytes"`
	Error  string    `json:"error,omitempty"` // it cannot be used
}

func (h *head) summary() Snapshot {
	s := Snapshot{Name: h.Name, Taken: h.Taken, Nodes: len(h.Nodes)}
	for _, nh := range h.Nodes {
		s.Height = max(s.Height, nh.Height)
		for _, f := range nh.Files {
			s.Bytes += f.Data
		}
	}
	return s
}

var snapshotName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func checkName(name string) error {
	if !snapshotName.MatchString(name) {
		return fmt.Errorf("%.80q is not a name for a snapshot: up to 64 letters, digits, dots, dashes and underscores, with a letter or digit first", name)
	}
	return nil
}

// rulesText is equal for networks of the same rules.
func rulesText(p *consensus.Params) string {
	return fmt.Sprintf("%s magic %08x genesis %s", p.Name, p.Magic, p.Genesis.Hash())
}

func (n *Net) snapshotDir(name string) string {
	return filepath.Join(n.cfg.DataDir, snapshotsDir, name)
}

// Snapshot keeps what the network is now under a name: chains, mempools, clock, links, who runs and who mines. The nodes stand still
// meanwhile, all of them at the same moment, and their connections stay.
func (n *Net) Snapshot(ctx context.Context, name string) (s Snapshot, err error) {
	if err := checkName(name); err != nil {
		return s, err
	}
	n.steer.Lock()
	defer n.steer.Unlock()
	if _, err := os.Lstat(n.snapshotDir(name)); err == nil {
		return s, fmt.Errorf("there is a snapshot %s already: choose another name, or remove it with `cairn testnet snapshots --remove %s`", name, name)
	}
	dir, h, err := n.take(ctx, name)
	if err != nil {
		return s, err
	}
	if err := os.Rename(dir, n.snapshotDir(name)); err != nil {
		return s, errors.Join(err, os.RemoveAll(dir))
	}
	n.watch.tell(Event{Kind: "snapshot", Node: -1, Detail: name})
	return h.summary(), nil
}

// take copies everything into a new folder beside the snapshots. It is called with steer held.
func (n *Net) take(ctx context.Context, name string) (dir string, h *head, err error) {
	if err := n.usable(); err != nil {
		return "", nil, err
	}
	all := filepath.Join(n.cfg.DataDir, snapshotsDir)
	if err := os.MkdirAll(all, 0o700); err != nil {
		return "", nil, err
	}
	if dir, err = os.MkdirTemp(all, newSnapshot); err != nil {
		return "", nil, err
	}
	h = &head{Format: snapshotFormat, Layout: node.DataFormat, Name: name, Taken: n.clock.now(), Rules: rulesText(n.params), Network: n.cfg.saved(),
		Links: n.wires.state(), Branches: n.branches.Load(), Topology: n.cfg.carried, Nodes: make([]nodeHead, len(n.nodes))}
	if err = n.copyAll(ctx, dir, h); err == nil {
		err = h.write(dir)
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, h, nil
}

// write writes the head of the snapshot in dir, and before it the topology file, for `up --topology`.
func (h *head) write(dir string) error {
	b, err := json.Marshal(h)
	if err == nil && len(b) > maxHead {
		err = fmt.Errorf("a snapshot's head has at most %d bytes, this one has %d", maxHead, len(b))
	}
	if err == nil && h.Topology != "" {
		err = writeDurably(filepath.Join(dir, topologyFile), []byte(h.Topology))
	}
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(dir, headFile), b)
}

// copyAll copies all nodes at the same moment.
func (n *Net) copyAll(ctx context.Context, dir string, h *head) error {
	running := make([]*node.Node, len(n.nodes))
	meet := meeting{all: make(chan struct{})}
	n.mu.Lock()
	for i, m := range n.nodes {
		h.Nodes[i] = nodeHead{Running: m.node != nil, State: m.state, Mining: m.mining, Share: m.share}
		if running[i] = m.node; m.node != nil {
			meet.missing.Add(1)
		}
	}
	n.mu.Unlock()
	g, ctx := errgroup.WithContext(ctx)
	for i, m := range n.nodes {
		to, nh := filepath.Join(dir, nodeName(i)), &h.Nodes[i]
		g.Go(func() (err error) {
			if nd := running[i]; nd != nil {
				err = n.copyRunning(ctx, nd, to, nh, &meet)
			} else {
				nh.Files, err = copyStopped(ctx, to, m.dir)
			}
			if err != nil {
				return fmt.Errorf("node %d: %w", i, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func (n *Net) copyRunning(ctx context.Context, nd *node.Node, to string, nh *nodeHead, meet *meeting) error {
	err := nd.CopyTo(ctx, to, func(ctx context.Context) error {
		tip := nd.Chain().Tip()
		nh.Height, nh.Tip, nh.Mempool = tip.Height(), tip.Hash(), nd.Pool().Info(n.clock.now()).Count
		return meet.wait(ctx)
	})
	if err != nil {
		return err
	}
	names, err := node.StateFiles(to)
	if err != nil {
		return err
	}
	for _, name := range names {
		info, err := sparse.Sum(filepath.Join(to, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		nh.Files = append(nh.Files, fileHead{name, info})
	}
	return nil
}

// meeting is where all come before anybody goes on.
type meeting struct {
	missing atomic.Int32
	all     chan struct{}
}

func (m *meeting) wait(ctx context.Context) error {
	if m.missing.Add(-1) == 0 {
		close(m.all)
	}
	select {
	case <-m.all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// copyStopped copies the state of a node that does not run to a new directory.
func copyStopped(ctx context.Context, to, from string) (files []fileHead, err error) {
	names, err := node.StateFiles(from)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		files = append(files, fileHead{Name: name})
	}
	if err := makeFolders(to, files); err != nil {
		return nil, err
	}
	for i, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if files[i].Info, err = sparse.Copy(filepath.Join(to, filepath.FromSlash(name)), filepath.Join(from, filepath.FromSlash(name))); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// makeFolders makes a directory with the folders that files need.
func makeFolders(dir string, files []fileHead) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		folder, _, ok := strings.Cut(f.Name, "/")
		if !ok {
			continue
		}
		if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// readHead reads the head of a snapshot that lies in dir.
func readHead(dir string) (*head, error) {
	file := filepath.Join(dir, headFile)
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no snapshot %s: `cairn testnet snapshots` lists those that there are", filepath.Base(dir))
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxHead {
		return nil, fmt.Errorf("%s has %d bytes, a snapshot's head at most %d", file, info.Size(), maxHead)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseHead(file, b)
}

// parseHead decodes a head and checks everything in it that could do harm. where is for errors.
func parseHead(where string, b []byte) (*head, error) {
	h := new(head)
	var number struct{ Format int }
	err := json.Unmarshal(b, &number)
	if err == nil && number.Format != snapshotFormat {
		return nil, fmt.Errorf("%s has format %d, this version reads format %d: use the version that wrote it", where, number.Format, snapshotFormat)
	}
	if err == nil {
		err = json.Unmarshal(b, h)
	}
	if err == nil {
		err = h.check()
	}
	if err != nil {
		return nil, fmt.Errorf("%s is damaged, or not of this program: %w", where, err)
	}
	if h.Layout != node.DataFormat {
		return nil, fmt.Errorf("%s holds data of format %d, this version reads format %d: use the version that wrote it", where, h.Layout, node.DataFormat)
	}
	return h, nil
}

func (h *head) check() error {
	if err := checkName(h.Name); err != nil {
		return err
	}
	if len(h.Nodes) < 1 || len(h.Nodes) > MaxNodes || len(h.Nodes) != h.Network.Nodes {
		return fmt.Errorf("%d nodes of %d", len(h.Nodes), h.Network.Nodes)
	}
	if h.Network.Format != savedFormat {
		return fmt.Errorf("a network of format %d, this version reads format %d", h.Network.Format, savedFormat)
	}
	for i := range h.Nodes {
		if err := h.Nodes[i].check(); err != nil {
			return fmt.Errorf("node %d: %w", i, err)
		}
	}
	if err := h.checkTopology(); err != nil {
		return err
	}
	return h.Links.check(len(h.Nodes))
}

// checkTopology makes sure that a head names no file but the one that it holds, and that this one is a topology of its nodes.
func (h *head) checkTopology() error {
	t := h.Network.Topology
	if t.isFile() && t != topologyFile {
		return fmt.Errorf("a topology file %.80q", t)
	}
	if h.Topology == "" {
		return nil
	}
	if !t.isFile() || len(h.Topology) > maxTopologyFile {
		return fmt.Errorf("a topology file of %d bytes for a %.80q", len(h.Topology), t)
	}
	l, err := parseTopology([]byte(h.Topology))
	if err == nil && l.nodes != len(h.Nodes) {
		err = fmt.Errorf("it names %d nodes of %d", l.nodes, len(h.Nodes))
	}
	if err != nil {
		return fmt.Errorf("its topology file: %w", err)
	}
	return nil
}

func (nh *nodeHead) check() error {
	if !(nh.Share >= 0 && nh.Share <= 1) || (nh.Mining && nh.Share == 0) {
		return fmt.Errorf("a share of %v", nh.Share)
	}
	if len(nh.Files) > maxFiles {
		return fmt.Errorf("%d files", len(nh.Files))
	}
	seen := map[string]bool{}
	for _, f := range nh.Files {
		switch {
		case !node.IsStateFile(f.Name):
			return fmt.Errorf("a file %.80q", f.Name)
		case seen[f.Name]:
			return fmt.Errorf("%s twice", f.Name)
		case f.Data < 0 || f.Data > f.Size || f.Size > maxFileSize:
			return fmt.Errorf("%s: %d bytes of %d", f.Name, f.Data, f.Size)
		}
		seen[f.Name] = true
	}
	return nil
}

func (l *linkState) check(nodes int) error {
	is := func(i int) bool { return i >= 0 && i < nodes }
	if l.Group != nil && len(l.Group) != nodes {
		return fmt.Errorf("groups of %d nodes", len(l.Group))
	}
	if len(l.Cuts) > nodes*nodes || len(l.Shapes) > nodes*nodes {
		return errors.New("more links than nodes can have")
	}
	for _, c := range l.Cuts {
		if !is(c[0]) || !is(c[1]) {
			return fmt.Errorf("a cut between %d and %d", c[0], c[1])
		}
	}
	for _, s := range l.Shapes {
		if err := s.Shape.Validate(); err != nil || !is(s.From) || !is(s.To) {
			return errors.Join(fmt.Errorf("a link from %d to %d", s.From, s.To), err)
		}
	}
	return nil
}

// Snapshots lists what there is to go back to, in the order of their times in the network.
func (n *Net) Snapshots() ([]Snapshot, error) {
	entries, err := os.ReadDir(filepath.Join(n.cfg.DataDir, snapshotsDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	list := []Snapshot{}
	for _, e := range entries {
		if checkName(e.Name()) != nil {
			continue
		}
		h, err := readHead(n.snapshotDir(e.Name()))
		if err != nil {
			list = append(list, Snapshot{Name: e.Name(), Error: err.Error()})
			continue
		}
		s := h.summary()
		s.Name = e.Name()
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b Snapshot) int { return a.Taken.Compare(b.Taken) })
	return list, nil
}

// RemoveSnapshot removes a snapshot from the disk.
func (n *Net) RemoveSnapshot(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	n.steer.Lock()
	defer n.steer.Unlock()
	if err := n.usable(); err != nil {
		return err
	}
	if _, err := os.Lstat(n.snapshotDir(name)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no snapshot %s: `cairn testnet snapshots` lists those that there are", name)
	}
	// Half of one is none: its head goes first.
	err := os.Remove(filepath.Join(n.snapshotDir(name), headFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, os.RemoveAll(n.snapshotDir(name)))
}

// state is what the wires were told.
func (w *wires) state() (s linkState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Group, s.OneWay = slices.Clone(w.group), w.oneWay
	for e := range w.cuts {
		s.Cuts = append(s.Cuts, [2]int{e.a, e.b})
	}
	for p, sh := range w.shapes {
		s.Shapes = append(s.Shapes, shapeState{p.from, p.to, sh})
	}
	slices.SortFunc(s.Cuts, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	slices.SortFunc(s.Shapes, func(a, b shapeState) int { return slices.Compare([]int{a.From, a.To}, []int{b.From, b.To}) })
	return s
}

// restore tells the wires what they were told then. What is random in them begins anew from the seed.
func (w *wires) restore(s linkState) {
	w.change(func() {
		clear(w.dirs)
		w.group, w.oneWay = slices.Clone(s.Group), s.OneWay
		clear(w.cuts)
		for _, c := range s.Cuts {
			w.cuts[pair{c[0], c[1]}.edge()] = true
		}
		clear(w.shapes)
		for _, sh := range s.Shapes {
			w.set(pair{sh.From, sh.To}, sh.Shape)
		}
	})
}

// shiftTo is the shift of the clocks at which it is then in the network.
func (n *Net) shiftTo(then time.Time) time.Duration {
	return min(max(then.Sub(n.clock.base()), -maxShift), maxShift)
}

// writeDurably makes a small file appear whole or not at all.
func writeDurably(name string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), temporary(filepath.Base(name))+"*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(filepath.Dir(name))
}

// temporary is how the names of files begin that are to become name.
func temporary(name string) string { return "." + name + ".new-" }

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
