package script

// CountSigOps counts the signature operations that stand in a script, whether or not they would run.
// CHECKMULTISIG counts as 20 keys, or, if accurate, as the number that is pushed just before it if that is
// OP_1 to OP_16. Counting ends where the script cannot be read.
func CountSigOps(script []byte, accurate bool) int {
	n := 0
	last := byte(0xff)
	for off := 0; ; {
		op, _, next, ok := readOp(script, off)
		if !ok {
			return n
		}
		switch op {
		case opCheckSig, opCheckSigVerify:
			n++
		case opCheckMultiSig, opCheckMultiSigVerify:
			if accurate && last >= op1 && last <= op16 {
				n += int(last-op1) + 1
			} else {
				n += MaxPubKeysMultiSig
			}
		}
		last, off = op, next
	}
}

// P2SHSigOps counts, accurately, those in the redeem script of a P2SH spend (BIP16). It is 0 if pkScript
// is not P2SH or scriptSig holds anything but pushes.
func P2SHSigOps(scriptSig, pkScript []byte) int {
	if _, ok := scriptHashOf(pkScript); !ok {
		return 0
	}
	redeem, ok := lastPush(scriptSig)
	if !ok {
		return 0
	}
	return CountSigOps(redeem, true)
}

// WitnessSigOps counts those of a spent witness program, native or in P2SH (BIP141): 1 for P2WPKH, those
// of the witness script, accurately, for P2WSH, 0 for later versions. They cost 1 each, all others 4.
func WitnessSigOps(scriptSig, pkScript []byte, witness [][]byte) int {
	version, program, ok := WitnessProgram(pkScript)
	if !ok {
		if _, p2sh := scriptHashOf(pkScript); !p2sh {
			return 0
		}
		redeem, pushes := lastPush(scriptSig)
		if version, program, ok = WitnessProgram(redeem); !pushes || !ok {
			return 0
		}
	}
	switch {
	case version == 0 && len(program) == 20:
		return 1
	case version == 0 && len(program) == 32 && len(witness) > 0:
		return CountSigOps(witness[len(witness)-1], true)
	}
	return 0
}

// lastPush returns the data of a script's last push, nil if that is an opcode for a small number. It
// reports false if script holds anything but pushes.
func lastPush(script []byte) (data []byte, ok bool) {
	if !IsPushOnly(script) {
		return nil, false
	}
	for off := 0; off < len(script); {
		_, data, off, _ = readOp(script, off)
	}
	return data, true
}
