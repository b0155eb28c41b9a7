// Package mainnet validates real blocks of Bitcoin with Cairn's rules for its main network: the first 14,132, one of
// 2014 with the coins that it spends, and two of the largest sizes with and without witnesses. Each is also given with
// one bit flipped, which must make it fail and must not spoil the true block.
//
// It is tests only. The blocks lie in the modules of btcd, from where they are read. Start reading at TestFirstBlocks.
package mainnet
