package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/internal/sparse"
	"github.com/cairn-chain/cairn/lab/shape"
	"github.com/cairn-chain/cairn/types"
)

// worldState is what a revert must bring back, for each node that runs: tip, coin set, mempool.
type worldState struct {
	tip, coins types.Hash
	pool       string
}

func (n *Net) world(t *testing.T, ctx context.Context) (all []worldState) {
	t.Helper()
	for i := range n.nodes {
		nd := n.Node(i)
		if nd == nil {
			all = append(all, worldState{})
			continue
		}
		var pool []string
		for _, s := range nd.Pool().Select(4_000_000, 80_000, 0) {
			pool = append(pool, s.Tx.ID().String())
		}
		slices.Sort(pool)
		all = append(all, worldState{nd.Chain().Tip().Hash(), n.setHash(t, ctx, i), strings.Join(pool, " ")})
	}
	return all
}

func (n *Net) sees(t *testing.T, ctx context.Context, want []worldState, when string) {
	t.Helper()
	for i, got := range n.world(t, ctx) {
		if got != want[i] {
			t.Errorf("%s: node %d has %+v, not %+v", when, i, got, want[i])
		}
	}
}

func mustSnapshot(t *testing.T, ctx context.Context, n *Net, name string) Snapshot {
	t.Helper()
	s, err := n.Snapshot(ctx, name)
	must(t, err)
	return s
}

func mustRevert(t *testing.T, ctx context.Context, n *Net, name string) {
	t.Helper()
	_, err := n.Revert(ctx, name)
	must(t, err)
}

func mustMine(t *testing.T, ctx context.Context, n *Net, i, count int) {
	t.Helper()
	_, err := n.Mine(ctx, i, count)
	must(t, err)
}

// inPools waits until all running nodes have a transaction in their mempools.
func (n *Net) inPools(t *testing.T, ctx context.Context, id types.Hash) {
	t.Helper()
	must(t, n.await(ctx, "the payment everywhere", func(Status) bool {
		for i := range n.nodes {
			if nd := n.Node(i); nd != nil && !nd.Pool().Have(id) {
				return false
			}
		}
		return true
	}))
}

// A network goes back after blocks, after a reorganization, after a partition; each time chains, coins and mempools are the old
// ones, and it goes on from there.
func TestRevert(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 4, Topology: Ring})
	base := n.Node(0).Chain().Tip().Height()
	pay := n.payment(t, 0, 1_000_000, 1)
	must(t, n.Node(0).SubmitTx(ctx, pay))
	n.inPools(t, ctx, pay.ID())
	s := mustSnapshot(t, ctx, n, "begin")
	if s.Nodes != 4 || s.Height != base || s.Bytes == 0 || s.Name != "begin" {
		t.Errorf("%+v", s)
	}
	begin := n.world(t, ctx)
	if begin[3].pool != pay.ID().String() {
		t.Fatalf("the payment is not in %+v", begin[3])
	}
	// The connections have stayed, and blocks go on.
	mustMine(t, ctx, n, 2, 3)
	must(t, n.AwaitOneTip(ctx, base+3))
	mustSnapshot(t, ctx, n, "later")
	later := n.world(t, ctx)

	mustRevert(t, ctx, n, "begin")
	n.sees(t, ctx, begin, "after blocks")
	_, err := n.Reorg(ctx, Reorg{Node: 0, Depth: 2})
	must(t, err)
	mustRevert(t, ctx, n, "begin")
	n.sees(t, ctx, begin, "after a reorganization")

	must(t, n.Partition([]int{0, 0, 1, 1}))
	mustMine(t, ctx, n, 0, 1)
	mustMine(t, ctx, n, 3, 2)
	mustSnapshot(t, ctx, n, "parted")
	mustRevert(t, ctx, n, "later")
	n.sees(t, ctx, later, "to another snapshot")
	if p := n.Status().Partition; p != "" {
		t.Errorf("the partition %s is still there", p)
	}
	mustRevert(t, ctx, n, "parted")
	if s := n.Status(); s.OneTip || s.Partition != "0,1/2,3" {
		t.Errorf("one tip %v, partition %q", s.OneTip, s.Partition)
	}
	n.Heal()
	must(t, n.AwaitOneTip(ctx, base+2))

	mustRevert(t, ctx, n, "begin")
	must(t, n.AwaitPeers(ctx, 2))
	mustMine(t, ctx, n, 1, 1)
	must(t, n.AwaitOneTip(ctx, base+1))
	if n.Node(3).Pool().Have(pay.ID()) {
		t.Error("the payment is not in the block")
	}
	must(t, n.Stop(2))
	must(t, n.Start(2))
	must(t, n.AwaitOneTip(ctx, base+1))
}

