package hd

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/internal/vectors"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBIP32 checks the test vectors of the BIP, and both ways to derive a public key.
func TestBIP32(t *testing.T) {
	p := consensus.Mainnet()
	var v struct {
		Valid   [][4]string
		Invalid [][2]string
	}
	loadJSON(t, "bip32.json", &v)
	valid := vectors.New(t, "bip32", 17)
	for _, c := range v.Valid {
		valid.Run(t, c[0][:8]+" "+c[1], func(t *testing.T) {
			master, err := NewMaster(unhex(t, c[0]))
			if err != nil {
				t.Fatal(err)
			}
			deriveKey(t, p, master, c[1], c[2], c[3])
		})
	}
	invalid := vectors.New(t, "bip32 invalid keys", 16)
	for _, c := range v.Invalid {
		_, err := Parse(p, c[0])
		refused := errors.Is(err, ErrKeyInvalid) || errors.Is(err, ErrKeyNetwork) && c[1] == "unknown extended key version"
		if invalid.Case(refused); !refused {
			t.Errorf("%s (%s): %v", c[0], c[1], err)
		}
	}
}

// deriveKey derives path from master and compares with the texts of its public and private key.
func deriveKey(t *testing.T, p *consensus.Params, master *Key, path, public, private string) {
	k, err := master.Derive(strings.NewReplacer("H", "'").Replace(path))
	if err != nil {
		t.Fatal(err)
	}
	if h, err := master.Derive(path); err != nil || *h != *k { // both ways to write a hardened step
		t.Errorf("%s: %v", path, err)
	}
	if pub, priv := k.Public().Text(p), k.Text(p); pub != public || priv != private {
		t.Errorf("%s:\n%s\n%s", path, pub, priv)
	}
	for _, text := range []string{public, private} {
		back, err := Parse(p, text)
		if err != nil || back.Text(p) != text {
			t.Errorf("%s came back as another key: %v", text, err)
		}
	}
	a, errA := k.Public().Child(5)
	b, errB := k.Child(5)
	if errA != nil || errB != nil || *a != *b.Public() {
		t.Errorf("%s: the public way gives another child", path)
	}
	if _, err := k.Public().Child(Hardened); !errors.Is(err, ErrHardened) {
		t.Errorf("%v", err)
	}
}

func TestInvalidKeys(t *testing.T) {
	p := consensus.Mainnet()
	good := func(edit func(b []byte)) string {
		b, err := script.DecodeBase58Check("xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8")
		if err != nil {
			t.Fatal(err)
		}
		edit(b)
		return script.EncodeBase58Check(b)
	}
	private := func(b []byte) { copy(b, p.HDPrivateID[:]) }
	for name, text := range map[string]string{
		"empty":                       "",
		"checksum":                    "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet9",
		"private version, public key": good(private),
		"private key zero":            good(func(b []byte) { private(b); clear(b[45:]) }),
		"private key is the order": good(func(b []byte) {
			private(b)
			b[45] = 0
			copy(b[46:], unhex(t, "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"))
		}),
		"public key with prefix 4": good(func(b []byte) { b[45] = 4 }),
		"public key off the curve": good(func(b []byte) { clear(b[46:]); b[77] = 7 }),
		"depth 0 with a parent":    good(func(b []byte) { b[5] = 1 }),
		"depth 0 with an index":    good(func(b []byte) { b[12] = 1 }),
		"too long":                 strings.Repeat("1", 1000),
		"an address":               "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
	} {
		if _, err := Parse(p, text); !errors.Is(err, ErrKeyInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(p, good(func(b []byte) { b[0]++ })); !errors.Is(err, ErrKeyNetwork) {
		t.Errorf("%v", err)
	}
	for _, path := range []string{"m/x", "m//1", "m/1''", "m/2147483648", "m/-1", "n/1", "m/ 1"} {
		k, err := NewMaster(make([]byte, 16))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Derive(path); !errors.Is(err, errPathSyntax) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, n := range []int{0, 15, 65} {
		if _, err := NewMaster(make([]byte, n)); !errors.Is(err, errSeedLength) {
			t.Errorf("a seed of %d bytes: %v", n, err)
		}
	}
}
