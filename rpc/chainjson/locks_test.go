package chainjson

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
)

// TestLockCache: a remembered description is that of the script, and no more are remembered than allowed.
func TestLockCache(t *testing.T) {
	params := consensus.Regtest().Addresses()
	c := &lockCache{}
	lock := func(i int) []byte {
		return binary.BigEndian.AppendUint32(append([]byte{0, 20}, make([]byte, 16)...), uint32(i))
	}
	show := func(lock []byte) string { return string(c.append(nil, params, lock)) }
	for i := range 3*maxLocks + 7 {
		first := lock(i)
		want := string(appendLock(nil, params, lock(i)))
		if got := show(first); got != want {
			t.Fatalf("script %d: %s, not %s", i, got, want)
		}
		clear(first) // whoever gave it may use it for something else
		if got := show(lock(i)); got != want {
			t.Fatalf("script %d, the second time: %s", i, got)
		}
		show(lock(0))
	}
	if len(c.young) > maxLocks || len(c.old) > maxLocks {
		t.Errorf("%d and %d are remembered", len(c.young), len(c.old))
	}
	if _, ok := c.find(lock(0)); !ok {
		t.Error("what is asked for again and again is forgotten")
	}
	long := slices.Repeat([]byte{0x51}, maxLockLen+1)
	show(long)
	if _, ok := c.find(long); ok {
		t.Error("a long script is remembered")
	}
	if most := show(slices.Repeat([]byte{0xb1}, maxLockLen)); len(most) > 2000 { // OP_CHECKLOCKTIMEVERIFY
		t.Errorf("the text of a script of %d bytes has %d", maxLockLen, len(most))
	}
}