// Ports, cookies, clock, links, way of mining and who runs: all of it is as it was.
func TestRevertOfEverythingElse(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), testEnd)
	defer cancel()
	n, err := Up(ctx, Config{Nodes: 3, Network: "regtest", Topology: Mesh, DataDir: t.TempDir()})
	must(t, err)
	defer func() { must(t, n.Down()) }()
	must(t, n.AwaitPeers(ctx, 2))
	must(t, n.Stop(2))
	slow := shape.Shape{Latency: shape.Latency{Mid: 20 * time.Millisecond}, Bandwidth: 1_000_000}
	must(t, n.Shape(slow, true, Link{0, 1}))
	n.Cut(Link{1, 2})
	must(t, n.SetMining(Manual))
	before, err := n.Sheet()
	must(t, err)
	secret := n.Node(1).RPCCookie()
	s := mustSnapshot(t, ctx, n, "then")

	must(t, n.Start(2))
	must(t, n.Stop(0))
	must(t, n.Shape(shape.Shape{}, false, Link{0, 1}))
	n.Heal()
	must(t, n.SetMining(Instant))
	_, err = n.Advance(48 * time.Hour)
	must(t, err)
	for range 2 {
		mustRevert(t, ctx, n, "then")
		after, err := n.Sheet()
		must(t, err)
		for i := range before.Nodes {
			if before.Nodes[i] != after.Nodes[i] {
				t.Errorf("%+v was %+v", after.Nodes[i], before.Nodes[i])
			}
		}
		if n.Node(0) == nil || n.Node(2) != nil || n.Status().Nodes[2].State != "stopped" {
			t.Errorf("%+v", n.Status().Nodes)
		}
		if got := n.ShapeOf(Link{0, 1}); got != slow || n.ShapeOf(Link{1, 0}) != (shape.Shape{}) {
			t.Errorf("the link is %v", got)
		}
		if l := n.Links(); !l[2].Cut || l[0].Cut {
			t.Errorf("%+v", l)
		}
		if d := n.Now().Sub(s.Taken); d < 0 || d > time.Minute {
			t.Errorf("it is %v after the snapshot", d)
		}
		if n.MiningMode() != Manual {
			t.Errorf("mining is %s", n.MiningMode())
		}
		if got := callWith(t, ctx, after.Nodes[1].RPC, secret); !strings.Contains(got, `"result":110`) {
			t.Errorf("with the cookie of before: %s", got)
		}
	}
	must(t, n.Start(2))
	n.Heal()
	must(t, n.AwaitPeers(ctx, 2))
}

// callWith asks for the height.
func callWith(t *testing.T, ctx context.Context, url, secret string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(`{"method":"getblockcount","id":1}`))
	must(t, err)
	req.SetBasicAuth("__cookie__", secret)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1000))
	must(t, err)
	return string(b)
}

// Twenty reverts leave no goroutine, no open file, no file on disk, no memory behind.
func TestRevertsLeaveNothing(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 2})
	mustSnapshot(t, ctx, n, "a")
	round := func() {
		mustMine(t, ctx, n, 0, 1)
		mustRevert(t, ctx, n, "a")
		must(t, n.AwaitPeers(ctx, 1))
	}
	for range 3 {
		round()
	}
	before := n.litter(t)
	for range 20 {
		round()
	}
	var after litter
	err := n.await(ctx, "no more than before", func(Status) bool { // one of a kind each time would make twenty
		after = n.litter(t)
		return after.goroutines < before.goroutines+20 && after.open < before.open+20 && after.names < before.names+20 && after.heap <= before.heap+16<<20
	})
	if err != nil {
		t.Fatalf("%v: before %+v, after %+v", err, before, after)
	}
}

type litter struct {
	goroutines, open, names int
	heap                    uint64
}

func (n *Net) litter(t *testing.T) (l litter) {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	l.goroutines, l.heap = runtime.NumGoroutine(), m.HeapAlloc
	fds, err := os.ReadDir("/proc/self/fd") // elsewhere nothing is counted
	if err == nil {
		l.open = len(fds)
	}
	must(t, filepath.WalkDir(n.cfg.DataDir, func(string, fs.DirEntry, error) error { l.names++; return nil }))
	return l
}

