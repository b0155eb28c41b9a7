// Package index keeps indexes beside the chain, in a chain.KV: which block holds a transaction (Tx), what spent an output (Spent),
// and the history and unspent coins of a script (Script). Each follows the chain by UpdatesSince at its own pace.
//
// It is no part of validation: an index may lag, be rebuilt or be removed, and no rule asks it. It starts no goroutines: whoever
// owns an index calls Sync when the chain's bell rings. Several indexes share one KV; their keys have different prefixes.
//
// # What is on disk
//
// An index is a set of entries, which are pairs of key and value, and a state. What entries a block adds and removes is a function of the
// block and its undo data alone (Change), and taking the block off does the reverse. So at each position the set is the same, whatever
// way led there: built in one go, followed block by block, or through reorganizations.
//
// The state tells the position, and the number and a checksum of all entries. A block's changes and the state after it are one Write
// where they fit into one. A larger block (a database takes about a thousand entries at once) goes in pieces: first the state says that
// any part of this block's entries may be there, then come the pieces, and the last one brings the state after the block. A process
// that is killed in between finds the mark, and puts the block on or takes it off as a whole; writing an entry twice, or removing one that
// is not there, does no harm.
//
// # What can be wrong with it, and what happens
//
// After a stop without Close the entries are counted and summed up before they are believed, as a damaged log may have lost some. If that
// fails, if the state does not read back, if the format is an older one, or if the position is not in the chain (which may happen
// after a power cut), the entries are removed and the index is built again. A newer format is refused. A single entry that does not
// read back is chain.ErrDamaged.
//
// Start reading at Follower.Sync.
package index
