// Package client calls a node: its methods by JSON-RPC 2.0, one at a time or in batches, and its events.
//
// It knows neither the methods nor what their results mean; those who call name a method and bring a value to decode the
// result into. Errors of the node are *jsonrpc.Error, with Bitcoin Core's codes.
//
// The way of a call: Client.Call encodes it, takes user and password from the URL or the cookie file, posts it, and reads the
// reply up to a bound; a refused cookie is read anew once, since the node may have been started again.
//
// Start reading at Dial.
package client