// Whatever a process that is killed leaves: the next start makes one state of it, the old or the new one, and no other.
func TestKilledOnTheWay(t *testing.T) {
	dir := t.TempDir()
	n, ctx := up(t, Config{Nodes: 3, DataDir: dir, Topology: Mesh})
	mustMine(t, ctx, n, 0, 2)
	must(t, n.AwaitOneTip(ctx, 112))
	mustSnapshot(t, ctx, n, "a")
	must(t, n.Partition([]int{0, 1, 1}))
	mustMine(t, ctx, n, 0, 3)
	must(t, n.Down())
	h, err := readHead(n.snapshotDir("a"))
	must(t, err)
	mark := func() { must(t, writeDurably(filepath.Join(dir, revertingFile), []byte("a\n"))) }
	home := func(i int) string { return filepath.Join(dir, nodeName(i)) }
	from := func(i int) string { return filepath.Join(n.snapshotDir("a"), nodeName(i)) }
	for _, c := range []struct {
		what string
		left func()
		want int32
	}{
		{"a snapshot begun", func() {
			must(t, os.MkdirAll(filepath.Join(dir, snapshotsDir, newSnapshot+"1", "node0"), 0o700))
		}, 115},
		{"marked", mark, 112},
		{"one restored, one half", func() {
			mark()
			must(t, restore(home(0), from(0), h.Nodes[0].Files))
			must(t, os.RemoveAll(filepath.Join(home(1), "chainstate")))
			must(t, os.RemoveAll(filepath.Join(home(1), "indexes")))
			must(t, os.Truncate(filepath.Join(home(2), "blocks", "MANIFEST"), 3))
			must(t, os.Truncate(filepath.Join(home(2), "chainstate", "MANIFEST"), 0))
		}, 112},
		{"all restored", func() {
			mark()
			for i := range 3 {
				must(t, restore(home(i), from(i), h.Nodes[i].Files))
			}
		}, 112},
	} {
		again, ctx := up(t, Config{DataDir: dir, Miners: -1})
		mustRevert(t, ctx, again, "a")
		must(t, again.AwaitPeers(ctx, 2))
		mustMine(t, ctx, again, 0, 3)
		must(t, again.AwaitOneTip(ctx, 115))
		must(t, again.Down())
		c.left()
		again, ctx = up(t, Config{DataDir: dir, Miners: -1})
		must(t, again.AwaitOneTip(ctx, c.want))
		if got := again.Node(1).Chain().Tip().Height(); got != c.want {
			t.Errorf("%s: height %d, not %d", c.what, got, c.want)
		}
		must(t, again.Down())
		if left, _ := filepath.Glob(filepath.Join(dir, snapshotsDir, newSnapshot+"*")); left != nil {
			t.Errorf("%s: %v is still there", c.what, left)
		}
		if _, err := os.Stat(filepath.Join(dir, revertingFile)); err == nil {
			t.Errorf("%s: the revert has no end", c.what)
		}
	}
}

