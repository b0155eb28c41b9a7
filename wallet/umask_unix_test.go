//go:build unix

package wallet

import (
	"syscall"
	"testing"
)

// withUmask sets the process's umask for one test.
func withUmask(t *testing.T, mask int) {
	t.Helper()
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}
