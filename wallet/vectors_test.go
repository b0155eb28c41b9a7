package wallet

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/internal/vectors"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// loadJSON reads a file of testdata into v.
func loadJSON(t *testing.T, name string, v any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bitcoinParams has the version bytes of the vectors of BIP32, BIP84 and BIP86.
func bitcoinParams() *consensus.Params {
	p := *consensus.Regtest()
	p.HDPrivateID = [4]byte{0x04, 0x88, 0xad, 0xe4}
	p.HDPublicID = [4]byte{0x04, 0x88, 0xb2, 0x1e}
	p.PrivateKeyID, p.Bech32HRP, p.HDCoinType = 0x80, "bc", 0
	return &p
}

// TestBIP39 checks the vectors of the BIP, whose passphrase is TREZOR. The words may be written in many ways.
func TestBIP39(t *testing.T) {
	var lines [][3]string
	loadJSON(t, "bip39.json", &lines)
	tally := vectors.New(t, "bip39", 24)
	for _, v := range lines {
		tally.Run(t, v[0], func(t *testing.T) {
			entropy := unhex(t, v[0])
			words, err := NewMnemonic(bytes.NewReader(entropy), len(entropy))
			if err != nil || words != v[1] {
				t.Fatalf("%q %v", words, err)
			}
			for _, written := range []string{words, strings.ToUpper(words), "\n  " + strings.ReplaceAll(words, " ", " \t\n ")} {
				seed, err := SeedFromMnemonic(written, "TREZOR")
				if err != nil || hex.EncodeToString(seed) != v[2] {
					t.Fatalf("%x %v", seed, err)
				}
			}
		})
	}
}

func TestWrongMnemonics(t *testing.T) {
	for words, want := range map[string]string{
		"":                                       "has 0",
		"abandon abandon":                        "has 2",
		testMnemonic + " about":                  "has 13",
		strings.Repeat("abandon ", 27):           "has 27",
		strings.Repeat("abandon ", 12):           "checksum",
		strings.Repeat("abandon ", 11) + "abuot": "word 12",
	} {
		if _, err := SeedFromMnemonic(words, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", words, err, want)
		}
	}
	if _, err := NewMnemonic(bytes.NewReader(nil), 16); err == nil {
		t.Error("a mnemonic without randomness")
	}
	if _, err := NewMnemonic(rngReader{rand.New(rand.NewPCG(1, 1))}, 15); err == nil {
		t.Error("a mnemonic of 15 bytes")
	}
}

// TestBIP84AndBIP86 checks the keys and addresses in the BIPs.
func TestBIP84AndBIP86(t *testing.T) {
	p := bitcoinParams()
	seed, err := SeedFromMnemonic(testMnemonic, "")
	if err != nil {
		t.Fatal(err)
	}
	ring, err := newKeyring(p, seed)
	if err != nil {
		t.Fatal(err)
	}
	z := *p // BIP84 writes its extended keys with version bytes of their own
	z.HDPrivateID, z.HDPublicID = [4]byte{0x04, 0xb2, 0x43, 0x0c}, [4]byte{0x04, 0xb2, 0x47, 0x46}
	bip84, bip86 := vectors.New(t, "bip84", 3+3), vectors.New(t, "bip86", 2+3)
	for _, v := range []struct {
		tally     *vectors.Tally
		got, want string
	}{
		{bip84, ring.root.Text(&z), "zprvAWgYBBk7JR8Gjrh4UJQ2uJdG1r3WNRRfURiABBE3RvMXYSrRJL62XuezvGdPvG6GFBZduosCc1YP5wixPox7zhZLfiUm8aunE96BBa4Kei5"},
		{bip84, ring.root.Public().Text(&z), "zpub6jftahH18ngZxLmXaKw3GSZzZsszmt9WqedkyZdezFtWRFBZqsQH5hyUmb4pCEeZGmVfQuP5bedXTB8is6fTv19U1GQRyQUKQGUTzyHACMF"},
		{bip84, ring.account(Segwit).key.Public().Text(&z), "zpub6rFR7y4Q2AijBEqTUquhVz398htDFrtymD9xYYfG1m4wAcvPhXNfE3EfH1r1ADqtfSdVCToUG868RvUUkgDKf31mGDtKsAYz2oz2AGutZYs"},
		{bip86, ring.root.Text(p), "xprv9s21ZrQH143K3GJpoapnV8SFfukcVBSfeCficPSGfubmSFDxo1kuHnLisriDvSnRRuL2Qrg5ggqHKNVpxR86QEC8w35uxmGoggxtQTPvfUu"},
		{bip86, ring.account(Taproot).key.Public().Text(p), "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ"},
	} {
		if v.tally.Case(v.got == v.want); v.got != v.want {
			t.Errorf("%s, want %s", v.got, v.want)
		}
	}
	for _, v := range []struct {
		kind         AddressType
		chain, index uint32
		address, key string
	}{
		{Segwit, 0, 0, "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", "KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d"},
		{Segwit, 0, 1, "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g", "Kxpf5b8p3qX56DKEe5NqWbNUP9MnqoRFzZwHRtsFqhzuvUJsYZCy"},
		{Segwit, 1, 0, "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el", "KxuoxufJL5csa1Wieb2kp29VNdn92Us8CoaUG3aGtPtcF3AzeXvF"},
		{Taproot, 0, 0, "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr", ""},
		{Taproot, 0, 1, "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh", ""},
		{Taproot, 1, 0, "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7", ""},
	} {
		tally := map[AddressType]*vectors.Tally{Segwit: bip84, Taproot: bip86}[v.kind]
		tally.Run(t, v.address, func(t *testing.T) {
			lock, err := ring.account(v.kind).script(v.chain, v.index)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := script.EncodeAddress(p.Addresses(), lock); !ok || got != v.address {
				t.Error(got)
			}
			o, ok := ring.owner(lock)
			if !ok || o.index != v.index || o.kind != v.kind {
				t.Error("it is not watched")
			}
			secret, err := ring.secret(o)
			if err != nil || v.key != "" && hd.EncodeWIF(p, secret) != v.key {
				t.Error("another private key:", err)
			}
		})
	}
}

func TestWIF(t *testing.T) {
	p := bitcoinParams()
	secret, err := hd.DecodeWIF(p, " KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d\n")
	if err != nil || hd.EncodeWIF(p, secret) != "KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d" {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9e": "mistyped",
		"5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ":  "uncompressed",
		"": "wallet import format",
		"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu": "wallet import format",
		"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2":         "length",
		hd.EncodeWIF(consensus.Regtest(), secret):    "another network",
		hd.EncodeWIF(p, [32]byte{}):                  "no valid key",
	} {
		if _, err := hd.DecodeWIF(p, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestBIP158 checks filters of testnet blocks from the BIP: their headers, that they have what they should,
// and not what they should not.
func TestBIP158(t *testing.T) {
	for _, v := range []struct {
		block, filter, prev, header string
		in                          []string
	}{
		{
			"000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943", "019dfca8",
			"0000000000000000000000000000000000000000000000000000000000000000", "21584579b7eb08997773e5aeff3a7f932700042d0ed2a6129012b7d7ae81b750",
			[]string{"4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac"},
		},
		{
			"0000000018b07dca1b28b4b5a119f6d6e71698ce1ed96f143f54179ce177a19c", "0afbc2920af1b027f31f87b592276eb4c32094bb4d3697021b4c6380",
			"ed47705334f4643892ca46396eb3f4196a5e30880589e4009ef38eae895d4a13", "b6d98692cec5145f67585f3434ec3c2b3030182e1cb3ec58b855c5c164dfaaa3",
			[]string{
				"5221033423007d8f263819a2e42becaaf5b06f34cb09919e06304349d950668209eaed21021d69e2b68c3960903b702af7829fadcd80bd89b158150c85c4a75b2c8cb9c39452ae",
				"76a9149144761ebaccd5b4bbdc2a35453585b5637b2f8588ac", "76a914f4fa1cc7de742d135ea82c17adf0bb9cf5f4fb8388ac", "76a91445db0b779c0b9fa207f12a8218c94fc77aff504588ac",
			},
		},
		{
			"00000000fd3ceb2404ff07a785c7fdcc76619edc8ed61bd25134eaa22084366a", "0db414c859a07e8205876354a210a75042d0463404913d61a8e068e58a3ae2aa080026",
			"d34ef98386f413769502808d4bac5f20f8dfd5bffc9eedafaa71de0eb1f01489", "c582d51c0ca365e3fcf36c51cb646d7f83a67e867cb4743fd2128e3e022b700c",
			[]string{"76a9142903b138c24be9e070b3e73ec495d77a204615e788ac", "76a914f6039952bc2b307aeec5371bfb96b66078ec17f688ac", "76a9147779b7fba1c1e06b717069b80ca170e8b04458a488ac"},
		},
		{
			"000000000000015d6077a411a8f5cc95caf775ccf11c54e27df75ce58d187313", "09027acea61b6cc3fb33f5d52f7d088a6b2f75d234e89ca800",
			"8f13b9a9c85611635b47906c3053ac53cfcec7211455d4cb0d63dc9acc13d472", "546c574a0472144bcaf9b6aeabf26372ad87c7af7d1ee0dbfae5e099abeae49c",
			[]string{"a914feb8a29635c56d9cd913122f90678756bf23887687", "76a914913bcc2be49cb534c20474c4dee1e9c4c317e7eb88ac"},
		},
	} {
		hash, err := types.ParseHash(v.block)
		if err != nil {
			t.Fatal(err)
		}
		prev, err := types.ParseHash(v.prev)
		if err != nil {
			t.Fatal(err)
		}
		raw := unhex(t, v.filter)
		if got := filterHeader(raw, prev).String(); got != v.header {
			t.Errorf("header %s, want %s", got, v.header)
		}
		f, err := decodeFilter(hash, raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range v.in {
			if !f.has(unhex(t, s)) {
				t.Errorf("block %s: %s is not found", v.block, s)
			}
		}
		if f.has([]byte("not in any block")) || !f.hasAny([][]byte{nil, unhex(t, v.in[0])}) || f.hasAny(nil) {
			t.Errorf("block %s: matches at random", v.block)
		}
		for cut := range raw {
			if _, err := decodeFilter(hash, raw[:cut]); err == nil {
				t.Errorf("a filter cut at %d was read", cut)
			}
		}
	}
}

// TestSipHash checks the example in the paper's appendix.
func TestSipHash(t *testing.T) {
	data := make([]byte, 15)
	for i := range data {
		data[i] = byte(i)
	}
	if got := sipHash(0x0706050403020100, 0x0f0e0d0c0b0a0908, data); got != 0xa129ca6149be45e5 {
		t.Fatalf("%x", got)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{1, 0x9d, 0xfc, 0xa8})
	f.Add(encodeFilter(types.Hash{1}, [][]byte{{1}, {2}, {3}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		flt, err := decodeFilter(types.Hash{1}, raw)
		if err == nil && 8*len(raw) < len(flt.values)*filterP {
			t.Fatal("more elements than bytes can hold")
		}
	})
}

func TestFilterRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	for range 50 {
		var scripts [][]byte
		for range rng.IntN(300) {
			s := make([]byte, 1+rng.IntN(40))
			for i := range s {
				s[i] = byte(rng.Uint32())
			}
			scripts = append(scripts, s)
		}
		hash := types.Hash{byte(rng.Uint32())}
		f, err := decodeFilter(hash, encodeFilter(hash, scripts))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scripts {
			if !f.has(s) {
				t.Fatal("an element is not found")
			}
		}
	}
}

// TestDescriptors checks the shape of ours.
func TestDescriptors(t *testing.T) {
	w := testWallet(t)
	d := w.Descriptors()
	if len(d) != 4 || !strings.HasPrefix(d[0], "tr([73c5da0a/86'/1'/0']tpub") || !strings.Contains(d[3], "/1/*)#") || !strings.HasPrefix(d[3], "wpkh([73c5da0a/84'/1'/0']tpub") {
		t.Fatalf("%v", d)
	}
}

func TestAmounts(t *testing.T) {
	for text, want := range map[string]int64{"1": coin, "0.00000001": 1, "1.5": 150_000_000, "21000000": consensus.MaxMoney, "0001.10": 110_000_000} {
		if got, err := ParseAmount(text); err != nil || got != want {
			t.Errorf("%q: %d %v", text, got, err)
		}
	}
	for text, want := range map[string]error{
		"0": ErrAmountRange, "0.00000000": ErrAmountRange, "21000000.00000001": ErrAmountRange, "0.000000001": ErrAmountDecimals, "": ErrAmountSyntax, "-1": ErrAmountSyntax, "+1": ErrAmountSyntax,
		"1e3": ErrAmountSyntax, "1,5": ErrAmountSyntax, ".5": ErrAmountSyntax, "5.": ErrAmountSyntax, "NaN": ErrAmountSyntax, " 1": ErrAmountSyntax, "99999999999999999999": ErrAmountSyntax, "1.2.3": ErrAmountSyntax, "٣": ErrAmountSyntax,
	} {
		if _, err := ParseAmount(text); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", text, err, want)
		}
	}
	for n, want := range map[int64]string{0: "0.00000000", 1: "0.00000001", -150_000_000: "-1.50000000", -1 << 63: "-92233720368.54775808"} {
		if got := FormatAmount(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	for text, want := range map[string]int64{"1": 1000, "2.5": 2500, "1.001": 1001, "100000": maxFeeRate} {
		got, err := ParseFeeRate(text)
		if err != nil || got != want {
			t.Errorf("%q: %d %v", text, got, err)
		}
		if text != FormatFeeRate(got) {
			t.Errorf("%q prints as %q", text, FormatFeeRate(got))
		}
	}
	for _, text := range []string{"0", "0.999", "100000.001", "1.0001", "x", "-1", ""} {
		if _, err := ParseFeeRate(text); !errors.Is(err, ErrFeeRate) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