// Names, damage, other versions and other networks are refused in one line, and the network goes on.
func TestSnapshotsRefused(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 2})
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "-a", ".new-1", "a b", strings.Repeat("a", 65), "ä", "a\n"} {
		for what, f := range map[string]func() error{
			"snapshot": func() error { _, err := n.Snapshot(ctx, name); return err },
			"revert":   func() error { _, err := n.Revert(ctx, name); return err },
			"remove":   func() error { return n.RemoveSnapshot(name) },
		} {
			if err := f(); err == nil || !strings.Contains(err.Error(), "is not a name") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
	}
	mustSnapshot(t, ctx, n, "a")
	refused := func(what, want string) {
		t.Helper()
		tip := n.Node(0).Chain().Tip().Hash()
		if _, err := n.Revert(ctx, "a"); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
		if nd := n.Node(0); nd == nil || nd.Chain().Tip().Hash() != tip {
			t.Errorf("%s: the network has changed", what)
		}
	}
	if _, err := n.Snapshot(ctx, "a"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("twice: %v", err)
	}
	if _, err := n.Revert(ctx, "b"); err == nil || !strings.Contains(err.Error(), "no snapshot b") {
		t.Errorf("an unknown one: %v", err)
	}
	file := filepath.Join(n.snapshotDir("a"), headFile)
	good, err := os.ReadFile(file)
	must(t, err)
	for _, c := range [][3]string{
		{`"format":1,"layout"`, `"format":7,"layout"`, "format 7, this version reads format 1"},
		{`"layout":1`, `"layout":9`, "format 9, this version reads format 1"},
		{`"seed":1`, `"seed":2`, "seed 2"},
		{`"rules":"`, `"rules":"other `, "another network"},
		{`"topology":"ring"`, `"topology":"star"`, "in a star"},
		{`"chainstate/MANIFEST"`, `"chainstate/../../MANIFEST"`, "damaged"},
		{`"share":0`, `"share":7`, "damaged"},
		{`{"format"`, `["format"`, "damaged"},
	} {
		if !bytes.Contains(good, []byte(c[0])) {
			t.Fatalf("the head has no %s: %s", c[0], good)
		}
		must(t, os.WriteFile(file, bytes.Replace(good, []byte(c[0]), []byte(c[1]), 1), 0o600))
		refused(c[1], c[2])
	}
	list, err := n.Snapshots()
	if err != nil || len(list) != 1 || list[0].Error == "" {
		t.Errorf("%+v, %v", list, err)
	}
	must(t, os.WriteFile(file, good, 0o600))
	manifest := filepath.Join(n.snapshotDir("a"), "node1", "blocks", "MANIFEST")
	b, err := os.ReadFile(manifest)
	must(t, err)
	must(t, os.WriteFile(manifest, append(b, 1), 0o600))
	refused("a file that grew", "checksum")
	must(t, os.Remove(manifest))
	refused("a file that is gone", "MANIFEST")
	must(t, n.RemoveSnapshot("a"))
	if list, err := n.Snapshots(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	mustSnapshot(t, ctx, n, "a")
}

// A network is carried to another directory in a file; what is not such a file is refused in one line, and nothing is left there.
func TestStateFile(t *testing.T) {
	n, ctx := up(t, Config{Nodes: 3, Topology: Star, Seed: 5})
	pay := n.payment(t, 0, 1_000_000, 1)
	must(t, n.Node(0).SubmitTx(ctx, pay))
	n.inPools(t, ctx, pay.ID())
	mustMine(t, ctx, n, 0, 4)
	must(t, n.AwaitOneTip(ctx, 114))
	must(t, n.Stop(1))
	must(t, n.Partition([]int{0, 1, 1}))
	mustMine(t, ctx, n, 0, 1)
	want := n.world(t, ctx)
	file := filepath.Join(t.TempDir(), "net.state")
	must(t, n.Save(ctx, file))
	if err := n.Save(ctx, file); err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("twice: %v", err)
	}
	if list, err := n.Snapshots(); err != nil || len(list) != 0 {
		t.Errorf("saving leaves %+v, %v", list, err)
	}
	must(t, n.Down())

	dir := t.TempDir()
	again, ctx := upOnly(t, Config{DataDir: dir, Miners: -1, State: file})
	again.sees(t, ctx, want, "in another place")
	s := again.Status()
	if s.Partition != "0/1,2" || s.Topology != Star || s.Seed != 5 || s.Nodes[1].Running {
		t.Errorf("%+v", s)
	}
	must(t, again.Start(1))
	again.Heal()
	must(t, again.AwaitOneTip(ctx, 115))
	mustRevert(t, ctx, again, "state")
	again.sees(t, ctx, want, "back at what was carried")
	must(t, again.Down())
	_, err := Up(ctx, Config{DataDir: dir, Miners: -1, State: file, NoServices: true})
	if err == nil || !strings.Contains(err.Error(), "holds a network already") {
		t.Errorf("onto a network: %v", err)
	}
	ephemeral, ctx := upOnly(t, Config{Ephemeral: true, Miners: -1, State: file})
	place := ephemeral.cfg.DataDir
	ephemeral.sees(t, ctx, want, "for a while")
	must(t, ephemeral.Down())
	if _, err := os.Stat(place); err == nil {
		t.Error("an ephemeral network is still there")
	}
	refuseStates(t, ctx, file)
}

// upOnly is up without waiting for peers.
func upOnly(t *testing.T, cfg Config) (*Net, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testEnd)
	t.Cleanup(cancel)
	cfg.NoServices = true
	n, err := Up(ctx, cfg)
	must(t, err)
	t.Cleanup(func() { must(t, n.Down()) })
	return n, ctx
}

