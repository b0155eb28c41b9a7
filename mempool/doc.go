// Package mempool keeps the transactions that are valid on the tip of the chain but not in a block yet,
// decides which may enter (policy, not consensus), and picks those that a new block should hold.
//
// Policy follows Bitcoin Core 28, and 29 where it lets dust through for a moment: standard forms, fees, dust, replacement by fee
// without signalling (the rules of BIP125 but its first), 25 ancestors and descendants of 101 kvB, transactions of version 3
// (truc.go, BIP431), packages of a child with its parents (package.go), ephemeral dust (dust.go), a bound in bytes with eviction of
// the lowest feerate package, and a floor that rises with evictions and decays. One difference: when a replacement is judged the
// descendants that it removes are not counted against the limits of its ancestors.
//
// It is not: a source of coins (the caller fetches those that Needs names and hands them to Add), a
// place for orphans (Add answers MissingParents and forgets the transaction), or a clock. It remembers
// nothing of what it refused, so a copy of a transaction with a broken witness never stands in the way of
// the honest one.
//
// The pool follows the chain by Update values, in order: Apply for each block connected, Revert for each
// block disconnected. After a reorganization the caller adds the transactions that Revert returned (those
// of the last reverted block first, so that parents come before children) and then calls RemoveInvalid.
// Until then Select gives nothing, because some entries may hang in the air.
//
// All methods of Pool are safe for concurrent use. No lock is held while scripts are verified or while a
// reader or writer of the caller is called.
//
// Start reading at Pool.Add, then judge; then Pool.AddPackage.
package mempool
