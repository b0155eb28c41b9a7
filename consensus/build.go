package consensus

import (
	"encoding/binary"

	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/types"
)

// CoinbaseScript returns the scriptSig of a coinbase: the height as BIP34 demands, then extra, then a
// zero byte if the script were under the least two bytes. The result must stay within 100 bytes, so
// extra may have at most 94.
func CoinbaseScript(height int32, extra []byte) []byte {
	s := append(heightPush(height), extra...)
	for len(s) < minCoinbaseScript {
		s = append(s, 0)
	}
	return s
}

// heightPush is the shortest script that pushes a height: one opcode up to 16, then its little-endian
// bytes with a clear sign bit.
func heightPush(height int32) []byte {
	switch {
	case height <= 0:
		return []byte{0}
	case height <= 16:
		return []byte{byte(0x50 + height)}
	}
	le := binary.LittleEndian.AppendUint32(nil, uint32(height))
	n := 4
	for n > 1 && le[n-1] == 0 && le[n-2]&0x80 == 0 {
		n--
	}
	return append([]byte{byte(n)}, le[:n]...)
}

// CommitWitness sets the witness commitment of a block that is being built: it gives the coinbase a
// reserved value of zeros and an output with the commitment, as the last one or in place of the one that
// stands there, and then sets the header's merkle root. The coinbase is replaced by a changed copy; the
// block's hash must not have been asked for yet.
func CommitWitness(b *types.Block) {
	coinbase := b.Txs[0].Clone()
	coinbase.In[0].Witness = [][]byte{make([]byte, 32)}
	sum := merkle.WitnessCommitment(witnessRoot(b), [32]byte{})
	lock := append(append([]byte(nil), commitmentPrefix...), sum[:]...)
	if at := CommitmentIndex(coinbase); at >= 0 {
		coinbase.Out[at].Script = lock
	} else {
		coinbase.Out = append(coinbase.Out, types.TxOut{Script: lock})
	}
	b.Txs[0] = coinbase
	SetMerkleRoot(b)
}

// SetMerkleRoot sets the header's merkle root from the transactions of a block that is being built.
func SetMerkleRoot(b *types.Block) {
	b.Header.MerkleRoot, _ = merkle.Root(txIDs(b))
}
