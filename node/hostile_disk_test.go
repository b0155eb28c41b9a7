package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain/filterindex"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// image is a data directory in memory: of each file the parts that are not zero.
type image struct {
	names []string
	files map[string]*imageFile
}

type imageFile struct {
	size   int64
	chunks []chunk
}

type chunk struct {
	at   int64
	data []byte
}

// photograph reads a directory, of a node that has stopped or of one that runs, which is what a killed process leaves.
func photograph(t *testing.T, dir string) *image {
	t.Helper()
	im := &image{files: map[string]*imageFile{}}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f := &imageFile{size: int64(len(raw))}
		const piece = 4096
		for at := 0; at < len(raw); at += piece {
			if part := raw[at:min(at+piece, len(raw))]; len(bytes.Trim(part, "\x00")) > 0 {
				f.chunks = append(f.chunks, chunk{int64(at), part})
			}
		}
		im.names = append(im.names, name)
		im.files[name] = f
		return nil
	}))
	return im
}

// develop writes the directory anew.
func (im *image) develop(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range im.names {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
		must(t, err)
		must(t, f.Truncate(im.files[name].size))
		for _, c := range im.files[name].chunks {
			_, err := f.WriteAt(c.data, c.at)
			must(t, err)
		}
		must(t, f.Close())
	}
	return dir
}

// offset draws a place in a file that is not zero, or near one.
func (f *imageFile) offset(rng *rand.Rand) int64 {
	c := f.chunks[rng.IntN(len(f.chunks))]
	used := len(bytes.TrimRight(c.data, "\x00"))
	return c.at + int64(rng.IntN(used))
}

// damages are what a disk does to a file.
var damages = map[string]func(f *os.File, at, size int64) error{
	"one byte": func(f *os.File, at, _ int64) error { return xor(f, at, 1) },
	"the rest of a page": func(f *os.File, at, size int64) error {
		_, err := f.WriteAt(make([]byte, min(4096-at%4096, size-at)), at)
		return err
	},
	"cut off": func(f *os.File, at, _ int64) error { return f.Truncate(at) },
	"gone":    func(f *os.File, _, _ int64) error { return os.Remove(f.Name()) },
}

func xor(f *os.File, at int64, n int) error {
	b := make([]byte, n)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	for i := range b {
		b[i] ^= 0x55
	}
	_, err := f.WriteAt(b, at)
	return err
}

// original is what an undamaged node knows.
type original struct {
	params  *consensus.Params
	blocks  []*types.Block // by height
	sets    []types.Hash   // the coin set's checksum after each
	filters []types.Hash   // the filter header of each
	pooled  types.Hash
	images  map[string]*image
}

// diskConfig is a node that keeps filters, without any service.
func diskConfig(p *consensus.Params, dir string) Config {
	return Config{Params: p, DataDir: dir, ConnectOnly: true}
}

func makeOriginal(t *testing.T) *original {
	t.Helper()
	p, err := consensus.ParseParams([]byte("base = \"regtest\"\nname = \"disk\"\nblock_filter_index = true\ncoinbase_maturity = 1\n"))
	must(t, err)
	o := &original{params: p}
	dir := t.TempDir()
	s := besiege(t, func(c *Config) { c.Params, c.DataDir = p, dir })
	n := s.node
	note := func() {
		tip := n.chain.Tip()
		b, err := n.chain.Block(tip.Hash())
		must(t, err)
		info, err := n.chain.SetInfo(s.ctx)
		must(t, err)
		must(t, nodeRPC{n}.Settle(s.ctx))
		_, header, err := filtersRPC{n}.Filter(tip.Hash())
		must(t, err)
		o.blocks, o.sets, o.filters = append(o.blocks, b), append(o.sets, info.MuHash), append(o.filters, header)
	}
	note()
	must(t, n.SubmitBlock(s.ctx, s.block()))
	note()
	for h := range int32(100) {
		must(t, n.SubmitBlock(s.ctx, s.block(noted(t, coinbaseSpend(t, n, h+1, 1000)))))
		note()
	}
	pooled := coinbaseSpend(t, n, 101, 1000)
	must(t, n.SubmitTx(s.ctx, pooled))
	o.pooled = pooled.ID()
	for i := range 50 {
		s.call(nil, "addpeeraddress", fmt.Sprintf("%d.%d.3.4", 20+i, i), 18444)
	}
	killed := photograph(t, dir)
	must(t, n.Close())
	o.images = map[string]*image{"killed": killed, "stopped": photograph(t, dir)}
	return o
}

// noted adds outputs without value to a signed transaction of the test's key, so that its block lies in the value log.
func noted(t *testing.T, tx *types.Tx) *types.Tx {
	t.Helper()
	in := tx.In[0]
	value := tx.Out[0].Value + 1000
	tx = &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: in.PrevOut, Sequence: in.Sequence}}, Out: tx.Out}
	for i := range 2 {
		tx.Out = append(tx.Out, types.TxOut{Script: script.NullDataScript(bytes.Repeat([]byte{byte(i + 1)}, 700))})
	}
	return consensustest.Sign(t, tx, consensus.CoinEntry{Coin: consensus.Coin{Out: types.TxOut{Value: value, Script: consensustest.KeyLock()}}})
}

