// Package rpc is the node's JSON-RPC interface in Bitcoin Core's dialect, and the client that
// speaks to it.
//
// It is a table of small handlers (one file a topic) over the small interfaces of deps.go, which
// the node implements, behind one HTTP handler that knows the dialect: authentication, both
// JSON-RPC versions, batches, named parameters, limits. It holds no state of the chain and no
// keys; the wallet is a client.
//
// It is not a web server for pages, and it starts nothing by itself: whoever has a listener calls
// Server.Serve.
//
// Start reading at Server and the type Method; then deps.go.
package rpc
