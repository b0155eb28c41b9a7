// Package psbt reads, writes and works on partially signed transactions: BIP174, version 0, with the fields for
// taproot of BIP371. Several programs that each know something, or hold a key, hand such a packet around until
// its transaction can be sent.
//
// A Packet keeps every field as the key and the value that it has on the wire, also those that it does not know, so that
// nothing is lost on the way. Decode checks the form of all that it knows.
//
// The roles of BIP174: New is the creator; Map.Set the updater; Combine the combiner; Finalize the input finalizer, which
// verifies what it makes; Extract the extractor. Join and Analyze are Bitcoin Core's. There is no signer
// here: keys are the wallet's.
//
// Start with Packet and Decode, then Finalize.
package psbt
