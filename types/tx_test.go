package types_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/types"
)

func drawBytes(t *rapid.T, limit int, label string) []byte {
	return append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, limit).Draw(t, label)...)
}

// drawTx makes transactions that need not make sense, but have inputs.
func drawTx(t *rapid.T) *types.Tx {
	tx := &types.Tx{Version: rapid.Uint32().Draw(t, "version"), LockTime: rapid.Uint32().Draw(t, "lock"), Out: []types.TxOut{}}
	segwit := rapid.Bool().Draw(t, "segwit")
	for range rapid.IntRange(1, 4).Draw(t, "ins") {
		in := types.TxIn{
			PrevOut:   types.OutPoint{TxID: types.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "txid")), Index: rapid.Uint32().Draw(t, "index")},
			ScriptSig: drawBytes(t, 300, "sig"),
			Sequence:  rapid.Uint32().Draw(t, "sequence"),
		}
		if segwit {
			for range rapid.IntRange(0, 3).Draw(t, "items") {
				in.Witness = append(in.Witness, drawBytes(t, 80, "item"))
			}
		}
		tx.In = append(tx.In, in)
	}
	for range rapid.IntRange(0, 4).Draw(t, "outs") {
		tx.Out = append(tx.Out, types.TxOut{Value: rapid.Int64().Draw(t, "value"), Script: drawBytes(t, 300, "script")})
	}
	return tx
}

func TestTxRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tx := drawTx(t)
		raw := tx.Bytes()
		got, err := types.DecodeTx(raw)
		if err != nil {
			t.Fatalf("%x: %v", raw, err)
		}
		if !reflect.DeepEqual(got.In, tx.In) || !reflect.DeepEqual(got.Out, tx.Out) || got.Version != tx.Version || got.LockTime != tx.LockTime {
			t.Fatalf("%+v became %+v", tx, got)
		}
		// What decoding computes is what the methods compute.
		if got.ID() != tx.ID() || got.WitnessID() != tx.WitnessID() || got.Size() != tx.Size() || got.BaseSize() != tx.BaseSize() {
			t.Fatalf("%x: id, witness id, size or base size differ", raw)
		}
		if tx.ID() != types.DoubleSHA256(tx.AppendBase(nil)) || tx.WitnessID() != types.DoubleSHA256(raw) ||
			tx.Size() != len(raw) || tx.BaseSize() != len(tx.AppendBase(nil)) {
			t.Fatalf("%x: id, witness id, size or base size are not those of the encoding", raw)
		}
		if (tx.ID() == tx.WitnessID()) == tx.HasWitness() {
			t.Fatal("ids are equal just when there is a witness")
		}
	})
}

func TestTruncatedTx(t *testing.T) {
	for _, s := range []string{payment, bip143Unsigned, bip143Signed} {
		raw := unhex(t, s)
		for n := range raw {
			if tx, err := types.DecodeTx(raw[:n]); err == nil || tx != nil {
				t.Errorf("%x cut to %d of %d bytes decodes", raw, n, len(raw))
			}
		}
		if tx, err := types.DecodeTx(append(slices.Clone(raw), 0)); !errors.Is(err, types.ErrTrailing) || tx != nil {
			t.Errorf("a byte more: %v", err)
		}
	}
}

