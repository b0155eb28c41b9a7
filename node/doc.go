// Package node puts a whole node together: chain and store, mempool, the protocol machine with its
// sockets, the miner, the RPC server and the metrics; and it owns the few loops that keep them going.
//
// It judges nothing. What is valid stands in consensus, what is relayed in mempool and p2p/proto; here
// are only the goroutines that carry things between them:
//
//	owner    one goroutine: events from the network to the machine, effects back (owner.go)
//	ledger   one goroutine: the only one that changes the chain and the mempool (ledger.go)
//	mining   one goroutine, while the node mines (mining.go)
//	filters  one goroutine, if the node keeps block filters (filters.go)
//	events   one goroutine, if the node has RPC: changes of the mempool to those who listen (events.go)
//
// Start reading at Start, then owner.run and ledger.run: the way of a block goes through both.
package node
