package blockfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

const magic = 0xdab5bffa

func record(n int, fill byte) []byte { return bytes.Repeat([]byte{fill}, n) }

func file(blocks ...[]byte) (b []byte) {
	for _, raw := range blocks {
		b = Append(b, magic, raw)
	}
	return b
}

func readAll(b []byte) (blocks [][]byte, err error) {
	for r := NewReader(bytes.NewReader(b), magic); ; {
		raw, _, err := r.Next()
		if err != nil {
			return blocks, err
		}
		blocks = append(blocks, raw)
	}
}

func TestRoundTripAndZeros(t *testing.T) {
	one, two := record(100, 1), record(300, 2)
	padded := append(file(one), make([]byte, 5000)...)
	padded = append(padded, file(two)...)
	padded = append(padded, make([]byte, 99)...)
	blocks, err := readAll(padded)
	if !errors.Is(err, io.EOF) || len(blocks) != 2 || !bytes.Equal(blocks[0], one) || !bytes.Equal(blocks[1], two) {
		t.Fatalf("got %d blocks, %v", len(blocks), err)
	}
}

func TestDamage(t *testing.T) {
	whole := file(record(100, 1))
	for n := 1; n < len(whole); n++ {
		if blocks, err := readAll(whole[:n]); !errors.Is(err, io.ErrUnexpectedEOF) || len(blocks) != 0 {
			t.Fatalf("cut at %d: %d blocks, %v", n, len(blocks), err)
		}
	}
	other := append([]byte(nil), whole...)
	other[0] ^= 1
	if _, err := readAll(other); !errors.Is(err, ErrMagic) {
		t.Fatalf("another network's block: %v", err)
	}
	for _, size := range []uint32{79, 4_000_001, 0xffffffff} {
		bad := Append(nil, magic, record(100, 1))
		bad[4], bad[5], bad[6], bad[7] = byte(size), byte(size>>8), byte(size>>16), byte(size>>24)
		if blocks, err := readAll(bad); err == nil || errors.Is(err, io.EOF) || len(blocks) != 0 {
			t.Fatalf("size %d: %v", size, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(file(record(100, 1), record(90, 0)))
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		blocks, err := readAll(b)
		for _, raw := range blocks {
			total += len(raw) + recordHeader
		}
		if err == nil || total > len(b) {
			t.Fatalf("%d bytes of blocks from %d, %v", total, len(b), err)
		}
	})
}

func Example() {
	b := Append(nil, magic, bytes.Repeat([]byte{7}, 80))
	raw, offset, err := NewReader(bytes.NewReader(b), magic).Next()
	fmt.Println(len(raw), offset, err)
	// Output: 80 0 <nil>
}

// TestUnscramble reads a file as Bitcoin Core 28 writes it, from its beginning and from a record in the middle.
func TestUnscramble(t *testing.T) {
	key := []byte{1, 2, 3, 0, 0xff, 7, 8, 9}
	var plain []byte
	for i := range 5 {
		plain = Append(plain, magic, bytes.Repeat([]byte{byte(i)}, 100+i))
	}
	file := bytes.Clone(plain)
	for i := range file {
		file[i] ^= key[i%len(key)]
	}
	r := NewReader(iotest.OneByteReader(Unscramble(bytes.NewReader(file), key, 0)), magic)
	for i := range 5 {
		raw, offset, err := r.Next()
		if err != nil || len(raw) != 100+i || raw[0] != byte(i) {
			t.Fatalf("block %d: %d bytes, %v", i, len(raw), err)
		}
		again, _, err := NewReader(Unscramble(bytes.NewReader(file[offset:]), key, offset), magic).Next()
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("block %d from its offset %d: %v", i, offset, err)
		}
	}
	if got, err := io.ReadAll(Unscramble(bytes.NewReader(plain), nil, 3)); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("without a key: %v", err)
	}
}
