// Package proto is the protocol between nodes as a pure machine: Step(now, event) returns effects.
// It decides what is said to whom, which blocks and transactions are asked of which peer, whom to dial
// and whom to leave.
//
// It is not the plumbing: it opens no socket, reads no clock, draws no randomness of its own and
// starts no goroutine. Time, randomness and all that it must know of chain, mempool and addresses are
// given to it, so the same seed and the same events give the same effects on every machine. It judges
// no block and no transaction either: it hands them out (SubmitHeaders, SubmitBlock, SubmitTx) and is
// told the verdict.
//
// Everything that a peer can make it remember has a bound in items, and in bytes where the items
// differ in size; the bounds stand as constants beside what they bound, and sanity (sanity_test.go), which
// the tests call after every step, checks them.
//
// Start reading at events.go, then Machine.Step, then messages.go; blocks.go is the way of a block. Each of the other files is one concern; the hard ones (blockdownload.go, compact.go,
// evict.go) open with their specification. What needs nothing of the machine is a package of its own: p2p/presync, p2p/txrequest,
// p2p/orphanage, p2p/compact, and p2p/salted, whose keys they share.
package proto
