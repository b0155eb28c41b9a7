package index

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/types"
)

// locks are the scripts of the random chains: the coinbases', three that anyone can spend, and one that nobody can.
var locks = [][]byte{storetest.Lock, {0x51}, {0x52}, {0x53}, {0x6a, 1, 2}}

// grow adds a block on a random node, which spends some coins to random scripts.
func (w *world) grow(t *rapid.T) {
	i := rapid.IntRange(0, len(w.nodes)-1).Draw(t, "parent")
	if rapid.IntRange(0, 3).Draw(t, "late") > 0 {
		i = max(i, len(w.nodes)-2)
	}
	parent := w.nodes[i]
	coins := storetest.Replay(parent)
	ops := make([]types.OutPoint, 0, len(coins))
	for op := range coins {
		ops = append(ops, op)
	}
	slices.SortFunc(ops, types.OutPoint.Compare)
	var txs []*types.Tx
	left := rapid.IntRange(0, 3).Draw(t, "spends")
	for _, op := range ops {
		c := coins[op]
		if left == 0 || c.Out.Value < 4 || c.Coinbase && parent.Height()+1-c.Height < w.Params.CoinbaseMaturity {
			continue
		}
		left--
		var to [][]byte
		for range rapid.IntRange(1, 4).Draw(t, "outs") {
			to = append(to, locks[rapid.IntRange(0, len(locks)-1).Draw(t, "lock")])
		}
		tx := payTo(c.Out.Value/4, to, consensus.CoinEntry{OutPoint: op, Coin: c})
		txs = append(txs, tx)
		if next := storetest.Output(tx, 0, 0, false); rapid.Bool().Draw(t, "chained") && next.Coin.Out.Script[0] != 0x6a && next.Coin.Out.Value > 0 {
			txs = append(txs, payTo(next.Coin.Out.Value, to[:1], next))
		}
	}
	w.add(w.Block(parent, txs...))
}

// TestRandomChains lets indexes follow random chains with reorganizations, stops, kills and failing writes, and compares them with the blocks.
func TestRandomChains(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, kv := newWorld(t), memdb.NewKV()
		most := rapid.IntRange(1, 6).Draw(t, "pieces")
		var list []*Follower
		open := func(on chain.KV) {
			list = nil
			for _, o := range kinds {
				f, err := o(on)
				if err != nil {
					t.Fatalf("%v", err)
				}
				f.most = most
				list = append(list, f)
			}
		}
		open(kv)
		for range rapid.IntRange(3, 40).Draw(t, "steps") {
			switch k := rapid.IntRange(0, 9).Draw(t, "step"); {
			case k < 6:
				w.grow(t)
			case k < 8: // follow a few blocks
				for _, f := range list {
					ctx, cancel := context.WithCancel(context.Background())
					n := rapid.IntRange(1, 6).Draw(t, "blocks")
					err := f.Sync(ctx, w.c, func() {
						if n--; n == 0 {
							cancel()
						}
					})
					cancel()
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Fatalf("%v", err)
					}
				}
			case k == 8: // die at some write
				open(&killed{kv, rapid.IntRange(0, 20).Draw(t, "writes")})
				for _, f := range list {
					if err := f.Sync(context.Background(), w.c, nil); err != nil && !errors.Is(err, storetest.ErrKilled) {
						t.Fatalf("%v", err)
					}
				}
				kv = kv.Reopen()
				open(kv)
			default: // a clean stop
				for _, f := range list {
					if err := f.Close(); err != nil {
						t.Fatalf("%v", err)
					}
				}
				kv = kv.Reopen()
				open(kv)
			}
		}
		for i, f := range list {
			if err := f.Sync(context.Background(), w.c, nil); err != nil {
				t.Fatalf("%v", err)
			}
			w.agree(f, kinds[i])
		}
		w.checkTx(&Tx{list[0]})
		w.checkSpent(&Spent{list[1]})
		w.checkScript(&Script{list[2]}, locks[:4]...)
		if events, _, err := (&Script{list[2]}).History(locks[4], 0, 0, 10); err != nil || len(events) > 0 {
			t.Fatalf("%d events of a script that nobody can spend, %v", len(events), err)
		}
	})
}

