package script

// Flags choose which rules a spend must keep. The bits and their meaning are those of Bitcoin
// Core's script/interpreter.h, so test vectors read the same. VerifyCleanStack includes VerifyWitness, and
// that VerifyP2SH, whether or not they are named.
type Flags uint32

// The rules. Those in ConsensusFlags decide whether a block is valid; the others are
// policy of the mempool.
const (
	VerifyP2SH        Flags = 1 << iota // BIP16: evaluate the redeem script
	VerifyStrictEnc                     // defined hash types, keys neither hybrid nor malformed
	VerifyDERSig                        // BIP66: strict DER signatures
	VerifyLowS                          // BIP146: S at most half of the order
	VerifyNullDummy                     // BIP147: the dummy of CHECKMULTISIG is empty
	VerifySigPushOnly                   // BIP62: scriptSig holds nothing but pushes
	VerifyMinimalData                   // BIP62: every push in its shortest form
	DiscourageUpgradableNops
	VerifyCleanStack // BIP62: exactly one item is left
	VerifyCLTV       // BIP65
	VerifyCSV        // BIP112
	VerifyWitness    // BIP141
	DiscourageUpgradableWitnessProgram
	VerifyMinimalIf         // the argument of IF in witness v0 is empty or 01
	VerifyNullFail          // BIP146: a failing signature is empty
	VerifyWitnessPubKeyType // keys in witness v0 are compressed
	VerifyConstScriptCode   // no CODESEPARATOR, no signature found in legacy script code
	VerifyTaproot           // BIP341 and BIP342
	DiscourageUpgradableTaprootVersion
	DiscourageOpSuccess
	DiscourageUpgradablePubKeyType
)

// ConsensusFlags are the rules of blocks on a network where every soft fork is active.
const ConsensusFlags = VerifyP2SH | VerifyDERSig | VerifyNullDummy | VerifyCLTV | VerifyCSV |
	VerifyWitness | VerifyTaproot

// StandardFlags are the rules of transactions that are relayed: those of blocks and Core's
// STANDARD_SCRIPT_VERIFY_FLAGS.
const StandardFlags = ConsensusFlags | VerifyStrictEnc | VerifyMinimalData |
	DiscourageUpgradableNops | VerifyCleanStack | VerifyMinimalIf | VerifyNullFail | VerifyLowS |
	DiscourageUpgradableWitnessProgram | VerifyWitnessPubKeyType | VerifyConstScriptCode |
	DiscourageUpgradableTaprootVersion | DiscourageOpSuccess | DiscourageUpgradablePubKeyType

// complete adds what flags presuppose: a witness may stand in P2SH, so VerifyWitness needs VerifyP2SH, and only
// with both is there anything clean about a stack. With it every flag only ever refuses more, so whatever
// passes under some flags passes under any part of them.
func (f Flags) complete() Flags {
	if f.has(VerifyCleanStack) {
		f |= VerifyWitness
	}
	if f.has(VerifyWitness) {
		f |= VerifyP2SH
	}
	return f
}

func (f Flags) has(bits Flags) bool { return f&bits == bits }
