// Package chainjson is what the handlers share: a Call whose parameters are read as hashes, amounts, transactions, addresses,
// descriptors and blocks, and how blocks, transactions, output scripts and entries of the mempool look as JSON. Names, order
// of fields and sentences are those of Bitcoin Core.
//
// It is not a place for what one topic alone needs, and it decides nothing: what is wrong with a block or a transaction is told
// by consensus and the mempool, and Translate only gives it a code.
//
// Of a call it is the middle: package rpc makes a Call of a jsonrpc.Call and the State of the node; the handler reads its
// parameters (Call.Hash, Call.Entry, AsTx and the like), asks the backend.Parts in it, and returns what Block, Header, TxView
// or PoolEntry make of the answer.
//
// Start reading at Call and State.
package chainjson
