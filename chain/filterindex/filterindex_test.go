package filterindex_test

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/btcsuite/btcd/btcutil/v2/gcs"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/filterindex"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	count "github.com/cairn-chain/cairn/internal/vectors"
	"github.com/cairn-chain/cairn/types"
)

// The vectors of BIP158 (bip-0158/testnet-19.json), with names for the columns.
//
//go:embed testdata/bip158.json
var vectors []byte

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	var list []struct {
		Height              int
		Hash, Prev, Header  types.Hash
		Block, Filter, Note string
		Spent               []string
	}
	if err := json.Unmarshal(vectors, &list); err != nil {
		t.Fatal(err)
	}
	tally := count.New(t, "bip158", 10)
	for _, v := range list {
		b, err := types.DecodeBlock(unhex(t, v.Block))
		if err != nil || b.Hash() != v.Hash {
			t.Fatalf("block %d: %v", v.Height, err)
		}
		if err := consensus.CheckBlock(consensus.Testnet3(), b); err != nil { // so it is written down without a fault
			t.Fatalf("block %d: %v", v.Height, err)
		}
		var undo consensus.Undo
		for _, tx := range b.Txs[1:] {
			var coins []consensus.Coin
			for range tx.In {
				coins = append(coins, consensus.Coin{Out: types.TxOut{Script: unhex(t, v.Spent[0])}})
				v.Spent = v.Spent[1:]
			}
			undo = append(undo, coins)
		}
		filter, err := filterindex.Build(b, undo)
		if err != nil {
			t.Fatal(err)
		}
		got, header := hex.EncodeToString(filter), filterindex.Header(filter, v.Prev)
		passed := got == v.Filter && header == v.Header && len(v.Spent) == 0
		if tally.Case(passed); !passed {
			t.Errorf("block %d (%s): filter %s, want %s; header %s, want %s", v.Height, v.Note, got, v.Filter, header, v.Header)
		}
	}
}

// A block whose only output is OP_RETURN has the filter of nothing.
func TestEmptyFilter(t *testing.T) {
	b := &types.Block{Txs: []*types.Tx{{In: []types.TxIn{{PrevOut: types.NullOutPoint}}, Out: []types.TxOut{{Script: []byte{0x6a, 1, 2}}, {}}}}}
	filter, err := filterindex.Build(b, nil)
	if err != nil || !bytes.Equal(filter, []byte{0}) {
		t.Fatalf("%x, %v", filter, err)
	}
}

type fixture struct {
	storetest.Maker
	t    *testing.T
	c    *chain.Chain
	kv   *memdb.KV
	x    *filterindex.Index
	root *consensustest.Node
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{Maker: storetest.Maker{T: t, Params: storetest.Params()}, t: t, kv: memdb.NewKV()}
	f.c = storetest.Open(t, storetest.Config(f.Params, memdb.New()))
	f.root = f.Genesis()
	f.open()
	return f
}

func (f *fixture) open() {
	x, err := filterindex.Open(f.kv)
	if err != nil {
		f.t.Fatal(err)
	}
	f.x = x
}

// agree syncs and compares the chain of headers with one made from the blocks.
func (f *fixture) agree() {
	f.t.Helper()
	if err := f.x.Sync(f.t.Context(), f.c); err != nil {
		f.t.Fatal(err)
	}
	if f.x.Position() != f.c.Tip().Position() {
		f.t.Fatalf("stands at %v", f.x.Position())
	}
	var prev types.Hash
	for h := int32(0); h <= f.c.Tip().Height(); h++ {
		hash := f.c.AtHeight(h).Hash()
		b, err := f.c.Block(hash)
		if err != nil {
			f.t.Fatal(err)
		}
		undo, err := f.c.Undo(hash)
		if err != nil {
			f.t.Fatal(err)
		}
		want, err := filterindex.Build(b, undo)
		if err != nil {
			f.t.Fatal(err)
		}
		prev = filterindex.Header(want, prev)
		got, err := f.x.Filter(hash)
		header, herr := f.x.FilterHeader(hash)
		if err != nil || herr != nil || !bytes.Equal(got, want) || header != prev {
			f.t.Fatalf("block %d: %v %v", h, err, herr)
		}
	}
}

