// Package wire holds the messages that nodes exchange, their limits, and the frames in which they
// travel: version 1 of Bitcoin's protocol.
//
// It is not a connection: it turns bytes into values and back, and never reads from anything. What a
// message means, and what is to be done about a bad one, is for p2p/proto to say.
//
// Messages travel as values, not as pointers: Decode returns a Ping, never a *Ping, so a type switch
// over a Message names the plain types. Decoders copy what they keep, so the bytes that were decoded
// may be used again.
//
// Nothing here trusts a count or a length. The frame's length is held against Limit before the
// payload is read, each count against the item limit and against the bytes that are left before
// anything is allocated. Every message but version must end where its last field ends.
//
// Start reading at Message, then ReadHeader and Decode.
package wire
