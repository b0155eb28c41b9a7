package script

// Opcodes of arithmetic. Operands have at most four bytes, so nothing here can overflow 64 bits.

func addArithmetic(t *[256]operation) {
	t[op1Add] = unaryOp(func(a int64) int64 { return a + 1 })
	t[op1Sub] = unaryOp(func(a int64) int64 { return a - 1 })
	t[opNegate] = unaryOp(func(a int64) int64 { return -a })
	t[opAbs] = unaryOp(func(a int64) int64 { return max(a, -a) })
	t[opNot] = unaryOp(func(a int64) int64 { return boolNumber(a == 0) })
	t[op0NotEqual] = unaryOp(func(a int64) int64 { return boolNumber(a != 0) })
	t[opAdd] = binaryOp(func(a, b int64) int64 { return a + b })
	t[opSub] = binaryOp(func(a, b int64) int64 { return a - b })
	t[opBoolAnd] = comparing(func(a, b int64) bool { return a != 0 && b != 0 })
	t[opBoolOr] = comparing(func(a, b int64) bool { return a != 0 || b != 0 })
	t[opNumEqual] = comparing(func(a, b int64) bool { return a == b })
	t[opNumEqualVerify] = verified(t[opNumEqual], ErrNumEqualVerify)
	t[opNumNotEqual] = comparing(func(a, b int64) bool { return a != b })
	t[opLessThan] = comparing(func(a, b int64) bool { return a < b })
	t[opGreaterThan] = comparing(func(a, b int64) bool { return a > b })
	t[opLessThanOrEqual] = comparing(func(a, b int64) bool { return a <= b })
	t[opGreaterThanOrEqual] = comparing(func(a, b int64) bool { return a >= b })
	t[opMin] = binaryOp(func(a, b int64) int64 { return min(a, b) })
	t[opMax] = binaryOp(func(a, b int64) int64 { return max(a, b) })
	t[opWithin] = (*machine).within
}

func unaryOp(f func(a int64) int64) operation {
	return func(m *machine) Error {
		if err := m.need(1); err != "" {
			return err
		}
		a, err := m.number(1)
		if err != "" {
			return err
		}
		m.drop(1)
		m.pushNumber(f(a))
		return ""
	}
}

func binaryOp(f func(a, b int64) int64) operation {
	return func(m *machine) Error {
		if err := m.need(2); err != "" {
			return err
		}
		a, err := m.number(2)
		if err != "" {
			return err
		}
		b, err := m.number(1)
		if err != "" {
			return err
		}
		m.drop(2)
		m.pushNumber(f(a, b))
		return ""
	}
}

func comparing(f func(a, b int64) bool) operation {
	return binaryOp(func(a, b int64) int64 { return boolNumber(f(a, b)) })
}

// within is x min max WITHIN: min ≤ x < max.
func (m *machine) within() Error {
	if err := m.need(3); err != "" {
		return err
	}
	var n [3]int64
	for i := range n {
		var err Error
		if n[i], err = m.number(3 - i); err != "" {
			return err
		}
	}
	m.drop(3)
	m.push(boolItem(n[1] <= n[0] && n[0] < n[2]))
	return ""
}
