// Package miner builds blocks and searches their nonces.
//
// BuildBlock makes a block from transactions that somebody chose (mempool.Select); Solve finds the header that meets its target with as
// many workers as asked for, each with a share of a core; Meter turns a count of hashes into a rate.
//
// It does not judge transactions, knows no mempool and no chain, and submits nothing. Its workers are its only goroutines and end before
// Solve returns. Time comes from a Clock.
//
// Start reading at Solve.
package miner
