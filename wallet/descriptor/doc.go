// Package descriptor reads output descriptors (BIP380 to 386) and makes scripts of them: pk, pkh, wpkh, sh, wsh,
// combo, multi, sortedmulti, multi_a, sortedmulti_a, tr with and without a tree, rawtr, addr and raw. Keys are public keys in
// hexadecimal, private keys in wallet import format, or extended keys with a path (BIP32), each behind an optional
// origin. Miniscript and musig are refused by name.
//
// Start with Parse and Descriptor.At. Everything is bounded by MaxLength and MaxTreeDepth.
package descriptor
