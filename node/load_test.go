package node

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/utxofile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// snapshotSource is a node with 130 blocks and a file of its coins at height 120.
func snapshotSource(t *testing.T) (n *Node, ctx context.Context, file string, declared consensus.AssumeUTXO) {
	t.Helper()
	n, ctx = start(t, nil)
	generate(t, ctx, n, 110)
	must(t, n.SubmitTx(ctx, coinbaseSpend(t, n, 3, 5000)))
	generate(t, ctx, n, 20)
	d := ask[dumped](call(t, ctx, n), "dumptxoutset", filepath.Join(t.TempDir(), "utxo.dat"), "", map[string]any{"rollback": 120})
	block, err := types.ParseHash(d.Base)
	must(t, err)
	hash, err := types.ParseHash(d.Hash)
	must(t, err)
	return n, ctx, d.Path, consensus.AssumeUTXO{Height: 120, Block: block, Hash: hash, ChainTx: uint64(d.Txs)}
}

// beginner is a node that knows the headers of another and may load its snapshot.
func beginner(t *testing.T, from *Node, dir string, assume ...consensus.AssumeUTXO) (*Node, context.Context) {
	t.Helper()
	n, ctx := start(t, func(c *Config) {
		c.DataDir = dir
		c.Params.Assume = assume
		c.Params.BlockFilterIndex = true
	})
	giveHeaders(t, ctx, n, from)
	return n, ctx
}

func giveHeaders(t *testing.T, ctx context.Context, n, from *Node) {
	t.Helper()
	var hs []types.Header
	for h := int32(1); h <= from.chain.Tip().Height(); h++ {
		hs = append(hs, from.chain.AtHeight(h).Header())
	}
	must(t, n.do(ctx, func() error { return n.ledger.addHeaders(0, hs) }))
}

type loaded struct {
	Coins  int    `json:"coins_loaded"`
	Tip    string `json:"tip_hash"`
	Height int    `json:"base_height"`
}

type chainstates struct {
	Headers int `json:"headers"`
	States  []struct {
		Blocks    int    `json:"blocks"`
		Base      string `json:"snapshot_blockhash"`
		Validated bool   `json:"validated"`
	} `json:"chainstates"`
}

// awaitHistory waits until nothing is assumed any more.
func awaitHistory(t *testing.T, ctx context.Context, n *Node) {
	t.Helper()
	bell, cancel := n.chain.Subscribe()
	defer cancel()
	for {
		if _, assumed := n.chain.Assumed(); !assumed {
			return
		}
		select {
		case <-bell:
		case <-ctx.Done():
			for _, s := range n.chain.Chainstates() {
				t.Logf("height %d, validated %v", s.Tip.Height(), s.Validated)
			}
			t.Fatalf("the history does not end; %d blocks are wanted", len(n.chain.Wanted(200)))
		}
	}
}

// The whole way, over real peers: dump, load on a new node, the tip at once, a restart, the history, the index.
func TestLoadTxOutSet(t *testing.T) {
	from, ctx, file, declared := snapshotSource(t)
	dir := t.TempDir()
	n, _ := beginner(t, from, dir, declared)
	c := call(t, ctx, n)
	got := ask[loaded](c, "loadtxoutset", file)
	if got.Height != 120 || got.Coins != 120 || got.Tip != declared.Block.String() || n.chain.Tip().Hash() != declared.Block {
		t.Fatalf("%+v", got)
	}
	c.saying(jsonrpc.CodeInternal, "Can't activate a snapshot-based chainstate more than once", "loadtxoutset", file)
	if s := ask[chainstates](c, "getchainstates"); s.Headers != 130 || len(s.States) != 2 || s.States[0].Blocks != 0 || !s.States[0].Validated ||
		s.States[1].Blocks != 120 || s.States[1].Validated || s.States[1].Base != got.Tip {
		t.Fatalf("%+v", s)
	}
	if info := ask[map[string]any](c, "gettxoutsetinfo"); info["hash_serialized_3"] != declared.Hash.String() {
		t.Fatal(info)
	}
	if n.offers()&wire.NodeNetwork != 0 {
		t.Fatal("it offers blocks that it does not have")
	}
	c.saying(jsonrpc.CodeMisc, "Block not available (not fully downloaded)", "getblock", got.Tip)
	c.saying(jsonrpc.CodeMisc, "lies below the snapshot", "invalidateblock", got.Tip)
	c.do("syncwithvalidationinterfacequeue")
	must(t, n.Close())
	n, _ = beginner(t, from, dir, declared)
	if base, ok := n.chain.Assumed(); !ok || base.Height != 120 || n.chain.Tip().Height() != 120 {
		t.Fatal("the snapshot is forgotten")
	}
	n.AddPeer(from.P2PAddr())
	awaitTip(t, ctx, n, from.chain.Tip().Hash())
	awaitHistory(t, ctx, n)
	c = call(t, ctx, n)
	if s := ask[chainstates](c, "getchainstates"); len(s.States) != 1 || s.States[0].Blocks != 130 || !s.States[0].Validated || s.States[0].Base != "" {
		t.Fatalf("%+v", s)
	}
	c.do("getblock", got.Tip)
	c.do("syncwithvalidationinterfacequeue")
	if pos := n.filters.Position(); pos.Height != 130 || n.offers()&wire.NodeNetwork == 0 {
		t.Fatal(pos)
	}
	mine, theirs := ask[map[string]any](c, "gettxoutsetinfo", "muhash"), ask[map[string]any](call(t, ctx, from), "gettxoutsetinfo", "muhash")
	if mine["muhash"] != theirs["muhash"] {
		t.Fatal("other coins")
	}
	if txs := ask[map[string]any](c, "getchaintxstats"); txs["txcount"] != 132.0 {
		t.Fatal(txs)
	}
}

