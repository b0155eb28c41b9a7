// Package arch holds no code, only the tests that keep the house as ARCHITECTURE.md draws it: which
// package may import which, where time, randomness, files, sockets and goroutines may be touched, and
// how large a file or a function may grow.
package arch
