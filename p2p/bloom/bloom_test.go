package bloom

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustNew(t testing.TB, size int, hashes, tweak uint32, flags uint8) *Filter {
	t.Helper()
	f, err := New(make([]byte, size), hashes, tweak, flags)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// The vectors of Bitcoin Core's hash tests.
func TestMurmur3(t *testing.T) {
	for _, c := range []struct {
		want, seed uint32
		data       string
	}{
		{0x00000000, 0x00000000, ""}, {0x6a396f08, 0xfba4c795, ""}, {0x81f16f39, 0xffffffff, ""},
		{0x514e28b7, 0x00000000, "00"}, {0xea3f0b17, 0xfba4c795, "00"}, {0xfd6cf10d, 0x00000000, "ff"},
		{0x16c6b7ab, 0, "0011"}, {0x8eb51c3d, 0, "001122"}, {0xb4471bf8, 0, "00112233"}, {0xe2301fa8, 0, "0011223344"},
		{0xfc2e4a15, 0, "001122334455"}, {0xb074502c, 0, "00112233445566"}, {0x8034d2a0, 0, "0011223344556677"},
		{0xb4698def, 0, "001122334455667788"},
	} {
		if got := murmur3(c.seed, unhex(t, c.data)); got != c.want {
			t.Errorf("%q with seed %#x: %#x, want %#x", c.data, c.seed, got, c.want)
		}
	}
}

// The filters of Bitcoin Core's bloom tests, for three elements at a rate of 1 %.
func TestKnownFilters(t *testing.T) {
	for tweak, want := range map[uint32]string{0: "614e9b", 2147483649: "ce4299"} {
		f := mustNew(t, 3, 5, tweak, UpdateAll)
		for _, e := range []string{"99108ad8ed9bb6274d3980bab5a85c048f0950c8", "b5a2c786d9ef4658287ced5914b37a1b4aa32eee",
			"b9300670b4c5366e95b2699e8b18bc75e5f729c5"} {
			if f.Add(unhex(t, e)); !f.Has(unhex(t, e)) {
				t.Errorf("tweak %d: %s is not found", tweak, e)
			}
		}
		if f.Has(unhex(t, "19108ad8ed9bb6274d3980bab5a85c048f0950c8")) {
			t.Errorf("tweak %d: finds what was not added", tweak)
		}
		if got := hex.EncodeToString(f.data); got != want {
			t.Errorf("tweak %d: %s, want %s", tweak, got, want)
		}
	}
}

// The transaction b4749f01… of Bitcoin Core's bloom tests, and what finds it there.
const knownTx = "01000000010b26e9b7735eb6aabdf358bab62f9816a21ba9ebdb719d5299e88607d722c190000000008b4830450220070aca44506c5cef3a16ed519d7c3c39f8aab192c4e1c90d065f37b8a4af6141022100a8e160b856c2d43d27d8fba71e5aef6405b8643ac4cb7cb3c462aced7f14711a0141046d11fee51b0e60666d5049a9101a72741df480b96ee26488a4d3466b95c9a40ac5eeef87e10a5cd336c19a84565f80fa6c547957b7700ff4dfbdefe76036c339ffffffff021bff3d11000000001976a91404943fdd508053c75000106d3bc6e2754dbcff1988ac2f15de00000000001976a914a266436d2965547608b9e15d9032a7b9d64fa43188ac00000000"

func TestMatch(t *testing.T) {
	tx, err := types.DecodeTx(unhex(t, knownTx))
	if err != nil {
		t.Fatal(err)
	}
	id := tx.ID()
	spend := &types.Tx{In: []types.TxIn{{PrevOut: types.OutPoint{TxID: id}}}}
	prev := tx.In[0].PrevOut
	other := prev
	other.Index = 1
	for _, c := range []struct {
		name        string
		element     []byte
		tx, follows bool
	}{
		{"id", id[:], true, false},
		{"signature", unhex(t, "30450220070aca44506c5cef3a16ed519d7c3c39f8aab192c4e1c90d065f37b8a4af6141022100a8e160b856c2d43d27d8fba71e5aef6405b8643ac4cb7cb3c462aced7f14711a01"), true, false},
		{"key", unhex(t, "046d11fee51b0e60666d5049a9101a72741df480b96ee26488a4d3466b95c9a40ac5eeef87e10a5cd336c19a84565f80fa6c547957b7700ff4dfbdefe76036c339"), true, false},
		{"first output", unhex(t, "04943fdd508053c75000106d3bc6e2754dbcff19"), true, true},
		{"second output", unhex(t, "a266436d2965547608b9e15d9032a7b9d64fa431"), true, false},
		{"coin spent", outPoint(prev), true, false},
		{"another output of the same transaction", outPoint(other), false, false},
		{"a part of an output's hash", unhex(t, "0000006d2965547608b9e15d9032a7b9d64fa431"), false, false},
	} {
		f := mustNew(t, 35, 19, 0, UpdateAll)
		f.Add(c.element)
		if f.Match(tx) != c.tx || f.Match(spend) != c.follows {
			t.Errorf("%s: found %v, want %v; the spend of the first output %v, want %v", c.name, f.Match(tx), c.tx, f.Match(spend), c.follows)
		}
	}
}

// What is added to the filter when an output matches.
func TestUpdate(t *testing.T) {
	key := append([]byte{2}, make([]byte, 32)...)
	bare := append(append([]byte{33}, key...), 0xac)
	hash := append(append([]byte{0x76, 0xa9, 20}, key[:20]...), 0x88, 0xac)
	multi := append(append([]byte{0x51, 33}, key...), 0x51, 0xae)
	for _, c := range []struct {
		flags   uint8
		lock    []byte
		element []byte
		follows bool
	}{
		{UpdateNone, bare, key, false}, {UpdateAll, bare, key, true}, {UpdatePubKey, bare, key, true}, {3, bare, key, false},
		{UpdatePubKey, multi, key, true}, {UpdatePubKey, hash, key[:20], false}, {UpdateAll, hash, key[:20], true},
		{UpdateAll | 0xfc, bare, key, true},
	} {
		tx := &types.Tx{Out: []types.TxOut{{Script: []byte{0x51}}, {Script: c.lock}}}
		spend := &types.Tx{In: []types.TxIn{{PrevOut: types.OutPoint{TxID: tx.ID(), Index: 1}}}}
		f := mustNew(t, 100, 10, 7, c.flags)
		f.Add(c.element)
		if !f.Match(tx) || f.Match(spend) != c.follows {
			t.Errorf("flags %d, script %x: the spend is found %v", c.flags, c.lock, f.Match(spend))
		}
	}
}

func TestBounds(t *testing.T) {
	if _, err := New(make([]byte, MaxBytes), MaxHashes, 0, 0); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		size   int
		hashes uint32
	}{{MaxBytes + 1, 1}, {1, MaxHashes + 1}, {1, 1 << 31}} {
		if _, err := New(make([]byte, c.size), c.hashes, 0, 0); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes and %d functions: %v", c.size, c.hashes, err)
		}
	}
	tx := &types.Tx{Out: []types.TxOut{{Script: []byte{0x51}}}}
	for _, hashes := range []uint32{0, 50} {
		f := mustNew(t, 0, hashes, 0, UpdateAll) // CVE-2013-5700: no division by zero
		if f.Add([]byte("x")); !f.Match(tx) || !f.Has(nil) {
			t.Error("an empty filter does not match everything")
		}
	}
	if !mustNew(t, 1, 0, 0, 0).Match(tx) {
		t.Error("a filter without functions does not match everything")
	}
	if mustNew(t, 1, 1, 0, 0).Match(tx) {
		t.Error("a filter of zeros matches")
	}
}

