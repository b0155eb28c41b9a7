package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/blockfile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/lab"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/types"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", ArgsUsage: "FILE", Usage: "write the best chain of a node to a file of blocks", Action: runExport, OnUsageError: wrongUsage,
		Flags: append(clientFlags(),
			&cli.StringFlag{Name: "params", EnvVars: env("params"), Usage: "`FILE` in TOML that changes numbers of a network"},
			&cli.IntFlag{Name: "from", Usage: "first `HEIGHT`"}, &cli.IntFlag{Name: "to", Value: -1, DefaultText: "the tip", Usage: "last `HEIGHT`"}),
		Description: "Example:\n\n    cairn chain export blocks.dat",
	}
}

func importCommand() *cli.Command {
	return &cli.Command{
		Name: "import", ArgsUsage: "FILE...", Usage: "validate blocks from files and add them to a chain", Action: runImport, OnUsageError: wrongUsage,
		Flags: append(networkFlags(),
			&cli.StringFlag{Name: "data", Value: defaultDataDir(), EnvVars: env("data"), Usage: "data `DIR` of a node that does not run"},
			&cli.StringFlag{Name: "node", EnvVars: env("node"), Usage: "RPC `URL` of a running node to give the blocks to instead"},
			&cli.StringFlag{Name: "cookie", EnvVars: env("cookie"), Usage: "`FILE` with that node's cookie"},
			&cli.IntFlag{Name: "dbcache", Value: 256, EnvVars: env("dbcache"), Usage: "coin cache in `MiB`"}),
		Description: "Example:\n\n    cairn chain import --data /tmp/copy blocks.dat\n" +
			"    cairn chain import --network mainnet --data /tmp/bitcoin ~/.bitcoin/blocks/blk00000.dat",
	}
}

func runExport(c *cli.Context) error {
	if c.NArg() != 1 {
		return usagef("export needs a file's name: `cairn chain export blocks.dat`")
	}
	client, err := dialNode(c)
	if err != nil {
		return err
	}
	var info struct {
		Blocks int    `json:"blocks"`
		Chain  string `json:"chain"`
	}
	if err := client.Call(c.Context, "getblockchaininfo", &info); err != nil {
		return err
	}
	magic, err := magicOf(c, info.Chain)
	if err != nil {
		return err
	}
	last := c.Int("to")
	if last < 0 || last > info.Blocks {
		last = info.Blocks
	}
	first := c.Int("from")
	if first < 0 || first > last {
		return usagef("there are no blocks from height %d to %d", first, last)
	}
	file := c.Args().First()
	tmp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	err = exportBlocks(c, client, f, magic, first, last)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, file); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%s, heights %d to %d, in %s\n", plural(last-first+1, "block"), first, last, file)
	return nil
}

