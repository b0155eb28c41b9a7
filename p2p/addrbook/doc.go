// Package addrbook remembers the addresses of other nodes, and picks the ones to dial.
//
// It is built so that an attacker who can tell us any number of addresses, but commands only few
// networks, cannot fill it: the idea of Bitcoin Core's addrman, which answers the paper "Eclipse Attacks on
// Bitcoin's Peer-to-Peer Network" (Heilman and others, 2015).
//
//   - Two tables. "New" holds what others told us, in 1024 buckets of 64 places; "tried" holds those to which a
//     connection succeeded, in 256 buckets of 64 places. Nothing grows beyond them.
//   - An address has its place in a table by a hash of it with a secret salt, so nobody outside can aim at
//     another's place.
//   - What one group of sources (see Group) tells us lands in at most 64 of the new buckets, and of these the
//     addresses of one group in a single one. The addresses of one group land in at most 8 of the tried
//     buckets.
//   - A place in new that is taken is given up only if its holder is terrible, or has another place beside it.
//     A place in tried is given up only after its holder was dialled and did not answer (test before
//     evict); until then the newcomer waits in new.
//   - Select throws a coin between the tables, then picks a bucket, then a place: an attacker who fills one
//     bucket gains one bucket's share. An address that did not answer waits, each time twice as long.
//
// It is not a list of banned or liked peers, makes no connection and keeps no file: Encode and Decode
// turn it into bytes, which the node writes. A Book has one owner; its methods are not safe for
// concurrent use. Time and randomness are arguments.
//
// Start reading at Book.Add, Book.Good and Book.Select.
package addrbook
