package rpc

import (
	"fmt"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

// BenchmarkGetBlock is a block of 21 transactions, from the call's text to the reply's.
func BenchmarkGetBlock(b *testing.B) {
	t := &testing.T{}
	f := newFake(t, 0)
	first := f.extend()
	for range 100 {
		f.extend()
	}
	txs := []*types.Tx{first.SignedSpend(t, 1000)}
	n := f.extend(txs...)
	list := n.Block.Txs
	for len(list) < 21 {
		list = append(list, txs[0])
		n.Update.Undo = append(n.Update.Undo, n.Update.Undo[0])
	}
	n.Block.Txs = list
	raw := n.Block.Bytes()
	s := New(Config{})
	backend := f.backend()
	backend.Blocks = decoding{f, raw}
	s.Ready(backend)
	for verbosity := range 3 {
		b.Run(fmt.Sprint(verbosity), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				reply, err := s.Call(b.Context(), "getblock", n.Hash(), verbosity)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(reply)))
			}
		})
	}
}

// decoding decodes a block anew for each call, as a node does.
type decoding struct {
	*fake
	raw []byte
}

func (d decoding) Block(types.Hash) (*types.Block, error) { return types.DecodeBlock(d.raw) }
