package bip324

import "bytes"

// nameSize is the width of a message's name that has no short id.
const nameSize = 12

// TypeSize is the most that AppendType appends, in bytes.
const TypeSize = 1 + nameSize

// shortIDs is the table of BIP324, by id. 0 says that a name follows.
var shortIDs = [...]string{
	1: "addr", 2: "block", 3: "blocktxn", 4: "cmpctblock", 5: "feefilter", 6: "filteradd", 7: "filterclear", 8: "filterload",
	9: "getblocks", 10: "getblocktxn", 11: "getdata", 12: "getheaders", 13: "headers", 14: "inv", 15: "mempool", 16: "merkleblock",
	17: "notfound", 18: "ping", 19: "pong", 20: "sendcmpct", 21: "tx", 22: "getcfilters", 23: "cfilter", 24: "getcfheaders",
	25: "cfheaders", 26: "getcfcheckpt", 27: "cfcheckpt", 28: "addrv2",
}

var idOf = func() map[string]byte {
	m := make(map[string]byte, len(shortIDs))
	for id, name := range shortIDs {
		if name != "" {
			m[name] = byte(id)
		}
	}
	return m
}()

// AppendType appends what stands for a message's name: its id, or a zero byte and the name, which must be of at most 12
// bytes.
func AppendType(b []byte, command string) []byte {
	if id, ok := idOf[command]; ok {
		return append(b, id)
	}
	var long [TypeSize]byte
	copy(long[1:], command)
	return append(b, long[:]...)
}

// SplitType reads the name of a message and returns what follows it. ok is false for contents that name none: no
// bytes at all, an id that the table does not have, a name that is cut, empty, not printable ASCII or not padded with zeros.
// Such a message is passed over, as in Bitcoin Core.
func SplitType(contents []byte) (command string, payload []byte, ok bool) {
	switch {
	case len(contents) == 0:
		return "", nil, false
	case contents[0] != 0:
		id := int(contents[0])
		if id >= len(shortIDs) {
			return "", nil, false
		}
		return shortIDs[id], contents[1:], true
	case len(contents) < TypeSize:
		return "", nil, false
	}
	name := bytes.TrimRight(contents[1:TypeSize], "\x00")
	for _, c := range name {
		if c < 0x20 || c > 0x7e {
			return "", nil, false
		}
	}
	return string(name), contents[TypeSize:], len(name) > 0
}
