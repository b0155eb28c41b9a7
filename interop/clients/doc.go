// Package clients lets programs that others wrote drive a Cairn by RPC and REST, to prove the dialect: the npm package bitcoin-core,
// btcd's rpcclient, Debian's python3-bitcoinlib, and a miner that knows nothing but getblocktemplate and submitblock. Each mines, sends,
// watches a confirmation, goes through a reorganization, asks every index, has transactions judged, and mines on a template.
//
// What cannot be installed is skipped with a word why; with CAIRN_CLIENTS=1 in the environment that is a failure.
package clients
