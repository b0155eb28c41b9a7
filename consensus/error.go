package consensus

import "errors"

// A Kind names one way in which a header, block or transaction can break the rules. It prints
// the reject string of Bitcoin Core, on which programs match. Kinds are declared here and
// nowhere else; the mempool's policy uses them too.
type Kind string

// Error makes a Kind usable with errors.Is: errors.Is(err, consensus.HighHash).
func (k Kind) Error() string { return string(k) }

// RuleError says that the data is wrong: it is the fault of whoever sent it. Every other type
// of error means that we failed (a disk, a bug) and says nothing of the data.
type RuleError struct {
	Kind   Kind
	Detail string // for people; may be empty
}

// Error returns the kind, then the detail in parentheses if there is one.
func (e *RuleError) Error() string {
	if e.Detail == "" {
		return string(e.Kind)
	}
	return string(e.Kind) + " (" + e.Detail + ")"
}

// Unwrap lets errors.Is find the Kind.
func (e *RuleError) Unwrap() error { return e.Kind }

// Reject makes a RuleError.
func Reject(k Kind, detail string) *RuleError { return &RuleError{Kind: k, Detail: detail} }

// KindOf returns the Kind of a RuleError anywhere in err's chain, or "" if there is none.
func KindOf(err error) Kind {
	var re *RuleError
	if errors.As(err, &re) {
		return re.Kind
	}
	return ""
}
