// Package pool has the methods about the mempool as a whole: what is in it, what belongs together, what is paid, what a fee
// should be. What concerns single transactions on their way in is in rawtx.
//
// The mempool itself is behind backend.Mempool, the estimates behind backend.Fees. Methods is its part of the table: a call comes
// from jsonrpc to the handler that stands there.
package pool
