// Package jsonrpc answers calls of methods over HTTP as Bitcoin Core does: JSON-RPC 1.0, 1.1 and 2.0, batches, parameters by
// position and by name, help, cookie and rpcauth credentials, and a bound on everything that comes in.
//
// It knows nothing of Bitcoin: what a method does, and what its parameters mean beyond their JSON type, is in the table of
// Methods that the Server is given. It serves no pages, and it opens no socket by itself.
//
// The way of a call: Server.ServeHTTP refuses foreign hosts and pages (Admit), wrong paths and types, wrong credentials
// (Authorize), and what finds no place; readBody bounds size and time; splitBody cuts a batch apart in one pass; parseRequest
// reads one request; bind puts its parameters into the order of the table and checks their types; the handler runs with a
// Call; Append writes what it returns, Fields in their order. An error is an Error with a code, or Config.Translate gives it
// one, or it is CodeMisc. Replies of a batch leave one by one.
//
// Start reading at Method and Call, then Server.
package jsonrpc
