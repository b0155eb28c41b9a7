// Package bip324 is the encrypted transport of version 2 (BIP324): its keys, its ciphers, its packets and
// its handshake, over any reader and writer. It knows no sockets, no clock and no messages; p2p.V2 makes a Codec
// of it.
//
// # What it is for
//
// Whoever only listens sees bytes that look like random ones from the first to the last: no magic, no lengths, no
// names of messages. Whoever changes a bit ends the connection. It does not tell who the other end is: somebody in
// the middle can still pretend to be each side to the other, but no longer unseen, for both sides can compare their
// session ids.
//
// # The rules, each with its reason
//
//  1. Each side sends a fresh public key of 64 bytes in the ElligatorSwift encoding, in which any 64 bytes are a key, so
//     that keys cannot be told from noise; then up to MaxGarbage bytes of garbage, so that connections have no
//     typical first length. (Key, Initiate, Respond)
//  2. Whoever was dialled waits for the first byte that differs from the start of a version 1 connection: the
//     network's magic and "version". If 16 bytes agree it is version 1. Nothing is consumed. (SpeaksV1)
//  3. The shared secret commits to both encodings. HKDF-SHA256, salted with the network's magic, makes of it two keys in each
//     direction, two terminators and the session id: nodes of different networks never understand each other. (Key.Session)
//  4. Each side sends its terminator, 16 bytes, so that the other finds the end of the garbage without trying a
//     decryption at each byte. The garbage is authenticated as the associated data of the first packet: it cannot be changed
//     unseen either.
//  5. A packet is 3 bytes of length, encrypted with ChaCha20; then one byte of flags and the contents, with
//     ChaCha20-Poly1305 and its tag of 16 bytes. The length has its own key, because it must be read before the tag can be
//     checked; it is authenticated by the tag all the same, since a wrong one makes a wrong tag. (Sender, Receiver)
//  6. After each 224 packets both keys are replaced by one-way steps: who learns a key later cannot read what came
//     before. (lengthCipher, contentCipher)
//  7. A packet whose ignore bit is set is a decoy: it is decrypted and forgotten. The first other packet of each
//     side negotiates the version; its contents are ignored, there is only one so far.
//  8. In the contents, one byte stands for each common message; a zero byte and the name in 12 bytes for all others.
//     (AppendType, SplitType)
//
// # Attacks that this package answers
//
// Endless garbage: after MaxGarbage bytes and a terminator's length the handshake fails. Endless decoys before
// the version packet: at most maxOpening packets and bytes. A length that promises 16 MB: the caller bounds it before
// reading on (Receiver.Length), and the handshake never sets memory aside for what has not come. A replayed, moved
// or cut packet: the nonces count packets, so its tag is wrong, and every error ends the stream. Version 1 of another
// network: named as such (ErrOtherNetwork).
//
// The keys are made and used with arithmetic that does not take constant time. They live for one connection,
// and each secret is used for one multiplication with a point of the peer's choice.
//
// Start reading at Initiate.
package bip324
