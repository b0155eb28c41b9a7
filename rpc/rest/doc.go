// Package rest is Bitcoin Core's second interface (its doc/REST-interface.md): a path names a thing, its suffix the form in which it comes, and nobody
// has to say who he is. It tells only what every peer could find out, or the mempool, and it changes nothing. Because anybody on the host may
// ask, it has places of its own beside those of RPC, so that it cannot crowd RPC out, and answers are no larger than a block,
// maxHeaders headers or the list of the mempool, which is written piece by piece.
//
// A page that a browser shows may not ask either: requests that name another host or an origin are refused as they are for RPC.
//
// The way of a request: Server.Serve finds its entry in the table of paths, reads what comes along, and the entry returns an answer: the
// thing in each form that it has, of which only the wanted one is made. What RPC shows, too, is a method's result, or comes from chainjson.
//
// Start reading at Server and paths.
package rest
