package consensus_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

func drawCoin(t *rapid.T) consensus.Coin {
	return consensus.Coin{
		Out: types.TxOut{
			Value:  rapid.Int64Range(0, consensus.MaxMoney).Draw(t, "value"),
			Script: append([]byte(nil), rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "script")...),
		},
		Height:   rapid.Int32Range(0, math.MaxInt32).Draw(t, "height"),
		Coinbase: rapid.Bool().Draw(t, "coinbase"),
	}
}

func TestCoinRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coin := drawCoin(t)
		raw := consensus.AppendCoin(nil, coin)
		d := types.NewDecoder(raw)
		got := consensus.DecodeCoin(d)
		if err := d.Finish(); err != nil || !reflect.DeepEqual(got, coin) {
			t.Fatalf("%+v became %+v, %v", coin, got, err)
		}
		for n := range raw {
			d := types.NewDecoder(raw[:n])
			if got := consensus.DecodeCoin(d); d.Err() == nil || !reflect.DeepEqual(got, consensus.Coin{}) {
				t.Fatalf("cut to %d of %d bytes: %+v, %v", n, len(raw), got, d.Err())
			}
		}
	})
}

func TestUndoRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		undo := make(consensus.Undo, 0)
		for range rapid.IntRange(0, 5).Draw(t, "txs") {
			coins := make([]consensus.Coin, 0)
			for range rapid.IntRange(1, 4).Draw(t, "inputs") {
				coins = append(coins, drawCoin(t))
			}
			undo = append(undo, coins)
		}
		raw := consensus.AppendUndo(nil, undo)
		d := types.NewDecoder(raw)
		got := consensus.DecodeUndo(d)
		if err := d.Finish(); err != nil || !reflect.DeepEqual(got, undo) {
			t.Fatalf("%+v became %+v, %v", undo, got, err)
		}
		for n := range raw {
			d := types.NewDecoder(raw[:n])
			if got := consensus.DecodeUndo(d); d.Err() == nil || got != nil {
				t.Fatalf("cut to %d of %d bytes: %v", n, len(raw), d.Err())
			}
		}
	})
}

// TestCoinsDoNotAlias: a decoded coin does not keep the buffer that it came from.
func TestCoinsDoNotAlias(t *testing.T) {
	raw := consensus.AppendCoin(nil, consensus.Coin{Out: types.TxOut{Script: []byte{1, 2, 3}}})
	coin := consensus.DecodeCoin(types.NewDecoder(raw))
	clear(raw)
	if !bytes.Equal(coin.Out.Script, []byte{1, 2, 3}) {
		t.Error("the script changed with the buffer")
	}
}

func TestDecodeRefuses(t *testing.T) {
	coins := map[string]string{
		"height over 2^31":        "ff0000000001000000" + "01" + "00",
		"value over all money":    "02" + "ff0140075af0750700" + "00",
		"negative value":          "02" + "ffffffffffffffffff" + "00",
		"script longer than data": "02" + "01" + "fe00093d00",
		"script of 4 GB":          "02" + "01" + "feffffffff",
		"long form of a number":   "fd0200" + "01" + "00",
	}
	for name, s := range coins {
		d := types.NewDecoder(unhex(t, s))
		if got := consensus.DecodeCoin(d); d.Err() == nil || !reflect.DeepEqual(got, consensus.Coin{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	undos := map[string]string{
		"many transactions":            "fe00010000",
		"more transactions than fit":   "fdffff",
		"more coins than fit":          "01" + "fdffff" + "020100",
		"2^64-1 transactions":          "ffffffffffffffffff",
		"more transactions than bytes": "05" + "01" + "020100",
	}
	for name, s := range undos {
		d := types.NewDecoder(unhex(t, s))
		if got := consensus.DecodeUndo(d); d.Err() == nil || got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzDecodeCoin(f *testing.F) {
	f.Add(consensus.AppendCoin(nil, consensus.Coin{Out: types.TxOut{Value: 5e9, Script: []byte{0x51}}, Height: 7, Coinbase: true}))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{2, 1, 0xfe, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := types.NewDecoder(b)
		coin := consensus.DecodeCoin(d)
		if d.Finish() == nil && !bytes.Equal(consensus.AppendCoin(nil, coin), b) {
			t.Fatalf("%x decodes to %+v, which encodes differently", b, coin)
		}
	})
}

func FuzzDecodeUndo(f *testing.F) {
	coin := consensus.Coin{Out: types.TxOut{Value: 5e9, Script: []byte{0x51}}, Height: 7}
	f.Add(consensus.AppendUndo(nil, consensus.Undo{{coin}, {coin, coin}}))
	f.Add(consensus.AppendUndo(nil, nil))
	f.Add([]byte{0xfd, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		d := types.NewDecoder(b)
		undo := consensus.DecodeUndo(d)
		if d.Finish() == nil && !bytes.Equal(consensus.AppendUndo(nil, undo), b) {
			t.Fatalf("%x decodes to %+v, which encodes differently", b, undo)
		}
	})
}
