package consensus_test

import (
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"testing"

	"golang.org/x/crypto/chacha20"
	"pgregory.net/rapid"

	"crypto/sha256"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// element32 is the element of Bitcoin Core's own test: i, then 31 zeros.
func element32(i byte) []byte { return append([]byte{i}, make([]byte, 31)...) }

// The vectors of Bitcoin Core's crypto tests.
func TestMuHashVectors(t *testing.T) {
	var h consensus.CoinSetHash
	if got, want := h.Digest().String(), "dd5ad2a105c2d29495f577245c357409002329b9f4d6182c0af3dc2f462555c8"; got != want {
		t.Errorf("the empty set is %s, want %s", got, want)
	}
	h.AddBytes(element32(0))
	h.AddBytes(element32(1))
	h.RemoveBytes(element32(2))
	const want = "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863"
	if got := h.Digest().String(); got != want {
		t.Errorf("0·1/2 is %s, want %s", got, want)
	}
	if got := h.Digest().String(); got != want {
		t.Errorf("asked again it is %s", got)
	}
	var a, b consensus.CoinSetHash
	a.AddBytes(element32(0))
	b.RemoveBytes(element32(2))
	b.AddBytes(element32(1))
	a.Merge(&b)
	if got := a.Digest().String(); got != want {
		t.Errorf("merged it is %s", got)
	}
}

// dumbMuHash multiplies with big.Int.Mod, and divides at once.
type dumbMuHash struct{ n *big.Int }

func (d *dumbMuHash) step(b []byte, remove bool) {
	prime := new(big.Int).Lsh(big.NewInt(1), 3072)
	prime.Sub(prime, big.NewInt(1103717))
	key := sha256.Sum256(b)
	stream, err := chacha20.NewUnauthenticatedCipher(key[:], make([]byte, 12))
	if err != nil {
		panic(err)
	}
	out := make([]byte, 384)
	stream.XORKeyStream(out, out)
	x := new(big.Int)
	for i := len(out) - 1; i >= 0; i-- {
		x.Lsh(x, 8).Or(x, big.NewInt(int64(out[i])))
	}
	if remove {
		x.ModInverse(x, prime)
	}
	d.n.Mul(d.n, x).Mod(d.n, prime)
}

func (d *dumbMuHash) digest() types.Hash {
	be := d.n.FillBytes(make([]byte, 384))
	le := make([]byte, 384)
	for i := range be {
		le[i] = be[383-i]
	}
	return sha256.Sum256(le)
}

func TestCoinSetHashAgainstDumbTwin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h consensus.CoinSetHash
		dumb := dumbMuHash{big.NewInt(1)}
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			b := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "element")
			remove := rapid.Bool().Draw(t, "remove")
			if dumb.step(b, remove); remove {
				h.RemoveBytes(b)
			} else {
				h.AddBytes(b)
			}
			d := types.NewDecoder(h.Append(nil))
			h = consensus.DecodeCoinSetHash(d)
			if err := d.Finish(); err != nil {
				t.Fatal(err)
			}
		}
		if h.Digest() != dumb.digest() {
			t.Fatalf("%s, the dumb twin says %s", h.Digest(), dumb.digest())
		}
	})
}

func someCoin(i int) (types.OutPoint, consensus.Coin) {
	var op types.OutPoint
	binary.BigEndian.PutUint32(op.TxID[:], uint32(i))
	return op, consensus.Coin{Out: types.TxOut{Value: int64(i), Script: []byte{0x51}}, Height: int32(i), Coinbase: i%2 == 0}
}

// TestOrderDoesNotMatter: the same coins in any order, with detours, have one hash; any difference shows.
func TestOrderDoesNotMatter(t *testing.T) {
	var forth, back, detour consensus.CoinSetHash
	for i := range 20 {
		forth.Add(someCoin(i))
		back.Add(someCoin(19 - i))
		detour.Add(someCoin(i))
		detour.Remove(someCoin(i + 100))
	}
	for i := range 20 {
		detour.Add(someCoin(i + 100))
	}
	if forth.Digest() != back.Digest() || forth.Digest() != detour.Digest() {
		t.Error("the order shows in the hash")
	}
	var empty consensus.CoinSetHash
	for i := range 20 {
		detour.Remove(someCoin(i))
	}
	if detour.Digest() != empty.Digest() {
		t.Error("emptied it is not empty")
	}
	op, coin := someCoin(7)
	changes := map[string]func(){
		"txid": func() { op.TxID[31]++ }, "index": func() { op.Index++ }, "value": func() { coin.Out.Value++ },
		"script": func() { coin.Out.Script = []byte{0x52} }, "height": func() { coin.Height++ },
		"coinbase": func() { coin.Coinbase = !coin.Coinbase },
	}
	var one consensus.CoinSetHash
	one.Add(op, coin)
	for name, change := range changes {
		change()
		var other consensus.CoinSetHash
		other.Add(op, coin)
		if other.Digest() == one.Digest() {
			t.Errorf("the %s does not show in the hash", name)
		}
		op, coin = someCoin(7)
	}
}

func TestCopiesAreIndependent(t *testing.T) {
	var a consensus.CoinSetHash
	a.Add(someCoin(1))
	before := a.Digest()
	b := a
	b.Add(someCoin(2))
	b.Remove(someCoin(1))
	if a.Digest() != before {
		t.Error("a copy shares memory with its original")
	}
}

func TestCoinForHash(t *testing.T) {
	op := types.OutPoint{TxID: types.Hash{0xaa}, Index: 258}
	coin := consensus.Coin{Out: types.TxOut{Value: 5_000_000_000, Script: []byte{0x51, 0x52}}, Height: 150, Coinbase: true}
	want := "aa" + hex.EncodeToString(make([]byte, 31)) + "02010000" + "2d010000" + "00f2052a01000000" + "025152"
	if got := hex.EncodeToString(consensus.AppendCoinForHash(nil, op, coin)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDecodeCoinSetHashTruncated(t *testing.T) {
	var h consensus.CoinSetHash
	h.Add(someCoin(1))
	raw := h.Append(nil)
	if len(raw) != 768 {
		t.Fatalf("%d bytes", len(raw))
	}
	for _, n := range []int{0, 1, 383, 384, 767} {
		d := types.NewDecoder(raw[:n])
		got := consensus.DecodeCoinSetHash(d)
		if d.Err() == nil || got != (consensus.CoinSetHash{}) {
			t.Errorf("cut to %d bytes: %v", n, d.Err())
		}
	}
}

func BenchmarkCoinSetHashAdd(b *testing.B) {
	var h consensus.CoinSetHash
	op, coin := someCoin(1)
	b.ReportAllocs()
	for b.Loop() {
		h.Add(op, coin)
	}
}

func BenchmarkCoinSetHashDigest(b *testing.B) {
	var h consensus.CoinSetHash
	h.Add(someCoin(1))
	h.Remove(someCoin(2))
	for b.Loop() {
		h.Digest()
	}
}
