package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/cairn-chain/cairn/types"
)

// ErrHeaderTxs is returned for a headers message in which a header is followed by transactions.
var ErrHeaderTxs = errors.New("a header in a headers message has transactions")

// spec is what this package knows of a message: its name, the most bytes of payload, and its decoder.
type spec struct {
	name   string
	limit  int
	decode func(d *types.Decoder) Message
}

// specs holds every message that this node decodes, by name.
var specs = index(slices.Concat(basicSpecs, filterSpecs, bloomSpecs, compactSpecs))

// basicSpecs are the messages that every node uses.
var basicSpecs = []spec{
	{"version", versionFull + versionExtra, decodeVersion},
	{"verack", 0, empty(Verack{})},
	{"wtxidrelay", 0, empty(WTxIDRelay{})},
	{"sendaddrv2", 0, empty(SendAddrV2{})},
	{"sendheaders", 0, empty(SendHeaders{})},
	{"getaddr", 0, empty(GetAddr{})},
	{"mempool", 0, empty(Mempool{})},
	{"sendcmpct", 9, func(d *types.Decoder) Message {
		return SendCmpct{HighBandwidth: d.Bool(), Version: d.Uint64()}
	}},
	{"feefilter", 8, func(d *types.Decoder) Message { return FeeFilter{FeeRate: int64(d.Uint64())} }},
	{"ping", 8, func(d *types.Decoder) Message { return Ping{Nonce: d.Uint64()} }},
	{"pong", 8, func(d *types.Decoder) Message { return Pong{Nonce: d.Uint64()} }},
	{"addr", longCount + MaxAddrs*timedAddrSize, decodeAddr},
	{"inv", longCount + MaxInvs*invSize, func(d *types.Decoder) Message { return InvMsg{decodeInvs(d)} }},
	{"getdata", longCount + MaxInvs*invSize, func(d *types.Decoder) Message { return GetData{decodeInvs(d)} }},
	{"notfound", longCount + MaxInvs*invSize, func(d *types.Decoder) Message { return NotFound{decodeInvs(d)} }},
	{"getheaders", locatorMax, decodeGetHeaders},
	{"getblocks", locatorMax, func(d *types.Decoder) Message { return GetBlocks(decodeGetHeaders(d).(GetHeaders)) }},
	{"headers", longCount + MaxHeaders*headerSize, decodeHeaders},
	{"tx", types.MaxBlockBytes, func(d *types.Decoder) Message { return TxMsg{Tx: d.Tx()} }},
	{"block", types.MaxBlockBytes, decodeBlock},
	{"addrv2", longCount + MaxAddrs*addrV2Max, decodeAddrV2},
}

func index(all []spec) map[string]spec {
	m := make(map[string]spec, len(all))
	for _, s := range all {
		m[s.name] = s
	}
	return m
}

// Commands returns the names of all messages that this node decodes, in no particular order.
func Commands() []string {
	names := make([]string, 0, len(specs))
	for name := range specs {
		names = append(names, name)
	}
	return names
}

// Decode reads the payload of a message. A command that this node does not know gives Unknown and no
// error. An error says that the peer sent what it may not send: bytes missing or left over, a count over
// its limit, an integer not in its shortest form. Only version may have bytes left over, which are fields newer
// than this node; Bitcoin Core is lenient so with every message. The result shares no memory with payload.
func Decode(command string, payload []byte) (Message, error) {
	s, ok := specs[command]
	if !ok {
		return Unknown{Name: command, Size: len(payload)}, nil
	}
	if len(payload) > s.limit {
		return nil, fmt.Errorf("%s: %w: %d bytes of at most %d", s.name, ErrLength, len(payload), s.limit)
	}
	d := types.NewDecoder(payload)
	m := s.decode(d)
	if err := d.Finish(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return m, nil
}

// SafeString returns text of a peer as it may be printed: only letters, digits, spaces and the signs
// .,;-_/:?@() remain, as Bitcoin Core does, and at most MaxUserAgent bytes.
func SafeString(s string) string {
	s = s[:min(len(s), MaxUserAgent)]
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		case strings.ContainsRune(" .,;-_/:?@()", r):
			return r
		}
		return -1
	}, s)
}

func empty(m Message) func(*types.Decoder) Message {
	return func(*types.Decoder) Message { return m }
}

// decodeVersion reads a version message. What follows the receiver's address was added over the
// years; an old peer may stop there, after the nonce, the user agent or the height.
func decodeVersion(d *types.Decoder) Message {
	m := Version{
		Protocol: int32(d.Uint32()),
		Services: Services(d.Uint64()),
		Time:     int64(d.Uint64()),
		To:       decodeNetAddr(d),
		Relay:    true,
	}
	if d.Remaining() > 0 {
		m.From = decodeNetAddr(d)
		m.Nonce = d.Uint64()
	}
	if d.Remaining() > 0 {
		m.UserAgent = string(d.VarBytes(MaxUserAgent))
	}
	if d.Remaining() > 0 {
		m.StartHeight = int32(d.Uint32())
	}
	if d.Remaining() > 0 {
		m.Relay = d.Bool()
	}
	d.Bytes(d.Remaining())
	return m
}

// decodeNetAddr reads 26 bytes. An IPv4-mapped address becomes an IPv4 address.
func decodeNetAddr(d *types.Decoder) NetAddr {
	a := NetAddr{Services: Services(d.Uint64())}
	var ip [16]byte
	copy(ip[:], d.Bytes(len(ip)))
	if port := d.Bytes(2); port != nil {
		a.Addr = netip.AddrPortFrom(netip.AddrFrom16(ip).Unmap(), binary.BigEndian.Uint16(port))
	}
	return a
}

func decodeAddr(d *types.Decoder) Message {
	addrs := make([]TimedAddr, d.Count(MaxAddrs, timedAddrSize))
	for i := range addrs {
		addrs[i] = TimedAddr{Time: d.Uint32(), NetAddr: decodeNetAddr(d)}
	}
	return Addr{addrs}
}

func decodeInvs(d *types.Decoder) []Inv {
	items := make([]Inv, d.Count(MaxInvs, invSize))
	for i := range items {
		items[i] = Inv{Type: InvType(d.Uint32()), Hash: d.Hash()}
	}
	return items
}

func decodeGetHeaders(d *types.Decoder) Message {
	m := GetHeaders{Protocol: d.Uint32()}
	m.Locator = make([]types.Hash, d.Count(MaxLocator, types.HashSize))
	for i := range m.Locator {
		m.Locator[i] = d.Hash()
	}
	m.Stop = d.Hash()
	return m
}

func decodeHeaders(d *types.Decoder) Message {
	headers := make([]types.Header, d.Count(MaxHeaders, headerSize))
	for i := range headers {
		headers[i] = d.Header()
		if d.VarInt() != 0 {
			d.Fail(ErrHeaderTxs)
			return nil
		}
	}
	return Headers{headers}
}

// decodeBlock reads a block. Its hash is computed from the bytes at hand.
func decodeBlock(d *types.Decoder) Message {
	b, err := types.DecodeBlock(d.Bytes(d.Remaining()))
	if err != nil {
		d.Fail(err)
		return nil
	}
	return BlockMsg{Block: b}
}
