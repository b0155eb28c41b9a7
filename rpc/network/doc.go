// Package network has the methods about the network: peers and their figures, added nodes, bans, the address book, and the
// tools of tests.
//
// It opens no connection itself; that is behind backend.Peers, Bans and NetTools. Methods is its part of the table: a call comes
// from jsonrpc to the handler that stands there.
package network
