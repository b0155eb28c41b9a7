package index

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Script is the script-hash index: the history and the unspent coins of every output script, by its SHA-256 as in the Electrum
// protocol. Scripts that can never be spent are not in it, nor is genesis: it knows the outputs that the coin set knows.
//
// There are two kinds of entries. A history entry stands for a script and a transaction that pays it or spends from it (26 bytes of key,
// 32 and a few of value). A coin entry stands for an unspent output (58 bytes of key, a few of value); it goes when the output is
// spent, so what is unspent is read without going through the history. No block is read for an answer.
type Script struct{ *Follower }

// hashBytes is how much of a script's hash is in a key. Two scripts whose hashes begin alike cost 2⁶⁴ hashes, and their maker
// would only mix up his own.
const hashBytes = 16

// Bounds of one answer.
const (
	// MaxPage is the most entries that History and Coins return at once.
	MaxPage = 1000
	// MaxCoins is the most coins that Balance sums up.
	MaxCoins = 1_000_000
)

// ErrTooMany is what Balance returns for a script of more than MaxCoins coins.
var ErrTooMany = fmt.Errorf("more than %d unspent outputs", MaxCoins)

// The two kinds of entries, behind the script's hash so that all of a script lies together.
const (
	coinTag    = 'c'
	historyTag = 'h'
)

// Bits of a history entry.
const (
	funding  = 1 << iota // an output pays the script
	spending             // an input spends from it
)

// OpenScript returns the script-hash index in kv. Errors are Open's.
func OpenScript(kv chain.KV) (*Script, error) {
	f, err := Open(kv, Kind{Name: "script-hash index", Prefix: "a/", Version: 1, Change: scriptChange})
	if err != nil {
		return nil, err
	}
	return &Script{f}, nil
}

// Event is a transaction in a script's history. Amounts are in the smallest unit.
type Event struct {
	Height int32
	Index  int // of the transaction in its block
	TxID   types.Hash
	// Funding and Spending tell whether outputs of the transaction pay the script, and whether inputs spend from it.
	Funding, Spending bool
	Received, Sent    int64
}

// Coin is an unspent output of a script.
type Coin struct {
	types.OutPoint
	Height   int32
	Value    int64
	Coinbase bool
}

// Balance sums up what a script has.
type Balance struct {
	Coins    int64 // unspent outputs
	Value    int64 // their sum
	Coinbase int64 // the part of Value from coinbases
}

func scriptKey(tag byte, lock []byte) []byte {
	h := sha256.Sum256(lock)
	return append(h[:hashBytes:hashBytes], tag)
}

func scriptChange(u *consensus.Update) (ch Change) {
	if u.Height == 0 {
		return ch
	}
	for n, tx := range u.Block.Txs {
		var spent []consensus.Coin
		if n > 0 {
			spent = u.Undo[n-1]
		}
		ch.Add = appendEvents(ch.Add, u.Height, n, tx, spent)
	}
	for i := range u.Created {
		ch.Add = append(ch.Add, coinPair(&u.Created[i]))
	}
	for i := range u.Spent {
		ch.Remove = append(ch.Remove, coinPair(&u.Spent[i]))
	}
	return ch
}

// appendEvents appends an entry for each script that a transaction pays or spends from, in the order in which they first appear.
func appendEvents(pairs []chain.Pair, height int32, n int, tx *types.Tx, spent []consensus.Coin) []chain.Pair {
	type sums struct {
		lock  []byte
		event Event
	}
	var order []*sums
	byLock := map[string]*sums{}
	of := func(lock []byte) *Event {
		s := byLock[string(lock)]
		if s == nil {
			s = &sums{lock: lock}
			byLock[string(lock)] = s
			order = append(order, s)
		}
		return &s.event
	}
	for i := range spent {
		e := of(spent[i].Out.Script)
		e.Spending, e.Sent = true, e.Sent+spent[i].Out.Value
	}
	for i := range tx.Out {
		if !script.Unspendable(tx.Out[i].Script) {
			e := of(tx.Out[i].Script)
			e.Funding, e.Received = true, e.Received+tx.Out[i].Value
		}
	}
	id := tx.ID()
	for _, s := range order {
		key := append([]byte("a/"), scriptKey(historyTag, s.lock)...)
		pairs = append(pairs, chain.Pair{Key: appendSpot(key, height, n), Value: s.event.value(id)})
	}
	return pairs
}

func (e *Event) value(id types.Hash) []byte {
	flags := byte(0)
	if e.Funding {
		flags |= funding
	}
	if e.Spending {
		flags |= spending
	}
	b := append(append(make([]byte, 0, types.HashSize+12), id[:]...), flags)
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(e.Received)), uint64(e.Sent))
}

