package script

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// opNames are the names of the opcodes above the pushes; those of OP_1NEGATE and OP_1 to OP_16 are the
// numbers that they push, as Core writes them.
var opNames = func() (names [256]string) {
	for i := range names {
		names[i] = "OP_UNKNOWN"
	}
	names[op1Negate], names[op1Negate+1] = "-1", "OP_RESERVED"
	for i := range 16 {
		names[op1+i] = strconv.Itoa(i + 1)
	}
	copyNames := func(from int, list string) {
		for i, name := range strings.Fields(list) {
			names[from+i] = "OP_" + name
		}
	}
	copyNames(0x61, "NOP VER IF NOTIF VERIF VERNOTIF ELSE ENDIF VERIFY RETURN")
	copyNames(0x6b, "TOALTSTACK FROMALTSTACK 2DROP 2DUP 3DUP 2OVER 2ROT 2SWAP IFDUP DEPTH DROP DUP NIP OVER PICK ROLL ROT SWAP TUCK")
	copyNames(0x7e, "CAT SUBSTR LEFT RIGHT SIZE INVERT AND OR XOR EQUAL EQUALVERIFY RESERVED1 RESERVED2")
	copyNames(0x8b, "1ADD 1SUB 2MUL 2DIV NEGATE ABS NOT 0NOTEQUAL ADD SUB MUL DIV MOD LSHIFT RSHIFT BOOLAND BOOLOR")
	copyNames(0x9c, "NUMEQUAL NUMEQUALVERIFY NUMNOTEQUAL LESSTHAN GREATERTHAN LESSTHANOREQUAL GREATERTHANOREQUAL MIN MAX WITHIN")
	copyNames(0xa6, "RIPEMD160 SHA1 SHA256 HASH160 HASH256 CODESEPARATOR CHECKSIG CHECKSIGVERIFY CHECKMULTISIG CHECKMULTISIGVERIFY")
	copyNames(0xb0, "NOP1 CHECKLOCKTIMEVERIFY CHECKSEQUENCEVERIFY NOP4 NOP5 NOP6 NOP7 NOP8 NOP9 NOP10 CHECKSIGADD")
	names[0xff] = "OP_INVALIDOPCODE"
	return names
}()

// Disassemble writes a script as Bitcoin Core's RPC does in "asm": instructions with spaces between
// them, pushes of up to four bytes as decimal numbers, longer ones in hexadecimal. Where the script
// cannot be read it ends with "[error]".
func Disassemble(script []byte) string { return string(AppendAsm(nil, script)) }

// AppendAsm appends what Disassemble returns: letters, digits, blanks, and - _ [ ].
func AppendAsm(b, script []byte) []byte { return appendAsm(b, script, false) }

// DisassembleScriptSig is Disassemble for the script of an input: of pushes that are signatures the
// hash type is written out, as in "3045…[ALL]".
func DisassembleScriptSig(script []byte) string { return string(AppendScriptSigAsm(nil, script)) }

// AppendScriptSigAsm appends what DisassembleScriptSig returns: what AppendAsm does, and |.
func AppendScriptSigAsm(b, script []byte) []byte { return appendAsm(b, script, !Unspendable(script)) }

func appendAsm(b, script []byte, hashTypes bool) []byte {
	for off := 0; off < len(script); {
		op, data, next, ok := readOp(script, off)
		if off > 0 {
			b = append(b, ' ')
		}
		if !ok {
			return append(b, "[error]"...)
		}
		switch {
		case op > opPushData4:
			b = append(b, opNames[op]...)
		case len(data) <= 4:
			b = strconv.AppendInt(b, scriptNum(data), 10)
		case hashTypes:
			b = appendSignature(b, data)
		default:
			b = hex.AppendEncode(b, data)
		}
		off = next
	}
	return b
}

var hashTypeNames = map[byte]string{
	SigHashAll: "[ALL]", SigHashAll | SigHashAnyoneCanPay: "[ALL|ANYONECANPAY]",
	SigHashNone: "[NONE]", SigHashNone | SigHashAnyoneCanPay: "[NONE|ANYONECANPAY]",
	SigHashSingle: "[SINGLE]", SigHashSingle | SigHashAnyoneCanPay: "[SINGLE|ANYONECANPAY]",
}

// appendSignature appends data in hexadecimal; if it is a strictly encoded signature its last byte is named.
func appendSignature(b, data []byte) []byte {
	last := len(data) - 1
	name, ok := hashTypeNames[data[last]]
	if !ok || !isStrictDER(data) {
		return hex.AppendEncode(b, data)
	}
	return append(hex.AppendEncode(b, data[:last]), name...)
}
