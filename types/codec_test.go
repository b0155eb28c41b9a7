package types_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/types"
)

func TestVarIntEdges(t *testing.T) {
	for v, want := range map[uint64]string{
		0: "00", 1: "01", 0xfc: "fc", 0xfd: "fdfd00", 0xff: "fdff00", 0x100: "fd0001", 0xffff: "fdffff",
		0x10000: "fe00000100", 0xffffffff: "feffffffff", 0x100000000: "ff0000000001000000", math.MaxUint64: "ffffffffffffffffff",
	} {
		b := types.AppendVarInt(nil, v)
		if got := fmt.Sprintf("%x", b); got != want {
			t.Errorf("%#x encodes to %s, want %s", v, got, want)
		}
		if types.VarIntSize(v) != len(b) {
			t.Errorf("%#x: size %d, encoded %d", v, types.VarIntSize(v), len(b))
		}
		d := types.NewDecoder(b)
		if got := d.VarInt(); got != v || d.Finish() != nil {
			t.Errorf("%#x decodes to %#x, %v", v, got, d.Err())
		}
		for n := range b {
			d := types.NewDecoder(b[:n])
			if d.VarInt(); !errors.Is(d.Err(), types.ErrTruncated) {
				t.Errorf("%#x cut to %d bytes: %v", v, n, d.Err())
			}
		}
	}
}

func TestVarIntNotShortest(t *testing.T) {
	for _, s := range []string{
		"fd0000", "fdfc00", "fe00000000", "feffff0000", "fefc000000", "ff0000000000000000", "ffffffffff00000000", "fffc00000000000000",
	} {
		d := types.NewDecoder(unhex(t, s))
		if v := d.VarInt(); v != 0 || !errors.Is(d.Err(), types.ErrNonCanonical) {
			t.Errorf("%s: %d, %v", s, v, d.Err())
		}
	}
}

func TestDecoderErrorSticks(t *testing.T) {
	d := types.NewDecoder([]byte{1, 2, 3})
	if d.Uint32() != 0 || !errors.Is(d.Err(), types.ErrTruncated) {
		t.Fatalf("four of three bytes: %v", d.Err())
	}
	first := d.Err()
	for name, nothing := range map[string]bool{
		"Uint8": d.Uint8() == 0, "Bool": !d.Bool(), "Uint16": d.Uint16() == 0, "Uint64": d.Uint64() == 0,
		"VarInt": d.VarInt() == 0, "Bytes": d.Bytes(1) == nil, "VarBytes": d.VarBytes(5) == nil, "Count": d.Count(5, 1) == 0,
		"Remaining": d.Remaining() == 0, "Hash": d.Hash().IsZero(), "Tx": d.Tx() == nil, "Block": d.Block() == nil,
	} {
		if !nothing {
			t.Errorf("%s after an error gave something", name)
		}
	}
	if d.Fail(errors.New("later")); d.Err() != first || d.Finish() != first {
		t.Errorf("the first error was replaced by %v", d.Err())
	}
	d = types.NewDecoder([]byte{1})
	if d.Fail(first); d.Err() != first {
		t.Error("Fail sets no error")
	}
}

func TestDecoderReads(t *testing.T) {
	d := types.NewDecoder([]byte{1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 2, 9, 8})
	if v := d.Uint8(); v != 1 {
		t.Errorf("Uint8 %d", v)
	}
	if v := d.Uint16(); v != 2 {
		t.Errorf("Uint16 %d", v)
	}
	if v := d.Uint32(); v != 3 {
		t.Errorf("Uint32 %d", v)
	}
	if v := d.Uint64(); v != 4 {
		t.Errorf("Uint64 %d", v)
	}
	if d.Offset() != 15 || d.Remaining() != 3 {
		t.Errorf("offset %d, remaining %d", d.Offset(), d.Remaining())
	}
	if err := types.NewDecoder([]byte{1}).Finish(); !errors.Is(err, types.ErrTrailing) {
		t.Errorf("a byte left over: %v", err)
	}
	if v := d.VarBytes(2); !bytes.Equal(v, []byte{9, 8}) || cap(v) != 2 || d.Finish() != nil {
		t.Errorf("VarBytes %x, capacity %d, %v", v, cap(v), d.Err())
	}
	if d.Bytes(-1) != nil || !errors.Is(d.Err(), types.ErrTruncated) {
		t.Errorf("a negative count of bytes: %v", d.Err())
	}
}

