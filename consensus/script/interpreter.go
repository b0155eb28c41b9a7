package script

// The stack machine. A spend runs two to four scripts, each in a machine of its own: scriptSig, the
// spent output's script on the stack that scriptSig left, the redeem script of P2SH, and the script of a
// witness. What they share (the check, and what is computed at most once for it) is a
// spend; how they follow each other stands in evaluate.go.
//
// Bounds. Legacy and witness v0 scripts hold at most 10,000 bytes and run at most 201 operations, the keys
// of CHECKMULTISIG among them. A tapscript is as long as its block allows and pays for each signature
// check with 50 units of the weight of its own witness. A stack holds at most 1,000 items of at
// most 520 bytes. Items are never written into: they may alias the script, the witness and each other.

const (
	maxOperations = 201   // operations above OP_16 of a script, outside of tapscript
	maxStackItems = 1_000 // items on both stacks together
)

// sigVersion says by which rules a script runs and signs.
type sigVersion uint8

const (
	legacyScript  sigVersion = iota // scriptSig, bare scripts, redeem scripts
	witnessScript                   // witness version 0 (BIP141, BIP143)
	tapscript                       // leaf version c0 (BIP342)
)

// spend is one check on its way through the interpreter.
type spend struct {
	*Check
	seat    *Runner
	hashed  []hashedCode // at most one a kind of hash type
	annex   *[32]byte    // hash of the annex, nil if there is none
	leaf    TapLeaf      // of the tapscript that runs
	balance int64        // weight units that are left for its signatures
}

// machine runs one script.
type machine struct {
	*spend
	version    sigVersion
	script     []byte
	next       int    // where the next instruction begins
	op         byte   // the instruction that runs,
	position   uint32 // and which one it is, counted from 0
	code       int    // where the signed part of the script begins: after the last CODESEPARATOR
	operations int    // that were counted
	stack, alt [][]byte
	branches   branches
}

// operation is what an opcode does. It runs only in a branch that is taken, but for those of
// the branches themselves.
type operation func(m *machine) Error

// run runs a script on a stack and returns what it left. The stack that was given belongs to run.
func (s *spend) run(script []byte, stack [][]byte, version sigVersion) ([][]byte, Error) {
	if version != tapscript && len(script) > MaxScriptSize {
		return nil, ErrScriptSize
	}
	m := machine{spend: s, version: version, script: script, stack: stack}
	for ; m.next < len(script); m.position++ {
		if err := m.step(); err != "" {
			return nil, err
		}
	}
	if !m.branches.closed() {
		return nil, ErrUnbalancedConditional
	}
	return m.stack, ""
}

// step runs one instruction.
func (m *machine) step() Error {
	op, data, next, ok := readOp(m.script, m.next)
	if !ok {
		return ErrBadOpcode
	}
	m.op, m.next = op, next
	if err := m.admit(data); err != "" {
		return err
	}
	switch taken := m.branches.taken(); {
	case taken && op <= opPushData4:
		if m.Flags.has(VerifyMinimalData) && !isMinimalPush(op, data) {
			return ErrMinimalData
		}
		m.push(data)
	case taken || op >= opIf && op <= opEndIf:
		if err := operations[op](m); err != "" {
			return err
		}
	}
	if len(m.stack)+len(m.alt) > maxStackItems {
		return ErrStackSize
	}
	return ""
}

// admit refuses an instruction wherever it stands, even in a branch that is not taken.
func (m *machine) admit(data []byte) Error {
	if len(data) > MaxElementSize {
		return ErrPushSize
	}
	if m.version != tapscript && m.op > op16 {
		if err := m.count(1); err != "" {
			return err
		}
	}
	if disabled[m.op] {
		return ErrDisabledOpcode
	}
	if m.op == opCodeSeparator && m.version == legacyScript && m.Flags.has(VerifyConstScriptCode) {
		return ErrCodeSeparator
	}
	return ""
}

// count counts n operations.
func (m *machine) count(n int) Error {
	if m.operations += n; m.operations > maxOperations {
		return ErrOpCount
	}
	return ""
}

// operations has what each opcode does; the pushes up to PUSHDATA4 are the machine's own.
var operations = makeOperations()

func makeOperations() (t [256]operation) {
	for op := range t {
		t[op] = badOpcode
	}
	addPushes(&t)
	addFlow(&t)
	addStack(&t)
	addArithmetic(&t)
	addCrypto(&t)
	return t
}

func badOpcode(*machine) Error { return ErrBadOpcode }

// disabled are the opcodes that no script may hold (2010-5137): CAT to RIGHT, INVERT to XOR, 2MUL, 2DIV, MUL
// to RSHIFT. Tapscript ends at them before it runs, since there they are OP_SUCCESS.
var disabled = func() (t [256]bool) {
	for _, r := range [][2]byte{{0x7e, 0x81}, {0x83, 0x86}, {0x8d, 0x8e}, {0x95, 0x99}} {
		for op := r[0]; op <= r[1]; op++ {
			t[op] = true
		}
	}
	return t
}()

func (m *machine) push(item []byte) { m.stack = append(m.stack, item) }

// top returns the item at a depth; 1 is the uppermost. need has looked that it exists.
func (m *machine) top(depth int) []byte { return m.stack[len(m.stack)-depth] }

func (m *machine) drop(n int) { m.stack = m.stack[:len(m.stack)-n] }

// need asks for n items.
func (m *machine) need(n int) Error {
	if len(m.stack) < n {
		return ErrInvalidStackOperation
	}
	return ""
}

// number reads the item at a depth.
func (m *machine) number(depth int) (int64, Error) {
	return readNumber(m.top(depth), maxNumberBytes, m.Flags.has(VerifyMinimalData))
}

func (m *machine) pushNumber(n int64) { m.push(appendScriptNum(nil, n)) }

// verified turns an operation that leaves a condition into the one that fails with err unless it is true.
func verified(do operation, err Error) operation {
	return func(m *machine) Error {
		if err := do(m); err != "" {
			return err
		}
		if !isTrue(m.top(1)) {
			return err
		}
		m.drop(1)
		return ""
	}
}
