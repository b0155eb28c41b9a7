package e2e

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// killParams are regtest's rules with coins that can be spent early, and block filters.
const killParams = `base = "regtest"
name = "regtest-kill"
coinbase_maturity = 10
halving_interval = 100000
block_filter_index = true
`

const (
	kills = 50
	// branchBlocks is the length of each of the two branches: a move from one to the other takes more blocks off and on
	// than a node connects between two flushes of its coins.
	branchBlocks = 260
	blockTxs     = 5
)

// coin is an output of the tests' key.
type coin struct {
	at  types.OutPoint
	out types.TxOut
}

// branch is one of the feeder's two branches, with the coins at its tip.
type branch struct {
	first  string // hash of the first block after the fork
	height int
	coins  []coin
}

// feeder is a node that has two branches and offers one or the other.
type feeder struct {
	*daemon
	t        *testing.T
	rng      *rand.Rand
	lock     string // descriptor of the key's output
	branches [2]branch
	active   int
}

// newFeeder makes a node with a chain of 20 blocks and two branches, full of payments that conflict with those of the other.
func newFeeder(u *user, rng *rand.Rand) *feeder {
	f := &feeder{daemon: u.startNode("feeder", "--params", u.path("kill.toml")), t: u.t, rng: rng}
	f.lock = fmt.Sprintf("raw(%x)", consensustest.KeyLock())
	var hashes []string
	f.call(&hashes, "generatetodescriptor", 20, f.lock)
	common := branch{height: 20}
	for _, h := range hashes[:8] {
		common.coins = append(common.coins, f.coinbase(h))
	}
	f.mine(&common, f.fan(&common))
	for i := range f.branches {
		f.active = i
		b := &f.branches[i]
		*b = branch{height: common.height, coins: slices.Clone(common.coins)}
		b.first = f.grow(b)
		for b.height < common.height+branchBlocks+i {
			f.grow(b)
		}
		if i == 0 {
			f.call(nil, "invalidateblock", b.first)
		}
	}
	f.call(nil, "reconsiderblock", f.branches[0].first)
	if f.height() != f.branches[1].height {
		f.t.Fatalf("the feeder is at %d, not at the longer branch's %d", f.height(), f.branches[1].height)
	}
	return f
}

// coinbase is the output of a block's coinbase.
func (f *feeder) coinbase(hash string) coin {
	f.t.Helper()
	var text string
	f.call(&text, "getblock", hash, 0)
	raw, err := hex.DecodeString(text)
	if err != nil {
		f.t.Fatal(err)
	}
	b, err := types.DecodeBlock(raw)
	if err != nil {
		f.t.Fatal(err)
	}
	return coin{types.OutPoint{TxID: b.Txs[0].ID()}, b.Txs[0].Out[0]}
}

// spend makes a transaction that turns a coin into so many, and replaces it by them in b.
func (f *feeder) spend(b *branch, i, outputs int) *types.Tx {
	f.t.Helper()
	c := b.coins[i]
	b.coins = slices.Delete(b.coins, i, i+1)
	tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: c.at, Sequence: 0xfffffffd}}}
	for range outputs {
		tx.Out = append(tx.Out, types.TxOut{Value: (c.out.Value - 1000) / int64(outputs), Script: c.out.Script})
	}
	var err error
	tx.In[0].ScriptSig, tx.In[0].Witness, err = script.SignInput(script.NewSigSums(tx, []types.TxOut{c.out}), 0, consensustest.Key, [32]byte{})
	if err != nil {
		f.t.Fatal(err)
	}
	for k, out := range tx.Out {
		b.coins = append(b.coins, coin{types.OutPoint{TxID: tx.ID(), Index: uint32(k)}, out})
	}
	return tx
}

// fan splits every coin of b into 60.
func (f *feeder) fan(b *branch) (txs []*types.Tx) {
	for range len(b.coins) {
		txs = append(txs, f.spend(b, 0, 60))
	}
	return txs
}

// mine mines a block with exactly these transactions on the tip, which is b's, and returns its hash.
func (f *feeder) mine(b *branch, txs []*types.Tx) string {
	f.t.Helper()
	var raw []string
	for _, tx := range txs {
		raw = append(raw, hex.EncodeToString(tx.Bytes()))
	}
	var made struct{ Hash string }
	f.call(&made, "generateblock", f.lock, raw)
	b.height++
	return made.Hash
}

// grow adds a block of random payments to the active branch.
func (f *feeder) grow(b *branch) string {
	f.t.Helper()
	var txs []*types.Tx
	for range blockTxs {
		i, outputs := f.rng.IntN(len(b.coins)), 1+f.rng.IntN(3)
		if b.coins[i].out.Value < 1_000_000 {
			outputs = 1
		}
		txs = append(txs, f.spend(b, i, outputs))
	}
	return f.mine(b, txs)
}

// turn makes the other branch the longer one and goes over to it.
func (f *feeder) turn() {
	f.t.Helper()
	old := &f.branches[f.active]
	f.call(nil, "invalidateblock", old.first)
	f.active = 1 - f.active
	b := &f.branches[f.active]
	for b.height <= old.height {
		f.grow(b)
	}
	f.call(nil, "reconsiderblock", old.first)
	if f.height() != b.height {
		f.t.Fatalf("the feeder is at %d, not at its branch's %d", f.height(), b.height)
	}
}

// victim is a node that gets its blocks from the feeder and is killed again and again.
type victim struct {
	*user
	feeder *feeder
	rng    *rand.Rand
	killed int
	// Counts of what it had at the start after a kill: the feeder's tip, another block of the feeder's branch, one that the feeder has left.
	synced, between, other int
}

