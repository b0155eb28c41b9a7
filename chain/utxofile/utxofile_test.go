package utxofile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain/utxofile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// write makes a file of coins.
func write(t testing.TB, head utxofile.Header, coins []consensus.CoinEntry) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := utxofile.NewWriter(&out, head)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range coins {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	header, n, err := w.Finish()
	if err != nil || n != uint64(len(coins)) || len(header) != utxofile.HeaderSize {
		t.Fatal(n, err)
	}
	copy(out.Bytes(), header)
	return out.Bytes()
}

// read takes a file apart.
func read(raw []byte, height int32) (head utxofile.Header, coins []consensus.CoinEntry, err error) {
	in := bytes.NewReader(raw)
	if head, err = utxofile.ReadHeader(in); err != nil {
		return head, nil, err
	}
	r := utxofile.NewReader(in, head, height)
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return head, coins, nil
		}
		if err != nil {
			return head, coins, err
		}
		coins = append(coins, c)
	}
}

func unhex(s string) []byte {
	raw, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return raw
}

// The key of the generator, and the two lines that it makes: its y is even.
const generator = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"

func locks() [][]byte {
	full := unhex("04" + generator + "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")
	offCurve := slices.Clone(full)
	offCurve[64] ^= 1
	twenty := [20]byte{1, 2, 3}
	return [][]byte{
		{}, {0x51}, script.PayToPubKeyHash(twenty), append(append([]byte{0xa9, 20}, twenty[:]...), 0x87),
		script.PayToPubKey(unhex("02" + generator)), script.PayToPubKey(unhex("03" + generator)), script.PayToPubKey(full),
		script.PayToPubKey(offCurve), script.PayToPubKey(append([]byte{6}, full[1:]...)), bytes.Repeat([]byte{0x51}, 10_000),
		script.PayToWitnessPubKeyHash(twenty), make([]byte, 121), make([]byte, 122), make([]byte, 20), make([]byte, 32),
	}
}

// someCoins are coins of every form, in order.
func someCoins() (coins []consensus.CoinEntry) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := []int64{0, 1, 9, 10, 546, 1234567890, 100_000_000, 5_000_000_000, 2_500_000_000, 999_999_999, consensus.MaxMoney, consensus.MaxMoney - 1}
	for i, lock := range locks() {
		for j, v := range values {
			op := types.OutPoint{TxID: types.Hash{byte(i), byte(rng.IntN(3)), 7}, Index: uint32(j*j*j*j*j*20_000 + rng.IntN(2))}
			coins = append(coins, consensus.CoinEntry{OutPoint: op, Coin: consensus.Coin{
				Out: types.TxOut{Value: v, Script: lock}, Height: int32(rng.IntN(1001)), Coinbase: rng.IntN(2) == 0,
			}})
		}
	}
	slices.SortFunc(coins, func(a, b consensus.CoinEntry) int { return a.OutPoint.Compare(b.OutPoint) })
	return coins
}

func same(a, b consensus.CoinEntry) bool {
	return a.OutPoint == b.OutPoint && a.Coin.Height == b.Coin.Height && a.Coin.Coinbase == b.Coin.Coinbase &&
		a.Coin.Out.Value == b.Coin.Out.Value && bytes.Equal(a.Coin.Out.Script, b.Coin.Out.Script)
}

func TestRoundTrip(t *testing.T) {
	coins := someCoins()
	head := utxofile.Header{Network: 0xdab5bffa, Base: types.Hash{9}}
	raw := write(t, head, coins)
	got, back, err := read(raw, 1000)
	if err != nil || got.Network != head.Network || got.Base != head.Base || !slices.EqualFunc(back, coins, same) {
		t.Fatalf("%+v, %d coins of %d, %v", got, len(back), len(coins), err)
	}
	if empty := write(t, head, nil); len(empty) != utxofile.HeaderSize {
		t.Fatal(len(empty))
	}
}

