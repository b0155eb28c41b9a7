package index

import (
	"encoding/binary"
	"fmt"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Spent is the spent-output index: which transaction on the best chain spent an output. An entry takes 24 bytes of key (the begin of
// the spent transaction's id, its output, height and number of the spending transaction) and at most 7 of value.
type Spent struct{ *Follower }

// Spend is the spending of an output.
type Spend struct {
	Place
	Input int // of Place.Tx
}

// OpenSpent returns the spent-output index in kv. Errors are Open's.
func OpenSpent(kv chain.KV) (*Spent, error) {
	f, err := Open(kv, Kind{Name: "spent-output index", Prefix: "s/", Version: 1, Change: spentChange})
	if err != nil {
		return nil, err
	}
	return &Spent{f}, nil
}

func spentChange(u *consensus.Update) (ch Change) {
	eachTx(u.Block, func(n, offset int, tx *types.Tx) {
		if n == 0 {
			return // a coinbase spends nothing
		}
		for i := range tx.In {
			value := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(offset)), uint64(i))
			ch.Add = append(ch.Add, chain.Pair{Key: appendSpot(append([]byte("s/"), outPointKey(tx.In[i].PrevOut)...), u.Height, n), Value: value})
		}
	})
	return ch
}

func outPointKey(op types.OutPoint) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(nil), op.TxID[:idBytes]...), op.Index)
}

// Find returns what spent an output on the branch of Position. Errors: ErrNotFound if nothing did, ErrNotReady, chain.ErrDamaged, or those
// of blocks. It may be called from any goroutine.
func (x *Spent) Find(op types.OutPoint, blocks Blocks) (Spend, error) {
	list, at, err := x.spots(outPointKey(op), 2)
	if err != nil {
		return Spend{}, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		hash, raw, err := blocks(at, list[i].height)
		if err != nil {
			return Spend{}, err
		}
		tx, err := readTx(raw, list[i].values[0])
		if err != nil {
			return Spend{}, fmt.Errorf("%s: %w", x.Name(), err)
		}
		input := list[i].values[1]
		if input >= uint64(len(tx.In)) {
			return Spend{}, x.damaged()
		}
		switch got := tx.In[input].PrevOut; {
		case got == op:
			return Spend{Place{Block: hash, Height: list[i].height, Index: list[i].n, Tx: tx}, int(input)}, nil
		case [idBytes]byte(got.TxID[:]) != [idBytes]byte(op.TxID[:]) || got.Index != op.Index:
			return Spend{}, x.damaged()
		}
	}
	return Spend{}, fmt.Errorf("%w: nothing spends %s", ErrNotFound, op)
}
