// Package blockchain has the methods about the chain: blocks and headers, the coin set and its snapshots, proofs, filters, the
// optional indexes, statistics, pruning, waiting for a tip, and steering which branch is held to be the best.
//
// It holds nothing itself; the chain is behind backend.Chain, Blocks, Ledger, Steer and the interfaces of the indexes.
// Methods is its part of the table: a call comes from jsonrpc to the handler that stands there.
package blockchain
