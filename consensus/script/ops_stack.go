package script

import "bytes"

// Opcodes of the two stacks: small numbers, copying, moving, comparing.

func addPushes(t *[256]operation) {
	t[op1Negate] = func(m *machine) Error { m.pushNumber(-1); return "" }
	for op := op1; op <= op16; op++ {
		item := []byte{byte(op - op1 + 1)}
		t[op] = func(m *machine) Error { m.push(item); return "" }
	}
}

func addStack(t *[256]operation) {
	t[opToAltStack] = (*machine).toAlt
	t[opFromAltStack] = (*machine).fromAlt
	t[op2Drop] = dropping(2)
	t[op2Dup] = copying(2, 2)
	t[op3Dup] = copying(3, 3)
	t[op2Over] = copying(4, 2)
	t[op2Rot] = (*machine).twoRot
	t[op2Swap] = (*machine).twoSwap
	t[opIfDup] = (*machine).ifDup
	t[opDepth] = func(m *machine) Error { m.pushNumber(int64(len(m.stack))); return "" }
	t[opDrop] = dropping(1)
	t[opDup] = copying(1, 1)
	t[opNip] = (*machine).nip
	t[opOver] = copying(2, 1)
	t[opPick] = (*machine).pick
	t[opRoll] = (*machine).roll
	t[opRot] = rolling(3)
	t[opSwap] = rolling(2)
	t[opTuck] = (*machine).tuck
	t[opSize] = (*machine).size
	t[opEqual] = (*machine).equal
	t[opEqualVerify] = verified((*machine).equal, ErrEqualVerify)
}

func (m *machine) toAlt() Error {
	if err := m.need(1); err != "" {
		return err
	}
	m.alt = append(m.alt, m.top(1))
	m.drop(1)
	return ""
}

func (m *machine) fromAlt() Error {
	last := len(m.alt) - 1
	if last < 0 {
		return ErrInvalidAltStackOperation
	}
	m.push(m.alt[last])
	m.alt = m.alt[:last]
	return ""
}

func dropping(n int) operation {
	return func(m *machine) Error {
		if err := m.need(n); err != "" {
			return err
		}
		m.drop(n)
		return ""
	}
}

// copying pushes n items once more, of which the lowest is at a depth.
func copying(depth, n int) operation {
	return func(m *machine) Error {
		if err := m.need(depth); err != "" {
			return err
		}
		from := len(m.stack) - depth
		m.stack = append(m.stack, m.stack[from:from+n]...)
		return ""
	}
}

// raise moves the item at a depth to the top.
func (m *machine) raise(depth int) {
	at := len(m.stack) - depth
	item := m.stack[at]
	copy(m.stack[at:], m.stack[at+1:])
	m.stack[len(m.stack)-1] = item
}

func rolling(depth int) operation {
	return func(m *machine) Error {
		if err := m.need(depth); err != "" {
			return err
		}
		m.raise(depth)
		return ""
	}
}

func (m *machine) twoRot() Error {
	if err := m.need(6); err != "" {
		return err
	}
	m.raise(6)
	m.raise(6)
	return ""
}

func (m *machine) twoSwap() Error {
	if err := m.need(4); err != "" {
		return err
	}
	m.raise(4)
	m.raise(4)
	return ""
}

func (m *machine) ifDup() Error {
	if err := m.need(1); err != "" {
		return err
	}
	if item := m.top(1); isTrue(item) {
		m.push(item)
	}
	return ""
}

func (m *machine) nip() Error {
	if err := m.need(2); err != "" {
		return err
	}
	m.raise(2)
	m.drop(1)
	return ""
}

func (m *machine) tuck() Error {
	if err := m.need(2); err != "" {
		return err
	}
	item := m.top(1)
	m.raise(2)
	m.push(item)
	return ""
}

// depthOperand takes the number of PICK and ROLL off the stack: 0 is the item below it.
func (m *machine) depthOperand() (int, Error) {
	if err := m.need(2); err != "" {
		return 0, err
	}
	n, err := m.number(1)
	if err != "" {
		return 0, err
	}
	m.drop(1)
	if n < 0 || n >= int64(len(m.stack)) {
		return 0, ErrInvalidStackOperation
	}
	return int(n) + 1, ""
}

func (m *machine) pick() Error {
	depth, err := m.depthOperand()
	if err != "" {
		return err
	}
	m.push(m.top(depth))
	return ""
}

func (m *machine) roll() Error {
	depth, err := m.depthOperand()
	if err != "" {
		return err
	}
	m.raise(depth)
	return ""
}

func (m *machine) size() Error {
	if err := m.need(1); err != "" {
		return err
	}
	m.pushNumber(int64(len(m.top(1))))
	return ""
}

func (m *machine) equal() Error {
	if err := m.need(2); err != "" {
		return err
	}
	same := bytes.Equal(m.top(1), m.top(2))
	m.drop(2)
	m.push(boolItem(same))
	return ""
}
