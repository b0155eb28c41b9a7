// Package rawtx has the methods on transactions and scripts: find, decode, build, sign with keys that come with the call, test
// and send, alone or as a package; partially signed transactions; descriptors, addresses, multisig, signed messages.
//
// It keeps no keys and chooses no coins: that is a wallet, and wallets are clients. Descriptors and PSBT are read by wallet/descriptor
// and wallet/psbt. Methods is its part of the table: a call comes from jsonrpc to the handler that stands there.
package rawtx