// coreChain makes the coin set of the chain of 200 blocks that Bitcoin Core's fuzz target for snapshots makes, all of it coinbases to one
// script: CreateBlockChain in its src/test/util/mining.cpp. locked is how versions after 28 make them: with a lock time that does not hold them
// up. It returns the blocks, too.
func coreChain(locked bool) (blocks []*types.Block, coins []consensus.CoinEntry) {
	p := consensus.Regtest()
	prev := p.Genesis
	trueHash := sha256.Sum256([]byte{0x51})
	lock := append([]byte{0, 32}, trueHash[:]...)
	for h := int32(1); h <= 200; h++ {
		coinbase := &types.Tx{
			Version: 2,
			In:      []types.TxIn{{PrevOut: types.NullOutPoint, ScriptSig: append(script.PushInt(int64(h)), 0), Sequence: 0xffffffff}},
			Out:     []types.TxOut{{Value: p.SubsidyAt(h), Script: lock}},
		}
		if locked {
			coinbase.LockTime, coinbase.In[0].Sequence = uint32(h-1), 0xfffffffe
		}
		b := &types.Block{Txs: []*types.Tx{coinbase}, Header: types.Header{
			Version: 4, PrevHash: prev.Hash(), MerkleRoot: coinbase.ID(), Time: prev.Header.Time + 1, Bits: p.Genesis.Header.Bits,
		}}
		for consensus.CheckWork(p, &b.Header, b.Header.Hash()) != nil {
			b.Header.Nonce++
		}
		blocks, prev = append(blocks, b), b
		coins = append(coins, consensus.CoinEntry{OutPoint: types.OutPoint{TxID: coinbase.ID()},
			Coin: consensus.Coin{Out: coinbase.Out[0], Height: h, Coinbase: true}})
	}
	slices.SortFunc(coins, func(a, b consensus.CoinEntry) int { return a.OutPoint.Compare(b.OutPoint) })
	return blocks, coins
}

// The chains and hashes of Bitcoin Core's chainparams.cpp, in version 28 and after it. Of the later one the file is known, too: Core writes
// 14,439 bytes with this SHA-256. The set of version 28 was never that of a chain: all heights in it are one too low.
func TestCoresFile(t *testing.T) {
	for _, test := range []struct {
		locked           bool
		tip, hash, bytes string
	}{
		{false, "5e93653318f294fb5aa339d00bbf8cf1c3515488ad99412c37608b139ea63b27", "4f34d431c3e482f6b0d67b64609ece3964dc8d7976d02ac68dd7c9c1421738f2", ""},
		{true, "385901ccbd69dff6bbd00065d01fb8a9e464dede7cfe0372443884f9b1dcf6b9", "17dcc016d188d16068907cdeb38b75691a118d43053b8cd6a25969419381d13a",
			"bb96a8a22e8114c36e0f570217795f5cc46baf366b0e74e7588de5b1e4392e7c"},
	} {
		blocks, coins := coreChain(test.locked)
		base := blocks[199].Header.Hash()
		if base.String() != test.tip {
			t.Fatalf("another chain: its tip is %s", base)
		}
		hash := sha256.New()
		for _, c := range coins {
			if !test.locked {
				c.Coin.Height--
			}
			hash.Write(consensus.AppendCoinForHash(nil, c.OutPoint, c.Coin))
		}
		if got := types.Hash(sha256.Sum256(hash.Sum(nil))); got.String() != test.hash {
			t.Fatalf("hash_serialized_3 %s", got)
		}
		raw := write(t, utxofile.Header{Network: consensus.Regtest().Magic, Base: base}, coins)
		if sum := sha256.Sum256(raw); (len(raw) != 14_439 && test.locked) || (test.bytes != "" && hex.EncodeToString(sum[:]) != test.bytes) {
			t.Fatalf("%d bytes, sha256 %x", len(raw), sum)
		}
		if _, back, err := read(raw, 200); err != nil || !slices.EqualFunc(back, coins, same) {
			t.Fatal(err)
		}
	}
}

