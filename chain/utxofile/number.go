package utxofile

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/cairn-chain/cairn/consensus"
)

// appendVarInt appends Core's VarInt.
func appendVarInt(b []byte, n uint64) []byte {
	var tmp [10]byte
	i := len(tmp) - 1
	tmp[i] = byte(n & 0x7f)
	for n > 0x7f {
		n = n>>7 - 1
		i--
		tmp[i] = byte(n&0x7f) | 0x80
	}
	return append(b, tmp[i:]...)
}

func (r *Reader) varInt() (n uint64, err error) {
	for {
		b, err := r.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if n > math.MaxUint64>>7 {
			return 0, r.badNumber()
		}
		n = n<<7 | uint64(b&0x7f)
		if b&0x80 == 0 {
			return n, nil
		}
		if n == math.MaxUint64 {
			return 0, r.badNumber()
		}
		n++
	}
}

// compactSize reads Bitcoin's own CompactSize, in its shortest form only.
func (r *Reader) compactSize() (uint64, error) {
	first, err := r.r.ReadByte()
	if err != nil || first < 0xfd {
		return uint64(first), err
	}
	size := 2 << (first - 0xfd)
	var raw [8]byte
	if _, err := io.ReadFull(r.r, raw[:size]); err != nil {
		return 0, err
	}
	n := binary.LittleEndian.Uint64(raw[:])
	least := [3]uint64{0xfd, 1 << 16, 1 << 32}
	if n < least[first-0xfd] {
		return 0, r.badNumber()
	}
	return n, nil
}

func (r *Reader) badNumber() error {
	return bad("Bad snapshot format or truncated snapshot after deserializing %d coins.", r.read)
}

// compressAmount is Core's short form of an amount, for which round numbers are small: the number of trailing zeros, up to nine, then the last
// digit that is none, then the rest.
func compressAmount(n uint64) uint64 {
	if n == 0 {
		return 0
	}
	e := uint64(0)
	for n%10 == 0 && e < 9 {
		n /= 10
		e++
	}
	if e < 9 {
		return 1 + (n/10*9+n%10-1)*10 + e
	}
	return 1 + (n-1)*10 + 9
}

// decompressAmount undoes compressAmount; ok is false for more than all the money there is.
func decompressAmount(x uint64) (value int64, ok bool) {
	if x == 0 {
		return 0, true
	}
	x--
	e, n := x%10, x/10
	if e < 9 {
		digit := n%9 + 1
		if n /= 9; n > uint64(consensus.MaxMoney) {
			return 0, false
		}
		n = n*10 + digit
	} else {
		n++
	}
	for ; e > 0; e-- {
		if n > uint64(consensus.MaxMoney) {
			return 0, false
		}
		n *= 10
	}
	return int64(n), n <= uint64(consensus.MaxMoney)
}
