package consensus

import (
	"fmt"
	"strings"
)

// Kinds of headers that break the rules.
const (
	HighHash              Kind = "high-hash"            // the hash is over the target, or the target is out of range
	BadDiffBits           Kind = "bad-diffbits"         // bits are not those that the retarget demands
	TimeTooOld            Kind = "time-too-old"         // not after the median of the last eleven blocks
	TimeTooNew            Kind = "time-too-new"         // too far ahead of the node's clock
	TimeWarp              Kind = "time-timewarp-attack" // the first of a period is too far before its parent (BIP94)
	BadVersion            Kind = "bad-version"          // made by BadVersionOf, which adds the version
	PrevBlkNotFound       Kind = "prev-blk-not-found"   // the parent is unknown
	BadPrevBlk            Kind = "bad-prevblk"          // the parent is invalid
	TooLittleChainWork    Kind = "too-little-chainwork"
	BadForkPriorToCheckpt Kind = "bad-fork-prior-to-checkpoint"
)

// Kinds of blocks that break the rules, and what submitblock and proposals answer (BIP22, BIP23).
const (
	BadMerkleRoot         Kind = "bad-txnmrklroot"
	BadTxnsDuplicate      Kind = "bad-txns-duplicate" // the merkle tree repeats its tail (CVE-2012-2459)
	BadBlkLength          Kind = "bad-blk-length"
	BadBlkWeight          Kind = "bad-blk-weight"
	BadBlkSigOps          Kind = "bad-blk-sigops"
	BadCbMissing          Kind = "bad-cb-missing"
	BadCbMultiple         Kind = "bad-cb-multiple"
	BadCbLength           Kind = "bad-cb-length"
	BadCbHeight           Kind = "bad-cb-height"
	BadCbAmount           Kind = "bad-cb-amount"
	UnexpectedWitness     Kind = "unexpected-witness"
	BadWitnessNonceSize   Kind = "bad-witness-nonce-size"
	BadSignetBlockSig     Kind = "bad-signet-blksig" // see SignetCheck
	BadWitnessMerkleMatch Kind = "bad-witness-merkle-match"
	BadTxnsBIP30          Kind = "bad-txns-BIP30"
	BlockScriptVerify     Kind = "block-script-verify-flag-failed"
	Duplicate             Kind = "duplicate"         // known and valid
	DuplicateInvalid      Kind = "duplicate-invalid" // known and invalid
	Inconclusive          Kind = "inconclusive"      // stored, but not judged yet
)

// Kinds of transactions that break the consensus rules.
const (
	BadTxnsVinEmpty            Kind = "bad-txns-vin-empty"
	BadTxnsVoutEmpty           Kind = "bad-txns-vout-empty"
	BadTxnsOversize            Kind = "bad-txns-oversize"
	BadTxnsVoutNegative        Kind = "bad-txns-vout-negative"
	BadTxnsVoutTooLarge        Kind = "bad-txns-vout-toolarge"
	BadTxnsTxOutTotalTooLarge  Kind = "bad-txns-txouttotal-toolarge"
	BadTxnsInputsDuplicate     Kind = "bad-txns-inputs-duplicate" // one outpoint twice (CVE-2018-17144)
	BadTxnsPrevoutNull         Kind = "bad-txns-prevout-null"
	BadTxns64Byte              Kind = "bad-txns-64byte" // no counterpart in Core; see Params.Refuse64ByteTx
	BadTxnsMissingOrSpent      Kind = "bad-txns-inputs-missingorspent"
	BadTxnsPrematureSpend      Kind = "bad-txns-premature-spend-of-coinbase"
	BadTxnsInputValuesRange    Kind = "bad-txns-inputvalues-outofrange"
	BadTxnsInBelowOut          Kind = "bad-txns-in-belowout"
	BadTxnsFeeRange            Kind = "bad-txns-fee-outofrange"
	BadTxnsAccumulatedFeeRange Kind = "bad-txns-accumulated-fee-outofrange"
	BadTxnsNonFinal            Kind = "bad-txns-nonfinal"
	MandatoryScriptVerify      Kind = "mandatory-script-verify-flag-failed"
)