// magicOf finds the magic of the chain that a node says it is on: a known network, that of --params, or that of
// the running testnet.
func magicOf(c *cli.Context, name string) (uint32, error) {
	if p, err := consensus.Network(name); err == nil {
		return p.Magic, nil
	}
	file := c.String("params")
	if sheet, err := lab.ReadSheet(c.String("testnet-data")); err == nil && file == "" {
		file = sheet.Params
	}
	if file == "" {
		return 0, fmt.Errorf("the node is on a network of its own, %s: name its params file with --params", name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	p, err := consensus.ParseParams(text)
	if err != nil {
		return 0, err
	}
	if p.Name != name {
		return 0, fmt.Errorf("the node is on %s, %s describes %s", name, file, p.Name)
	}
	return p.Magic, nil
}

func exportBlocks(c *cli.Context, client *client.Client, f io.Writer, magic uint32, first, last int) error {
	w := bufio.NewWriterSize(f, 1<<20)
	bar := newBar(c, int64(last-first+1), progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("blocks"))
	for height := first; height <= last; height++ {
		raw, err := fetchBlock(c.Context, client, height)
		if err != nil {
			return err
		}
		if _, err := w.Write(blockfile.Append(nil, magic, raw)); err != nil {
			return err
		}
		_ = bar.Add(1) // the bar is only for looking at
	}
	_ = bar.Finish()
	return w.Flush()
}

func fetchBlock(ctx context.Context, client *client.Client, height int) ([]byte, error) {
	var hash, text string
	if err := client.Call(ctx, "getblockhash", &hash, height); err != nil {
		return nil, err
	}
	if err := client.Call(ctx, "getblock", &text, hash, 0); err != nil {
		return nil, err
	}
	return hex.DecodeString(text)
}

// newBar draws on standard error, if that is a terminal.
func newBar(c *cli.Context, total int64, more ...progressbar.Option) *progressbar.ProgressBar {
	f, ok := c.App.ErrWriter.(*os.File)
	return progressbar.NewOptions64(total, append(more, progressbar.OptionSetWriter(c.App.ErrWriter), progressbar.OptionSetPredictTime(true),
		progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionSetVisibility(ok && term.IsTerminal(int(f.Fd()))))...)
}

// sink takes imported blocks.
type sink interface {
	// add gives a block to the chain; known says that it was there. errNoParent: its parent is not.
	add(ctx context.Context, raw []byte) (b *types.Block, known bool, err error)
	close() error
}

var errNoParent = errors.New("the block's parent is not known")

func runImport(c *cli.Context) error {
	if !c.Args().Present() {
		return usagef("import needs files of blocks: `cairn chain import blocks.dat`")
	}
	p, err := networkParams(c)
	if err != nil {
		return err
	}
	to, err := openSink(c, p)
	if err != nil {
		return err
	}
	im := &importer{to: to, magic: p.Magic, waiting: map[types.Hash][]place{}}
	err = im.files(c)
	if err = errors.Join(err, to.close()); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d blocks with %d transactions added, %d were there before\n", im.added, im.txs, im.known)
	if left := im.left(); left > 0 {
		return fmt.Errorf("%d blocks were left out: their parents are neither in the files nor in the chain", left)
	}
	return nil
}

func openSink(c *cli.Context, p *consensus.Params) (sink, error) {
	if url := c.String("node"); url != "" {
		client, err := client.Dial(url, c.String("cookie"))
		return rpcSink{client}, err
	}
	dir := filepath.Join(c.String("data"), p.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	ch, err := node.OpenChain(c.Context, node.Config{Params: p, DataDir: dir, CacheBytes: int64(c.Int("dbcache")) << 20, Progress: startProgress(c.App.ErrWriter)})
	return chainSink{ch}, err
}

// place is where a block's record lies.
type place struct {
	file   string
	offset int64
}

// importer feeds blocks to a sink. A block whose parent has not come yet is remembered by its place, not by its
// bytes, and read again when the parent is there.
type importer struct {
	to      sink
	magic   uint32
	waiting map[types.Hash][]place
	bar     *progressbar.ProgressBar
	begin   time.Time

	added, known, txs int
}

func (im *importer) left() (n int) {
	for _, places := range im.waiting {
		n += len(places)
	}
	return n
}

func (im *importer) files(c *cli.Context) error {
	var total int64
	for _, name := range c.Args().Slice() {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		total += info.Size()
	}
	im.bar, im.begin = newBar(c, total, progressbar.OptionShowBytes(true)), time.Now()
	defer im.bar.Exit()
	for _, name := range c.Args().Slice() {
		if err := im.file(c.Context, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_ = im.bar.Finish()
	return nil
}

func (im *importer) file(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	key, err := scrambleKey(name)
	if err != nil {
		return err
	}
	for r := blockfile.NewReader(blockfile.Unscramble(f, key, 0), im.magic); ; {
		raw, offset, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := im.block(ctx, raw, place{name, offset}); err != nil {
			return fmt.Errorf("offset %d: %w", offset, err)
		}
		_ = im.bar.Add64(int64(len(raw)) + 8)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// block adds one block and then whatever was waiting for it.
func (im *importer) block(ctx context.Context, raw []byte, at place) error {
	ready := [][]byte{raw}
	for len(ready) > 0 {
		raw, ready = ready[0], ready[1:]
		b, known, err := im.to.add(ctx, raw)
		if errors.Is(err, errNoParent) {
			im.waiting[b.Header.PrevHash] = append(im.waiting[b.Header.PrevHash], at)
			continue
		}
		if err != nil {
			return err
		}
		im.count(b, known)
		places := im.waiting[b.Hash()]
		delete(im.waiting, b.Hash())
		for _, p := range places {
			child, err := readPlace(p, im.magic)
			if err != nil {
				return err
			}
			ready = append(ready, child)
		}
	}
	return nil
}

func (im *importer) count(b *types.Block, known bool) {
	if known {
		im.known++
		return
	}
	im.added++
	im.txs += len(b.Txs)
	im.bar.Describe(fmt.Sprintf("%d blocks, %.0f transactions/s", im.added, float64(im.txs)/time.Since(im.begin).Seconds()))
}

func readPlace(p place, magic uint32) ([]byte, error) {
	f, err := os.Open(p.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(p.offset, io.SeekStart); err != nil {
		return nil, err
	}
	key, err := scrambleKey(p.file)
	if err != nil {
		return nil, err
	}
	raw, _, err := blockfile.NewReader(blockfile.Unscramble(f, key, p.offset), magic).Next()
	return raw, err
}

// scrambleKey is the key in Bitcoin Core's xor.dat beside a file of blocks, nil if there is none.
func scrambleKey(file string) ([]byte, error) {
	key, err := os.ReadFile(filepath.Join(filepath.Dir(file), "xor.dat"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return key, err
}

// chainSink adds to a chain of this process.
type chainSink struct{ chain *chain.Chain }

func (s chainSink) add(_ context.Context, raw []byte) (*types.Block, bool, error) {
	b, err := types.DecodeBlock(raw)
	if err != nil {
		return nil, false, err
	}
	if n := s.chain.Lookup(b.Hash()); n != nil && n.HaveBlock() {
		return b, true, nil
	}
	if s.chain.Lookup(b.Header.PrevHash) == nil {
		return b, false, errNoParent
	}
	known, err := s.chain.AddBlock(b)
	if err != nil {
		err = fmt.Errorf("block %s: %w", b.Hash(), err)
	}
	return b, known, err
}

func (s chainSink) close() error { return s.chain.Close() }

// rpcSink gives blocks to a running node.
type rpcSink struct{ client *client.Client }

func (s rpcSink) add(ctx context.Context, raw []byte) (*types.Block, bool, error) {
	b, err := types.DecodeBlock(raw)
	if err != nil {
		return nil, false, err
	}
	var verdict *string
	if err := s.client.Call(ctx, "submitblock", &verdict, hex.EncodeToString(raw)); err != nil {
		return b, false, err
	}
	switch {
	case verdict == nil || *verdict == string(consensus.Inconclusive):
		return b, false, nil
	case *verdict == string(consensus.Duplicate):
		return b, true, nil
	case *verdict == string(consensus.PrevBlkNotFound):
		return b, false, errNoParent
	}
	return b, false, fmt.Errorf("block %s: the node answers %s", b.Hash(), *verdict)
}

func (s rpcSink) close() error { return nil }
