// Package script says who may spend an output: the templates of scripts, signature hashes,
// signature checks, the script interpreter, addresses and the counting of signature operations.
//
// A spend is verified by [Runner.Run]. What wallets use (P2PK, P2PKH, P2WPKH, the key path of P2TR) takes a direct path that
// comes down to one signature, and all those signatures are verified together. Everything else runs in
// the interpreter: bare scripts, P2SH, P2WSH, tapscript (BIP16, 65, 66, 112, 141, 143, 146, 147, 341, 342),
// with Bitcoin Core's limits and errors. What passed is remembered in a [Cache], by signature and by transaction.
//
// The package holds no chain and no policy beyond [Flags]; it starts no goroutine, reads no clock
// and takes its randomness from the caller. All of it may be used from several goroutines.
//
// Start reading at Check, then Runner.Run. The direct path is spend.go. The interpreter is evaluate.go (how the scripts of a
// spend follow each other), interpreter.go (the machine), tapscript.go and ops_*.go (the opcodes by topic). The
// signature hashes stand in sighash.go and sighash_legacy.go, the curve's one seat in verify.go.
package script
