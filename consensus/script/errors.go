package script

import (
	"fmt"

	"github.com/cairn-chain/cairn/types"
)

// Error is one way in which a spend fails. It prints Bitcoin Core's script error string.
type Error string

// Error returns the string itself.
func (e Error) Error() string { return string(e) }

// The script errors, with Core's strings.
const (
	ErrEvalFalse                Error = "Script evaluated without error but finished with a false/empty top stack element"
	ErrVerify                   Error = "Script failed an OP_VERIFY operation"
	ErrEqualVerify              Error = "Script failed an OP_EQUALVERIFY operation"
	ErrCheckMultiSigVerify      Error = "Script failed an OP_CHECKMULTISIGVERIFY operation"
	ErrCheckSigVerify           Error = "Script failed an OP_CHECKSIGVERIFY operation"
	ErrNumEqualVerify           Error = "Script failed an OP_NUMEQUALVERIFY operation"
	ErrScriptSize               Error = "Script is too big"
	ErrPushSize                 Error = "Push value size limit exceeded"
	ErrOpCount                  Error = "Operation limit exceeded"
	ErrStackSize                Error = "Stack size limit exceeded"
	ErrSigCount                 Error = "Signature count negative or greater than pubkey count"
	ErrPubKeyCount              Error = "Pubkey count negative or limit exceeded"
	ErrBadOpcode                Error = "Opcode missing or not understood"
	ErrDisabledOpcode           Error = "Attempted to use a disabled opcode"
	ErrInvalidStackOperation    Error = "Operation not valid with the current stack size"
	ErrInvalidAltStackOperation Error = "Operation not valid with the current altstack size"
	ErrOpReturn                 Error = "OP_RETURN was encountered"
	ErrUnbalancedConditional    Error = "Invalid OP_IF construction"
	ErrNegativeLockTime         Error = "Negative locktime"
	ErrUnsatisfiedLockTime      Error = "Locktime requirement not satisfied"
	ErrScriptNumber             Error = "Script number overflowed or is non-minimally encoded"
	ErrCleanStack               Error = "Stack size must be exactly one after execution"

	ErrSigHashType       Error = "Signature hash type missing or not understood"
	ErrSigDER            Error = "Non-canonical DER signature"
	ErrMinimalData       Error = "Data push larger than necessary"
	ErrSigPushOnly       Error = "Only push operators allowed in signatures"
	ErrSigHighS          Error = "Non-canonical signature: S value is unnecessarily high"
	ErrSigNullDummy      Error = "Dummy CHECKMULTISIG argument must be zero"
	ErrSigNullFail       Error = "Signature must be zero for failed CHECK(MULTI)SIG operation"
	ErrMinimalIf         Error = "OP_IF/NOTIF argument must be minimal"
	ErrPubKeyType        Error = "Public key is neither compressed or uncompressed"
	ErrCodeSeparator     Error = "Using OP_CODESEPARATOR in non-witness script"
	ErrSigFindAndDelete  Error = "Signature is found in scriptCode"
	ErrUpgradableNops    Error = "NOPx reserved for soft-fork upgrades"
	ErrUpgradableWitness Error = "Witness version reserved for soft-fork upgrades"

	ErrWitnessWrongLength   Error = "Witness program has incorrect length"
	ErrWitnessEmpty         Error = "Witness program was passed an empty witness"
	ErrWitnessMismatch      Error = "Witness program hash mismatch"
	ErrWitnessMalleated     Error = "Witness requires empty scriptSig"
	ErrWitnessMalleatedP2SH Error = "Witness requires only-redeemscript scriptSig"
	ErrWitnessUnexpected    Error = "Witness provided for non-witness script"
	ErrWitnessPubKeyType    Error = "Using non-compressed keys in segwit"

	ErrUpgradableTaproot      Error = "Taproot version reserved for soft-fork upgrades"
	ErrOpSuccess              Error = "OP_SUCCESSx reserved for soft-fork upgrades"
	ErrUpgradablePubKeyType   Error = "Public key version reserved for soft-fork upgrades"
	ErrSchnorrSigSize         Error = "Invalid Schnorr signature size"
	ErrSchnorrSigHashType     Error = "Invalid Schnorr signature hash type"
	ErrSchnorrSig             Error = "Invalid Schnorr signature"
	ErrTaprootControlSize     Error = "Invalid Taproot control block size"
	ErrTapscriptWeight        Error = "Too much signature validation relative to witness weight"
	ErrTapscriptCheckMultiSig Error = "OP_CHECKMULTISIG(VERIFY) is not available in tapscript"
	ErrTapscriptMinimalIf     Error = "OP_IF/NOTIF argument must be minimal in tapscript"
	ErrTapscriptEmptyPubKey   Error = "Empty public key in tapscript"
)

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
