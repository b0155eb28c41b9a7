//go:build !unix

package node

// OpenFiles is how many files and sockets the process may have open at once; 0: it cannot be told.
func OpenFiles() int { return 0 }
