package memdb_test

import (
	"fmt"
	"testing"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/chain/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t,
		func(*testing.T) chain.Store { return memdb.New() },
		func(t *testing.T, s chain.Store, kill bool) chain.Store {
			m := s.(*memdb.Store)
			if !kill {
				if err := m.Close(); err != nil {
					t.Fatal(err)
				}
			}
			return m.Reopen()
		})
}

func TestKV(t *testing.T) {
	storetest.RunKV(t, memdb.NewKV(), func(kv chain.KV) chain.KV { return kv.(*memdb.KV).Reopen() })
}

func Example() {
	c := storetest.Open(exampleT{}, storetest.Config(storetest.Params(), memdb.New()))
	fmt.Println(c.Tip().Height(), c.Close())
	// Output: 0 <nil>
}

type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Fatalf(format string, args ...any) { fmt.Printf(format, args...) }
