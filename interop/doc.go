// Package interop tests Cairn against what others made: btcd as a peer and as a judge of scripts, btcd's generated
// block tests, and real blocks. It is a module of its own, so that none of this is a dependency of Cairn. Each
// folder holds one kind of test:
//
//   - peers: a real btcd and a real Cairn on one regression test network
//   - fullblocks: what btcd's fullblocktests expects of each of its blocks, asked of package chain
//   - mainnet: real blocks of Bitcoin, whole and with one bit flipped
//   - scripts: Cairn's interpreter and btcd's on the same scripts
//   - clients: clients of Bitcoin's RPC and REST, and a miner, that drive a Cairn
//
// It holds no rules and nothing that Cairn imports. scripts/test-interop.sh runs it.
package interop
