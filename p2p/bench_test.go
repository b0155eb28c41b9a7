package p2p

import (
	"bufio"
	"bytes"
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/p2p/bip324"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// BenchmarkStreams encodes messages and reads them again, without a network: what version 1 spends on checksums, and
// version 2 on encryption.
func BenchmarkStreams(b *testing.B) {
	tx := &types.Tx{Version: 2, In: []types.TxIn{{}}, Out: []types.TxOut{{Value: 1, Script: make([]byte, 1_000_000)}}}
	for name, m := range map[string]wire.Message{"block": wire.BlockMsg{Block: &types.Block{Txs: []*types.Tx{tx}}}, "ping": wire.Ping{Nonce: 1}} {
		b.Run(name+"/v1", func(b *testing.B) {
			s := &v1Stream{intake: intake{conn: &deaf{}, r: bufio.NewReaderSize(nil, readBuffer)}, magic: testMagic}
			benchStream(b, s, s, &s.intake, m)
		})
		b.Run(name+"/v2", func(b *testing.B) {
			to, from := benchPair(b)
			benchStream(b, to, from, &from.intake, m)
		})
	}
}

func benchPair(b *testing.B) (to, from *v2Stream) {
	k1, err1 := bip324.NewKey(newTestRand(1))
	k2, err2 := bip324.NewKey(newTestRand(2))
	if err := errors.Join(err1, err2); err != nil {
		b.Fatal(err)
	}
	s1, err1 := k1.Session(k2.Public, true, testMagic)
	s2, err2 := k2.Session(k1.Public, false, testMagic)
	if err := errors.Join(err1, err2); err != nil {
		b.Fatal(err)
	}
	in := intake{conn: &deaf{}, r: bufio.NewReaderSize(nil, readBuffer)}
	return &v2Stream{send: &s1.Send}, &v2Stream{intake: in, receive: &s2.Receive}
}

func benchStream(b *testing.B, to, from Stream, in *intake, m wire.Message) {
	buf := to.Append(nil, m)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	first := true
	for b.Loop() {
		if !first {
			buf = to.Append(buf[:0], m)
		}
		first = false
		in.r.Reset(bytes.NewReader(buf))
		f, err := from.Read()
		if err != nil || f.Command != m.Command() || f.Size != len(buf) {
			b.Fatalf("%q of %d bytes, %v", f.Command, f.Size, err)
		}
		from.Release()
	}
}