// Each fault of a file has its sentence, Bitcoin Core's where it has one; so its own tests of snapshots have them.
func TestRefused(t *testing.T) {
	_, coins := coreChain(true)
	raw := write(t, utxofile.Header{Network: 1, Base: types.Hash{2}}, coins)
	at := func(offset int, with ...byte) []byte {
		out := slices.Clone(raw)
		copy(out[offset:], with)
		return out
	}
	const c = utxofile.HeaderSize
	count := func(n byte) []byte { return at(43, n) }
	splice := func(offset, drop int, with ...byte) []byte {
		return slices.Concat(raw[:offset], with, raw[offset+drop:])
	}
	first := write(t, utxofile.Header{}, coins[:1])
	digits := 1
	if coins[0].Coin.Out.Value != 5_000_000_000 {
		digits = 2
	}
	size, amount := len(first)-c, len(first)-35-digits // of the first coin; its amount stands before its script: a length, and 34 bytes
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"empty":              {nil, "end of file after 0 bytes"},
		"magic":              {at(0, 0xf0, 0x0f, 0, 0xf0, 0), "Invalid UTXO set snapshot magic bytes."},
		"old version":        {at(5, 1, 0), "Version of snapshot 1 does not match"},
		"new version":        {at(5, 3, 0), "Version of snapshot 3 does not match"},
		"half a header":      {raw[:30], "end of file after 30 bytes"},
		"one coin less":      {count(199), "Bad snapshot - coins left over after deserializing 199 coins."},
		"one coin more":      {count(201), "Bad snapshot format or truncated snapshot after deserializing 200 coins."},
		"a byte more":        {append(slices.Clone(raw), 0), "coins left over after deserializing 200"},
		"two coins of a tx":  {at(c+32, 2), "Bad snapshot"},
		"no coins of a tx":   {at(c+32, 0), "Bad snapshot data after deserializing 0 coins"},
		"65535 coins":        {at(c+32, 0xfd, 0xff, 0xff), "Mismatch in coins count in snapshot metadata and actual snapshot data"},
		"height 364":         {at(c+34, 0x84, 0x58), "Bad snapshot data after deserializing 0 coins"},
		"amount":             {splice(amount, digits, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x7f), "bad tx out value"},
		"endless number":     {splice(amount, digits, bytes.Repeat([]byte{0xff}, 20)...), "Bad snapshot format"},
		"long number":        {splice(c+32, 1, 0xfd, 1, 0), "Bad snapshot format"},
		"index":              {splice(c+33, 1, 0xfe, 0xff, 0xff, 0xff, 0xff), "Bad snapshot data after deserializing 0 coins"},
		"transactions twice": {slices.Concat(raw[:c], raw[c:c+size], raw[c:c+size], raw[c:]), "Bad snapshot"},
		"first id last":      {at(c, bytes.Repeat([]byte{0xff}, 32)...), "Bad snapshot data after deserializing 1 coins"},
	} {
		_, got, err := read(test.raw, 200)
		var f *utxofile.FormatError
		if !errors.As(err, &f) || !strings.Contains(err.Error(), test.want) || len(got) > 201 {
			t.Errorf("%s: %v after %d coins, not %q", name, err, len(got), test.want)
		}
	}
	for n := utxofile.HeaderSize; n < len(raw); n += 7 {
		if _, _, err := read(raw[:n], 200); err == nil {
			t.Fatalf("taken though cut at %d", n)
		}
	}
	huge := at(43, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	if _, _, err := read(huge, 200); err == nil || !strings.Contains(err.Error(), "after deserializing 200 coins") {
		t.Fatal(err)
	}
}

// Scripts that have a short form must use it, keys must be on the curve, lengths are bounded: one coin set has one file.
func TestScriptForms(t *testing.T) {
	op := consensus.CoinEntry{OutPoint: types.OutPoint{TxID: types.Hash{1}}}
	one := write(t, utxofile.Header{}, []consensus.CoinEntry{op})
	body := one[:len(one)-1] // without the script's length
	p2pkh := script.PayToPubKeyHash([20]byte{})
	for name, tail := range map[string][]byte{
		"long form of a key hash": append([]byte{byte(len(p2pkh) + 6)}, p2pkh...),
		"no point of the curve":   append([]byte{4}, append(make([]byte, 31), 5)...),
		"10,001 bytes":            append([]byte{0x80 | 0x4d, 0x17}, make([]byte, 10_001)...),
		"2⁶⁰ bytes":               {0x8e, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0xfe, 0x7f},
	} {
		_, _, err := read(slices.Concat(body, tail), 0)
		if err == nil || !strings.Contains(err.Error(), "script") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, got, err := read(slices.Concat(body, []byte{2}, unhex(generator)), 0); err != nil || len(got[0].Coin.Out.Script) != 35 {
		t.Fatal(err)
	}
}

// Whatever the bytes are, the reader ends, and what it takes a writer writes again.
func FuzzRead(f *testing.F) {
	_, coins := coreChain(true)
	head := utxofile.Header{Network: 5, Base: types.Hash{4}}
	f.Add(write(f, head, coins[:3]))
	f.Add(write(f, head, someCoins()[:40]))
	f.Add(write(f, head, nil))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, coins, err := read(raw, 1000)
		if err != nil {
			var fe *utxofile.FormatError
			if !errors.As(err, &fe) {
				t.Fatal(err)
			}
			return
		}
		if again := write(t, got, coins); !bytes.Equal(again, raw) {
			t.Fatalf("%x became %x", raw, again)
		}
	})
}
