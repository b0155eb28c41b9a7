// Package script says who may spend an output: the templates of scripts, signature hashes,
// signature checks, addresses and the counting of signature operations.
//
// A spend is verified by [Runner.Run]. It decides directly, without a stack machine, what every
// wallet of today spends: P2PK, P2PKH, P2WPKH (native and in P2SH) and the key path of P2TR.
// Every other form is refused with [ErrUnsupported], never accepted, until a complete interpreter
// takes the place that [Runner] keeps for it. The refusals are listed in spend.go.
//
// The package holds no chain and no policy beyond [Flags]; it starts no goroutine, reads no clock
// and takes its randomness from the caller. All of it may be used from several goroutines.
//
// Start reading at Check, then Runner.Run, then prepare in spend.go; the signature hashes
// stand in sighash.go, the curve's one seat in verify.go.
package script
