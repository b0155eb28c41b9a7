package script

// Numbers of scripts: little-endian, the highest bit of the last byte is the sign, no byte at all is
// zero. Arithmetic reads at most maxNumberBytes and may write one more, which later can
// only be compared byte by byte; lock times are read from up to maxLockTimeBytes.
const (
	maxNumberBytes   = 4
	maxLockTimeBytes = 5
)

// readNumber reads an item as a number. ErrScriptNumber says that it is longer than limit or, if minimal
// is asked for, could be shorter.
func readNumber(item []byte, limit int, minimal bool) (int64, Error) {
	if len(item) > limit || minimal && !isMinimalNumber(item) {
		return 0, ErrScriptNumber
	}
	return scriptNum(item), ""
}

// isMinimalNumber tells whether no shorter item is the same number: the last byte holds more than a
// sign, unless the byte before it needs its highest bit for itself.
func isMinimalNumber(item []byte) bool {
	n := len(item)
	if n == 0 || item[n-1]&0x7f != 0 {
		return true
	}
	return n > 1 && item[n-2]&0x80 != 0
}

// isTrue reads an item as a condition: anything but zero, of whatever length and sign.
func isTrue(item []byte) bool {
	for i, b := range item {
		if b != 0 {
			return b != 0x80 || i != len(item)-1
		}
	}
	return false
}

// Items are never written into, so that all truths may be one.
var (
	trueItem  = []byte{1}
	falseItem = []byte{}
)

func boolItem(b bool) []byte {
	if b {
		return trueItem
	}
	return falseItem
}

func boolNumber(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
