package consensus

import (
	"bytes"
	"fmt"

	"github.com/cairn-chain/cairn/merkle"
	"github.com/cairn-chain/cairn/types"
)

// commitmentPrefix begins the coinbase output that commits to witnesses (BIP141): OP_RETURN, a push of
// 36 bytes, four bytes of magic; the commitment's 32 bytes follow.
var commitmentPrefix = []byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}

const commitmentSize = 6 + 32

// CheckBlock checks what needs neither the block's place nor any coin: the merkle root and that the tree
// is not mutated, sizes, exactly one coinbase and it first, CheckTx of every transaction, the signature
// operations that are plain to see. It does not look at the work. It returns nil or a RuleError, the
// first in Bitcoin Core's order. After bad-txnmrklroot and bad-txns-duplicate the block's hash says
// nothing of a block with other transactions (IsMutation), so it must not be remembered as invalid.
func CheckBlock(p *Params, b *types.Block) error {
	root, mutated := merkle.Root(txIDs(b))
	if root != b.Header.MerkleRoot {
		return Reject(BadMerkleRoot, "the header has "+b.Header.MerkleRoot.String()+", the transactions give "+root.String())
	}
	if mutated {
		return Reject(BadTxnsDuplicate, "the merkle tree pairs two equal hashes")
	}
	if n := len(b.Txs); n == 0 || n*types.WitnessScale > types.MaxBlockWeight ||
		b.BaseSize()*types.WitnessScale > types.MaxBlockWeight {
		return Reject(BadBlkLength, fmt.Sprintf("%d transactions, %d bytes without witnesses", n, b.BaseSize()))
	}
	if !b.Txs[0].IsCoinbase() {
		return Reject(BadCbMissing, "the first transaction is not a coinbase")
	}
	for _, tx := range b.Txs[1:] {
		if tx.IsCoinbase() {
			return Reject(BadCbMultiple, "more than one coinbase")
		}
	}
	sigOps := 0
	for _, tx := range b.Txs {
		if err := CheckTx(p, tx); err != nil {
			return inTx(err, tx)
		}
		sigOps += legacySigOps(tx)
	}
	if sigOps*types.WitnessScale > MaxBlockSigOpCost {
		return Reject(BadBlkSigOps, fmt.Sprintf("%d outside of witnesses", sigOps))
	}
	return nil
}

// IsMutation tells whether a block refused for k may have a valid twin with the same hash: the fault lies in
// something that the header does not commit to, or in transactions that are not the header's. Such a hash is
// never remembered as invalid. bad-cb-missing is among them: inner nodes of a merkle tree, 64 bytes each, can be
// passed off as a block's transactions, though not as one whose first is a coinbase.
func IsMutation(k Kind) bool {
	switch k {
	case BadMerkleRoot, BadTxnsDuplicate, BadCbMissing, BadWitnessNonceSize, BadWitnessMerkleMatch, UnexpectedWitness:
		return true
	}
	return false
}

// CheckBlockInPlace checks what depends on the block's place but on no coin: that its transactions are
// final (against the median time from CSVHeight on, BIP113, against the block's own time before), the height in the
// coinbase (from BIP34Height on), the witness commitment (BIP141; before SegwitHeight there may be no witnesses
// at all) and the weight. The error is nil or a RuleError; with nil comes the proof, with which the block can be connected
// without being looked at for this a second time. The block must have passed CheckBlock.
func CheckBlockInPlace(p *Params, parent Ancestry, b *types.Block) (Placed, error) {
	if err := checkInPlace(p, parent, b); err != nil {
		return Placed{}, err
	}
	return Placed{p, parent, b}, nil
}

// Placed is a block that passed CheckBlockInPlace as the child of its parent under the rules of its network. Nobody else
// makes one, so an unchecked block cannot be passed off as checked, nor a checked one as the child of another parent; the
// block must not be changed while its Placed is used. The zero value holds no block.
type Placed struct {
	p      *Params
	parent Ancestry
	block  *types.Block
}

// Block is the block that was checked; nil: none.
func (placed Placed) Block() *types.Block { return placed.block }

func checkInPlace(p *Params, parent Ancestry, b *types.Block) error {
	if len(b.Txs) == 0 || len(b.Txs[0].In) == 0 {
		return Reject(BadCbMissing, "no coinbase")
	}
	height, cutoff := parent.Height()+1, int64(b.Header.Time)
	if height >= p.CSVHeight {
		cutoff = parent.MedianTime()
	}
	for _, tx := range b.Txs {
		if !IsFinal(tx, height, cutoff) {
			return Reject(BadTxnsNonFinal, tx.ID().String())
		}
	}
	if height >= p.BIP34Height && !bytes.HasPrefix(b.Txs[0].In[0].ScriptSig, heightPush(height)) {
		return Reject(BadCbHeight, fmt.Sprintf("the coinbase does not begin with height %d", height))
	}
	if err := checkWitnesses(b, height >= p.SegwitHeight); err != nil {
		return err
	}
	if w := b.Weight(); w > types.MaxBlockWeight {
		return Reject(BadBlkWeight, fmt.Sprintf("weight %d", w))
	}
	return nil
}

// checkWitnesses checks the last commitment output of the coinbase against the witnesses, or, if there is no such
// output or segwit is not active, that there are no witnesses.
func checkWitnesses(b *types.Block, active bool) error {
	at := CommitmentIndex(b.Txs[0])
	if at < 0 || !active {
		for _, tx := range b.Txs {
			if tx.HasWitness() {
				return Reject(UnexpectedWitness, "witness without a commitment in "+tx.ID().String())
			}
		}
		return nil
	}
	reserved := b.Txs[0].In[0].Witness
	if len(reserved) != 1 || len(reserved[0]) != 32 {
		return Reject(BadWitnessNonceSize, "the coinbase's witness must be one item of 32 bytes")
	}
	want := merkle.WitnessCommitment(witnessRoot(b), [32]byte(reserved[0]))
	if !bytes.Equal(want[:], b.Txs[0].Out[at].Script[6:commitmentSize]) {
		return Reject(BadWitnessMerkleMatch, "the commitment does not fit the witnesses")
	}
	return nil
}

// CommitmentIndex returns the index of the coinbase's output that holds the witness commitment, the last
// if there are several, or −1.
func CommitmentIndex(coinbase *types.Tx) int {
	for i := len(coinbase.Out) - 1; i >= 0; i-- {
		s := coinbase.Out[i].Script
		if len(s) >= commitmentSize && bytes.HasPrefix(s, commitmentPrefix) {
			return i
		}
	}
	return -1
}

func txIDs(b *types.Block) []types.Hash {
	ids := make([]types.Hash, len(b.Txs))
	for i, tx := range b.Txs {
		ids[i] = tx.ID()
	}
	return ids
}

// witnessRoot is the root over witness ids, with zero for the coinbase.
func witnessRoot(b *types.Block) types.Hash {
	ids := make([]types.Hash, len(b.Txs))
	for i, tx := range b.Txs[1:] {
		ids[i+1] = tx.WitnessID()
	}
	root, _ := merkle.Root(ids)
	return root
}

// inTx adds to a RuleError which transaction it is about.
func inTx(err error, tx *types.Tx) error {
	re, ok := err.(*RuleError)
	if !ok {
		return err
	}
	detail := "transaction " + tx.ID().String()
	if re.Detail != "" {
		detail += ": " + re.Detail
	}
	return Reject(re.Kind, detail)
}
