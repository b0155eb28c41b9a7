//go:build unix

package flock

import (
	"os"
	"path/filepath"
	"testing"
)

// The lock belongs to the open file, and ends with it.
func TestTry(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		t.Helper()
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	a, b := open(), open()
	for _, c := range []struct {
		f    *os.File
		want bool
	}{{a, true}, {b, false}, {a, true}} {
		if got, err := Try(c.f); err != nil || got != c.want {
			t.Errorf("%v, %v", got, err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := Try(b); err != nil || !got {
		t.Errorf("after the other was closed: %v, %v", got, err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Try(b); err == nil {
		t.Error("a closed file was locked")
	}
}
