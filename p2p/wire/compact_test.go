package wire

import (
	"errors"
	"runtime"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

func compactSamples() []Message {
	tx := sampleTx(1)
	block := &types.Block{Txs: []*types.Tx{sampleTx(2), tx}}
	return []Message{
		NewCmpctBlock(block, 7), CmpctBlock{ShortIDs: []uint64{1, 1<<48 - 1}, Prefilled: []PrefilledTx{}},
		CmpctBlock{Nonce: 1, ShortIDs: []uint64{5, 6}, Prefilled: []PrefilledTx{{0, tx}, {2, tx}, {4, tx}}},
		GetBlockTxn{Hash: types.Hash{8}, Indexes: []uint16{0, 1, 300, MaxBlockTxs - 1}}, GetBlockTxn{Indexes: []uint16{}},
		BlockTxn{Hash: types.Hash{9}, Txs: []*types.Tx{tx, sampleTx(3)}}, BlockTxn{Txs: []*types.Tx{}},
	}
}

// The case of Bitcoin Core's tests for SipHash of a hash.
func TestSipHash(t *testing.T) {
	var h types.Hash
	for i := range h {
		h[i] = byte(i)
	}
	if got := (ShortIDKey{0x0706050403020100, 0x0f0e0d0c0b0a0908}).sipHash(&h); got != 0x7127512f72f27cce {
		t.Errorf("%#x", got)
	}
}

func TestNewCmpctBlock(t *testing.T) {
	b := &types.Block{Txs: []*types.Tx{sampleTx(1), sampleTx(2), sampleTx(3)}}
	m := NewCmpctBlock(b, 5)
	if m.Txs() != 3 || len(m.Prefilled) != 1 || m.Prefilled[0].Tx != b.Txs[0] {
		t.Fatalf("%+v", m)
	}
	key := NewShortIDKey(&b.Header, 5)
	if m.ShortIDs[1] != key.Of(b.Txs[2].WitnessID()) || m.ShortIDs[1] >= 1<<48 {
		t.Errorf("%#x", m.ShortIDs[1])
	}
	if NewShortIDKey(&b.Header, 6) == key {
		t.Error("the nonce does not change the key")
	}
	if got, ok := NewBlockTxn(b, []uint16{0, 2}); !ok || !slices.Equal(got.Txs, []*types.Tx{b.Txs[0], b.Txs[2]}) {
		t.Errorf("%+v %v", got, ok)
	}
	if _, ok := NewBlockTxn(b, []uint16{3}); ok {
		t.Error("an index outside of the block")
	}
}

// Indexes that overflow, repeat or lie outside, and counts over the limit, are refused and cost nothing.
func TestCompactIndexes(t *testing.T) {
	tx := sampleTx(1).Bytes()
	head := make([]byte, types.HeaderSize+8)
	join := func(parts ...[]byte) (out []byte) { return slices.Concat(parts...) }
	hash := make([]byte, 32)
	for name, c := range map[string]struct {
		command string
		payload []byte
	}{
		"prefilled beyond its place":   {"cmpctblock", join(head, []byte{1}, make([]byte, 6), []byte{1, 2}, tx)},
		"second prefilled beyond":      {"cmpctblock", join(head, []byte{0, 2, 0}, tx, []byte{1}, tx)},
		"prefilled distance of 2^64-1": {"cmpctblock", join(head, []byte{0, 2, 0}, tx, []byte{0xff, 255, 255, 255, 255, 255, 255, 255, 255}, tx)},
		"requested beyond all blocks":  {"getblocktxn", join(hash, []byte{1, 0xfd, 0xff, 0xff})},
		"requested sum overflows":      {"getblocktxn", join(hash, []byte{2, 5, 0xff, 250, 255, 255, 255, 255, 255, 255, 255})},
		"requested sum beyond":         {"getblocktxn", join(hash, []byte{2, 0xfd, 0x00, 0x40, 0xfd, 0x00, 0x40})},
	} {
		if m, err := Decode(c.command, c.payload); !errors.Is(err, ErrIndex) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	huge := types.AppendVarInt(nil, MaxBlockTxs+1)
	for command, payload := range map[string][]byte{
		"cmpctblock":  join(head, huge, make([]byte, 6*(MaxBlockTxs+1)), []byte{0}),
		"getblocktxn": join(hash, huge, make([]byte, MaxBlockTxs+1)),
		"blocktxn":    join(hash, []byte{0xff, 255, 255, 255, 255, 255, 255, 255, 255}),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Decode(command, payload)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s with too high a count: %v", command, m.Command())
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%s with too high a count costs %d bytes", command, n)
		}
	}
}

func BenchmarkShortID(b *testing.B) {
	k, h := ShortIDKey{1, 2}, types.Hash{3}
	for i := 0; b.Loop(); i++ {
		h[0] = byte(k.Of(h))
	}
}