// TestMalformedTx: each is bytes that some reader once took.
func TestMalformedTx(t *testing.T) {
	const version, lock = "02000000", "00000000"
	const in = "0101010101010101010101010101010101010101010101010101010101010101" + "00000000" + "00" + "ffffffff"
	const out = "0000000000000000" + "00"
	cases := map[string]struct {
		in   string
		want error
	}{
		"flag 1 and empty witnesses":     {version + "0001" + "01" + in + "01" + out + "00" + lock, types.ErrSuperfluous},
		"flag 1 and no inputs":           {version + "0001" + "00" + "01" + out + lock, types.ErrSuperfluous},
		"flag 0":                         {version + "0000" + "01" + in + "01" + out + lock, types.ErrUnknownFlag},
		"flag 2":                         {version + "0002" + "01" + in + "01" + out + "00" + lock, types.ErrUnknownFlag},
		"flag 3":                         {version + "0003" + "01" + in + "01" + out + "0101aa" + lock, types.ErrUnknownFlag},
		"no inputs, no outputs":          {version + "00" + "00" + lock, types.ErrUnknownFlag},
		"long form of an input count":    {version + "fd0100" + in + "01" + out + lock, types.ErrNonCanonical},
		"long form of an output count":   {version + "01" + in + "fd0100" + out + lock, types.ErrNonCanonical},
		"long form of a script length":   {version + "01" + in + "01" + "0000000000000000" + "fd0000" + lock, types.ErrNonCanonical},
		"long form of a witness count":   {version + "0001" + "01" + in + "01" + out + "fd0100" + "0101" + lock, types.ErrNonCanonical},
		"2^64-1 inputs":                  {version + "ffffffffffffffffff" + in, types.ErrTooLarge},
		"4 billion outputs":              {version + "01" + in + "feffffffff" + out, types.ErrTooLarge},
		"more inputs than bytes":         {version + "fdffff" + in + "01" + out + lock, types.ErrTruncated},
		"more outputs than bytes":        {version + "01" + in + "fdffff" + out + lock, types.ErrTruncated},
		"more witness items than bytes":  {version + "0001" + "01" + in + "01" + out + "fdffff" + "0101" + lock, types.ErrTruncated},
		"script of 4 GB":                 {version + "01" + in + "01" + "0000000000000000" + "feffffffff" + lock, types.ErrTooLarge},
		"witness item of 4 GB":           {version + "0001" + "01" + in + "01" + out + "01" + "feffffffff" + lock, types.ErrTooLarge},
		"lock time cut off":              {version + "01" + in + "01" + out + "000000", types.ErrTruncated},
		"nothing":                        {"", types.ErrTruncated},
		"version alone":                  {version, types.ErrTruncated},
		"witnesses for one input of two": {version + "0001" + "02" + in + in + "01" + out + "0101aa" + lock, types.ErrTruncated},
		"second witness cut off":         {version + "0001" + "02" + in + in + "01" + out + "0101aa", types.ErrTruncated},
	}
	for name, c := range cases {
		tx, err := types.DecodeTx(unhex(t, c.in))
		if !errors.Is(err, c.want) || tx != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestFieldsAtTheirEnds: versions, sequences, lock times and values are numbers without meaning here.
func TestFieldsAtTheirEnds(t *testing.T) {
	for _, v := range []uint32{0, 1, 2, 3, math.MaxInt32, 1 << 31, math.MaxUint32} {
		tx := decodeTx(t, payment).Clone()
		tx.Version, tx.LockTime, tx.In[0].Sequence, tx.In[0].PrevOut.Index = v, v, v, v
		tx.Out[0].Value, tx.Out[1].Value = int64(uint64(v)<<32|uint64(v)), math.MinInt64
		got, err := types.DecodeTx(tx.Bytes())
		if err != nil || got.Version != v || got.LockTime != v || got.In[0].Sequence != v || got.In[0].PrevOut.Index != v ||
			got.Out[0].Value != tx.Out[0].Value || got.Out[1].Value != math.MinInt64 {
			t.Errorf("%d: %+v, %v", v, got, err)
		}
		h := types.Header{Version: int32(v), Time: v, Bits: v, Nonce: v}
		if back, err := types.DecodeHeader(h.Append(nil)); err != nil || back != h {
			t.Errorf("%d: %+v, %v", v, back, err)
		}
	}
}

// TestLargestFields: a script, a witness item and a witness stack as large as a block can hold decode.
func TestLargestFields(t *testing.T) {
	tx := decodeTx(t, payment).Clone()
	tx.In[0].ScriptSig = bytes.Repeat([]byte{1}, 999_000)
	if _, err := types.DecodeTx(tx.Bytes()); err != nil {
		t.Errorf("a scriptSig of 999,000 bytes: %v", err)
	}
	tx = decodeTx(t, bip143Signed).Clone()
	tx.In[0].Witness = [][]byte{bytes.Repeat([]byte{1}, 3_990_000)}
	if _, err := types.DecodeTx(tx.Bytes()); err != nil {
		t.Errorf("a witness item of 3,990,000 bytes: %v", err)
	}
	tx = tx.Clone()
	tx.In[0].Witness = make([][]byte, 3_990_000)
	if got, err := types.DecodeTx(tx.Bytes()); err != nil || len(got.In[0].Witness) != 3_990_000 {
		t.Errorf("3,990,000 empty witness items: %v", err)
	}
}

// TestDecodedTxDoesNotAlias: a transaction does not keep its block's bytes, nor change with them.
func TestDecodedTxDoesNotAlias(t *testing.T) {
	raw := unhex(t, bip143Signed)
	tx, err := types.DecodeTx(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if !bytes.Equal(tx.Bytes(), unhex(t, bip143Signed)) {
		t.Error("the transaction changed with the buffer")
	}
}

func TestClone(t *testing.T) {
	tx := decodeTx(t, bip143Signed)
	c := tx.Clone()
	c.In[0].ScriptSig[0]++
	c.In[1].Witness[0][0]++
	c.In[1].PrevOut.Index++
	c.Out[0].Script[0]++
	c.Out[1].Value++
	if !bytes.Equal(tx.Bytes(), unhex(t, bip143Signed)) {
		t.Error("a clone shares memory with its original")
	}
	if c.ID() == tx.ID() {
		t.Error("a clone keeps its original's id")
	}
}

func TestIsCoinbase(t *testing.T) {
	in := types.TxIn{PrevOut: types.NullOutPoint}
	for name, c := range map[string]struct {
		in   []types.TxIn
		want bool
	}{
		"null":            {[]types.TxIn{in}, true},
		"none":            {nil, false},
		"two nulls":       {[]types.TxIn{in, in}, false},
		"zero id, 0":      {[]types.TxIn{{}}, false},
		"an id, 2^32 - 1": {[]types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{1}, Index: math.MaxUint32}}}, false},
	} {
		if got := (&types.Tx{In: c.in}).IsCoinbase(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestHashesFromManyGoroutines is for the race detector.
func TestHashesFromManyGoroutines(t *testing.T) {
	tx := decodeTx(t, bip143Signed).Clone()
	b := &types.Block{Txs: []*types.Tx{tx}}
	want := decodeTx(t, bip143Signed).WitnessID()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if tx.WitnessID() != want || b.Hash() != b.Header.Hash() || tx.Weight() == 0 {
				t.Error("hashes differ")
			}
		})
	}
	wg.Wait()
}

func TestBlockRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &types.Block{Header: types.Header{Version: rapid.Int32().Draw(t, "version"), Nonce: rapid.Uint32().Draw(t, "nonce")}}
		for range rapid.IntRange(0, 4).Draw(t, "txs") {
			tx := drawTx(t)
			if len(tx.Out) == 0 {
				tx.Out = append(tx.Out, types.TxOut{Script: []byte{}}) // shorter ones count as less than a transaction
			}
			b.Txs = append(b.Txs, tx)
		}
		raw := b.Bytes()
		got, err := types.DecodeBlock(raw)
		if err != nil {
			t.Fatalf("%x: %v", raw, err)
		}
		if !bytes.Equal(got.Bytes(), raw) || got.Hash() != b.Header.Hash() || got.Hash() != b.Hash() {
			t.Fatal("encodes or hashes differently")
		}
		base := b.AppendBase(nil)
		if b.Size() != len(raw) || b.BaseSize() != len(base) || b.Weight() != 3*len(base)+len(raw) || cap(raw) != len(raw) {
			t.Fatalf("size %d of %d, base %d of %d", b.Size(), len(raw), b.BaseSize(), len(base))
		}
		stripped, err := types.DecodeBlock(base)
		if err != nil {
			t.Fatal(err)
		}
		for i, tx := range stripped.Txs {
			if tx.HasWitness() || tx.ID() != b.Txs[i].ID() {
				t.Fatal("without witnesses the ids differ")
			}
		}
	})
}