// verdict starts a node on a directory and tells what became of it. It fails the test if the node knows anything else than the original did.
func (o *original) verdict(t *testing.T, what, dir string) string {
	t.Helper()
	log := &record{least: slog.LevelInfo}
	cfg := diskConfig(o.params, dir)
	cfg.Log = slog.New(log)
	n, err := Start(context.Background(), cfg)
	if err != nil {
		text := err.Error()
		if strings.Contains(text, "\n") || len(text) < 20 {
			t.Errorf("%s: not a clear message: %q", what, text)
		}
		return "refused: " + text
	}
	defer func() {
		if err := n.Close(); err != nil {
			t.Logf("%s: closing: %v", what, err)
		}
	}()
	height, told := n.chain.Tip().Height(), log.all()
	o.agrees(t, what, n)
	for _, b := range o.blocks[1:] { // what a peer would bring
		if err := n.SubmitBlock(n.ctx, b); err != nil {
			t.Errorf("%s: a block of the original is refused: %v", what, err)
			return "wrong"
		}
	}
	if n.chain.Tip().Height() != int32(len(o.blocks)-1) {
		t.Errorf("%s: stays at %d", what, n.chain.Tip().Height())
	}
	what += ", after the blocks came again"
	o.agrees(t, what, n)
	for h, b := range o.blocks {
		if _, err := n.chain.Block(b.Hash()); err != nil {
			t.Errorf("%s: block %d: %v", what, h, err)
		}
	}
	if height < int32(len(o.blocks)-1) {
		if !strings.Contains(told, "not clean") && !strings.Contains(told, "anew") && !strings.Contains(told, "not read back") {
			t.Errorf("%s: the node has lost the blocks after %d and does not say so: %s", what, height, told)
		}
		return fmt.Sprintf("fetches the blocks after %d again", height)
	}
	return "the same"
}

// agrees compares what a node knows with the original at the height where it is.
func (o *original) agrees(t *testing.T, what string, n *Node) {
	t.Helper()
	tip := n.chain.Tip()
	if tip.Hash() != o.blocks[tip.Height()].Hash() {
		t.Errorf("%s: another chain", what)
		return
	}
	info, err := n.chain.SetInfo(n.ctx)
	if err != nil {
		t.Errorf("%s: the coin set cannot be read: %v", what, err)
	} else if info.MuHash != o.sets[tip.Height()] {
		t.Errorf("%s: SILENTLY DIFFERENT at %d: %d coins", what, tip.Height(), info.Coins)
	}
	must(t, nodeRPC{n}.Settle(n.ctx))
	for h, want := range o.blocks[:tip.Height()+1] {
		if b, err := n.chain.Block(want.Hash()); err == nil && b.Hash() != want.Hash() {
			t.Errorf("%s: block %d is another", what, h)
		}
		_, header, err := filtersRPC{n}.Filter(want.Hash())
		if err == nil && header != o.filters[h] {
			t.Errorf("%s: filter header %d is another", what, h)
		}
		if err != nil && !errors.Is(err, filterindex.ErrNotIndexed) {
			t.Logf("%s: filter %d: %v", what, h, err)
		}
	}
	for _, id := range n.pool.IDs() {
		if id != o.pooled {
			t.Errorf("%s: transaction %s in the mempool", what, id)
		}
	}
}

// Bad input 28 on the whole node: each class of file of a stopped node and of a killed one, with a byte flipped, a page lost, cut off
// or gone. The node refuses to start with a sentence that says what to do, or starts with a coin set that the chain
// really had, and comes to the end of the chain when it is given the blocks. Never does it know something else.
func TestHostileDisk(t *testing.T) {
	o := makeOriginal(t)
	rng := rand.New(rand.NewPCG(28, 0))
	more := []string{"the rest of a page", "cut off", "gone"}
	for _, state := range []string{"stopped", "killed"} {
		im := o.images[state]
		if v := o.verdict(t, state, im.develop(t)); v != "the same" {
			t.Fatalf("%s, undamaged: %s", state, v)
		}
		for i, name := range im.names {
			f := im.files[name]
			if len(f.chunks) == 0 || strings.HasSuffix(name, "LOCK") {
				continue
			}
			// A flipped byte everywhere, the other kinds in turn.
			for _, kind := range []string{"one byte", more[i%len(more)]} {
				dir, at := im.develop(t), f.offset(rng)
				file, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
				must(t, err)
				must(t, errors.Join(damages[kind](file, at, f.size), file.Close()))
				what := fmt.Sprintf("%s: %s, %s, byte %d of %d", state, name, kind, at, f.size)
				t.Logf("%s: %s", what, o.verdict(t, what, dir))
			}
		}
	}
}
