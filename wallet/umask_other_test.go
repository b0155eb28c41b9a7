//go:build !unix

package wallet

import "testing"

// withUmask skips tests of file modes where there are none.
func withUmask(t *testing.T, _ int) { t.Skip("no umask here") }
