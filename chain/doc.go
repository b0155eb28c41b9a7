// Package chain keeps the block tree, chooses its best tip and holds the set of unspent coins at that tip. It
// is the only place that applies consensus's pure functions to a ledger that lasts.
//
// It is not the rules (consensus), not the network (p2p), not the mempool, and it knows no disk: what must last goes
// through a Store, of which chain/badgerdb and chain/memdb are two.
//
// # Who may call what
//
// One goroutine, the owner, calls the methods that change something: AddHeaders, AddBlock, Invalidate, Reconsider,
// Precious, Prune, Flush and Close. Everything else may be called from any goroutine at any time and sees the published tip: a
// reorganization becomes visible at once, as a whole, when it has succeeded. (One that outgrows the coin cache is
// published in parts.) No lock is held while the store reads or writes, none while a caller's function runs.
//
// # What becomes durable, and when
//
//  1. A block that passed the checks which need no coins is written, then its entry in the block index.
//  2. When it is connected, its undo data is written. Only then is the new tip published and the bell rung.
//  3. The coins that changed stay in memory. A flush makes blocks, undo and index durable (synced), then writes the coins
//     with a Record that names the block whose coin set this is, then syncs again.
//
// A killed process loses nothing that was written, because the operating system has it: the next start finds the
// coins of the last flush and connects the blocks after it again. A power cut may lose what came after the last flush;
// these blocks are fetched again.
//
// A flush that is larger than one atomic write of the store begins with a marker, "flushing from record A to record B",
// and ends with record B, which takes the marker away. In between the stored set is a mixture of both. A start that finds the marker
// walks the blocks from A to B and writes for each outpoint that they touch what B has there: every outpoint that
// differs between A and B is touched, so the result is B, however often this is begun.
//
// Each record holds the number of coins, the MuHash of the set and the hash of the record before it. A store that was not closed
// cleanly is counted and hashed against the record; if it differs, the coins are made again from the stored blocks. A
// block that does not read back is reported missing, like one never had, and is fetched again.
//
// # Pruning
//
// Blocks that nobody needs any more can be removed, see prune.go: an entry of the index is marked first and the block goes then. What
// follows the chain at its own pace registers with KeepFrom.
//
// # Snapshots
//
// A chain can begin with a coin set that somebody has declared, and validate the blocks before it afterwards; see snapshot.go for the states
// and their order, history.go for the second chain that does it.
//
// # Whose fault
//
// A *consensus.RuleError says that the data is wrong. It marks a block invalid only when the block's hash commits to what is
// wrong: never a merkle tree that repeats its tail, never a witness that does not fit its commitment. Any other error is
// our own and marks nothing.
//
// Start reading at Chain.AddBlock, then Chain.activate in activate.go and flush in flush.go.
package chain
