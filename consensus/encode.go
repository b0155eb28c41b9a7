package consensus

import (
	"fmt"
	"math"

	"github.com/cairn-chain/cairn/types"
)

// Limits of what the decoders here take. They follow from the size of a block: no larger coin or undo
// can come from a valid one.
const (
	maxCoinScript  = types.MaxBlockBytes
	maxUndoTxs     = types.MaxBlockWeight / (types.WitnessScale * 60)
	maxUndoInputs  = types.MaxBlockWeight / (types.WitnessScale * 41)
	minEncodedCoin = 3
)

// AppendCoin appends the stored form of a coin: height·2 + coinbase, then the value, then the script,
// the numbers and the script's length as CompactSize.
func AppendCoin(b []byte, c Coin) []byte {
	b = types.AppendVarInt(b, coinCode(c))
	b = types.AppendVarInt(b, uint64(c.Out.Value))
	return types.AppendVarBytes(b, c.Out.Script)
}

// DecodeCoin reads what AppendCoin wrote. Heights over 2³¹−1 and values over MaxMoney are refused. The
// script shares no memory with the input.
func DecodeCoin(d *types.Decoder) Coin {
	code, value := d.VarInt(), d.VarInt()
	if code>>1 > math.MaxInt32 || value > uint64(MaxMoney) {
		d.Fail(fmt.Errorf("%w: a coin of height %d, value %d", types.ErrTooLarge, code>>1, value))
	}
	lock := append([]byte(nil), d.VarBytes(maxCoinScript)...)
	if d.Err() != nil {
		return Coin{}
	}
	return Coin{Out: types.TxOut{Value: int64(value), Script: lock}, Height: int32(code >> 1), Coinbase: code&1 == 1}
}

// AppendUndo appends the stored form of an undo: a count of transactions, for each a count of coins, then
// its coins as AppendCoin writes them.
func AppendUndo(b []byte, u Undo) []byte {
	b = types.AppendVarInt(b, uint64(len(u)))
	for _, coins := range u {
		b = types.AppendVarInt(b, uint64(len(coins)))
		for i := range coins {
			b = AppendCoin(b, coins[i])
		}
	}
	return b
}

// DecodeUndo reads what AppendUndo wrote. It allocates at most a small multiple of the input.
func DecodeUndo(d *types.Decoder) Undo {
	n := d.Count(maxUndoTxs, 1+minEncodedCoin)
	u := make(Undo, 0, n)
	for i := 0; i < n && d.Err() == nil; i++ {
		ins := d.Count(maxUndoInputs, minEncodedCoin)
		coins := make([]Coin, 0, ins)
		for j := 0; j < ins && d.Err() == nil; j++ {
			coins = append(coins, DecodeCoin(d))
		}
		u = append(u, coins)
	}
	if d.Err() != nil {
		return nil
	}
	return u
}

// coinCode packs a coin's height and coinbase flag.
func coinCode(c Coin) uint64 {
	code := uint64(uint32(c.Height)) << 1
	if c.Coinbase {
		code |= 1
	}
	return code
}
