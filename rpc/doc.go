// Package rpc is the node's interface for programs: JSON-RPC in Bitcoin Core's dialect, REST and events, at one address.
//
// This package only puts together: the Server, the table of all methods, and the few methods that are about the node as a
// program (help, stop, uptime, logging, the clock). It holds no state of the chain and no keys; the wallet is a client. It is
// not a web server for pages, and it starts nothing by itself: whoever has a listener calls Server.Serve.
//
// The packages below it:
//
//   - jsonrpc: the dialect, credentials, limits, help. Knows nothing of Bitcoin.
//   - backend: the node as the handlers see it, as small interfaces, which package node implements.
//   - chainjson: a call with its parameters as Bitcoin means them, and how blocks, transactions and scripts look as JSON.
//   - blockchain, pool, rawtx, mining, network: the methods, one file a topic. They do not know each other.
//   - rest, events: the two other interfaces.
//   - client: the other side.
//
// The way of a call: Server.ServeHTTP sends it to jsonrpc.Server, which looks at host, credentials and limits, takes the body
// apart, finds the Method by its name and binds the parameters to its table; the handler gets a chainjson.Call, asks the
// backend, and returns fields, which jsonrpc writes. A rule error that it returns gets its code in chainjson.Translate.
//
// Start reading at Server and Methods; then jsonrpc.Method, chainjson.Call and one handler, blockchain's getBlock.
package rpc
