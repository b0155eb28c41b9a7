package script

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// How the scripts of a spend follow each other: Bitcoin Core's VerifyScript.

// evaluate decides a check with the interpreter, whatever its form.
func (r *Runner) evaluate(c *Check) Error {
	s := &spend{Check: c, seat: r}
	return s.evaluate()
}

func (s *spend) evaluate() Error {
	scriptSig, lock := s.in().ScriptSig, s.Spent[s.Input].Script
	if s.Flags.has(VerifySigPushOnly) && !IsPushOnly(scriptSig) {
		return ErrSigPushOnly
	}
	stack, err := s.run(scriptSig, nil, legacyScript)
	if err != "" {
		return err
	}
	_, p2sh := scriptHashOf(lock)
	p2sh = p2sh && s.Flags.has(VerifyP2SH)
	var pushed [][]byte // what scriptSig left
	if p2sh {
		pushed = slices.Clone(stack)
	}
	if stack, err = s.run(lock, stack, legacyScript); err != "" {
		return err
	}
	if !topTrue(stack) {
		return ErrEvalFalse
	}
	left, witness, err := len(stack), false, Error("")
	if p2sh {
		left, witness, err = s.redeem(pushed)
	} else if witness, err = s.bareProgram(lock); witness {
		left = 1 // the program has looked after its own stack
	}
	switch {
	case err != "":
		return err
	case s.Flags.has(VerifyCleanStack) && left != 1:
		return ErrCleanStack
	case s.Flags.has(VerifyWitness) && !witness && len(s.in().Witness) > 0:
		return ErrWitnessUnexpected
	}
	return ""
}

// Pushes returns the stack that a scriptSig leaves which does nothing but push, lowest item first. The items alias
// it. ok is false if it does anything else, or fails.
func Pushes(scriptSig []byte) (items [][]byte, ok bool) {
	if !IsPushOnly(scriptSig) {
		return nil, false
	}
	s := &spend{Check: &Check{}}
	items, err := s.run(scriptSig, nil, legacyScript)
	return items, err == ""
}

func topTrue(stack [][]byte) bool { return len(stack) > 0 && isTrue(stack[len(stack)-1]) }

// bareProgram runs the witness program that an output's script is, if it is one.
func (s *spend) bareProgram(lock []byte) (is bool, err Error) {
	version, program, ok := WitnessProgram(lock)
	if !ok || !s.Flags.has(VerifyWitness) {
		return false, ""
	}
	if len(s.in().ScriptSig) > 0 {
		return true, ErrWitnessMalleated
	}
	return true, s.runProgram(version, program, false)
}

// redeem runs the redeem script of P2SH, the last item that scriptSig pushed, on the others (BIP16). It returns
// how many items are left and whether it was a witness program.
func (s *spend) redeem(stack [][]byte) (left int, witness bool, err Error) {
	scriptSig := s.in().ScriptSig
	if !IsPushOnly(scriptSig) {
		return 0, false, ErrSigPushOnly
	}
	last := len(stack) - 1 // there is one: its hash was just found equal
	script := stack[last]
	if stack, err = s.run(script, stack[:last], legacyScript); err != "" {
		return 0, false, err
	}
	if !topTrue(stack) {
		return 0, false, ErrEvalFalse
	}
	version, program, ok := WitnessProgram(script)
	if !ok || !s.Flags.has(VerifyWitness) {
		return len(stack), false, ""
	}
	if !bytes.Equal(scriptSig, PushData(script)) {
		return 0, true, ErrWitnessMalleatedP2SH
	}
	return 1, true, s.runProgram(version, program, true)
}

// runProgram runs a witness program (BIP141, BIP341).
func (s *spend) runProgram(version int, program []byte, inP2SH bool) Error {
	class, _ := classifyWitness(version, program)
	switch {
	case class == WitnessPubKeyHash:
		if len(s.in().Witness) != 2 {
			return ErrWitnessMismatch
		}
		return s.runWitness(PayToPubKeyHash([20]byte(program)), s.in().Witness, witnessScript)
	case class == WitnessScriptHash:
		return s.scriptHash(program)
	case version == 0:
		return ErrWitnessWrongLength
	case class == Taproot && !inP2SH:
		return s.taproot(program)
	case class == Anchor && !inP2SH:
		return ""
	case s.Flags.has(DiscourageUpgradableWitnessProgram):
		return ErrUpgradableWitness
	}
	return ""
}

// scriptHash runs P2WSH: the last item of the witness is the script.
func (s *spend) scriptHash(want []byte) Error {
	items := s.in().Witness
	last := len(items) - 1
	if last < 0 {
		return ErrWitnessEmpty
	}
	if sum := sha256.Sum256(items[last]); !bytes.Equal(sum[:], want) {
		return ErrWitnessMismatch
	}
	return s.runWitness(items[last], items[:last], witnessScript)
}

// runWitness runs the script of a witness on its items. It must leave one item, and a true one.
func (s *spend) runWitness(script []byte, items [][]byte, version sigVersion) Error {
	for _, item := range items {
		if len(item) > MaxElementSize {
			return ErrPushSize
		}
	}
	stack, err := s.run(script, slices.Clone(items), version)
	switch {
	case err != "":
		return err
	case len(stack) != 1:
		return ErrCleanStack
	case !isTrue(stack[0]):
		return ErrEvalFalse
	}
	return ""
}
