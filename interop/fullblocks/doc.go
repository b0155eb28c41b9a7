// Package fullblocks asks package chain what btcd's fullblocktests expects of each of its generated blocks: accepted on
// the best chain or beside it, refused and why, not decodable, the tip after each, and the coins while a branch is
// taken off.
//
// It is tests only. Start reading at TestFullBlocks.
package fullblocks
