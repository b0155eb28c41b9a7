package wire

import (
	"encoding/binary"

	"github.com/cairn-chain/cairn/types"
)

// Command returns "version".
func (Version) Command() string { return "version" }

// Command returns "verack".
func (Verack) Command() string { return "verack" }

// Command returns "wtxidrelay".
func (WTxIDRelay) Command() string { return "wtxidrelay" }

// Command returns "sendaddrv2".
func (SendAddrV2) Command() string { return "sendaddrv2" }

// Command returns "sendheaders".
func (SendHeaders) Command() string { return "sendheaders" }

// Command returns "getaddr".
func (GetAddr) Command() string { return "getaddr" }

// Command returns "mempool".
func (Mempool) Command() string { return "mempool" }

// Command returns "sendcmpct".
func (SendCmpct) Command() string { return "sendcmpct" }

// Command returns "feefilter".
func (FeeFilter) Command() string { return "feefilter" }

// Command returns "ping".
func (Ping) Command() string { return "ping" }

// Command returns "pong".
func (Pong) Command() string { return "pong" }

// Command returns "addr".
func (Addr) Command() string { return "addr" }

// Command returns "inv".
func (InvMsg) Command() string { return "inv" }

// Command returns "getdata".
func (GetData) Command() string { return "getdata" }

// Command returns "notfound".
func (NotFound) Command() string { return "notfound" }

// Command returns "getheaders".
func (GetHeaders) Command() string { return "getheaders" }

// Command returns "getblocks".
func (GetBlocks) Command() string { return "getblocks" }

// Command returns "headers".
func (Headers) Command() string { return "headers" }

// Command returns "tx".
func (TxMsg) Command() string { return "tx" }

// Command returns "block".
func (BlockMsg) Command() string { return "block" }

// Command returns the name in the frame, which is whatever the peer wrote.
func (m Unknown) Command() string { return m.Name }

// Command returns the name that was chosen.
func (m Raw) Command() string { return m.Name }

// Append appends the payload.
func (m Raw) Append(b []byte) []byte { return append(b, m.Payload...) }

// Append appends the fields in the order of BIP14 and BIP37. A user agent over MaxUserAgent is cut off there.
func (m Version) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(m.Protocol))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Services))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Time))
	b = m.From.append(m.To.append(b))
	b = binary.LittleEndian.AppendUint64(b, m.Nonce)
	b = types.AppendVarBytes(b, []byte(m.UserAgent[:min(len(m.UserAgent), MaxUserAgent)]))
	b = binary.LittleEndian.AppendUint32(b, uint32(m.StartHeight))
	return appendBool(b, m.Relay)
}

// Append appends nothing.
func (Verack) Append(b []byte) []byte { return b }

// Append appends nothing.
func (WTxIDRelay) Append(b []byte) []byte { return b }

// Append appends nothing.
func (SendAddrV2) Append(b []byte) []byte { return b }

// Append appends nothing.
func (SendHeaders) Append(b []byte) []byte { return b }

// Append appends nothing.
func (GetAddr) Append(b []byte) []byte { return b }

// Append appends nothing.
func (Mempool) Append(b []byte) []byte { return b }

// Append appends 9 bytes (BIP152).
func (m SendCmpct) Append(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(appendBool(b, m.HighBandwidth), m.Version)
}

// Append appends 8 bytes (BIP133).
func (m FeeFilter) Append(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(m.FeeRate))
}

// Append appends the 8 bytes of the nonce (BIP31).
func (m Ping) Append(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, m.Nonce) }

// Append appends the 8 bytes of the nonce (BIP31).
func (m Pong) Append(b []byte) []byte { return binary.LittleEndian.AppendUint64(b, m.Nonce) }

// Append appends a count and 30 bytes an address.
func (m Addr) Append(b []byte) []byte {
	b = types.AppendVarInt(b, uint64(len(m.Addrs)))
	for _, a := range m.Addrs {
		b = a.NetAddr.append(binary.LittleEndian.AppendUint32(b, a.Time))
	}
	return b
}

// Append appends a count and 36 bytes an item.
func (m InvMsg) Append(b []byte) []byte { return appendInvs(b, m.Items) }

// Append appends a count and 36 bytes an item.
func (m GetData) Append(b []byte) []byte { return appendInvs(b, m.Items) }

// Append appends a count and 36 bytes an item.
func (m NotFound) Append(b []byte) []byte { return appendInvs(b, m.Items) }

// Append appends the protocol version, the locator and the stop hash.
func (m GetHeaders) Append(b []byte) []byte {
	return appendLocator(b, m.Protocol, m.Locator, m.Stop)
}

// Append appends the protocol version, the locator and the stop hash.
func (m GetBlocks) Append(b []byte) []byte {
	return appendLocator(b, m.Protocol, m.Locator, m.Stop)
}

// Append appends a count and 81 bytes a header: the last is a count of transactions, zero.
func (m Headers) Append(b []byte) []byte {
	b = types.AppendVarInt(b, uint64(len(m.Headers)))
	for i := range m.Headers {
		b = append(m.Headers[i].Append(b), 0)
	}
	return b
}

// Append appends the transaction, without its witnesses if Base is set.
func (m TxMsg) Append(b []byte) []byte {
	if m.Base {
		return m.Tx.AppendBase(b)
	}
	return m.Tx.Append(b)
}

// Append appends the block, without its witnesses if Base is set.
func (m BlockMsg) Append(b []byte) []byte {
	if m.Base {
		return m.Block.AppendBase(b)
	}
	return m.Block.Append(b)
}

// Append appends nothing: the payload was dropped.
func (Unknown) Append(b []byte) []byte { return b }

// Size returns the bytes of a message's payload without encoding it.
func Size(m Message) int {
	switch m := m.(type) {
	case TxMsg:
		if m.Base {
			return m.Tx.BaseSize()
		}
		return m.Tx.Size()
	case BlockMsg:
		if m.Base {
			return m.Block.BaseSize()
		}
		return m.Block.Size()
	case Raw:
		return len(m.Payload)
	case CmpctBlock:
		return m.size()
	case BlockTxn:
		return m.size()
	case Headers:
		return listSize(len(m.Headers), headerSize)
	case Addr:
		return listSize(len(m.Addrs), timedAddrSize)
	case InvMsg:
		return listSize(len(m.Items), invSize)
	case GetData:
		return listSize(len(m.Items), invSize)
	case NotFound:
		return listSize(len(m.Items), invSize)
	}
	return len(m.Append(nil))
}

func listSize(n, size int) int { return types.VarIntSize(uint64(n)) + n*size }

func (a NetAddr) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(a.Services))
	ip := a.Addr.Addr().As16()
	b = append(b, ip[:]...)
	return binary.BigEndian.AppendUint16(b, a.Addr.Port())
}

func appendInvs(b []byte, items []Inv) []byte {
	b = types.AppendVarInt(b, uint64(len(items)))
	for i := range items {
		b = binary.LittleEndian.AppendUint32(b, uint32(items[i].Type))
		b = append(b, items[i].Hash[:]...)
	}
	return b
}

func appendLocator(b []byte, protocol uint32, locator []types.Hash, stop types.Hash) []byte {
	b = binary.LittleEndian.AppendUint32(b, protocol)
	b = types.AppendVarInt(b, uint64(len(locator)))
	for i := range locator {
		b = append(b, locator[i][:]...)
	}
	return append(b, stop[:]...)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