// TestKilledAtEveryWrite ends each index at every write of building, of a reorganization and of the way back, with blocks in pieces of three
// entries, and again at every third write of the start after it.
func TestKilledAtEveryWrite(t *testing.T) {
	w := newWorld(t)
	steps, _ := storetest.Story(&w.Maker)
	final := append(slices.Clone(steps), w.Empty(steps[len(steps)-1], 2)...)
	for _, open := range kinds {
		for n := 0; ; n++ {
			w.c, w.nodes = storetest.Open(t, storetest.Config(w.Params, memdb.New())), w.nodes[:1]
			kv := memdb.NewKV()
			err := follow(t, w, open, &killed{kv, n}, steps)
			if err != nil && !errors.Is(err, storetest.ErrKilled) {
				t.Fatal(err)
			}
			for k := n % 3; ; k += 3 { // starts that die themselves
				kv = kv.Reopen()
				f := reopen(t, open, &killed{kv, k})
				if serr := f.Sync(t.Context(), w.c, nil); serr == nil {
					break
				} else if !errors.Is(serr, storetest.ErrKilled) {
					t.Fatal(serr)
				}
			}
			w.add(final[len(w.nodes)-1:]...)
			f := reopen(t, open, kv)
			must(t, f.Sync(t.Context(), w.c, nil))
			w.agree(f, open)
			if err == nil {
				if n < 40 {
					t.Fatalf("only %d writes", n)
				}
				break
			}
		}
	}
}

func reopen(t *testing.T, open func(chain.KV) (*Follower, error), kv chain.KV) *Follower {
	t.Helper()
	f, err := open(kv)
	must(t, err)
	f.most = 3
	return f
}

// follow adds blocks and lets an index follow each.
func follow(t *testing.T, w *world, open func(chain.KV) (*Follower, error), kv chain.KV, steps []*consensustest.Node) error {
	t.Helper()
	f := reopen(t, open, kv)
	for _, n := range steps {
		w.add(n)
		if err := f.Sync(t.Context(), w.c, nil); err != nil {
			return err
		}
	}
	return f.Close()
}

// built returns a world with some history and an index of each kind that has followed it and was closed.
func built(t *testing.T) (*world, *memdb.KV) {
	t.Helper()
	w, kv := newWorld(t), memdb.NewKV()
	steps, _ := storetest.Story(&w.Maker)
	w.add(steps...)
	for _, open := range kinds {
		f, err := open(kv)
		must(t, err)
		must(t, f.Sync(t.Context(), w.c, nil))
		must(t, f.Close())
	}
	return w, kv.Reopen()
}

// first returns a pair under a prefix.
func first(t *testing.T, kv chain.KV, prefix string) chain.Pair {
	t.Helper()
	var found chain.Pair
	err := kv.Iterate([]byte(prefix), nil, func(k, v []byte) error {
		found = chain.Pair{Key: slices.Clone(k), Value: slices.Clone(v)}
		return errEnough
	})
	want(t, err, errEnough)
	return found
}

// Bad input 28: entries that are lost, changed or too many are found after an unclean stop, as is a state that does not read back; the
// index is built again.
func TestDamagedAfterUncleanStop(t *testing.T) {
	for i, open := range kinds {
		for name, damage := range map[string]func(kv chain.KV, f *Follower) chain.Pair{
			"lost": func(kv chain.KV, f *Follower) chain.Pair { p := first(t, kv, f.kind.Prefix); p.Value = nil; return p },
			"changed": func(kv chain.KV, f *Follower) chain.Pair {
				p := first(t, kv, f.kind.Prefix)
				p.Value[0] ^= 1
				return p
			},
			"too many": func(_ chain.KV, f *Follower) chain.Pair {
				return chain.Pair{Key: []byte(f.kind.Prefix + "x"), Value: []byte{1}}
			},
			"state": func(_ chain.KV, f *Follower) chain.Pair {
				return chain.Pair{Key: f.stateKey(), Value: []byte("nonsense")}
			},
			"no state": func(_ chain.KV, f *Follower) chain.Pair { return chain.Pair{Key: f.stateKey()} },
		} {
			w, kv := built(t)
			f, err := open(kv)
			must(t, err)
			if f.doubtful || f.Position() != w.c.Tip().Position() {
				t.Fatal("not clean")
			}
			must(t, kv.Write([]chain.Pair{damage(kv, f), {Key: f.cleanKey()}}))
			f, err = open(kv)
			must(t, err)
			if err := f.view(func(chain.Position) error { return nil }); !errors.Is(err, ErrNotReady) {
				t.Fatalf("%s: it is believed before it is looked at: %v", name, err)
			}
			must(t, f.Sync(t.Context(), w.c, nil))
			w.agree(f, kinds[i])
		}
	}
}

// After a clean stop nothing is read but the state.
func TestCleanStop(t *testing.T) {
	w, kv := built(t)
	for _, open := range kinds {
		f, err := open(kv)
		must(t, err)
		steps := 0
		must(t, f.Sync(t.Context(), w.c, func() { steps++ }))
		if steps != 0 {
			t.Fatalf("%s: %d steps", f.Name(), steps)
		}
		w.agree(f, open)
	}
	// The mark of a clean stop is worth nothing once the index has moved, even there and back.
	f, err := OpenTx(kv)
	must(t, err)
	tip := w.c.Tip()
	must(t, w.c.Invalidate(tip.Hash()))
	must(t, f.Sync(t.Context(), w.c, nil))
	must(t, w.c.Reconsider(tip.Hash()))
	must(t, f.Sync(t.Context(), w.c, nil))
	if f, err = OpenTx(kv); err != nil || !f.doubtful {
		t.Fatal("an old mark is believed", err)
	}
}

