// Package wallet keeps keys, finds the coins that they can spend, and spends them.
//
// It is a client of a node: through the small interface Node it reads headers, compact block
// filters (BIP157, BIP158) and those blocks whose filter matches, and hands back signed
// transactions. What it believes it has checked itself: headers must link and carry their work,
// filters must hash to the chain of filter headers, blocks must hash to their merkle root, and the
// amount of a coin is only ever read from a transaction whose id was recomputed. A node can hide
// a payment from it; it cannot invent one that confirms, nor change an amount.
//
// Keys come from one mnemonic (BIP39, BIP32), in an account of taproot addresses (BIP86) and one
// of segwit addresses (BIP84), and from imported private keys. Everything, keys and history,
// lies in one file, sealed with a key that argon2id makes of the passphrase.
//
// It is not a part of the node: no key is ever sent to one. It has no daemon and no goroutine; a
// wallet is opened, brought up to date with Sync, used and closed. It does not run on networks
// whose coins have a price.
//
// Start reading at Wallet and Sync, then at view.go, where balances come from; keys.go and
// mnemonic.go stand alone.
package wallet
