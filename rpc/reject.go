package rpc

import (
	"errors"

	"github.com/cairn-chain/cairn/consensus"
)

// Translate gives a rule error its code and its sentence; nil for any other error.
func Translate(err error) *Error {
	if consensus.KindOf(err) == "" {
		return nil
	}
	return &Error{Code: CodeVerifyRejected, Message: rejectText(err)}
}

// reasonOf is the short reject reason of a rule error, on which programs match: its kind. Failures of
// scripts name the script's error, too.
func reasonOf(err error) string {
	var re *consensus.RuleError
	if !errors.As(err, &re) {
		return err.Error()
	}
	switch re.Kind {
	case consensus.MandatoryScriptVerify, consensus.MempoolScriptVerify, consensus.BlockScriptVerify:
		return re.Error()
	}
	return string(re.Kind)
}

// rejectText is reasonOf, then Core's way of adding detail.
func rejectText(err error) string {
	var re *consensus.RuleError
	reason := reasonOf(err)
	if !errors.As(err, &re) || re.Detail == "" || reason != string(re.Kind) {
		return reason
	}
	return reason + ", " + re.Detail
}
