package chainjson

import (
	"encoding/hex"
	"sync"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// Limits of what is remembered of output scripts: at most twice so many, each no longer than a usual one. The text of a usual one has 300 to 400
// bytes, so that all of them take some 2 MB; that of one made for the purpose, of opcodes with long names, has less than 2 kB.
const (
	maxLocks   = 2048
	maxLockLen = 64
)

// Lock is the description of an output's script: asm, desc, hex, address if there is one, and type. The script must stay as it is
// until the reply is written.
func Lock(c *Call, lock []byte) jsonrpc.Appender { return lockJSON{c, lock} }

// lockJSON is a description on its way into a reply.
type lockJSON struct {
	c    *Call
	lock []byte
}

// AppendJSON appends the object.
func (l lockJSON) AppendJSON(b []byte) []byte {
	return l.c.locks.append(b, l.c.Node.Params().Addresses(), l.lock)
}

// LockFields is Lock's object but for "hex", to be added to.
func LockFields(c *Call, lock []byte) jsonrpc.Fields {
	params := c.Node.Params().Addresses()
	f := jsonrpc.Obj("asm", script.Disassemble(lock), "desc", InferDescriptor(params, lock))
	if address, ok := script.EncodeAddress(params, lock); ok {
		f.Add("address", address)
	}
	class, _ := script.Classify(lock)
	f.Add("type", class.String())
	return f
}

// appendLock appends the JSON of a description. Nothing in it needs an escape.
func appendLock(b []byte, params script.AddressParams, lock []byte) []byte {
	address, known := script.EncodeAddress(params, lock)
	b = script.AppendAsm(append(b, `{"asm":"`...), lock)
	b = appendDescriptor(append(b, `","desc":"`...), lock, address)
	b = hex.AppendEncode(append(b, `","hex":"`...), lock)
	if known {
		b = append(append(b, `","address":"`...), address...)
	}
	class, _ := script.Classify(lock)
	b = append(append(b, `","type":"`...), class.String()...)
	return append(b, `"}`...)
}

// lockCache remembers how output scripts are described: the text of the JSON. A description depends on the script and the network
// alone, and for a taproot output takes a square root; programs ask for the same blocks and addresses again and again. There are two
// generations: when the young one is full it becomes the old one, and what is found in the old one becomes young again.
type lockCache struct {
	mu         sync.Mutex
	young, old map[string]string
}

// append appends the description of a script.
func (c *lockCache) append(b []byte, params script.AddressParams, lock []byte) []byte {
	if len(lock) > maxLockLen {
		return appendLock(b, params, lock)
	}
	if text, ok := c.find(lock); ok {
		return append(b, text...)
	}
	from := len(b)
	b = appendLock(b, params, lock)
	c.keep(string(lock), string(b[from:]))
	return b
}

func (c *lockCache) find(lock []byte) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text, ok := c.young[string(lock)]; ok {
		return text, true
	}
	text, ok := c.old[string(lock)]
	if ok {
		c.put(string(lock), text)
	}
	return text, ok
}

func (c *lockCache) keep(lock, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(lock, text)
}

func (c *lockCache) put(lock, text string) {
	if len(c.young) >= maxLocks || c.young == nil {
		c.old, c.young = c.young, make(map[string]string)
	}
	c.young[lock] = text
}
