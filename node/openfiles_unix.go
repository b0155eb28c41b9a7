//go:build unix

package node

import (
	"math"
	"syscall"
)

// OpenFiles is how many files and sockets the process may have open at once; 0: it cannot be told.
func OpenFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return max(int(min(limit.Cur, math.MaxInt32)), 0)
}