func decodeEvent(rest, value []byte) (e Event, ok bool) {
	if len(rest) != spotSize || len(value) < types.HashSize+1 {
		return e, false
	}
	e.Height, e.Index = spot(rest)
	e.TxID = types.Hash(value[:types.HashSize])
	flags, value := value[types.HashSize], value[types.HashSize+1:]
	e.Funding, e.Spending = flags&funding != 0, flags&spending != 0
	if e.Received, value, ok = amount(value); ok {
		e.Sent, value, ok = amount(value)
	}
	return e, ok && len(value) == 0
}

func amount(b []byte) (v int64, rest []byte, ok bool) {
	u, n := binary.Uvarint(b)
	if n <= 0 || u > math.MaxInt64 {
		return 0, nil, false
	}
	return int64(u), b[n:], true
}

// key is what follows the script in a coin's key: older coins first.
func (c *Coin) key(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(c.Height))
	return binary.BigEndian.AppendUint32(append(b, c.TxID[:]...), c.Index)
}

const coinKeySize = 4 + types.HashSize + 4

func coinPair(e *consensus.CoinEntry) chain.Pair {
	c := Coin{OutPoint: e.OutPoint, Height: e.Coin.Height}
	key := c.key(append([]byte("a/"), scriptKey(coinTag, e.Coin.Out.Script)...))
	flags := byte(0)
	if e.Coin.Coinbase {
		flags = 1
	}
	return chain.Pair{Key: key, Value: binary.AppendUvarint([]byte{flags}, uint64(e.Coin.Out.Value))}
}

func decodeCoin(rest, value []byte) (c Coin, ok bool) {
	if len(rest) != coinKeySize || len(value) < 2 || value[0] > 1 {
		return c, false
	}
	c.Height = int32(binary.BigEndian.Uint32(rest))
	c.TxID = types.Hash(rest[4 : 4+types.HashSize])
	c.Index = binary.BigEndian.Uint32(rest[4+types.HashSize:])
	c.Coinbase = value[0] == 1
	c.Value, value, ok = amount(value[1:])
	return c, ok && len(value) == 0
}

// History returns up to n events (at most MaxPage) of a script in the order of the chain, from height and number in the block on;
// zeros begin at the begin. at is the position to which the answer belongs. Errors: ErrNotReady, chain.ErrDamaged. It may be
// called from any goroutine, as may Coins and Balance.
func (x *Script) History(lock []byte, height int32, index, n int) (events []Event, at chain.Position, err error) {
	at, err = x.page(scriptKey(historyTag, lock), appendSpot(nil, height, index), min(n, MaxPage), func(rest, value []byte) bool {
		e, ok := decodeEvent(rest, value)
		events = append(events, e)
		return ok
	})
	return events, at, err
}

// Coins returns up to n unspent outputs (at most MaxPage) of a script that come after the coin after; nil begins at the begin.
// They are in the order of height, transaction id and output.
func (x *Script) Coins(lock []byte, after *Coin, n int) (coins []Coin, at chain.Position, err error) {
	var from []byte
	if after != nil {
		from = append(after.key(nil), 0)
	}
	at, err = x.page(scriptKey(coinTag, lock), from, min(n, MaxPage), func(rest, value []byte) bool {
		c, ok := decodeCoin(rest, value)
		coins = append(coins, c)
		return ok
	})
	return coins, at, err
}

// Balance sums up the unspent outputs of a script. Errors: ErrTooMany, ErrNotReady, chain.ErrDamaged.
func (x *Script) Balance(lock []byte) (b Balance, at chain.Position, err error) {
	at, err = x.page(scriptKey(coinTag, lock), nil, MaxCoins+1, func(rest, value []byte) bool {
		c, ok := decodeCoin(rest, value)
		b.Coins++
		b.Value += c.Value
		if c.Coinbase {
			b.Coinbase += c.Value
		}
		return ok
	})
	if err == nil && b.Coins > MaxCoins {
		err = ErrTooMany
	}
	return b, at, err
}

// page calls take for up to n entries; false from it means that the entry does not read back.
func (x *Script) page(prefix, from []byte, n int, take func(rest, value []byte) bool) (at chain.Position, err error) {
	err = x.view(func(pos chain.Position) error {
		at = pos
		return x.each(prefix, from, func(rest, value []byte) error {
			if n--; n < 0 {
				return errEnough
			}
			if !take(rest, value) {
				return x.damaged()
			}
			return nil
		})
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return at, err
}
