package sparse

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// Whatever lies where in a file: its copy has the same bytes, and the checksum is that of all bytes up to the last that is not zero.
func TestCopy(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	for round := range 60 {
		size := rng.Int64N(1 << (4 + round%18))
		src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
		f, err := os.Create(src)
		must(t, err)
		for range rng.IntN(4) {
			piece := make([]byte, min(rng.Int64N(3*chunk)+1, size))
			for i := range piece {
				piece[i] = byte(rng.Uint32() % 3) // zeros among it, also at its end
			}
			_, err := f.WriteAt(piece, rng.Int64N(size-int64(len(piece))+1))
			must(t, err)
		}
		must(t, f.Truncate(size))
		must(t, f.Close())
		info, err := Copy(dst, src)
		must(t, err)
		want, err := os.ReadFile(src)
		must(t, err)
		got, err := os.ReadFile(dst)
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("round %d: the copy of %d bytes is another", round, size)
		}
		data := bytes.TrimRight(want, "\x00")
		if info != (Info{Size: size, Data: int64(len(data)), Sum: crc32.Checksum(data, castagnoli)}) {
			t.Fatalf("round %d: %+v of %d bytes, %d of data", round, info, size, len(data))
		}
		again, err := Sum(dst)
		must(t, err)
		if again != info {
			t.Fatalf("round %d: the copy has %+v, not %+v", round, again, info)
		}
		must(t, os.Remove(dst))
		must(t, Unpack(dst, bytes.NewReader(data), info))
		if got, _ = os.ReadFile(dst); !bytes.Equal(got, want) {
			t.Fatalf("round %d: unpacked is another", round)
		}
		must(t, os.WriteFile(src, []byte("short"), 0o600))
		if _, err := Replace(dst, src); err != nil {
			t.Fatal(err)
		}
		if got, _ = os.ReadFile(dst); string(got) != "short" {
			t.Fatalf("round %d: replaced by %d bytes", round, len(got))
		}
		must(t, os.Remove(dst))
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
	must(t, os.WriteFile(src, []byte("data"), 0o644))
	if _, err := Copy(src, src); !errors.Is(err, os.ErrExist) {
		t.Errorf("onto itself: %v", err)
	}
	if _, err := Copy(dst, dst); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	info, err := Sum(src)
	must(t, err)
	if err := Unpack(dst, bytes.NewReader([]byte("date")), info); !errors.Is(err, ErrOther) {
		t.Errorf("a flipped byte: %v", err)
	}
	must(t, os.Remove(dst))
	if err := Unpack(dst, bytes.NewReader([]byte("dat")), info); !errors.Is(err, io.EOF) {
		t.Errorf("too short: %v", err)
	}
	st, err := os.Stat(dst)
	must(t, err)
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
}

// Same finds a difference wherever it is: at the ends, in a hole, in the length.
func TestSame(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	same := func(want bool, what string) {
		t.Helper()
		if got, err := Same(a, b); err != nil || got != want {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	base := bytes.Repeat([]byte("data"), chunk/2)
	for _, size := range []int64{0, 1, 100, chunk, chunk + 1, 2 * chunk, 5*chunk + 7} {
		for _, name := range []string{a, b} {
			must(t, os.WriteFile(name, base[:min(size, int64(len(base)))], 0o600))
			must(t, os.Truncate(name, size)) // a hole behind the data
		}
		same(true, "equal")
		must(t, os.Truncate(b, size+1))
		same(false, "longer")
		for _, at := range []int64{0, size / 2, size - 1} {
			if at < 0 || at >= size {
				continue
			}
			must(t, os.Truncate(b, size))
			f, err := os.OpenFile(b, os.O_RDWR, 0)
			must(t, err)
			one := make([]byte, 1)
			_, err = f.ReadAt(one, at)
			must(t, err)
			_, err = f.WriteAt([]byte{one[0] + 1}, at)
			must(t, err)
			same(false, "a byte")
			_, err = f.WriteAt(one, at)
			must(t, err)
			must(t, f.Close())
			same(true, "the byte is back")
		}
	}
	must(t, os.Remove(b))
	if _, err := Same(a, b); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

// A file of the size of a database's log takes as little room as what is written in it.
func TestHolesStay(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "src"), filepath.Join(dir, "dst")
	must(t, os.WriteFile(src, []byte("head"), 0o600))
	must(t, os.Truncate(src, 1<<30))
	f, err := os.Open(src)
	must(t, err)
	defer f.Close()
	if dataEnd(f, 1<<30) == 1<<30 {
		t.Skip("this file system does not tell where holes are")
	}
	info, err := Copy(dst, src)
	must(t, err)
	if info.Data != 4 || info.Size != 1<<30 {
		t.Errorf("%+v", info)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
