package wallet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/hd"
)

// cheapKDF keeps tests fast.
var cheapKDF = KDF{Passes: 1, MemoryKiB: 8, Lanes: 1}

func sealedOptions(t *testing.T) Options {
	t.Helper()
	o := testOptions(t)
	o.Passphrase, o.KDF = []byte("correct horse"), cheapKDF
	return o
}

func TestFileRoundTrip(t *testing.T) {
	o := sealedOptions(t)
	n := newFakeNode(t)
	w, err := Create(t.Context(), o, "", Segwit)
	if err != nil {
		t.Fatal(err)
	}
	n.fund(freshLock(t, w, ""), freshLock(t, w, Taproot))
	if added, err := w.Import(hd.EncodeWIF(o.Params, [32]byte{31: 7})); err != nil || added != 1 {
		t.Fatal(added, err)
	}
	mustSync(t, w, n)
	want, mnemonic, addresses := w.Balance(), w.Mnemonic(), w.Addresses()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close() //nolint:errcheck // nothing is written
	wantBalance(t, again, want)
	if again.Mnemonic() != mnemonic || again.Type() != Segwit || again.Height() != n.chain.Tip().Height() || !again.Encrypted() {
		t.Fatal("the wallet came back different")
	}
	if got := again.Addresses(); fmt.Sprint(got) != fmt.Sprint(addresses) {
		t.Fatalf("addresses %v, want %v", got, addresses)
	}
	if r := mustSync(t, again, n); r.Scanned != 0 {
		t.Fatalf("it scanned %d blocks again", r.Scanned)
	}
}

func TestWrongPassphrase(t *testing.T) {
	o := sealedOptions(t)
	w, err := Create(t.Context(), o, testMnemonic, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pass := range []string{"", "correct hors", "Correct horse", "correct horse "} {
		o.Passphrase = []byte(pass)
		if _, err := Open(t.Context(), o); !errors.Is(err, ErrPassphrase) {
			t.Errorf("passphrase %q: %v", pass, err)
		}
	}
	// A failed open does not keep the lock.
	o.Passphrase = []byte("correct horse")
	w, err = Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEmptyPassphraseMustBeSaid(t *testing.T) {
	o := testOptions(t)
	o.KDF = cheapKDF
	if _, err := Create(t.Context(), o, "", ""); !errors.Is(err, errNoPassphrase) {
		t.Fatalf("%v", err)
	}
	if infos, err := List(o.Dir); err != nil || len(infos) != 0 {
		t.Fatal(infos, err)
	}
}

// TestFlippedBits flips every bit of the file and cuts it everywhere: it is never read as something else.
func TestFlippedBits(t *testing.T) {
	for _, o := range []Options{sealedOptions(t), testOptions(t)} {
		w, err := Create(t.Context(), o, testMnemonic, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		raw, err := w.store.read()
		if err != nil {
			t.Fatal(err)
		}
		read := func(b []byte) error {
			e, err := parseEnvelope(b)
			if err != nil {
				return err
			}
			_, _, err = e.open(o.Passphrase)
			return err
		}
		if err := read(raw); err != nil {
			t.Fatal(err)
		}
		for i := range raw {
			b := bytes.Clone(raw)
			b[i] ^= 1 << (i % 8)
			if err := read(b); err == nil || errors.Is(err, ErrPassphrase) {
				t.Fatalf("byte %d flipped: %v", i, err)
			}
			if err := read(raw[:i]); err == nil || errors.Is(err, ErrPassphrase) {
				t.Fatalf("cut at %d: %v", i, err)
			}
		}
		if err := read(append(bytes.Clone(raw), 0)); err == nil {
			t.Fatal("a byte more was read")
		}
	}
}

func TestNewerFormatIsRefusedWithBothNumbers(t *testing.T) {
	raw := append([]byte(envelopeMagic), 7, 0, 0, 0)
	_, err := parseEnvelope(append(raw, make([]byte, 200)...))
	if !errors.Is(err, ErrNewerFormat) || !strings.Contains(err.Error(), "7") || !strings.Contains(err.Error(), "1") {
		t.Fatalf("%v", err)
	}
}

func TestHugeKDFIsRefusedBeforeWork(t *testing.T) {
	for _, k := range []KDF{{Passes: 1, MemoryKiB: 1<<20 + 1, Lanes: 1}, {Passes: 65, MemoryKiB: 8, Lanes: 1}, {Passes: 1, MemoryKiB: 8, Lanes: 65}, {Passes: 0, MemoryKiB: 8, Lanes: 1}, {Passes: 1, MemoryKiB: 8}} {
		s := &sealer{network: "regtest", kdf: k}
		raw, err := s.seal(rngReader{rand.New(rand.NewPCG(1, 1))}, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseEnvelope(raw); !errors.Is(err, errKDFBounds) {
			t.Errorf("%+v: %v", k, err)
		}
	}
}

type rngReader struct{ *rand.Rand }

func (r rngReader) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return len(b), nil
}

func TestFileModeWhateverTheUmask(t *testing.T) {
	withUmask(t, 0)
	o := testOptions(t)
	o.Dir = filepath.Join(o.Dir, "made", "wallets")
	w, err := Create(t.Context(), o, "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // nothing is written
	for path, want := range map[string]fs.FileMode{w.store.path: 0o600, w.store.path + LockExtension: 0o600, o.Dir: 0o700 | fs.ModeDir} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
		}
	}
}

func TestFailedWriteLeavesTheOldFile(t *testing.T) {
	full := errors.New("no space left on device")
	for name, breakIt := range map[string]func(*fileStore){
		"sync":   func(s *fileStore) { s.sync = func(*os.File) error { return full } },
		"rename": func(s *fileStore) { s.rename = func(string, string) error { return full } },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t)
			w, err := Create(t.Context(), o, testMnemonic, "")
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close() //nolint:errcheck // nothing is written
			before, err := w.store.read()
			if err != nil {
				t.Fatal(err)
			}
			breakIt(w.store)
			if _, _, err := w.NewAddress(""); !errors.Is(err, full) {
				t.Fatalf("%v", err)
			}
			after, err := w.store.read()
			if err != nil || !bytes.Equal(before, after) {
				t.Fatalf("the old file is gone: %v", err)
			}
			entries, err := os.ReadDir(o.Dir)
			if err != nil || len(entries) != 2 {
				t.Fatalf("%v %v", entries, err)
			}
		})
	}
}