// TestCountsAreLimited: a count is refused before anything is allocated for it.
func TestCountsAreLimited(t *testing.T) {
	cases := []struct {
		in          string
		limit, size int
		want        error
	}{
		{"05" + "0000000000", 5, 1, nil},
		{"05" + "0000000000", 4, 1, types.ErrTooLarge},
		{"05" + "00000000", 5, 1, types.ErrTruncated},
		{"05" + "0000000000", 5, 2, types.ErrTruncated},
		{"feffffffff", math.MaxInt32, 1, types.ErrTooLarge},
		{"ffffffffffffffffff", math.MaxInt64, 1, types.ErrTooLarge},
		{"ffffffffffffffff7f", math.MaxInt64, 1, types.ErrTruncated},
		{"02" + "00", 5, 0, types.ErrTruncated},
	}
	for _, c := range cases {
		d := types.NewDecoder(unhex(t, c.in))
		if n := d.Count(c.limit, c.size); !errors.Is(d.Err(), c.want) || (c.want != nil) != (n == 0) {
			t.Errorf("%s, limit %d, size %d: %d, %v", c.in, c.limit, c.size, n, d.Err())
		}
	}
}

func TestHashText(t *testing.T) {
	const text = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
	h, err := types.ParseHash(text)
	if err != nil || h.String() != text || h[31] != 0 || h[0] != 0x6f {
		t.Errorf("%s, %v", h, err)
	}
	for _, bad := range []string{"", "00", text[1:], text + "0", text[:63] + "g", "0x" + text[2:]} {
		if h, err := types.ParseHash(bad); !errors.Is(err, types.ErrHash) || !h.IsZero() {
			t.Errorf("%q: %v, %v", bad, h, err)
		}
	}
	raw, err := json.Marshal(map[types.Hash]types.Hash{h: h})
	if err != nil || string(raw) != `{"`+text+`":"`+text+`"}` {
		t.Errorf("%s, %v", raw, err)
	}
	var back map[types.Hash]types.Hash
	if err := json.Unmarshal(raw, &back); err != nil || back[h] != h {
		t.Errorf("%v, %v", back, err)
	}
	var one types.Hash
	if err := json.Unmarshal([]byte(`"xy"`), &one); !errors.Is(err, types.ErrHash) {
		t.Errorf("bad text: %v", err)
	}
}

func TestOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a, b types.Hash
		copy(a[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "a"))
		copy(b[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "b"))
		want := 0
		switch {
		case a.String() < b.String():
			want = -1
		case a.String() > b.String():
			want = 1
		}
		if got := a.Compare(b); got != want || b.Compare(a) != -want || a.Compare(a) != 0 {
			t.Fatalf("Compare(%s, %s) = %d", a, b, got)
		}
		p, q := types.OutPoint{TxID: a, Index: 1}, types.OutPoint{TxID: b, Index: 1}
		if got := p.Compare(q); sign(got) != bytes.Compare(a[:], b[:]) {
			t.Fatalf("Compare(%s, %s) = %d", p, q, got)
		}
		if q = p; p.Compare(q) != 0 {
			t.Fatal("an outpoint differs from itself")
		}
		if q.Index = math.MaxUint32; p.Compare(q) >= 0 || q.Compare(p) <= 0 {
			t.Fatal("the index is not part of the order")
		}
	})
}

func sign(n int) int { return min(max(n, -1), 1) }

func TestDoubleSHA256(t *testing.T) {
	if got, want := types.DoubleSHA256(nil).String(), "56944c5d3f98413ef45cf54545538103cc9f298e0575820ad3591376e2e0f65d"; got != want {
		t.Errorf("of nothing: %s, want %s", got, want)
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.SliceOfN(rapid.Byte(), types.HeaderSize, types.HeaderSize).Draw(t, "header")
		h, err := types.DecodeHeader(raw)
		if err != nil || !bytes.Equal(h.Append(nil), raw) || h.Hash() != types.DoubleSHA256(raw) {
			t.Fatalf("%x: %+v, %v", raw, h, err)
		}
	})
	raw := unhex(t, header170)
	for n := range raw {
		if _, err := types.DecodeHeader(raw[:n]); !errors.Is(err, types.ErrTruncated) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := types.DecodeHeader(append(slices.Clone(raw), 0)); !errors.Is(err, types.ErrTrailing) {
		t.Errorf("a byte more: %v", err)
	}
}