// A damaged entry that is met later is said to be damaged, not missing.
func TestDamagedEntry(t *testing.T) {
	w, kv := built(t)
	tx, err := OpenTx(kv)
	must(t, err)
	spent, err := OpenSpent(kv)
	must(t, err)
	scripts, err := OpenScript(kv)
	must(t, err)
	coinbase := w.tip().Block.Txs[0].ID()
	for _, value := range [][]byte{{}, {0x80}, {83}, {0xff, 0xff, 0xff, 0x7f}} {
		list, _, err := tx.spots(coinbase[:idBytes], 1)
		must(t, err)
		key := appendSpot(append([]byte("t/"), coinbase[:idBytes]...), list[0].height, list[0].n)
		good, err := kv.Get(key)
		must(t, err)
		must(t, kv.Write([]chain.Pair{{Key: key, Value: value}}))
		_, err = tx.Find(coinbase, w.blocks)
		want(t, err, chain.ErrDamaged)
		must(t, kv.Write([]chain.Pair{{Key: key, Value: good}}))
	}
	var op types.OutPoint
	for _, n := range branch(w.tip()) {
		for _, tx := range n.Block.Txs[1:] {
			op = tx.In[0].PrevOut
		}
	}
	p := first(t, kv, "s/"+string(outPointKey(op)))
	for _, value := range [][]byte{nil, p.Value[:len(p.Value)-1], append(p.Value[:len(p.Value)-1:len(p.Value)-1], 9)} {
		must(t, kv.Write([]chain.Pair{{Key: p.Key, Value: append([]byte{}, value...)}}))
		_, err = spent.Find(op, w.blocks)
		want(t, err, chain.ErrDamaged)
	}
	for _, tag := range []byte{coinTag, historyTag} {
		p := first(t, kv, "a/"+string(scriptKey(tag, storetest.Lock)))
		must(t, kv.Write([]chain.Pair{{Key: p.Key, Value: p.Value[:len(p.Value)-1]}}))
	}
	_, _, err = scripts.History(storetest.Lock, 0, 0, 9)
	want(t, err, chain.ErrDamaged)
	_, _, err = scripts.Coins(storetest.Lock, nil, 9)
	want(t, err, chain.ErrDamaged)
	_, _, err = scripts.Balance(storetest.Lock)
	want(t, err, chain.ErrDamaged)
}

// Bad input 30: an index of a newer format is refused with both numbers, one of an older format is built again.
func TestFormats(t *testing.T) {
	w, kv := built(t)
	kind := Kind{Name: "transaction index", Prefix: "t/", Version: 2, Change: txChange}
	f, err := Open(kv, kind)
	must(t, err)
	must(t, f.Sync(t.Context(), w.c, nil))
	if f.Position() != w.c.Tip().Position() {
		t.Fatal("it was not built again")
	}
	_, err = OpenTx(kv)
	var format *FormatError
	if !errors.As(err, &format) || format.Found != 2 || format.Want != 1 || !strings.Contains(err.Error(), "format 2, this version reads format 1") {
		t.Fatal(err)
	}
}

// An index that is ahead of the chain, as after a power cut, starts over.
func TestUnknownPosition(t *testing.T) {
	w, kv := built(t)
	old := w.nodes
	w.c, w.nodes = storetest.Open(t, storetest.Config(w.Params, memdb.New())), w.nodes[:1]
	w.add(old[1:4]...)
	for _, open := range kinds {
		f, err := open(kv)
		must(t, err)
		must(t, f.Sync(t.Context(), w.c, nil))
		w.agree(f, open)
	}
}

// A failed write leaves the index where it was; it goes on when writes succeed again.
func TestFailedWrite(t *testing.T) {
	w := newWorld(t)
	steps, _ := storetest.Story(&w.Maker)
	w.add(steps...)
	for _, open := range kinds {
		kv := &killed{memdb.NewKV(), 0}
		f, err := open(kv)
		must(t, err)
		f.most = 2
		for n := range 200 {
			kv.left = n % 25
			if err := f.Sync(t.Context(), w.c, nil); err == nil {
				break
			} else if !errors.Is(err, storetest.ErrKilled) {
				t.Fatal(err)
			}
		}
		w.agree(f, open)
	}
}

