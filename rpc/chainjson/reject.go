package chainjson

import (
	"errors"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// Translate gives a rule error its code and its sentence; nil for any other error.
func Translate(err error) *jsonrpc.Error {
	if consensus.KindOf(err) == "" {
		return nil
	}
	return &jsonrpc.Error{Code: jsonrpc.CodeVerifyRejected, Message: RejectText(err)}
}

// RejectReason is the short reject reason of a rule error, on which programs match: its kind. Failures of
// scripts name the script's error, too.
func RejectReason(err error) string {
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

// RejectText is reasonOf, then Core's way of adding detail.
func RejectText(err error) string {
	var re *consensus.RuleError
	reason := RejectReason(err)
	if !errors.As(err, &re) || re.Detail == "" || reason != string(re.Kind) {
		return reason
	}
	return reason + ", " + re.Detail
}