func TestFollowsReorg(t *testing.T) {
	f := newFixture(t)
	a := f.Empty(f.root, 3)
	storetest.Add(t, f.c, a...)
	coin := storetest.Output(a[0].Block.Txs[0], 0, 1, true)
	a4 := f.Block(a[2], storetest.Spend(2, coin))
	storetest.Add(t, f.c, a4)
	f.agree()
	storetest.Add(t, f.c, f.Empty(a[0], 5)...)
	f.agree()
	if _, err := f.x.Filter(a4.Hash()); err != nil {
		t.Fatalf("the filter of a stale block: %v", err)
	}
	f.open() // as after a restart
	storetest.Add(t, f.c, f.Empty(a4, 3)...)
	f.agree()
	if _, err := f.x.Filter(types.Hash{1}); !errors.Is(err, filterindex.ErrNotIndexed) {
		t.Fatal(err)
	}
}

// An index that is ahead of the chain, as after a power cut, starts over.
func TestUnknownPosition(t *testing.T) {
	f := newFixture(t)
	storetest.Add(t, f.c, f.Empty(f.root, 4)...)
	f.agree()
	f.c = storetest.Open(t, storetest.Config(f.Params, memdb.New()))
	storetest.Add(t, f.c, f.Empty(f.root, 2)...)
	f.agree()
}

// A power cut may also leave the header of the block at which the index stands, and not the block.
func TestPositionWithoutBlock(t *testing.T) {
	f := newFixture(t)
	nodes := f.Empty(f.root, 4)
	storetest.Add(t, f.c, nodes...)
	f.agree()
	f.c = storetest.Open(t, storetest.Config(f.Params, memdb.New()))
	var headers []types.Header
	for _, n := range nodes {
		headers = append(headers, n.Header())
	}
	if n, err := f.c.AddHeaders(headers); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	storetest.Add(t, f.c, nodes[:2]...)
	f.agree()
	storetest.Add(t, f.c, nodes[2:]...)
	f.agree()
}

// A filter that was changed on disk is not served, and the index mends itself.
func TestDamage(t *testing.T) {
	f := newFixture(t)
	nodes := f.Empty(f.root, 4)
	storetest.Add(t, f.c, nodes...)
	f.agree()
	key := append([]byte("cf/f/"), make([]byte, 32)...)
	hash := nodes[3].Hash()
	copy(key[5:], hash[:])
	value, err := f.kv.Get(key)
	if err != nil || len(value) < 40 {
		t.Fatalf("%x %v", value, err)
	}
	value[20] ^= 4
	if err := f.kv.Write([]chain.Pair{{Key: key, Value: value}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.x.Filter(hash); !errors.Is(err, chain.ErrDamaged) {
		t.Fatal(err)
	}
	storetest.Add(t, f.c, f.Block(nodes[3]))
	f.agree()
}

// failing fails all writes after the first left ones.
type failing struct {
	chain.KV
	left int
}

var errDisk = errors.New("disk full")

func (k *failing) Write(pairs []chain.Pair) error {
	if k.left--; k.left < 0 {
		return errDisk
	}
	return k.KV.Write(pairs)
}

func TestStopsAtEveryWrite(t *testing.T) {
	for n := 0; ; n++ {
		f := newFixture(t)
		a := f.Empty(f.root, 3)
		storetest.Add(t, f.c, a...)
		x, err := filterindex.Open(&failing{f.kv, n})
		if err != nil {
			t.Fatal(err)
		}
		err = x.Sync(t.Context(), f.c)
		if err == nil {
			storetest.Add(t, f.c, f.Empty(a[0], 3)...)
			err = x.Sync(t.Context(), f.c)
		}
		done := err == nil
		if !done && !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
		f.kv = f.kv.Reopen()
		f.open()
		f.agree()
		if done {
			if n < 9 {
				t.Fatalf("only %d writes", n)
			}
			return
		}
	}
}

func Example() {
	b := &types.Block{Txs: []*types.Tx{{Out: []types.TxOut{{Value: 1, Script: []byte{0x51}}}}}}
	filter, err := filterindex.Build(b, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := gcs.FromNBytes(filterindex.P, filterindex.M, filter)
	if err != nil {
		fmt.Println(err)
		return
	}
	hash := b.Hash()
	match, err := f.Match([16]byte(hash[:16]), []byte{0x51})
	fmt.Println(match, err)
	// Output: true <nil>
}
