package script_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/cairn-chain/cairn/consensus/script"
)

// The generator of the curve as a key, and what Bitcoin Core makes of each form of it.
func TestCompressLock(t *testing.T) {
	const x = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	const y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
	hash := [20]byte{5}
	for lock, kind := range map[string]int{
		hex.EncodeToString(script.PayToPubKeyHash(hash)): 0, "a914" + hex.EncodeToString(hash[:]) + "87": 1, "2102" + x + "ac": 2, "2103" + x + "ac": 3, "4104" + x + y + "ac": 4,
	} {
		raw, err := hex.DecodeString(lock)
		if err != nil {
			t.Fatal(err)
		}
		got, data, ok := script.CompressLock(raw)
		back, fine := script.DecompressLock(got, data)
		if !ok || !fine || got != kind || len(data) != script.CompressedBytes(kind) || !bytes.Equal(back, raw) {
			t.Errorf("%s: kind %d, %v %v", lock, got, ok, fine)
		}
	}
	for _, lock := range []string{"", "51", "2104" + x + "ac", "4106" + x + y + "ac", "4104" + x + x + "ac", "0014" + hex.EncodeToString(hash[:])} {
		raw, err := hex.DecodeString(lock)
		if err != nil {
			t.Fatal(err)
		}
		if kind, _, ok := script.CompressLock(raw); ok {
			t.Errorf("%s has the short form %d", lock, kind)
		}
	}
	if _, ok := script.DecompressLock(4, append(make([]byte, 31), 5)); ok {
		t.Error("5 is the x of no point of the curve")
	}
	for kind := -1; kind < 8; kind++ {
		if _, ok := script.DecompressLock(kind, make([]byte, 21)); ok {
			t.Error(kind)
		}
	}
}
