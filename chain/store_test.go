package chain_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// FuzzRecord: what decodes encodes to something that decodes to the same; nothing panics.
func FuzzRecord(f *testing.F) {
	r := chain.Record{Height: 7, Block: types.Hash{1}, Prev: types.Hash{2}, Coins: 9}
	f.Add(r.Append(nil))
	r.Set.Add(types.OutPoint{Index: 3}, consensus.Coin{Height: 5})
	r.Set.Remove(types.OutPoint{Index: 4}, consensus.Coin{Height: 5})
	f.Add(r.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := types.NewDecoder(raw)
		r := chain.DecodeRecord(d)
		if d.Finish() != nil {
			return
		}
		d = types.NewDecoder(r.Append(nil))
		again := chain.DecodeRecord(d)
		if d.Finish() != nil || again.Hash() != r.Hash() {
			t.Fatal("another record")
		}
	})
}

// FuzzIndexEntry: what decodes encodes to the same bytes, but for facts that are not stored.
func FuzzIndexEntry(f *testing.F) {
	e := chain.IndexEntry{Header: types.Header{Version: -1, Time: 5}, Height: 3, Status: chain.StatusBlock | chain.StatusFailed | chain.StatusActive, Seq: -4, TxCount: 6}
	f.Add(e.Append(nil))
	f.Add(make([]byte, 99))
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := types.NewDecoder(raw)
		e := chain.DecodeIndexEntry(d)
		if d.Finish() != nil {
			return
		}
		again := chain.DecodeIndexEntry(types.NewDecoder(e.Append(nil)))
		if again != e || e.Hash != e.Header.Hash() || e.Status&chain.StatusActive != 0 {
			t.Fatalf("%+v %+v", e, again)
		}
	})
}

func TestStoredForms(t *testing.T) {
	var r chain.Record
	r.Set.Add(types.OutPoint{Index: 3}, consensus.Coin{Height: 5})
	raw := r.Append(nil)
	for n := range raw {
		d := types.NewDecoder(raw[:n])
		chain.DecodeRecord(d)
		if d.Finish() == nil {
			t.Fatalf("%d of %d bytes are a record", n, len(raw))
		}
	}
	if !bytes.Equal(raw, r.Append(nil)) {
		t.Fatal("not the same twice")
	}
	if s := (chain.StatusBlock | chain.StatusFailed).String(); s != "block,failed" {
		t.Fatal(s)
	}
	for _, found := range []int{0, 9} {
		e := &chain.FormatError{Dir: "/data", Found: found, Want: 1}
		if !strings.Contains(e.Error(), "/data") || strings.Contains(e.Error(), "newer") != (found == 9) {
			t.Fatal(e)
		}
	}
}
