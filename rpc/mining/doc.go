// Package mining has the methods that make blocks: templates for miners outside (BIP22, BIP23), proposals and submissions,
// generating blocks on a test network, and the switch of the node's own miner.
//
// It builds no block and searches no nonce; that is behind backend.Mining and backend.Submit. Methods is its part of the table: a
// call comes from jsonrpc to the handler that stands there.
package mining
