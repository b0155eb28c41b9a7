package scripts

import (
	"errors"

	"github.com/btcsuite/btcd/txscript/v2"

	"github.com/cairn-chain/cairn/consensus/script"
)

// policy are the rules that decide about relay only.
const policy = script.StandardFlags&^script.ConsensusFlags | script.VerifySigPushOnly

// known are the disagreements that are left out of the run. All of them are about rules of relay: under the rules of
// blocks there is none.
var known = []struct {
	name    string
	applies func(s *spend, ours, theirs error) bool
}{
	{"a taproot output under CLEANSTACK without TAPROOT", func(s *spend, ours, theirs error) bool {
		return ours == nil && txscript.IsErrorCode(theirs, txscript.ErrCleanStack) && s.flags&script.VerifyTaproot == 0 && s.program() == 1
	}},
	{"NOP2 and NOP3 discouraged while they are NOPs", func(s *spend, ours, theirs error) bool {
		return ours == nil && txscript.IsErrorCode(theirs, txscript.ErrDiscourageUpgradableNOPs) &&
			s.flags&(script.VerifyCLTV|script.VerifyCSV) != script.VerifyCLTV|script.VerifyCSV
	}},
	{"OP_SUCCESS in a leaf of unknown version", func(s *spend, ours, theirs error) bool {
		return s.unknownLeaf() && (ours == nil && txscript.IsErrorCode(theirs, txscript.ErrDiscourageOpSuccess) ||
			theirs == nil && errors.Is(ours, script.ErrUpgradableTaproot))
	}},
	{"NULLFAIL for a key or a signature that cannot be read", func(s *spend, ours, theirs error) bool {
		return theirs == nil && errors.Is(ours, script.ErrSigNullFail) && s.without(script.VerifyNullFail).ours() == nil
	}},
	{"CONST_SCRIPTCODE for a key or a signature that cannot be read", func(s *spend, ours, theirs error) bool {
		// NULLFAIL is passed over for the same signature next.
		return theirs == nil && errors.Is(ours, script.ErrSigFindAndDelete) && s.without(script.VerifyConstScriptCode|script.VerifyNullFail).ours() == nil
	}},
	{"kind of a tapscript key with an empty signature", func(s *spend, ours, theirs error) bool {
		return theirs == nil && errors.Is(ours, script.ErrUpgradablePubKeyType) && s.without(script.DiscourageUpgradablePubKeyType).ours() == nil
	}},
	{"form of a key that CHECKMULTISIG tries with an empty signature", func(s *spend, ours, theirs error) bool {
		return theirs == nil && (errors.Is(ours, script.ErrPubKeyType) || errors.Is(ours, script.ErrWitnessPubKeyType)) &&
			s.without(script.VerifyStrictEnc|script.VerifyWitnessPubKeyType).ours() == nil
	}},
}

// explain names the known disagreement, or nothing.
func explain(s *spend, ours, theirs error) string {
	if s.flags&policy == 0 {
		return ""
	}
	for _, k := range known {
		if k.applies(s, ours, theirs) {
			return k.name
		}
	}
	return ""
}

// without is the same spend under fewer rules.
func (s *spend) without(f script.Flags) *spend {
	less := *s
	less.flags = coherent(s.flags &^ f)
	return &less
}

// program returns the version of the witness program that is spent, −1 if there is none.
func (s *spend) program() int {
	if version, _, ok := script.WitnessProgram(s.spent[s.input].Script); ok {
		return version
	}
	return -1
}

// unknownLeaf tells whether a taproot output is spent by a leaf of another version than tapscript's.
func (s *spend) unknownLeaf() bool {
	w := s.tx.In[s.input].Witness
	if n := len(w); n > 1 && len(w[n-1]) > 0 && w[n-1][0] == 0x50 {
		w = w[:n-1]
	}
	if s.program() != 1 || len(w) < 2 || len(w[len(w)-1]) == 0 {
		return false
	}
	return w[len(w)-1][0]&0xfe != 0xc0
}