func TestPushes(t *testing.T) {
	for s, want := range map[string][]string{
		"":               {},
		"01aa":           {"aa"},
		"4c01aa4d0100bb": {"aa", "bb"},
		"4e01000000cc51": {"cc"},
		"00515253ac02aa": {},     // the last is cut off
		"4d01":           {},     // its length is
		"4effffffffaa":   {},     // more than there is
		"01aa4c05bb":     {"aa"}, // what comes before the fault counts
	} {
		var got []string
		rest, data, ok := unhex(t, s), []byte(nil), true
		for len(rest) > 0 && ok {
			if data, rest, ok = nextPush(rest); ok && len(data) > 0 {
				got = append(got, hex.EncodeToString(data))
			}
		}
		if len(got) != len(want) || (len(got) > 0 && !bytes.Equal([]byte(got[len(got)-1]), []byte(want[len(want)-1]))) {
			t.Errorf("%s pushes %v, want %v", s, got, want)
		}
	}
}

// FuzzMatch: no filter and no script make it fail, what was added is found, and the filter keeps its size.
func FuzzMatch(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint32(3), uint32(0), uint8(1), unhex(f, "76a914a266436d2965547608b9e15d9032a7b9d64fa43188ac"))
	f.Add([]byte{}, uint32(50), uint32(9), uint8(2), []byte{0x4e, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0xff}, uint32(50), uint32(9), uint8(2), []byte{0x4d})
	f.Fuzz(func(t *testing.T, data []byte, hashes, tweak uint32, flags uint8, script []byte) {
		size := len(data)
		fl, err := New(bytes.Clone(data), hashes, tweak, flags)
		if err != nil {
			if size <= MaxBytes && hashes <= MaxHashes {
				t.Fatal(err)
			}
			return
		}
		fl.Match(&types.Tx{In: []types.TxIn{{ScriptSig: script}}, Out: []types.TxOut{{Script: script}}})
		if fl.Add(script); !fl.Has(script) || len(fl.data) != size {
			t.Fatalf("added and not found, or %d bytes became %d", size, len(fl.data))
		}
	})
}
