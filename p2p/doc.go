// Package p2p carries messages between this node and its peers: it listens, dials, reads, writes and
// closes, and bounds all of that. It decides nothing: what a message means, whom to dial and whom to drop is
// for the machine in p2p/proto to say, which this package serves with events and whose effects it
// carries out.
//
// # A frame, from socket to event
//
//  1. Net.accept takes the connection from the listener, or Net.dial makes it. If accepting fails, as when no
//     file descriptor is left, it pauses and tries again.
//  2. Net.admit is the one way in for every transport and direction. It counts the connections, and per
//     host those that have not said verack yet; it gives the peer its PeerID, which is never used twice.
//  3. Net.serve emits Connected, lets the Codec open the connection, and starts the goroutine that writes. From
//     here on the peer has two goroutines, and a bounded queue of what is to be sent. The codec V2 tells from the first 16
//     bytes of an inbound connection whether it is version 1. A peer that we dialled, and that closes when it hears an
//     encrypted handshake, is dialled again in version 1.
//  4. v1Stream.Read waits for the first byte of a frame, as long as it takes: whether a silent peer is worth
//     keeping is for the machine to find out, by ping. With the first byte a deadline begins, which
//     grows with the frame's size; a peer that sends one byte a minute does not meet it.
//  5. The 24 bytes of the header come. wire.ReadHeader compares the magic, and holds the length against the limit
//     of this very message: a frame that says 4 GB, or a ping of 9 bytes, ends the connection before any
//     more is read.
//  6. The payload comes. Memory for it grows with what has arrived, not with what was announced. The
//     payload of a message that the node does not know is passed over and never held.
//  7. The checksum is compared. If it is wrong the frame is dropped and counted, and the connection goes on,
//     as in Bitcoin Core.
//     Encrypted, steps 5 to 7 are: a length of 3 bytes, held against the longest message of all; the packet, for which
//     memory grows the same way; its tag, and if that is wrong the connection ends; the name, and with it the
//     message's own limit. Decoys are counted, bounded and forgotten.
//  8. peer.deliver has wire.Decode make a typed message of it, which shares no memory with the buffer. If it
//     cannot, Malformed is emitted and the connection closed. Large messages pass here a few at a time.
//  9. Config.Emit is called with the event Message. While it blocks nothing
//     more is read from this peer; its socket fills, and TCP tells the other end to wait. There is no other
//     queue on the way in.
//  10. When the connection has ended, by whomever, Gone is emitted: exactly once for each Connected, and after
//     it nothing more from this peer.
//
// The way out is shorter: Net.Send puts a message into the peer's queue or, if that is full, closes the
// peer; peer.write encodes what waits, up to 64 KiB at a time, and writes it under a deadline.
// Net.SendLazy queues a function in place of a message, so that a block leaves the store only when its turn
// has come.
//
// # Seams
//
// Transport, Grouper, Source, PortMapper and Codec are where the network can grow: other ways to
// connect, to find peers, to be reached, to encrypt. Each has its plain implementation here.
//
// Start reading at Config, then Net.serve and peer.read.
package p2p
