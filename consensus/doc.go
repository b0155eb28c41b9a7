// Package consensus holds the rules: which headers, blocks and transactions are valid, and what a block
// does to the ledger.
//
// Every rule is a function of its arguments. There is no clock, disk, network, log or goroutine here: time is an
// argument, coins are fetched by the caller before Connect is called, and the place in the block tree is an Ancestry.
// Connect runs no scripts either; it returns the checks that are left, so that whoever has the workers runs many
// at once. The package knows no mempool policy, except that it declares the kinds of errors that policy uses.
//
// A RuleError says that the data is wrong and prints Bitcoin Core's reject string. Every other error says that we are.
//
// Soft forks hold from a height on (forks.go) or are activated by miners (versionbits.go); Params has the heights. The
// networks of Bitcoin are in bitcoin.go, for validation only.
//
// Rules beside Bitcoin's, on the network cairn: the target of each block follows aserti3-2d (asertBits states it), which is
// absolute, so no period has ends that could be warped; and where Params.Refuse64ByteTx is set, a transaction of 64 bytes
// without witnesses is invalid.
//
// Start reading at Connect, then CheckHeader and CheckBlock. Params lists all that differs between networks.
package consensus
