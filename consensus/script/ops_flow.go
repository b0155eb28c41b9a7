package script

import "github.com/cairn-chain/cairn/types"

// Opcodes of the flow: branches, VERIFY, RETURN, the lock times and what does nothing.

const (
	lockTimeThreshold = 500_000_000 // below it a lock time is a height, from it on a time

	sequenceDisabled = 1 << 31 // bits of a relative lock (BIP68)
	sequenceTime     = 1 << 22
	sequenceMask     = 0xffff
	sequenceFinal    = 0xffffffff
)

func addFlow(t *[256]operation) {
	t[opNop] = func(*machine) Error { return "" }
	t[opIf] = (*machine).branch
	t[opNotIf] = (*machine).branch
	t[opElse] = func(m *machine) Error { return m.branches.turn() }
	t[opEndIf] = func(m *machine) Error { return m.branches.leave() }
	t[opVerify] = verified(func(m *machine) Error { return m.need(1) }, ErrVerify)
	t[opReturn] = func(*machine) Error { return ErrOpReturn }
	t[opNop1] = (*machine).nop
	t[opCheckLockTimeVerify] = (*machine).checkLockTime
	t[opCheckSequenceVerify] = (*machine).checkSequence
	for op := opNop4; op <= opNop10; op++ {
		t[op] = (*machine).nop
	}
}

// nop is an opcode that a soft fork may still give a meaning.
func (m *machine) nop() Error {
	if m.Flags.has(DiscourageUpgradableNops) {
		return ErrUpgradableNops
	}
	return ""
}

// branch is IF and NOTIF. In a branch that is not taken they open another and look at nothing.
func (m *machine) branch() Error {
	if !m.branches.taken() {
		m.branches.enter(false)
		return ""
	}
	if err := m.need(1); err != "" {
		return err
	}
	condition := m.top(1)
	minimal := len(condition) == 0 || len(condition) == 1 && condition[0] == 1
	switch {
	case m.version == tapscript && !minimal:
		return ErrTapscriptMinimalIf
	case m.version == witnessScript && m.Flags.has(VerifyMinimalIf) && !minimal:
		return ErrMinimalIf
	}
	m.branches.enter(isTrue(condition) == (m.op == opIf))
	m.drop(1)
	return ""
}

// branches are the open branches. Only whether all of them are taken matters, so it is enough to know how
// many there are and the outermost that is not: a script of nothing but IF costs no more than its bytes.
type branches struct {
	open     int
	untaken  int // depth of the outermost branch that is not taken, if blocked
	blocking bool
}

func (b *branches) closed() bool { return b.open == 0 }
func (b *branches) taken() bool  { return !b.blocking }

func (b *branches) enter(taken bool) {
	b.open++
	if !taken && !b.blocking {
		b.blocking, b.untaken = true, b.open
	}
}

// turn is ELSE, which may stand more than once. Inside of an untaken branch it changes nothing.
func (b *branches) turn() Error {
	switch {
	case b.open == 0:
		return ErrUnbalancedConditional
	case !b.blocking:
		b.blocking, b.untaken = true, b.open
	case b.untaken == b.open:
		b.blocking = false
	}
	return ""
}

func (b *branches) leave() Error {
	if b.open == 0 {
		return ErrUnbalancedConditional
	}
	if b.blocking && b.untaken == b.open {
		b.blocking = false
	}
	b.open--
	return ""
}

// lockTime reads the operand of the two lock times, which stays on the stack.
func (m *machine) lockTime() (int64, Error) {
	if err := m.need(1); err != "" {
		return 0, err
	}
	n, err := readNumber(m.top(1), maxLockTimeBytes, m.Flags.has(VerifyMinimalData))
	if err == "" && n < 0 {
		err = ErrNegativeLockTime
	}
	return n, err
}

// checkLockTime is CHECKLOCKTIMEVERIFY (BIP65): the transaction cannot enter a block before n.
func (m *machine) checkLockTime() Error {
	if !m.Flags.has(VerifyCLTV) {
		return ""
	}
	n, err := m.lockTime()
	if err != "" {
		return err
	}
	lock := int64(m.Tx.LockTime)
	if (n < lockTimeThreshold) != (lock < lockTimeThreshold) || n > lock || m.in().Sequence == sequenceFinal {
		return ErrUnsatisfiedLockTime
	}
	return ""
}

// checkSequence is CHECKSEQUENCEVERIFY (BIP112): the input cannot be spent before it is n old.
func (m *machine) checkSequence() Error {
	if !m.Flags.has(VerifyCSV) {
		return ""
	}
	n, err := m.lockTime()
	if err != "" {
		return err
	}
	if n&sequenceDisabled == 0 && !sequenceMet(m.Tx, m.in().Sequence, n) {
		return ErrUnsatisfiedLockTime
	}
	return ""
}

func sequenceMet(tx *types.Tx, sequence uint32, n int64) bool {
	if tx.Version < 2 || sequence&sequenceDisabled != 0 {
		return false
	}
	have, want := int64(sequence)&(sequenceTime|sequenceMask), n&(sequenceTime|sequenceMask)
	return (have < sequenceTime) == (want < sequenceTime) && want <= have
}
