package chainjson

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// TestLockCache: a remembered description is that of the script, and no more are remembered than allowed.
func TestLockCache(t *testing.T) {
	params := consensus.Regtest().Addresses()
	show := func(f jsonrpc.Fields) string {
		raw, err := jsonrpc.Append(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	c := &lockCache{}
	lock := func(i int) []byte {
		return binary.BigEndian.AppendUint32(append([]byte{0, 20}, make([]byte, 16)...), uint32(i))
	}
	for i := range 3*maxLocks + 7 {
		first := lock(i)
		got := c.fields(params, first)
		if want := show(describeLock(params, lock(i))); show(got) != want {
			t.Fatalf("script %d: %s, not %s", i, show(got), want)
		}
		clear(first) // whoever gave it may use it for something else
		if want := show(describeLock(params, lock(i))); show(c.fields(params, lock(i))) != want {
			t.Fatalf("script %d, the second time: %s", i, show(c.fields(params, lock(i))))
		}
		c.fields(params, lock(0))
	}
	if len(c.young) > maxLocks || len(c.old) > maxLocks {
		t.Errorf("%d and %d are remembered", len(c.young), len(c.old))
	}
	if _, ok := c.find(lock(0)); !ok {
		t.Error("what is asked for again and again is forgotten")
	}
	long := slices.Repeat([]byte{0x51}, maxLockLen+1)
	c.fields(params, long)
	if _, ok := c.find(long); ok {
		t.Error("a long script is remembered")
	}
}
