package scripts

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// spend is one input to be judged.
type spend struct {
	name  string // where it comes from
	tx    *types.Tx
	input int
	spent []types.TxOut
	flags script.Flags
}

// theirFlags are btcd's names of the rules.
var theirFlags = map[script.Flags]txscript.ScriptFlags{
	script.VerifyP2SH:                         txscript.ScriptBip16,
	script.VerifyStrictEnc:                    txscript.ScriptVerifyStrictEncoding,
	script.VerifyDERSig:                       txscript.ScriptVerifyDERSignatures,
	script.VerifyLowS:                         txscript.ScriptVerifyLowS,
	script.VerifyNullDummy:                    txscript.ScriptStrictMultiSig,
	script.VerifySigPushOnly:                  txscript.ScriptVerifySigPushOnly,
	script.VerifyMinimalData:                  txscript.ScriptVerifyMinimalData,
	script.DiscourageUpgradableNops:           txscript.ScriptDiscourageUpgradableNops,
	script.VerifyCleanStack:                   txscript.ScriptVerifyCleanStack,
	script.VerifyCLTV:                         txscript.ScriptVerifyCheckLockTimeVerify,
	script.VerifyCSV:                          txscript.ScriptVerifyCheckSequenceVerify,
	script.VerifyWitness:                      txscript.ScriptVerifyWitness,
	script.DiscourageUpgradableWitnessProgram: txscript.ScriptVerifyDiscourageUpgradeableWitnessProgram,
	script.VerifyMinimalIf:                    txscript.ScriptVerifyMinimalIf,
	script.VerifyNullFail:                     txscript.ScriptVerifyNullFail,
	script.VerifyWitnessPubKeyType:            txscript.ScriptVerifyWitnessPubKeyType,
	script.VerifyConstScriptCode:              txscript.ScriptVerifyConstScriptCode,
	script.VerifyTaproot:                      txscript.ScriptVerifyTaproot,
	script.DiscourageUpgradableTaprootVersion: txscript.ScriptVerifyDiscourageUpgradeableTaprootVersion,
	script.DiscourageOpSuccess:                txscript.ScriptVerifyDiscourageOpSuccess,
	script.DiscourageUpgradablePubKeyType:     txscript.ScriptVerifyDiscourageUpgradeablePubkeyType,
}

// coherent adds what flags presuppose, which Bitcoin Core asserts of its callers.
func coherent(f script.Flags) script.Flags {
	if f&script.VerifyCleanStack != 0 {
		f |= script.VerifyWitness
	}
	if f&(script.VerifyWitness|script.VerifyTaproot) != 0 {
		f |= script.VerifyP2SH | script.VerifyWitness
	}
	return f
}

var runner = &script.Runner{Verifier: script.NewVerifier()}

// ours is what Cairn says.
func (s *spend) ours() error {
	return runner.Run([]script.Check{{Tx: s.tx, Input: s.input, Spent: s.spent, Flags: s.flags, Sums: script.NewSigSums(s.tx, s.spent)}})
}

// theirs is what btcd says; ok is false if it can't be asked.
func (s *spend) theirs() (err error, ok bool) {
	var tx wire.MsgTx
	if tx.Deserialize(bytes.NewReader(s.tx.Bytes())) != nil {
		return nil, false
	}
	outs := map[wire.OutPoint]*wire.TxOut{}
	for i, in := range tx.TxIn {
		if _, twice := outs[in.PreviousOutPoint]; twice {
			return nil, false // it finds spent outputs by their outpoints
		}
		outs[in.PreviousOutPoint] = &wire.TxOut{Value: s.spent[i].Value, PkScript: s.spent[i].Script}
	}
	var flags txscript.ScriptFlags
	for f, theirs := range theirFlags {
		if s.flags&f != 0 {
			flags |= theirs
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err, ok = fmt.Errorf("panic: %v", p), true
		}
	}()
	fetcher := txscript.NewMultiPrevOutFetcher(outs)
	spent := s.spent[s.input]
	vm, err := txscript.NewEngine(spent.Script, &tx, s.input, flags, nil, txscript.NewTxSigHashes(&tx, fetcher), spent.Value, fetcher)
	if err != nil {
		return err, true
	}
	return vm.Execute(), true
}

// String tells all that is needed to try the spend again.
func (s *spend) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, input %d, flags %#x\ntx %s\n", s.name, s.input, uint32(s.flags), hex.EncodeToString(s.tx.Bytes()))
	for _, out := range s.spent {
		fmt.Fprintf(&b, "spends %d %x (%s)\n", out.Value, out.Script, script.Disassemble(out.Script))
	}
	in := s.tx.In[s.input]
	fmt.Fprintf(&b, "scriptSig %s\n", script.Disassemble(in.ScriptSig))
	for _, item := range in.Witness {
		fmt.Fprintf(&b, "witness %x\n", item)
	}
	if n := len(in.Witness); n > 0 {
		fmt.Fprintf(&b, "last witness as a script %s\n", script.Disassemble(in.Witness[n-1]))
	}
	if n := len(in.Witness); n > 1 {
		fmt.Fprintf(&b, "last witness but one as a script %s\n", script.Disassemble(in.Witness[n-2]))
	}
	return b.String()
}