func (v *victim) launch() *process {
	v.t.Helper()
	cache := []string{"1", "64"}[v.rng.IntN(2)] // MiB; with the smaller one coins are flushed more often
	return v.launchNode("victim", "--params", v.path("kill.toml"), "--connect", v.feeder.p2p, "--dbcache", cache)
}

// killAfter kills the victim within a time from now on. It must run until then.
func (v *victim) killAfter(p *process, most time.Duration) {
	v.t.Helper()
	timer := time.NewTimer(time.Duration(v.rng.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.ended:
		v.t.Fatalf("after %d kills the victim ends by itself with exit code %d\n%s", v.killed, p.cmd.ProcessState.ExitCode(), p.output())
	}
	p.kill()
	v.killed++
	v.note(p)
}

// note counts from where a start went on.
func (v *victim) note(p *process) {
	m := startLine.FindStringSubmatch(p.out.String())
	if m == nil {
		return // killed before it was ready
	}
	var header struct{ Confirmations int }
	err := v.feeder.rpc.Call(v.t.Context(), "getblockheader", &header, m[2])
	switch {
	case err != nil || header.Confirmations < 0:
		v.other++
	case header.Confirmations == 1:
		v.synced++
	default:
		v.between++
	}
}

// agrees lets the victim catch up and compares everything with the feeder. It returns how long a start from there took.
func (v *victim) agrees(p *process) (d *daemon, took time.Duration) {
	v.t.Helper()
	begin := time.Now()
	d = v.awaitNode("victim", p)
	agree(v.t, v.feeder.peer, d.peer)
	took = time.Since(begin)
	var good bool
	if d.call(&good, "verifychain", 4, 30); !good {
		v.t.Fatal("the victim's blocks are damaged")
	}
	type filter struct{ Filter, Header string }
	var ours, theirs filter
	tip := v.feeder.tip()
	eventually(v.t, "the victim's filters are at the tip", func() (string, bool) {
		err := d.rpc.Call(v.t.Context(), "getblockfilter", &ours, tip)
		return fmt.Sprint(err), err == nil
	})
	if v.feeder.call(&theirs, "getblockfilter", tip); ours != theirs {
		v.t.Fatalf("filters: %+v and %+v", ours, theirs)
	}
	return d, took
}

// A node is killed fifty times, while it starts, while it connects blocks and while it moves between branches, and always
// starts again and agrees with a node that was never killed.
func TestKill(t *testing.T) {
	u := newUser(t)
	if err := os.WriteFile(u.path("kill.toml"), []byte(killParams), 0o600); err != nil {
		t.Fatal(err)
	}
	const seed = 2
	f := newFeeder(u, rand.New(rand.NewPCG(seed, 1)))
	v := &victim{user: u, feeder: f, rng: rand.New(rand.NewPCG(seed, 2))}
	v.connecting(kills * 2 / 5)
	v.reorganizing(kills * 2 / 5)
	v.starting(kills - v.killed)
	d, _ := v.agrees(v.launch())
	if v.killed != kills || strings.Contains(d.errOut.String(), "ERROR") {
		t.Errorf("%d kills\n%s", v.killed, d.output())
	}
	d.process.stop(syscall.SIGTERM)
	t.Logf("%d kills; of the starts that got ready %d were at the feeder's tip, %d on the way to it, %d on the other branch", v.killed, v.synced, v.between, v.other)
	if v.between == 0 || v.other == 0 {
		t.Error("no kill hit the victim at work")
	}
}

// connecting kills an empty node n times on its way to the tip. One that has arrived is replaced by an empty one.
func (v *victim) connecting(n int) {
	v.t.Helper()
	d, whole := v.agrees(v.launch())
	d.process.kill()
	v.t.Logf("an unhindered sync takes %v", whole)
	v.wipe()
	for range n {
		p := v.launch()
		v.killAfter(p, whole*3/4)
		if m := startLine.FindStringSubmatch(p.out.String()); m != nil && m[2] == v.feeder.tip() {
			d, _ = v.agrees(v.launch())
			d.process.kill()
			v.wipe()
		}
	}
}

func (v *victim) wipe() {
	v.t.Helper()
	if err := os.RemoveAll(v.path("victim")); err != nil {
		v.t.Fatal(err)
	}
}

// reorganizing kills the node n times while it follows the feeder to its other branch, which it does offline or online.
func (v *victim) reorganizing(n int) {
	v.t.Helper()
	d, _ := v.agrees(v.launch())
	d.process.kill()
	v.feeder.turn()
	d, move := v.agrees(v.launch())
	v.t.Logf("an unhindered move to the other branch takes %v", move)
	d.process.kill()
	for i := range n {
		v.feeder.turn()
		p := v.launch()
		if i%2 == 0 {
			v.awaitNode("victim", p)
			if i%4 == 0 {
				v.feeder.turn()
			}
		}
		v.killAfter(p, move)
		if i%5 == 4 {
			d, _ = v.agrees(v.launch())
			d.process.kill()
		}
	}
}

// starting kills the node n times soon after its start.
func (v *victim) starting(n int) {
	v.t.Helper()
	v.feeder.turn()
	begin := time.Now()
	p := v.launch()
	v.awaitNode("victim", p)
	ready := time.Since(begin)
	p.kill()
	v.t.Logf("a start takes %v", ready)
	for range n {
		v.killAfter(v.launch(), ready)
	}
}
