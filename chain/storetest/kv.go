package storetest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/cairn-chain/cairn/chain"
)

// RunKV is the conformance test of a chain.KV, which must be empty. reopen closes it and opens what it left.
func RunKV(t *testing.T, kv chain.KV, reopen func(chain.KV) chain.KV) {
	pair := func(k, v string) chain.Pair { return chain.Pair{Key: []byte(k), Value: []byte(v)} }
	must(t, kv.Write([]chain.Pair{pair("a/2", "two"), pair("a/1", ""), pair("b", "bee"), pair("a", "x")}))
	big := bytes.Repeat([]byte{9}, 300_000)
	must(t, kv.Write([]chain.Pair{{Key: []byte("a/3"), Value: big}, {Key: []byte("b")}}))
	must(t, kv.Sync())
	for range 2 {
		for key, want := range map[string][]byte{"a/2": []byte("two"), "a/1": {}, "a/3": big} {
			if got, err := kv.Get([]byte(key)); err != nil || got == nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %d bytes, %v", key, len(got), err)
			}
		}
		if got, err := kv.Get([]byte("b")); got != nil || err != nil {
			t.Fatalf("deleted: %q %v", got, err)
		}
		var keys []string
		must(t, kv.Iterate([]byte("a/"), []byte("2"), func(k, _ []byte) error {
			keys = append(keys, string(k))
			return nil
		}))
		if len(keys) != 2 || keys[0] != "a/2" || keys[1] != "a/3" {
			t.Fatalf("%q", keys)
		}
		kv = reopen(kv)
	}
	stop := errors.New("stop")
	if err := kv.Iterate(nil, nil, func(_, _ []byte) error { return stop }); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	must(t, kv.Close())
	if _, err := kv.Get([]byte("a")); !errors.Is(err, chain.ErrClosed) {
		t.Fatal(err)
	}
}