func TestMalformedBlock(t *testing.T) {
	raw := unhex(t, genesisBlock)
	for n := range raw {
		if b, err := types.DecodeBlock(raw[:n]); err == nil || b != nil {
			t.Errorf("cut to %d of %d bytes decodes", n, len(raw))
		}
	}
	if _, err := types.DecodeBlock(append(slices.Clone(raw), 0)); !errors.Is(err, types.ErrTrailing) {
		t.Errorf("a byte more: %v", err)
	}
	header := raw[:types.HeaderSize]
	for name, c := range map[string]struct {
		tail []byte
		want error
	}{
		"2^64-1 transactions":           {bytes.Repeat([]byte{0xff}, 9), types.ErrTooLarge},
		"one more than fits":            {append(types.AppendVarInt(nil, 16667), make([]byte, 16667*60)...), types.ErrTooLarge},
		"more transactions than bytes":  {append([]byte{0xfc}, raw[81:]...), types.ErrTruncated},
		"long form of the count":        {append([]byte{0xfd, 1, 0}, raw[81:]...), types.ErrNonCanonical},
		"a malformed transaction in it": {append([]byte{1}, bytes.Repeat([]byte{0}, 80)...), types.ErrUnknownFlag},
	} {
		if b, err := types.DecodeBlock(append(slices.Clone(header), c.tail...)); !errors.Is(err, c.want) || b != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := types.DecodeBlock(make([]byte, types.MaxBlockBytes+1)); !errors.Is(err, types.ErrTooLarge) {
		t.Errorf("more bytes than a block can have: %v", err)
	}
}

// TestNoAllocationOnTheWordOfACount: inputs of a few bytes that announce millions of things cost next to nothing.
func TestNoAllocationOnTheWordOfACount(t *testing.T) {
	header := strings.Repeat("00", types.HeaderSize)
	for _, s := range []string{
		"02000000" + "fe40420f00", "02000000" + "0001" + "fe40420f00",
		"02000000" + "01" + strings.Repeat("01", 36) + "fe00093d00",
		"02000000" + "01" + strings.Repeat("01", 36) + "00ffffffff" + "fe40420f00",
		"02000000" + "0001" + "01" + strings.Repeat("01", 36) + "00ffffffff" + "00" + "fe00093d00",
	} {
		raw := unhex(t, s)
		block := append(unhex(t, header), append([]byte{1}, raw...)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := types.DecodeTx(raw); err == nil {
			t.Errorf("%s decodes", s)
		}
		if _, err := types.DecodeBlock(block); err == nil {
			t.Errorf("a block of %s decodes", s)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 64<<10 {
			t.Errorf("%s: %d bytes allocated for %d", s, got, len(raw)+len(block))
		}
	}
}

// allocationBound is the most that decoding n bytes may allocate: an empty witness item takes one byte and a slice
// header of 24, of which the stack is allocated once.
func allocationBound(n int) uint64 { return uint64(64*n) + 64<<10 }

func FuzzDecodeTx(f *testing.F) {
	for _, s := range []string{payment, bip143Unsigned, bip143Signed, "02000000" + "ffffffffffffffffff"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := types.DecodeTx(raw)
		if err != nil {
			if tx != nil {
				t.Fatal("an error and a transaction")
			}
			return
		}
		if !bytes.Equal(tx.Bytes(), raw) {
			t.Fatalf("%x encodes to %x", raw, tx.Bytes())
		}
		if c := tx.Clone(); c.ID() != tx.ID() || c.WitnessID() != tx.WitnessID() || c.Weight() != tx.Weight() {
			t.Fatal("what was computed while decoding differs")
		}
	})
}

func FuzzDecodeBlock(f *testing.F) {
	f.Add(unhex(f, genesisBlock))
	f.Add(append(unhex(f, header170), append([]byte{2}, unhex(f, payment+bip143Signed)...)...))
	f.Add(binary.LittleEndian.AppendUint64(append(unhex(f, header170), 0xff), math.MaxUint64))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := types.DecodeBlock(raw)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > allocationBound(len(raw)) {
			t.Fatalf("%d bytes allocated for %d", got, len(raw))
		}
		if err == nil && (!bytes.Equal(b.Bytes(), raw) || b.Hash() != b.Header.Hash() || b.Size() != len(raw)) {
			t.Fatalf("%x encodes to %x", raw, b.Bytes())
		}
	})
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(unhex(f, header170))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := types.DecodeHeader(raw)
		if (err == nil) != (len(raw) == types.HeaderSize) {
			t.Fatalf("%d bytes: %v", len(raw), err)
		}
		if err == nil && !bytes.Equal(h.Append(nil), raw) {
			t.Fatalf("%x encodes to %x", raw, h.Append(nil))
		}
	})
}

func BenchmarkDecodeBlock(b *testing.B) {
	block := &types.Block{}
	for range 2000 {
		block.Txs = append(block.Txs, decodeTx(b, bip143Signed))
	}
	raw := block.Bytes()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := types.DecodeBlock(raw); err != nil {
			b.Fatal(err)
		}
	}
}
