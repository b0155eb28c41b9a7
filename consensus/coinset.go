package consensus

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"math/bits"

	"golang.org/x/crypto/chacha20"

	"github.com/cairn-chain/cairn/types"
)

// setLimbs is how many machine words hold 3072 bits.
const setLimbs = 3072 / bits.UintSize

// setBytes is how many bytes one number of a CoinSetHash takes.
const setBytes = 3072 / 8

// num3072 is a number modulo 2³⁰⁷² − 1103717, little-endian, perhaps not fully reduced. All zero means 1, so
// that the zero value is the neutral element; a true zero would need the discrete logarithm of nothing.
type num3072 [setLimbs]big.Word

// CoinSetHash is MuHash3072, the checksum of a set of coins that Bitcoin Core shows as muhash: a product, over all
// coins, of numbers modulo the prime 2³⁰⁷² − 1103717. Coins may come and go in any order, and hashes of parts can be
// merged. Each coin's number is the ChaCha20 stream keyed by the SHA-256 of its serialization. (Bellare and
// Micciancio, "A new paradigm for collision-free hashing", 1997.)
//
// The zero value is the hash of the empty set. It is a value: assignment copies it. Two hashes of the same set may
// differ inside, so compare their Digests. Methods that change it are not safe for concurrent use.
type CoinSetHash struct {
	num, den num3072 // removals gather in den; the division waits for Digest
}

// setPrime is the modulus, setTail how far it is below 2³⁰⁷².
var (
	setTail  = big.NewInt(1103717)
	setPrime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 3072), setTail)
)

// Add puts a coin into the set. It takes some microseconds and allocates nothing that stays.
func (h *CoinSetHash) Add(o types.OutPoint, c Coin) { h.AddBytes(AppendCoinForHash(nil, o, c)) }

// Remove takes a coin out of the set. Removing what was never added gives a hash of no set.
func (h *CoinSetHash) Remove(o types.OutPoint, c Coin) { h.RemoveBytes(AppendCoinForHash(nil, o, c)) }

// AddBytes puts an element given by its serialization into the set.
func (h *CoinSetHash) AddBytes(b []byte) { h.num.mul(element(b)) }

// RemoveBytes takes an element given by its serialization out of the set.
func (h *CoinSetHash) RemoveBytes(b []byte) { h.den.mul(element(b)) }

// Merge makes h the hash of both sets together.
func (h *CoinSetHash) Merge(x *CoinSetHash) {
	if x.num != (num3072{}) {
		h.num.mul(x.num.big())
	}
	if x.den != (num3072{}) {
		h.den.mul(x.den.big())
	}
}

// Apply follows an update of the ledger in its direction.
func (h *CoinSetHash) Apply(u *Update) {
	in, out := u.Created, u.Spent
	if !u.Connected {
		in, out = out, in
	}
	for i := range in {
		h.Add(in[i].OutPoint, in[i].Coin)
	}
	for i := range out {
		h.Remove(out[i].OutPoint, out[i].Coin)
	}
}

// Digest returns the SHA-256 of the set's number, which is what gettxoutsetinfo shows as muhash. It leaves h as it is
// and takes well under a millisecond.
func (h *CoinSetHash) Digest() types.Hash {
	n := new(big.Int).ModInverse(h.den.big(), setPrime)
	n.Mul(n, h.num.big()).Mod(n, setPrime)
	return sha256.Sum256(littleEndian(n))
}

// Append appends the two numbers, 768 bytes.
func (h *CoinSetHash) Append(b []byte) []byte {
	b = append(b, littleEndian(h.num.big())...)
	return append(b, littleEndian(h.den.big())...)
}

// DecodeCoinSetHash reads what Append wrote.
func DecodeCoinSetHash(d *types.Decoder) (h CoinSetHash) {
	for _, n := range []*num3072{&h.num, &h.den} {
		le := d.Bytes(setBytes)
		if le == nil {
			return CoinSetHash{}
		}
		n.set(fromLittleEndian(le))
	}
	return h
}

// AppendCoinForHash appends a coin as both gettxoutsetinfo hashes see it: the outpoint, height·2 + coinbase
// in four bytes, the output.
func AppendCoinForHash(b []byte, o types.OutPoint, c Coin) []byte {
	b = append(b, o.TxID[:]...)
	b = binary.LittleEndian.AppendUint32(b, o.Index)
	b = binary.LittleEndian.AppendUint32(b, uint32(coinCode(c)))
	return c.Out.Append(b)
}

// element maps bytes to a number of the group.
func element(b []byte) *big.Int {
	key := sha256.Sum256(b)
	var nonce [chacha20.NonceSize]byte
	stream, err := chacha20.NewUnauthenticatedCipher(key[:], nonce[:])
	if err != nil {
		panic("chacha20 refused a key of 32 bytes: " + err.Error()) // cannot happen: both lengths are fixed
	}
	var out [setBytes]byte
	stream.XORKeyStream(out[:], out[:])
	return fromLittleEndian(out[:])
}

// mul multiplies n by x modulo the prime.
func (n *num3072) mul(x *big.Int) {
	if *n == (num3072{}) {
		n.set(x)
		return
	}
	n.set(new(big.Int).Mul(n.big(), x))
}

// set stores x, reduced to 3072 bits by folding what is above them: 2³⁰⁷² ≡ 1103717.
func (n *num3072) set(x *big.Int) {
	for x.BitLen() > 3072 {
		words := x.Bits()
		low := new(big.Int).SetBits(words[:setLimbs:setLimbs])
		high := new(big.Int).SetBits(words[setLimbs:])
		x = high.Mul(high, setTail)
		x.Add(x, low)
	}
	*n = num3072{}
	copy(n[:], x.Bits())
}

// big returns n as a big.Int that shares its memory.
func (n *num3072) big() *big.Int {
	if *n == (num3072{}) {
		return big.NewInt(1)
	}
	return new(big.Int).SetBits(n[:])
}

func fromLittleEndian(le []byte) *big.Int {
	be := make([]byte, len(le))
	for i, b := range le {
		be[len(le)-1-i] = b
	}
	return new(big.Int).SetBytes(be)
}

// littleEndian writes n, which is under 2³⁰⁷², in 384 bytes.
func littleEndian(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, setBytes))
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return b
}
