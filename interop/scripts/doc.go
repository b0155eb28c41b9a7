// Package scripts gives the same spends to Cairn's interpreter and to btcd's and compares what they say: all of btcd's
// public vectors, mutations of them, and scripts made up with signatures that fit. Where both disagree one of them breaks
// Bitcoin's rules; what btcd breaks is left out by name in known.go.
//
// It is tests only. Start reading at TestDifferential.
package scripts