// Kinds with which a mempool refuses a transaction that a block might still hold. IsPolicy is true
// of them.
const (
	CoinbaseAlone          Kind = "coinbase" // a coinbase outside of a block
	NonFinal               Kind = "non-final"
	NonBIP68Final          Kind = "non-BIP68-final"
	PolicyVersion          Kind = "version"
	PolicyTxSize           Kind = "tx-size"
	PolicyTxSizeSmall      Kind = "tx-size-small"
	PolicyScriptSigSize    Kind = "scriptsig-size"
	PolicyScriptSigPush    Kind = "scriptsig-not-pushonly"
	PolicyScriptPubKey     Kind = "scriptpubkey"
	PolicyMultiOpReturn    Kind = "multi-op-return"
	PolicyBareMultisig     Kind = "bare-multisig"
	Dust                   Kind = "dust"
	MissingEphemeralSpends Kind = "missing-ephemeral-spends" // the dust of an unconfirmed parent is left unspent
	NonStandardInputs      Kind = "bad-txns-nonstandard-inputs"
	WitnessNonStandard     Kind = "bad-witness-nonstandard"
	TooManySigOps          Kind = "bad-txns-too-many-sigops"
	MinRelayFeeNotMet      Kind = "min relay fee not met"
	MempoolMinFeeNotMet    Kind = "mempool min fee not met"
	InsufficientFee        Kind = "insufficient fee"
	MaxFeeExceeded         Kind = "max-fee-exceeded"
	MaxFeeRateExceeded     Kind = "max feerate exceeded" // of a transaction in a package
	AlreadyInMempool       Kind = "txn-already-in-mempool"
	SameNonWitnessData     Kind = "txn-same-nonwitness-data-in-mempool"
	AlreadyKnown           Kind = "txn-already-known" // its outputs are in the coin set
	MempoolConflict        Kind = "txn-mempool-conflict"
	SpendsConflicting      Kind = "bad-txns-spends-conflicting-tx"
	TooManyReplacements    Kind = "too many potential replacements"
	ReplacementUnconfirmed Kind = "replacement-adds-unconfirmed"
	ReplacementDisallowed  Kind = "bip125-replacement-disallowed" // in a test of several transactions
	TooLongMempoolChain    Kind = "too-long-mempool-chain"
	TRUCViolation          Kind = "TRUC-violation" // BIP431
	MempoolFull            Kind = "mempool full"
	MissingInputs          Kind = "missing-inputs"
	MempoolScriptVerify    Kind = "mempool-script-verify-flag-failed"

	// If a replacement was to evict the other child of its TRUC parent.
	SiblingInsufficientFee     Kind = "insufficient fee (including sibling eviction)"
	SiblingTooManyReplacements Kind = "too many potential replacements (including sibling eviction)"

	// Of packages as a whole.
	PackageTxFailed       Kind = "transaction failed" // one of its transactions was refused
	PackageUnspentDust    Kind = "unspent-dust"
	PackageTooMany        Kind = "package-too-many-transactions"
	PackageTooLarge       Kind = "package-too-large"
	PackageDuplicates     Kind = "package-contains-duplicates"
	PackageNotSorted      Kind = "package-not-sorted"
	PackageConflict       Kind = "conflict-in-package"
	PackageNotChild       Kind = "package-not-child-with-parents"
	PackageNotUnconfirmed Kind = "package-not-child-with-unconfirmed-parents"
	PackageMempoolLimits  Kind = "package-mempool-limits"
	PackageRBF            Kind = "package RBF failed" // begins those that follow, and PackageRBFTopology
	PackageRBFShape       Kind = "package RBF failed: package must be 1-parent-1-child"
	PackageRBFAncestors   Kind = "package RBF failed: new transaction cannot have mempool ancestors"
	PackageRBFTooMany     Kind = "package RBF failed: too many potential replacements"
	PackageRBFFees        Kind = "package RBF failed: insufficient anti-DoS fees"
	PackageRBFParent      Kind = "package RBF failed: package feerate is less than or equal to parent feerate"
	PackageRBFDiagram     Kind = "package RBF failed: insufficient feerate: does not improve feerate diagram"
)

// policyKinds are the kinds of the last group above.
var policyKinds = map[Kind]bool{
	CoinbaseAlone: true, NonFinal: true, NonBIP68Final: true, PolicyVersion: true, PolicyTxSize: true,
	PolicyTxSizeSmall: true, PolicyScriptSigSize: true, PolicyScriptSigPush: true, PolicyScriptPubKey: true,
	PolicyMultiOpReturn: true, PolicyBareMultisig: true, Dust: true, MissingEphemeralSpends: true,
	NonStandardInputs: true, WitnessNonStandard: true, TooManySigOps: true, MinRelayFeeNotMet: true,
	MempoolMinFeeNotMet: true, InsufficientFee: true, MaxFeeExceeded: true, AlreadyInMempool: true,
	SameNonWitnessData: true, AlreadyKnown: true, MempoolConflict: true, SpendsConflicting: true,
	TooManyReplacements: true, ReplacementUnconfirmed: true, TooLongMempoolChain: true, MempoolFull: true,
	MissingInputs: true, MempoolScriptVerify: true, MaxFeeRateExceeded: true, ReplacementDisallowed: true, TRUCViolation: true,
	SiblingInsufficientFee: true, SiblingTooManyReplacements: true, PackageTxFailed: true, PackageUnspentDust: true,
	PackageTooMany: true, PackageTooLarge: true, PackageDuplicates: true, PackageNotSorted: true, PackageConflict: true,
	PackageNotChild: true, PackageNotUnconfirmed: true, PackageMempoolLimits: true,
}

// IsPolicy tells whether k is a refusal of policy: the transaction may still be valid in a block,
// so whoever sent it is not to blame. CoinbaseAlone and MissingInputs count as policy too.
func IsPolicy(k Kind) bool { return policyKinds[k] || strings.HasPrefix(string(k), string(PackageRBF)) }

// PackageRBFTopology returns the kind of a package that may not replace transactions with relatives such as why says.
func PackageRBFTopology(why string) Kind { return PackageRBF + ": " + Kind(why) }

// BadVersionOf returns the kind "bad-version(0x00000001)" for a version. errors.Is finds
// BadVersion in it.
func BadVersionOf(version int32) Kind {
	return Kind(fmt.Sprintf("%s(0x%08x)", BadVersion, uint32(version)))
}

// Is makes errors.Is(err, BadVersion) true for every version.
func (k Kind) Is(target error) bool {
	return target == error(BadVersion) && strings.HasPrefix(string(k), string(BadVersion)+"(")
}
