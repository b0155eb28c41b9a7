// Package types holds the things that the whole program speaks of: hashes,
// outpoints, transactions, headers and blocks, and the one codec that reads and
// writes them in Bitcoin's consensus encoding.
//
// It knows no rule: whether a transaction is valid is for consensus to say. It
// guarantees only shape: what decodes was canonical, complete and encodes to the
// same bytes again.
//
// Values are immutable once they are shared. A Tx or Block computes its hashes
// once, at the first call of its methods (or while decoding); whoever wants to
// change one makes a Clone first.
//
// Start reading at Tx and Decoder.
package types
