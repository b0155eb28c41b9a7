package rpc

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/types"
)

// BenchmarkGetBlock is a block of 21 transactions, from an HTTP request to its reply's last byte, over and over: what is remembered is.
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
	s := New(Config{Credentials: []jsonrpc.Credential{jsonrpc.PlainCredential(testUser, testPass)}})
	backend := f.backend()
	backend.Blocks = decoding{f, raw}
	s.Ready(backend)
	for verbosity := range 4 {
		body := fmt.Appendf(nil, `{"method":"getblock","params":["%s",%d],"id":1}`, n.Hash(), verbosity)
		b.Run(fmt.Sprint(verbosity), func(b *testing.B) {
			in := bytes.NewReader(body)
			r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", in)
			r.SetBasicAuth(testUser, testPass)
			w := &recorder{head: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				in.Reset(body)
				w.Reset()
				s.ServeHTTP(w, r)
				if w.status != http.StatusOK {
					b.Fatalf("%d: %s", w.status, w.Bytes())
				}
				b.SetBytes(int64(w.Len()))
			}
		})
	}
}

// recorder keeps the last reply, in the memory of the ones before it.
type recorder struct {
	bytes.Buffer
	head   http.Header
	status int
}

func (r *recorder) Header() http.Header    { return r.head }
func (r *recorder) WriteHeader(status int) { r.status = status }

// decoding decodes a block anew for each call, as a node does.
type decoding struct {
	*fake
	raw []byte
}

func (d decoding) Block(types.Hash) (*types.Block, error) { return types.DecodeBlock(d.raw) }

func (d decoding) RawBlock(types.Hash) ([]byte, error) { return d.raw, nil }
