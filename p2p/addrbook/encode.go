package addrbook

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"

	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// The encoding: 7 bytes of magic, one of format, the salt, the anchors, the addresses with what is known of
// them, and the SHA-256 of all that. Numbers are little-endian or CompactSize, addresses 16 bytes of IP and
// 2 of port, most significant first.
const (
	fileMagic  = "crnaddr"
	fileFormat = 1
	sumSize    = sha256.Size

	addrSize  = 16 + 2
	entrySize = 2*addrSize + 8 + 3*8 + 8 + 4 + 1 + 1 // the least; a place in new adds 2
	flagTried = 1
)

// Errors of Decode. The remedy for both is to begin with an empty book.
var (
	ErrCorrupt = errors.New("address book is damaged")
	ErrFormat  = errors.New("address book has a format that this program does not know")
)

// Encode returns the whole Book as bytes, with a checksum, at most about 9 MB. Since they contain the
// salt, the bytes are secret.
func (b *Book) Encode() []byte {
	out := append([]byte(fileMagic), fileFormat)
	out = append(out, b.salt[:]...)
	out = types.AppendVarInt(out, uint64(len(b.anchors)))
	for _, a := range b.anchors {
		out = appendAddr(out, a)
	}
	out = binary.LittleEndian.AppendUint64(out, uint64(b.lastGood))
	out = types.AppendVarInt(out, uint64(len(b.all)))
	for _, e := range b.all {
		out = e.append(out)
	}
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func (e *entry) append(b []byte) []byte {
	b = appendAddr(appendAddr(b, e.addr), e.source)
	for _, v := range []uint64{uint64(e.services), uint64(e.seen), uint64(e.lastTry), uint64(e.lastGood), uint64(e.counted)} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(min(e.fails, math.MaxInt32)))
	if e.tried {
		return append(b, flagTried, 0)
	}
	b = append(b, 0, byte(len(e.places)))
	for _, p := range e.places {
		b = binary.LittleEndian.AppendUint16(b, uint16(p.bucket))
	}
	return b
}

func appendAddr(b []byte, a netip.AddrPort) []byte {
	ip := a.Addr().As16()
	return binary.BigEndian.AppendUint16(append(b, ip[:]...), a.Port())
}

// Decode reads what Encode wrote. Errors: ErrFormat, naming both formats, and ErrCorrupt.
func Decode(raw []byte, rng *rand.Rand) (*Book, error) {
	if len(raw) < len(fileMagic)+1+sumSize || !bytes.HasPrefix(raw, []byte(fileMagic)) {
		return nil, fmt.Errorf("%w: it does not begin as one", ErrCorrupt)
	}
	if format := raw[len(fileMagic)]; format != fileFormat {
		return nil, fmt.Errorf("%w: %d, and this program knows %d", ErrFormat, format, fileFormat)
	}
	body, sum := raw[:len(raw)-sumSize], raw[len(raw)-sumSize:]
	if want := sha256.Sum256(body); !bytes.Equal(sum, want[:]) {
		return nil, fmt.Errorf("%w: its checksum does not match", ErrCorrupt)
	}
	d := types.NewDecoder(body[len(fileMagic)+1:])
	var salt [32]byte
	copy(salt[:], d.Bytes(len(salt)))
	b := New(salt, rng)
	for range d.Count(MaxAnchors, addrSize) {
		b.anchors = append(b.anchors, decodeAddr(d))
	}
	b.lastGood = int64(d.Uint64())
	for range d.Count(MaxAddrs, entrySize) {
		if e, buckets := decodeEntry(d); d.Err() == nil && !b.restore(e, buckets) {
			return nil, fmt.Errorf("%w: %s stands where it cannot", ErrCorrupt, e.addr)
		}
	}
	if err := d.Finish(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return b, nil
}

// decodeEntry reads an entry and the numbers of its buckets in new.
func decodeEntry(d *types.Decoder) (e *entry, buckets []int) {
	e = &entry{
		addr: decodeAddr(d), source: decodeAddr(d), services: wire.Services(d.Uint64()),
		seen: int64(d.Uint64()), lastTry: int64(d.Uint64()), lastGood: int64(d.Uint64()), counted: int64(d.Uint64()),
		fails: int(d.Uint32()), tried: d.Uint8() == flagTried,
	}
	for range d.Uint8() {
		buckets = append(buckets, int(d.Uint16()))
	}
	return e, buckets
}

// decodeAddr reads an address. Sixteen zero bytes and a zero port are the zero value.
func decodeAddr(d *types.Decoder) netip.AddrPort {
	var ip [16]byte
	copy(ip[:], d.Bytes(len(ip)))
	var port uint16
	if p := d.Bytes(2); p != nil {
		port = binary.BigEndian.Uint16(p)
	}
	a := netip.AddrPortFrom(netip.AddrFrom16(ip).Unmap(), port)
	if a.Addr().IsUnspecified() && port == 0 {
		return netip.AddrPort{}
	}
	return a
}

// restore enters a decoded entry at its places. It returns false if it cannot stand there.
func (b *Book) restore(e *entry, buckets []int) bool {
	if b.byAddr[e.addr] != nil || !believable(e.addr, netip.AddrPort{}) || e.tried != (len(buckets) == 0) || len(buckets) > maxPlaces {
		return false
	}
	if e.tried {
		p := b.triedPlace(e.addr)
		if b.tried.at(p) != nil {
			return false
		}
		b.tried.put(p, e)
		e.places = []place{p}
	}
	for _, bucket := range buckets {
		if bucket >= newBuckets {
			return false
		}
		p := b.slot("new slot", bucket, e.addr)
		if b.fresh.at(p) != nil {
			return false
		}
		b.fresh.put(p, e)
		e.places = append(e.places, p)
	}
	b.enter(e)
	return true
}