func TestNothingIsSentWhenTheWalletCannotBeWritten(t *testing.T) {
	n, w := newFakeNode(t), testWallet(t)
	n.fund(freshLock(t, w, ""))
	mustSync(t, w, n)
	before := w.Balance()
	plan, err := w.Plan(Payment{To: scriptFor(Segwit, [33]byte{2, 1}), Amount: coin, FeeRate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	rename := w.store.rename
	w.store.rename = func(string, string) error { return full }
	if _, err := w.Send(t.Context(), n, plan); !errors.Is(err, full) || !strings.Contains(err.Error(), "nothing was sent") {
		t.Fatalf("%v", err)
	}
	if len(n.pool) != 0 {
		t.Fatal("it was sent")
	}
	wantBalance(t, w, before)
	w.store.rename = rename
	if _, err := w.Send(t.Context(), n, plan); err != nil {
		t.Fatal(err)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	o := testOptions(t)
	w, err := Create(t.Context(), o, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), o); !errors.Is(err, ErrInUse) {
		t.Fatalf("%v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	// Resume waits until the other one is done, and reads what it wrote.
	a, _, err := other.NewAddress("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Resume(ctx); !errors.Is(err, ErrInUse) {
		t.Fatalf("%v", err)
	}
	done := make(chan error)
	go func() { done <- w.Resume(t.Context()) }()
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := w.Addresses(); len(got) != 1 || got[0].Address != a.Address {
		t.Fatalf("%v", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestNamesAndExistence(t *testing.T) {
	o := testOptions(t)
	for _, name := range []string{"", ".", "..", "../x", "a/b", ".hidden", "a b", "ä", strings.Repeat("a", 65), "a\x00"} {
		o.Name = name
		if _, err := Create(t.Context(), o, "", ""); !errors.Is(err, ErrName) {
			t.Errorf("create %q: %v", name, err)
		}
		if _, err := Open(t.Context(), o); !errors.Is(err, ErrName) {
			t.Errorf("open %q: %v", name, err)
		}
	}
	o.Name = "nobody"
	if _, err := Open(t.Context(), o); !errors.Is(err, ErrNoWallet) {
		t.Fatalf("%v", err)
	}
	for _, name := range []string{"b.2", "a-1", "c_3"} {
		o.Name = name
		w, err := Create(t.Context(), o, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Create(t.Context(), o, "", ""); !errors.Is(err, ErrExists) {
		t.Fatalf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(o.Dir, "junk.wallet"), []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	infos, err := List(o.Dir)
	if err != nil || len(infos) != 4 || infos[0].Name != "a-1" || infos[2].Network != "regtest" || infos[2].Encrypted || !errors.Is(infos[3].Err, ErrNotWallet) {
		t.Fatalf("%+v %v", infos, err)
	}
	if infos, err := List(filepath.Join(o.Dir, "missing")); err != nil || infos != nil {
		t.Fatal(infos, err)
	}
}

func TestWalletOfAnotherNetwork(t *testing.T) {
	o := testOptions(t)
	w, err := Create(t.Context(), o, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	o.Params = consensus.Cairn()
	var wrong *NetworkError
	if _, err := Open(t.Context(), o); !errors.As(err, &wrong) || wrong.Wallet != "regtest" || wrong.Asked != "cairn" {
		t.Fatalf("%v", err)
	}
	for _, p := range []*consensus.Params{consensus.Mainnet(), consensus.Testnet3(), consensus.Testnet4(), consensus.Signet()} {
		o.Params, o.Name = p, "real-"+p.Name
		if _, err := Create(t.Context(), o, "", ""); err == nil || !strings.Contains(err.Error(), "test networks") {
			t.Fatalf("%s: %v", p.Name, err)
		}
	}
}

// TestNothingLeaks prints wallets, keys and errors in every verb and looks for the secrets, and
// looks for them in the sealed file.
func TestNothingLeaks(t *testing.T) {
	o := sealedOptions(t)
	w, err := Create(t.Context(), o, testMnemonic, "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close() //nolint:errcheck // nothing is written
	wif := hd.EncodeWIF(o.Params, [32]byte{31: 9})
	if _, err := w.Import(wif); err != nil {
		t.Fatal(err)
	}
	root := w.keys.root
	secret, _ := root.Secret()
	shown := fmt.Sprintf("%v %+v %#v %s %v %+v %#v %s", w, w, w, w, root, root, root, root)
	bad := wif[:len(wif)-1] + "z"
	_, err = w.Import(bad)
	shown += fmt.Sprint(err)
	_, err = SeedFromMnemonic(strings.Replace(testMnemonic, "about", "abouts", 1), "")
	shown += fmt.Sprint(err)
	_, err = SeedFromMnemonic(strings.Replace(testMnemonic, "about", "zoo", 1), "")
	shown += fmt.Sprint(err)
	raw, err := w.store.read()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"abandon", "about", wif, bad, fmt.Sprintf("%x", secret), fmt.Sprint(secret[:]), root.Text(o.Params), "correct horse"} {
		if strings.Contains(shown, s) {
			t.Errorf("a secret was printed: %s", shown)
		}
		if bytes.Contains(raw, []byte(s)) {
			t.Errorf("a secret is in the file: %s", s)
		}
	}
	if bytes.Contains(raw, secret[:]) {
		t.Error("the root key is in the file")
	}
}

func TestNoncesDiffer(t *testing.T) {
	s, err := newSealer(rngReader{rand.New(rand.NewPCG(3, 4))}, "regtest", types.Hash{}, []byte("x"), cheapKDF)
	if err != nil {
		t.Fatal(err)
	}
	random := rngReader{rand.New(rand.NewPCG(5, 6))}
	a, err := s.seal(random, []byte("same"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.seal(random, []byte("same"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a, b) {
		t.Fatal("two writes are equal")
	}
}

func FuzzEnvelope(f *testing.F) {
	s, err := newSealer(rngReader{rand.New(rand.NewPCG(3, 4))}, "regtest", types.Hash{}, nil, KDF{})
	if err != nil {
		f.Fatal(err)
	}
	raw, err := s.seal(rngReader{rand.New(rand.NewPCG(5, 6))}, []byte("{}"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:40])
	f.Add([]byte(envelopeMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEnvelope(b)
		if err == nil && !bytes.Equal(append(e.header(), e.nonce...), e.head[:len(e.head)-8]) {
			t.Fatal("what was read encodes to something else")
		}
	})
}

func TestDefaultKDFOpensWithinReason(t *testing.T) {
	if err := DefaultKDF.check(); err != nil || DefaultKDF.MemoryKiB < 19<<10 || DefaultKDF.Passes < 2 {
		t.Fatalf("%+v %v", DefaultKDF, err) // OWASP's least for argon2id
	}
	o := testOptions(t)
	o.Passphrase = []byte("x")
	o.LockWait = time.Second
	w, err := Create(t.Context(), o, "", "")
	if err != nil {
		t.Fatal(err)
	}
	if w.seal.kdf != DefaultKDF {
		t.Fatalf("%+v", w.seal.kdf)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
