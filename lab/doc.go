// Package lab makes networks of whole nodes in one process: it starts them, gives them accounts with coins,
// connects them in a topology, cuts and heals the connections, stops, kills and restarts them, and tells
// what happens. The nodes are those of package node, with their own databases, ports and sockets; nothing
// in them knows that it is in a laboratory. What a user asks for comes in through Net's methods, or over
// HTTP through Control.
//
// Start reading at Up.
package lab