// A block with more entries than one Write takes goes in pieces, none over the bounds.
func TestLargeBlock(t *testing.T) {
	w := newWorld(t)
	w.add(w.Empty(w.nodes[0], 4)...)
	to := make([][]byte, 3000)
	for i := range to {
		to[i] = []byte{0x02, byte(i), byte(i >> 8)}
	}
	w.add(w.Block(w.nodes[4], payTo(1, to, storetest.Output(w.nodes[1].Block.Txs[0], 0, 1, true))))
	kv := &bounded{KV: memdb.NewKV(), t: t}
	x, err := OpenScript(kv)
	must(t, err)
	must(t, x.Sync(t.Context(), w.c, nil))
	w.agree(x.Follower, kinds[2])
	w.checkScript(x, to[0], to[2999], storetest.Lock)
	must(t, w.c.Invalidate(w.c.Tip().Hash()))
	must(t, x.Sync(t.Context(), w.c, nil))
	w.agree(x.Follower, kinds[2])
	if kv.writes < 15 {
		t.Fatalf("only %d writes", kv.writes)
	}
}

// bounded fails the test if a write is larger than what Badger takes.
type bounded struct {
	chain.KV
	t      *testing.T
	writes int
}

func (k *bounded) Write(pairs []chain.Pair) error {
	k.writes++
	bytes := 0
	for _, p := range pairs {
		bytes += len(p.Key) + len(p.Value) + 12
	}
	if len(pairs) > 1200 || bytes > 120_000 {
		k.t.Fatalf("%d pairs and %d bytes in one write", len(pairs), bytes)
	}
	return k.KV.Write(pairs)
}

// Readers ask while the index follows; under -race this finds what is not locked.
func TestReadersMeanwhile(t *testing.T) {
	w := newWorld(t)
	steps, _ := storetest.Story(&w.Maker)
	w.add(steps...)
	kv := memdb.NewKV()
	tx, err := OpenTx(kv)
	must(t, err)
	scripts, err := OpenScript(kv)
	must(t, err)
	scripts.most = 2
	done := make(chan error, 2)
	go func() { done <- tx.Sync(t.Context(), w.c, nil) }()
	go func() { done <- scripts.Sync(t.Context(), w.c, nil) }()
	id := w.nodes[1].Block.Txs[0].ID()
	for running := 2; running > 0; {
		select {
		case err := <-done:
			must(t, err)
			running--
		default:
		}
		if _, err := tx.Find(id, w.blocks); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNotReady) {
			t.Fatal(err)
		}
		b, at, err := scripts.Balance(storetest.Lock)
		if err != nil && !errors.Is(err, ErrNotReady) {
			t.Fatal(err)
		}
		if node := w.c.Lookup(at.Hash); err == nil && node != nil && node.Height() > 0 && b.Coins == 0 {
			t.Fatalf("half a block was read at %d", node.Height())
		}
		if tx.Position().Height < 0 || scripts.Entries() > 1<<20 {
			t.Fatal("nonsense")
		}
	}
	w.agree(tx.Follower, kinds[0])
}

// The zero hash with height 0 is the position before genesis, where UpdatesSince begins.
func TestEmptyChain(t *testing.T) {
	w := newWorld(t)
	for _, open := range kinds {
		f, err := open(memdb.NewKV())
		must(t, err)
		if f.Position() != (chain.Position{}) || f.CaughtUp() {
			t.Fatal("an empty index stands somewhere")
		}
		must(t, f.Close())
		must(t, f.Sync(t.Context(), w.c, nil))
		w.agree(f, open)
		if f.Entries() != 0 {
			t.Fatal("genesis is in the index")
		}
	}
}

func FuzzDecode(f *testing.F) {
	e := Event{Height: 1, Index: 2, TxID: types.Hash{3}, Funding: true, Received: 1 << 50}
	c := Coin{OutPoint: types.OutPoint{TxID: types.Hash{3}, Index: 7}, Height: 9}
	s := state{mode: partial, pos: chain.Position{Height: 3}, count: 9, serial: 2}
	f.Add(appendSpot(nil, 1, 2), e.value(e.TxID))
	f.Add(c.key(nil), []byte{1, 5})
	f.Add([]byte{}, s.encode(1)[versionSize:])
	f.Fuzz(func(t *testing.T, rest, value []byte) {
		if e, ok := decodeEvent(rest, value); ok {
			if e.Received < 0 || e.Sent < 0 {
				t.Fatalf("%+v", e)
			}
			if back, ok := decodeEvent(appendSpot(nil, e.Height, e.Index), e.value(e.TxID)); !ok || back != e {
				t.Fatalf("%+v became %+v", e, back)
			}
		}
		if c, ok := decodeCoin(rest, value); ok && (c.Value < 0 || string(c.key(nil)) != string(rest)) {
			t.Fatalf("%+v", c)
		}
		if s, ok := decodeState(value); ok && string(s.encode(1)[versionSize:]) != string(value) {
			t.Fatalf("%+v", s)
		}
	})
}
