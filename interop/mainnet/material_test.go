package mainnet

import (
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"

	"github.com/cairn-chain/cairn/chain/blockfile"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// material returns the path of a file in a module that this one requires.
func material(t *testing.T, module string, parts ...string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	dir := strings.TrimSpace(string(out))
	if dir == "" {
		t.Fatalf("%s is not in the module cache: run `go mod download`", module)
	}
	return filepath.Join(append([]string{dir}, parts...)...)
}

// read returns a file's content, unpacked if it is packed.
func read(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".bz2") {
		r = bzip2.NewReader(f)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return b
}

// records reads a file of blocks.
func records(t *testing.T, path string) (raws [][]byte) {
	t.Helper()
	r := blockfile.NewReader(strings.NewReader(string(read(t, path))), consensus.Mainnet().Magic)
	for {
		raw, _, err := r.Next()
		if errors.Is(err, io.EOF) {
			return raws
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		raws = append(raws, raw)
	}
}

// coinFile reads coins as btcd's tests hold them: for each the transaction id, the index and a length, both four bytes
// little-endian, then twice the height plus one for a coinbase, and the output in Bitcoin Core's compressed form.
func coinFile(t *testing.T, path string) consensus.Coins {
	t.Helper()
	coins := consensus.Coins{}
	for d := types.NewDecoder(read(t, path)); d.Remaining() > 0; {
		op := types.OutPoint{TxID: d.Hash(), Index: d.Uint32()}
		size := d.Uint32()
		e := types.NewDecoder(d.Bytes(int(size)))
		code := base128(e)
		coin := consensus.Coin{Height: int32(code >> 1), Coinbase: code&1 == 1}
		coin.Out.Value = amount(base128(e))
		coin.Out.Script = lock(t, e)
		if err := errors.Join(d.Err(), e.Finish()); err != nil {
			t.Fatalf("%s: coin %d: %v", path, len(coins), err)
		}
		coins[op] = coin
	}
	return coins
}

// base128 reads Bitcoin Core's variable-length integer: seven bits a byte, the highest first, one added for each byte
// that follows so that no number has two forms.
func base128(d *types.Decoder) (n uint64) {
	for {
		b := d.Uint8()
		n = n<<7 | uint64(b&0x7f)
		if b&0x80 == 0 || d.Err() != nil {
			return n
		}
		n++
	}
}

// amount undoes Bitcoin Core's compression of amounts: trailing decimal zeros are counted.
func amount(n uint64) int64 {
	if n == 0 {
		return 0
	}
	n--
	zeros := n % 10
	n /= 10
	if zeros < 9 {
		n = n/9*10 + n%9 + 1
	} else {
		n++
	}
	for range zeros {
		n *= 10
	}
	return int64(n)
}

// lock undoes Bitcoin Core's compression of scripts.
func lock(t *testing.T, d *types.Decoder) []byte {
	t.Helper()
	switch form := base128(d); form {
	case 0:
		return script.PayToPubKeyHash([20]byte(d.Bytes(20)))
	case 1:
		return script.PayToScriptHash([20]byte(d.Bytes(20)))
	case 2, 3:
		return script.PayToPubKey(append([]byte{byte(form)}, d.Bytes(32)...))
	case 4, 5:
		key, err := btcec.ParsePubKey(append([]byte{byte(form - 2)}, d.Bytes(32)...))
		if err != nil {
			t.Fatal(err)
		}
		return script.PayToPubKey(key.SerializeUncompressed())
	default:
		return append([]byte(nil), d.Bytes(int(form-6))...)
	}
}

// place is a made-up place in the block tree for a block whose ancestors are not at hand: they all came at one time.
type place struct {
	height int32
	hash   types.Hash
	time   uint32
}

func (p place) Height() int32        { return p.height }
func (p place) Hash() types.Hash     { return p.hash }
func (p place) Header() types.Header { return types.Header{Version: 2, Time: p.time, Bits: 0x1d00ffff} }
func (p place) Work() consensus.Work { return consensus.Work{} }
func (p place) MedianTime() int64    { return int64(p.time) }
func (p place) Ancestor(h int32) consensus.Ancestry {
	if h < 0 || h > p.height {
		return nil
	}
	if h < p.height {
		p.hash = types.Hash{}
		binary.LittleEndian.PutUint32(p.hash[:], uint32(h))
	}
	return place{height: h, hash: p.hash, time: p.time}
}