// Whatever is wrong with a file is said in Bitcoin Core's words, and changes nothing: the good file can be loaded afterwards.
func TestLoadTxOutSetRefuses(t *testing.T) {
	from, ctx, file, declared := snapshotSource(t)
	n, _ := beginner(t, from, t.TempDir(), declared)
	c := call(t, ctx, n)
	whole, err := os.ReadFile(file)
	must(t, err)
	broken := filepath.Join(t.TempDir(), "broken.dat")
	refuse := func(code int, want string, raw []byte) {
		t.Helper()
		must(t, os.WriteFile(broken, raw, 0o600))
		c.saying(code, want, "loadtxoutset", broken)
	}
	with := func(at int, b ...byte) []byte {
		raw := append([]byte(nil), whole...)
		copy(raw[at:], b)
		return raw
	}
	c.saying(jsonrpc.CodeInvalidParameter, "Couldn't open file /no/such for reading.", "loadtxoutset", "/no/such")
	refuse(jsonrpc.CodeDeserialization, "Unable to parse metadata: Invalid UTXO set snapshot magic bytes.", with(0, 7))
	refuse(jsonrpc.CodeDeserialization, "Unable to parse metadata: Version of snapshot 3 does not match any of the supported versions.", with(5, 3))
	refuse(jsonrpc.CodeDeserialization, "The network of the snapshot (main) does not match the network of this node (regtest).", with(7, 0xf9, 0xbe, 0xb4, 0xd9))
	refuse(jsonrpc.CodeDeserialization, "unrecognized network", with(7, 0, 0, 0, 0))
	refuse(jsonrpc.CodeInternal, "assumeutxo block hash in snapshot metadata not recognized (hash: ", with(11, 1, 2, 3))
	refuse(jsonrpc.CodeInternal, "The following snapshot heights are available: 120.", with(11, 1, 2, 3))
	refuse(jsonrpc.CodeInternal, "Unable to load UTXO snapshot: Population failed: Bad snapshot - coins left over after deserializing 119 coins.", with(43, 119))
	refuse(jsonrpc.CodeInternal, "truncated snapshot after deserializing 120 coins.", with(43, 121))
	refuse(jsonrpc.CodeInternal, "coins left over", append(with(0), 0))
	for i := 51; i < len(whole); i += len(whole) / 23 {
		refuse(jsonrpc.CodeInternal, "Population failed: ", with(i, whole[i]^0x10))
	}
	if n.chain.Tip().Height() != 0 || len(n.chain.Chainstates()) != 1 {
		t.Fatal("a refused file changed something")
	}
	empty, _ := start(t, func(cfg *Config) { cfg.Params.Assume = []consensus.AssumeUTXO{declared} })
	call(t, ctx, empty).saying(jsonrpc.CodeInternal, "must appear in the headers chain", "loadtxoutset", file)
	if got := ask[loaded](c, "loadtxoutset", file); got.Coins != 120 {
		t.Fatalf("%+v", got)
	}
}

// A declared set that is not that of the chain stops the node when the history is through, and the next start goes on without it.
func TestLoadWrongTxOutSet(t *testing.T) {
	from, ctx, file, declared := snapshotSource(t)
	raw, err := os.ReadFile(file)
	must(t, err)
	declared.ChainTx += 7
	forged, hash := forge(t, raw, 120)
	declared.Hash = hash
	must(t, os.WriteFile(file, forged, 0o600))
	cfg := from.cfg
	cfg.DataDir, cfg.Params = t.TempDir(), consensus.Regtest()
	cfg.Params.Assume = []consensus.AssumeUTXO{declared}
	n, err := Start(ctx, cfg)
	must(t, err)
	giveHeaders(t, ctx, n, from)
	if got := ask[loaded](call(t, ctx, n), "loadtxoutset", file); got.Height != 120 {
		t.Fatalf("%+v", got)
	}
	n.AddPeer(from.P2PAddr())
	<-n.Done()
	if err := n.Close(); err == nil || !strings.Contains(err.Error(), "the snapshot of the coin set at height 120 is given up") {
		t.Fatal(err)
	}
	again, _ := start(t, func(c *Config) { c.DataDir = cfg.DataDir })
	if again.chain.Tip().Height() < 120 {
		t.Fatal(again.chain.Tip().Height())
	}
	again.AddPeer(from.P2PAddr())
	awaitTip(t, ctx, again, from.chain.Tip().Hash())
	must(t, again.chain.Verify(ctx, 0, nil))
}

// forge changes the height of the first coin and returns the file and its hash.
func forge(t *testing.T, raw []byte, height int32) ([]byte, types.Hash) {
	t.Helper()
	head, err := utxofile.ReadHeader(bytes.NewReader(raw))
	must(t, err)
	var out bytes.Buffer
	w, err := utxofile.NewWriter(&out, head)
	must(t, err)
	hash := chain.NewSerialHash()
	r := utxofile.NewReader(bytes.NewReader(raw[utxofile.HeaderSize:]), head, height)
	for first := true; ; first = false {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if first {
			e.Coin.Height ^= 1
		}
		hash.Add(e)
		must(t, w.Add(e))
	}
	header, _, err := w.Finish()
	must(t, err)
	copy(out.Bytes(), header)
	return out.Bytes(), hash.Sum()
}