func refuseStates(t *testing.T, ctx context.Context, file string) {
	good, err := os.ReadFile(file)
	must(t, err)
	try := func(what string, b []byte, cfg Config, want string) {
		t.Helper()
		cfg.State, cfg.DataDir, cfg.NoServices = filepath.Join(t.TempDir(), "bad.state"), filepath.Join(t.TempDir(), "new"), true
		must(t, os.WriteFile(cfg.State, b, 0o600))
		n, err := Up(ctx, cfg)
		if err == nil {
			must(t, n.Down())
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
		if left, _ := filepath.Glob(filepath.Join(cfg.DataDir, "node*")); left != nil {
			t.Errorf("%s: %v is left", what, left)
		}
		if _, err := os.Stat(filepath.Join(cfg.DataDir, revertingFile)); err == nil {
			t.Errorf("%s: it would be taken in at the next start", what)
		}
	}
	head := stateHeader + int(binary.LittleEndian.Uint32(good[12:]))
	for _, cut := range []int{0, 1, 8, 15, stateHeader, stateHeader + 100, head, head + 1, len(good) - 1} {
		try("cut off", good[:cut], Config{Miners: -1}, "cut off")
	}
	for _, at := range []int{16, 40, stateHeader, head - 1, head, head + 50, (head + len(good)) / 2, len(good) - 1} {
		b := slices.Clone(good)
		b[at] ^= 0x20
		try("flipped", b, Config{Miners: -1}, "damaged")
	}
	newer := slices.Clone(good)
	newer[8] = 9
	try("newer", newer, Config{Miners: -1}, "format 9, this version reads format 1")
	try("longer", append(slices.Clone(good), 0), Config{Miners: -1}, "1 bytes too many")
	try("another file", []byte("{}\n just some text that is long enough to be a header, if one did not look at it"), Config{Miners: -1}, "not a state file")
	try("another network", good, Config{Miners: -1, Network: "cairn"}, "leave out --network")
	try("another seed", good, Config{Miners: -1, Seed: 6}, "leave out --seed")
	try("another number", good, Config{Miners: -1, Nodes: 4}, "leave out --nodes")
	if _, err := Up(ctx, Config{State: filepath.Join(t.TempDir(), "nothing"), DataDir: t.TempDir()}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := Up(ctx, Config{State: t.TempDir(), DataDir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a directory: %v", err)
	}
}

// Whatever the head and what follows: no panic, and no file outside of the directory.
func FuzzStateFile(f *testing.F) {
	h := head{Format: snapshotFormat, Layout: 1, Name: "a", Network: saved{Format: savedFormat, Network: "regtest", BlockTime: time.Second, Nodes: 1, Topology: Ring},
		Links: linkState{Group: []int{0}, Cuts: [][2]int{{0, 0}}, Shapes: []shapeState{{}}},
		Nodes: []nodeHead{{Running: true, Files: []fileHead{{Name: "format"}, {Name: "blocks/000001.vlog"}}}}}
	h.Nodes[0].Files[0].Info = sparse.Info{Size: 100, Data: 1, Sum: 0xc1d04330} // of "a"
	good, err := json.Marshal(h)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte("a"), false)
	f.Add(good[:len(good)/2], []byte("a"), false)
	f.Add([]byte(`{"format":2}`), []byte(nil), false)
	f.Add([]byte("CairnLab\x01\x00\x00\x00"), good, true)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, head, data []byte, raw bool) {
		b := slices.Concat(head, data)
		if !raw { // with a checksum that fits
			sum := sha256.Sum256(head)
			begin := append([]byte(stateMagic), 1, 0, 0, 0)
			b = slices.Concat(binary.LittleEndian.AppendUint32(begin, uint32(len(head))), sum[:], b)
		}
		r := bytes.NewReader(b)
		h, err := parseState("f", r, int64(len(b)))
		if err != nil {
			return
		}
		for _, nh := range h.Nodes {
			for _, f := range nh.Files {
				if !filepath.IsLocal(f.Name) || strings.Count(f.Name, "/") > 1 {
					t.Errorf("%q", f.Name)
				}
			}
		}
		err = unpack(t.Context(), r, filepath.Join(dir, "in"), h)
		if bytes.Equal(head, good) && string(data) == "a" && err != nil {
			t.Error(err)
		}
		if left, _ := os.ReadDir(dir); len(left) > 1 {
			t.Errorf("%v", left)
		}
		must(t, os.RemoveAll(filepath.Join(dir, "in")))
	})
}
