package mainnet

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

const (
	root     = "github.com/btcsuite/btcd"
	firstRun = 14_132 // blocks 0 to 14,131
)

func openChain(t *testing.T) *chain.Chain {
	t.Helper()
	c, err := chain.Open(t.Context(), chain.Config{
		Params: consensus.Mainnet(), Store: memdb.New(), Now: time.Now, Workers: runtime.GOMAXPROCS(0),
		Verify: &script.Runner{Verifier: script.NewVerifier()}, CacheBytes: 64 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func firstBlocks(t *testing.T) [][]byte {
	t.Helper()
	raws := records(t, material(t, root, "blockchain", "testdata", "blk_0_to_14131.dat"))
	if len(raws) != firstRun {
		t.Fatalf("%d blocks, want %d", len(raws), firstRun)
	}
	return raws
}

// flip returns a copy with one bit changed.
func flip(raw []byte, bit int) []byte {
	spoiled := append([]byte(nil), raw...)
	spoiled[bit/8] ^= 1 << (bit % 8)
	return spoiled
}

// refuses tells whether a spoiled block can't be decoded or breaks a rule. Any other failure ends the test.
func refuses(t *testing.T, raw []byte, judge func(*types.Block) error) bool {
	t.Helper()
	b, err := types.DecodeBlock(raw)
	if err != nil {
		return true
	}
	err = judge(b)
	var rule *consensus.RuleError
	if err != nil && !errors.As(err, &rule) {
		t.Fatal(err)
	}
	return err != nil
}

// TestFirstBlocks validates the first blocks with all scripts, each after a copy with one bit flipped was refused.
func TestFirstBlocks(t *testing.T) {
	raws := firstBlocks(t)
	c, rng := openChain(t), rand.New(rand.NewPCG(14131, 1))
	add := func(b *types.Block) error {
		_, err := c.AddBlock(b)
		return err
	}
	txs, spoiled, begin := 0, 0, time.Now()
	for i, raw := range raws {
		bit := rng.IntN(8 * len(raw))
		if !refuses(t, flip(raw, bit), add) {
			t.Fatalf("block %d with bit %d flipped is accepted", i, bit)
		}
		spoiled++
		b, err := types.DecodeBlock(raw)
		if err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		if err := add(b); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
		txs += len(b.Txs)
		if tip := c.Tip(); tip.Hash() != b.Hash() || int(tip.Height()) != i {
			t.Fatalf("the tip is %v at %d after block %d", tip.Hash(), tip.Height(), i)
		}
	}
	info, err := c.SetInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(firstRun-1) * 50 * consensus.CoinUnit; info.Amount != want {
		t.Errorf("coins of %d in all, want %d", info.Amount, want)
	}
	t.Logf("%d blocks with %d transactions validated, %d with one bit flipped refused, in %.1f s", len(raws), txs, spoiled, time.Since(begin).Seconds())
}

// TestEveryBitOfSmallBlocks flips every bit of the first block with a payment and of one without.
func TestEveryBitOfSmallBlocks(t *testing.T) {
	const payment = 170
	c := openChain(t)
	raws := firstBlocks(t)
	spoiled := 0
	for i, raw := range raws[:payment+1] {
		if i == 1 || i == payment {
			for bit := range 8 * len(raw) {
				if !refuses(t, flip(raw, bit), func(b *types.Block) error { _, err := c.AddBlock(b); return err }) {
					t.Errorf("block %d with bit %d flipped is accepted", i, bit)
				}
				spoiled++
			}
		}
		b, err := types.DecodeBlock(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.AddBlock(b); err != nil {
			t.Fatalf("block %d: %v", i, err)
		}
	}
	if c.Tip().Height() != payment {
		t.Errorf("the tip is at %d, want %d", c.Tip().Height(), payment)
	}
	t.Logf("%d blocks with one bit flipped refused", spoiled)
}

// lone is a block without the chain below it.
type lone struct {
	name   string
	raw    []byte
	block  *types.Block
	params *consensus.Params
	parent place
}

func newLone(t *testing.T, name string, raw []byte, height int32) *lone {
	t.Helper()
	b, err := types.DecodeBlock(raw)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := consensus.Mainnet()
	p.BIP34Hash = types.Hash{} // the made-up ancestors don't hold it, so BIP30 is judged too
	return &lone{name: name, raw: raw, block: b, params: p, parent: place{height: height - 1, hash: b.Header.PrevHash, time: b.Header.Time - 600}}
}

// judge applies all rules that need no coins.
func (l *lone) judge(b *types.Block) error {
	if b.Header.PrevHash != l.parent.hash {
		return consensus.Reject(consensus.PrevBlkNotFound, "")
	}
	if err := consensus.CheckWork(l.params, &b.Header, b.Hash()); err != nil {
		return err
	}
	if err := consensus.CheckBlock(l.params, b); err != nil {
		return err
	}
	_, err := consensus.CheckBlockInPlace(l.params, l.parent, b)
	return err
}

// sample checks the true block and then copies of it with one bit flipped, at n seeded places of each field that a block has.
func (l *lone) sample(t *testing.T, n int) {
	t.Helper()
	if err := l.judge(l.block); err != nil {
		t.Fatalf("%s: %v", l.name, err)
	}
	f := fieldsOf(t, l.raw)
	places := f.bits(rand.New(rand.NewPCG(uint64(len(l.raw)), 2)), n)
	for _, bit := range places {
		if !refuses(t, flip(l.raw, bit), l.judge) {
			t.Errorf("%s with bit %d flipped is accepted", l.name, bit)
		}
	}
	t.Logf("%s: %d transactions, %d bytes, valid; %d copies with one bit flipped, in %d fields, refused", l.name, len(l.block.Txs), len(l.raw), len(places), len(f))
}

// TestBlockWithCoins connects block 277,647 with the coins that it spends and runs its scripts.
func TestBlockWithCoins(t *testing.T) {
	const height = 277_647
	raws := records(t, material(t, root, "blockchain", "testdata", "277647.dat.bz2"))
	if len(raws) != 1 {
		t.Fatalf("%d blocks, want one", len(raws))
	}
	l := newLone(t, "block 277647", raws[0], height)
	stored := coinFile(t, material(t, root, "blockchain", "testdata", "277647.utxostore.bz2"))
	coins := consensus.Coins{} // the file also holds coins that the block makes itself
	for _, op := range consensus.SpentOutpoints(l.block) {
		coin, ok := stored[op]
		if !ok {
			t.Fatalf("no coin for %v", op)
		}
		coins[op] = coin
	}
	update, checks, err := consensus.Connect(l.params, l.parent, l.block, coins)
	if err != nil {
		t.Fatal(err)
	}
	runner := &script.Runner{Verifier: script.NewVerifier()}
	if err := runner.Run(checks); err != nil {
		t.Fatal(err)
	}
	if len(checks) == 0 || update.Fees <= 0 {
		t.Fatalf("%d script checks, fees %d", len(checks), update.Fees)
	}
	t.Logf("%d coins, %d script checks, fees of %d", len(coins), len(checks), update.Fees)
	spoilCoins(t, l, coins, runner)
	l.sample(t, 30)
}

// spoilCoins flips one bit in the key hash that locks each of some coins: the block must not spend them then.
func spoilCoins(t *testing.T, l *lone, coins consensus.Coins, runner *script.Runner) {
	t.Helper()
	const most = 40
	rng, tried := rand.New(rand.NewPCG(277647, 3)), 0
	for _, op := range consensus.SpentOutpoints(l.block) {
		coin := coins[op]
		class, hash := script.Classify(coin.Out.Script)
		if class != script.PubKeyHash || tried == most {
			continue
		}
		good := coin
		coin.Out.Script = script.PayToPubKeyHash([20]byte(flip(hash, rng.IntN(8*len(hash)))))
		coins[op] = coin
		_, checks, err := consensus.Connect(l.params, l.parent, l.block, coins)
		if err == nil {
			err = runner.Run(checks)
		}
		if err == nil {
			t.Errorf("spends %v, locked by %x instead of %x", op, coin.Out.Script, good.Out.Script)
		}
		coins[op] = good
		tried++
	}
	if tried < most {
		t.Fatalf("only %d coins to spoil", tried)
	}
	t.Logf("%d coins with one bit of their key hash flipped not spent", tried)
}

// TestLargeBlocks checks blocks of full size by all rules that need no coins, the commitment to the witnesses among them.
func TestLargeBlocks(t *testing.T) {
	for _, file := range []string{
		"block-0000000000000000001602407ac49862a7bca9d00f7f402db20b7be2f5de59d2.blk",
		"block-00000000000000000021868c2cefc52a480d173c849412fe81c4e5ab806f94ab.blk",
	} {
		raw := read(t, material(t, root+"/wire/v2", "testdata", file))
		l := newLone(t, file, raw, heightOf(t, raw))
		l.sample(t, 12)
	}
}

// heightOf reads the height from a coinbase (BIP34).
func heightOf(t *testing.T, raw []byte) int32 {
	t.Helper()
	b, err := types.DecodeBlock(raw)
	if err != nil {
		t.Fatal(err)
	}
	s := b.Txs[0].In[0].ScriptSig
	if len(s) < 4 || s[0] != 3 {
		t.Fatalf("no height in %x", s)
	}
	return int32(s[1]) | int32(s[2])<<8 | int32(s[3])<<16
}
