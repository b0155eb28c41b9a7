package jsonrpc

import (
	"errors"
	"fmt"
)

// Codes of errors, Bitcoin Core's.
const (
	CodeMisc             = -1  // with the usage text: wrong number of parameters
	CodeType             = -3  // unexpected type of a parameter
	CodeNotFound         = -5  // address, key, block or transaction not found or invalid
	CodeOutOfMemory      = -7  // out of memory during an operation
	CodeNotConnected     = -9  // no peers
	CodeInInitial        = -10 // still downloading blocks
	CodeWallet           = -18 // no wallet of that name
	CodeInvalidParameter = -8  // missing, unknown or duplicate parameter
	CodeDatabase         = -20
	CodeDeserialization  = -22
	CodeNodeAlreadyAdded = -23
	CodeNodeNotAdded     = -24
	CodeVerify           = -25 // generic error of transaction or block submission
	CodeVerifyRejected   = -26 // refused by the rules
	CodeAlreadyInChain   = -27
	CodeWarmUp           = -28
	CodeNotConnectedNode = -29 // node to disconnect not found
	CodeInvalidNet       = -30 // not an address or net
	CodeNodeCapacity     = -34 // no place for such a connection
	CodeInvalidRequest   = -32600
	CodeMethodNotFound   = -32601
	CodeInvalidParams    = -32602
	CodeInternal         = -32603
	CodeParse            = -32700
)

// Error is an error as it travels: Core's code and a sentence.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Error returns the sentence and the code.
func (e *Error) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// Fail makes an Error.
func Fail(code int, format string, args ...any) *Error {
	if len(args) == 0 {
		return &Error{Code: code, Message: format}
	}
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// asError turns any error into what is sent. What has no code of its own is ours, and gets -1 as in Core.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeMisc, Message: err.Error()}
}
