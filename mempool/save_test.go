package mempool

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/types"
)

// saved makes a pool with a chain, a delta, a local transaction and a delta of nothing, and its saved form.
func saved(t testing.TB) (*world, []byte) {
	t.Helper()
	w := newWorld(t, unsigned(), 3)
	chain := w.chainOf(w.coinbase(1), 1000, 3)
	w.now = w.now.Add(time.Hour)
	if _, err := w.addOpt(w.spend(1000, 1, w.coinbase(2)), AddOptions{Local: true}); err != nil {
		t.Fatal(err)
	}
	w.pool.Prioritise(chain[1].ID(), -200)
	w.pool.Prioritise(types.Hash{9}, 77)
	var buf bytes.Buffer
	if err := w.pool.Save(&buf); err != nil {
		t.Fatal(err)
	}
	return w, buf.Bytes()
}

func TestSaveAndLoad(t *testing.T) {
	w, raw := saved(t)
	list, err := Load(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	fresh := &world{t: t, chain: w.chain, pool: New(w.pool.cfg), now: w.now.Add(time.Hour)}
	for _, s := range list {
		fresh.pool.Prioritise(s.ID, s.Delta)
		if s.Tx == nil {
			continue
		}
		if _, err := fresh.addOpt(s.Tx, AddOptions{Time: s.Time, Local: s.Local}); err != nil {
			t.Fatalf("adding %s again: %v", s.ID, err)
		}
	}
	fresh.check()
	var again bytes.Buffer
	if err := fresh.pool.Save(&again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), raw) {
		t.Error("saved, loaded and saved again it is another one")
	}
	if a, b := fresh.pool.Info(w.now), w.pool.Info(w.now); a.VBytes != b.VBytes || a.Fees != b.Fees || a.Local != 1 || a.Usage != b.Usage {
		t.Errorf("%+v was %+v", a, b)
	}
}

func TestLoadRefuses(t *testing.T) {
	_, raw := saved(t)
	for n := range raw {
		if list, err := Load(bytes.NewReader(raw[:n])); !errors.Is(err, ErrSaved) || list != nil {
			t.Fatalf("cut at %d of %d: %v", n, len(raw), err)
		}
	}
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 0x10
		if list, err := Load(bytes.NewReader(bad)); list != nil || !errors.Is(err, ErrSaved) && !errors.Is(err, ErrSavedVersion) {
			t.Fatalf("a flipped bit at %d: %v", i, err)
		}
	}
	newer := bytes.Clone(raw)
	newer[8] = 2
	if _, err := Load(bytes.NewReader(newer)); !errors.Is(err, ErrSavedVersion) {
		t.Errorf("version 2: %v", err)
	}
	if _, err := Load(bytes.NewReader(append(raw, 0))); !errors.Is(err, ErrSaved) {
		t.Errorf("a byte too much: %v", err)
	}
	broken := errors.New("disk")
	if _, err := Load(io.MultiReader(bytes.NewReader(raw[:40]), failing{broken})); !errors.Is(err, broken) || errors.Is(err, ErrSaved) {
		t.Errorf("a reader that fails: %v", err)
	}
}

// failing is a disk that is full or broken.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestSaveTellsErrors(t *testing.T) {
	w, _ := saved(t)
	broken := errors.New("disk full")
	if err := w.pool.Save(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// A length that nothing follows costs no memory.
func TestLoadDoesNotBelieveLengths(t *testing.T) {
	head := append([]byte(saveMagic), 1, 0, 0, 0, recordTx)
	for _, length := range [][]byte{{0, 9, 0x3d, 0}, {0xff, 0xff, 0xff, 0xff}} {
		in := append(bytes.Clone(head), length...)
		const runs = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := Load(bytes.NewReader(in)); !errors.Is(err, ErrSaved) {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		perRun := (after.TotalAlloc - before.TotalAlloc) / runs
		if perRun > 64<<10 {
			t.Errorf("%d bytes allocated for %d given", perRun, len(in))
		}
	}
}

func FuzzLoad(f *testing.F) {
	_, raw := saved(f)
	f.Add(raw)
	f.Add(raw[:len(raw)-sha256.Size])
	f.Add(raw[:60])
	f.Add([]byte(saveMagic + "\x01\x00\x00\x00\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		sum := sha256.Sum256(b)
		for _, in := range [][]byte{b, append(bytes.Clone(b), sum[:]...)} { // so that the fuzzer gets past the checksum
			list, err := Load(bytes.NewReader(in))
			if err != nil && list != nil {
				t.Fatal("an error and a list")
			}
			for _, s := range list {
				if s.Tx != nil && s.Tx.ID() != s.ID {
					t.Fatal("the id is not the transaction's")
				}
			}
		}
	})
}
