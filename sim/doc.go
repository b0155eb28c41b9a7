// Package sim runs a network of nodes in virtual time. The nodes are the real ones but for their plumbing: each has a
// protocol machine (p2p/proto), a chain with all rules (chain, consensus), a mempool and the block building of the miner;
// what node does with goroutines, sockets and a clock is done here by one queue of events, one after the other.
//
// What is modelled, and not real:
//   - the network: a message arrives after the time that link.go computes of its size, the link's latency, jitter and
//     bandwidth, and what was sent before it;
//   - the work: blocks are found at the times of a Poisson process, each miner at the rate of its share; the header still has a
//     proof for its bits, which are easy ones;
//   - the time that a node needs to judge a block, a constant and a part for each byte;
//   - the transactions: random payments of one wallet, with real signatures.
//
// The same Config and seed give the same events, the same block hashes and the same report, on any machine. So there is no
// clock here, no goroutine, no map that is walked in its own order, and no floating-point number in what decides anything.
//
// What nodes share is held once: decoded blocks and their undo data, and the coins before the first event (store.go).
// The signature cache is shared, so that a signature is verified once and not once a node.
//
// Start reading at New and Run in world.go, then node.step in node.go.
package sim
