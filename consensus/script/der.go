package script

import "github.com/btcsuite/btcd/btcec/v2"

// isStrictDER tells whether sig, with its hash type as last byte, is encoded as BIP66 demands:
//
//	30 length 02 lenR R 02 lenS S hashtype
//
// with R and S positive, in the fewest bytes, and not empty.
func isStrictDER(sig []byte) bool {
	if len(sig) < 9 || len(sig) > 73 || sig[0] != 0x30 || int(sig[1]) != len(sig)-3 {
		return false
	}
	rest, ok := skipStrictInt(sig[2 : len(sig)-1])
	if ok {
		rest, ok = skipStrictInt(rest)
	}
	return ok && len(rest) == 0
}

// skipStrictInt passes over one positive DER integer in its shortest form and returns what follows.
func skipStrictInt(b []byte) (rest []byte, ok bool) {
	if len(b) < 2 || b[0] != 0x02 || int(b[1]) > len(b)-2 {
		return nil, false
	}
	n, rest := b[2:2+int(b[1])], b[2+int(b[1]):]
	if len(n) == 0 || n[0]&0x80 != 0 || len(n) > 1 && n[0] == 0 && n[1]&0x80 == 0 {
		return nil, false
	}
	return rest, true
}

// parseLaxDER reads a signature as loosely as blocks before BIP66 wrote them (and as libsecp256k1's
// lax parser does): lengths in long form, padding and negative numbers pass, bytes
// after S are ignored. R or S that is not below the order makes both zero, which verifies nothing. It
// reports false if there is no R or S to be found.
func parseLaxDER(sig []byte) (r, s btcec.ModNScalar, ok bool) {
	if len(sig) == 0 || sig[0] != 0x30 {
		return r, s, false
	}
	rest := sig[1:]
	if len(rest) == 0 {
		return r, s, false
	}
	// The length of the whole is passed over without a look at it.
	skip := 1
	if rest[0]&0x80 != 0 {
		skip += int(rest[0] &^ 0x80)
	}
	if skip > len(rest) {
		return r, s, false
	}
	rBytes, rest, ok := laxInt(rest[skip:])
	if !ok {
		return r, s, false
	}
	sBytes, _, ok := laxInt(rest)
	if !ok {
		return r, s, false
	}
	if !setScalar(&r, rBytes) || !setScalar(&s, sBytes) {
		r.Zero()
		s.Zero()
	}
	return r, s, true
}

// laxInt reads a DER integer with a length in either form, and returns its bytes and what follows.
func laxInt(b []byte) (n, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != 0x02 {
		return nil, nil, false
	}
	size, b := int(b[1]), b[2:]
	if size&0x80 != 0 {
		width := size &^ 0x80
		if width > len(b) {
			return nil, nil, false
		}
		digits := trimZeros(b[:width])
		b = b[width:]
		if len(digits) >= 4 {
			return nil, nil, false
		}
		size = 0
		for _, d := range digits {
			size = size<<8 | int(d)
		}
	}
	if size > len(b) {
		return nil, nil, false
	}
	return b[:size], b[size:], true
}

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

// setScalar sets k to a big-endian number and reports whether it is below the order.
func setScalar(k *btcec.ModNScalar, b []byte) bool {
	b = trimZeros(b)
	if len(b) > 32 {
		return false
	}
	return !k.SetByteSlice(b)
}

// isLowS tells whether the S of a signature without hash type is at most half of the order.
func isLowS(sig []byte) bool {
	_, s, ok := parseLaxDER(sig)
	return ok && !s.IsOverHalfOrder()
}
