// Package backend is the node as the handlers of package rpc see it: small interfaces, each with its contract on errors, and
// the plain values that they speak in. Package node implements them; Parts holds one of each.
//
// It has no code that runs, and nothing of JSON: how a value is shown is for the handlers to say. Every method of every
// interface may be called from several goroutines.
//
// Start reading at Parts, Entry and Chain.
package backend
