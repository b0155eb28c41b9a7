package script

import (
	"fmt"

	"github.com/cairn-chain/cairn/types"
)

// Error is one way in which a spend fails. It prints Bitcoin Core's script error string.
type Error string

// Error returns the string itself.
func (e Error) Error() string { return string(e) }

// The script errors that spends can fail with here, with Core's strings.
const (
	ErrEvalFalse             Error = "Script evaluated without error but finished with a false/empty top stack element"
	ErrEqualVerify           Error = "Script failed an OP_EQUALVERIFY operation"
	ErrScriptSize            Error = "Script is too big"
	ErrPushSize              Error = "Push value size limit exceeded"
	ErrBadOpcode             Error = "Opcode missing or not understood"
	ErrInvalidStackOperation Error = "Operation not valid with the current stack size"
	ErrOpReturn              Error = "OP_RETURN was encountered"
	ErrSigHashType           Error = "Signature hash type missing or not understood"
	ErrSigDER                Error = "Non-canonical DER signature"
	ErrMinimalData           Error = "Data push larger than necessary"
	ErrSigPushOnly           Error = "Only push operators allowed in signatures"
	ErrSigHighS              Error = "Non-canonical signature: S value is unnecessarily high"
	ErrSigNullFail           Error = "Signature must be zero for failed CHECK(MULTI)SIG operation"
	ErrPubKeyType            Error = "Public key is neither compressed or uncompressed"
	ErrWitnessWrongLength    Error = "Witness program has incorrect length"
	ErrWitnessEmpty          Error = "Witness program was passed an empty witness"
	ErrWitnessMismatch       Error = "Witness program hash mismatch"
	ErrWitnessMalleated      Error = "Witness requires empty scriptSig"
	ErrWitnessMalleatedP2SH  Error = "Witness requires only-redeemscript scriptSig"
	ErrWitnessUnexpected     Error = "Witness provided for non-witness script"
	ErrWitnessPubKeyType     Error = "Using non-compressed keys in segwit"
	ErrUpgradableWitness     Error = "Witness version reserved for soft-fork upgrades"
	ErrSchnorrSigSize        Error = "Invalid Schnorr signature size"
	ErrSchnorrSigHashType    Error = "Invalid Schnorr signature hash type"
	ErrSchnorrSig            Error = "Invalid Schnorr signature"
	ErrSigFindAndDelete      Error = "Signature is found in scriptCode"
)

// ErrUnsupported is Cairn's own: the spend has a form that is not verified here yet. Whether
// Bitcoin would accept it is not known, so it is refused.
const ErrUnsupported Error = "script form not supported"

// Failure says which input of which transaction may not be spent, and why. It means that the
// transaction is wrong, never that we failed.
type Failure struct {
	Input int
	Tx    types.Hash // the transaction's id
	Err   Error
}

// Error returns the script error, the input and the transaction.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s, input %d of %s", f.Err, f.Input, f.Tx)
}

// Unwrap lets errors.Is find the Error.
func (f *Failure) Unwrap() error { return f.Err }
