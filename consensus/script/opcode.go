package script

import (
	"encoding/binary"
)

// The opcodes that have a meaning, and those that are known to have none.
const (
	op0         = 0x00
	opPushData1 = 0x4c
	opPushData2 = 0x4d
	opPushData4 = 0x4e
	op1Negate   = 0x4f
	op1         = 0x51
	op16        = 0x60

	opNop    = 0x61
	opIf     = 0x63
	opNotIf  = 0x64
	opElse   = 0x67
	opEndIf  = 0x68
	opVerify = 0x69
	opReturn = 0x6a

	opToAltStack   = 0x6b
	opFromAltStack = 0x6c
	op2Drop        = 0x6d
	op2Dup         = 0x6e
	op3Dup         = 0x6f
	op2Over        = 0x70
	op2Rot         = 0x71
	op2Swap        = 0x72
	opIfDup        = 0x73
	opDepth        = 0x74
	opDrop         = 0x75
	opDup          = 0x76
	opNip          = 0x77
	opOver         = 0x78
	opPick         = 0x79
	opRoll         = 0x7a
	opRot          = 0x7b
	opSwap         = 0x7c
	opTuck         = 0x7d
	opSize         = 0x82
	opEqual        = 0x87
	opEqualVerify  = 0x88

	op1Add               = 0x8b
	op1Sub               = 0x8c
	opNegate             = 0x8f
	opAbs                = 0x90
	opNot                = 0x91
	op0NotEqual          = 0x92
	opAdd                = 0x93
	opSub                = 0x94
	opBoolAnd            = 0x9a
	opBoolOr             = 0x9b
	opNumEqual           = 0x9c
	opNumEqualVerify     = 0x9d
	opNumNotEqual        = 0x9e
	opLessThan           = 0x9f
	opGreaterThan        = 0xa0
	opLessThanOrEqual    = 0xa1
	opGreaterThanOrEqual = 0xa2
	opMin                = 0xa3
	opMax                = 0xa4
	opWithin             = 0xa5

	opRIPEMD160           = 0xa6
	opSHA1                = 0xa7
	opSHA256              = 0xa8
	opHash160             = 0xa9
	opHash256             = 0xaa
	opCodeSeparator       = 0xab
	opCheckSig            = 0xac
	opCheckSigVerify      = 0xad
	opCheckMultiSig       = 0xae
	opCheckMultiSigVerify = 0xaf
	opCheckSigAdd         = 0xba

	opNop1                = 0xb0
	opCheckLockTimeVerify = 0xb1
	opCheckSequenceVerify = 0xb2
	opNop4                = 0xb3
	opNop10               = 0xb9
)

// Limits of scripts, in bytes unless they say otherwise.
const (
	MaxScriptSize      = 10_000 // of a script that runs, outside of tapscript
	MaxElementSize     = 520    // of one item on the stack
	MaxPubKeysMultiSig = 20     // keys
)

// readOp reads the instruction at off: its opcode, the data that it pushes (aliasing script; nil for
// opcodes above PUSHDATA4) and where the next one begins. It reports false at the end and for a
// push that runs over it.
func readOp(script []byte, off int) (op byte, data []byte, next int, ok bool) {
	if off >= len(script) {
		return 0, nil, off, false
	}
	op = script[off]
	off++
	if op > opPushData4 {
		return op, nil, off, true
	}
	n := uint64(op)
	width := 0
	switch op {
	case opPushData1:
		width = 1
	case opPushData2:
		width = 2
	case opPushData4:
		width = 4
	}
	if len(script)-off < width {
		return op, nil, off, false
	}
	if width > 0 {
		var le [8]byte
		copy(le[:], script[off:off+width])
		n = binary.LittleEndian.Uint64(le[:])
		off += width
	}
	if uint64(len(script)-off) < n {
		return op, nil, off, false
	}
	end := off + int(n)
	return op, script[off:end:end], end, true
}

// PushData returns the instruction that pushes data, with the shortest length prefix. Like Core's
// script builder it never uses the opcodes that push small numbers: for those there is PushInt.
func PushData(data []byte) []byte { return appendPush(nil, data) }

func appendPush(b, data []byte) []byte {
	switch n := len(data); {
	case n < opPushData1:
		b = append(b, byte(n))
	case n <= 0xff:
		b = append(b, opPushData1, byte(n))
	case n <= 0xffff:
		b = binary.LittleEndian.AppendUint16(append(b, opPushData2), uint16(n))
	default:
		b = binary.LittleEndian.AppendUint32(append(b, opPushData4), uint32(n))
	}
	return append(b, data...)
}

// PushInt returns the shortest instruction that pushes n: OP_0, OP_1NEGATE, OP_1 to OP_16, or a push
// of its bytes (little-endian, sign in the highest bit). BIP34 puts the height of a block this way.
func PushInt(n int64) []byte {
	switch {
	case n == 0:
		return []byte{op0}
	case n == -1 || n >= 1 && n <= 16:
		return []byte{byte(op1 - 1 + n)}
	}
	return PushData(appendScriptNum(nil, n))
}

// appendScriptNum appends n as scripts write numbers; zero is no byte at all.
func appendScriptNum(b []byte, n int64) []byte {
	if n == 0 {
		return b
	}
	rest := uint64(n)
	if n < 0 {
		rest = -rest
	}
	for ; rest > 0; rest >>= 8 {
		b = append(b, byte(rest))
	}
	var sign byte
	if n < 0 {
		sign = 0x80
	}
	if b[len(b)-1]&0x80 != 0 {
		return append(b, sign)
	}
	b[len(b)-1] |= sign
	return b
}

// scriptNum reads at most four bytes as a number.
func scriptNum(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	var n int64
	for i, c := range b {
		n |= int64(c) << (8 * i)
	}
	if last := b[len(b)-1]; last&0x80 != 0 {
		n &^= int64(0x80) << (8 * (len(b) - 1))
		return -n
	}
	return n
}

// IsPushOnly tells whether script can be read to its end and holds nothing above OP_16. OP_RESERVED passes
// here, but does not run.
func IsPushOnly(script []byte) bool {
	for off := 0; off < len(script); {
		op, _, next, ok := readOp(script, off)
		if !ok || op > op16 {
			return false
		}
		off = next
	}
	return true
}
