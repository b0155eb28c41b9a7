package slowmodel

import (
	"bytes"
	"fmt"

	"github.com/cairn-chain/cairn/types"
)

// header judges a header with enough work as the child of the last of headers. now is the clock. It returns a reason, "" if it
// is valid.
func (r *Rules) header(headers []types.Header, h *types.Header, now int64) string {
	height := len(headers)
	switch {
	case h.Bits != r.NextBits(headers):
		return "bad-diffbits"
	case int64(h.Time) <= r.Median(headers):
		return "time-too-old"
	case int64(h.Time) > now+r.FutureSeconds:
		return "time-too-new"
	case height >= r.BIP34 && h.Version < 2, height >= r.BIP66 && h.Version < 3, height >= r.BIP65 && h.Version < 4:
		return fmt.Sprintf("bad-version(0x%08x)", uint32(h.Version))
	}
	return ""
}

// pow judges the work of a header.
func (r *Rules) pow(h *types.Header) string {
	t := Target(h.Bits)
	if t == nil || t.Cmp(Target(r.PowLimitBits)) > 0 || number(h.Hash()).Cmp(t) > 0 {
		return "high-hash"
	}
	return ""
}

// block judges what needs no coins of a block whose header is the last of headers. blame tells that the block's hash commits to
// the fault, so that no other block with this hash can be valid.
func (r *Rules) block(headers []types.Header, b *types.Block) (reason string, blame bool) {
	if reason := r.outline(b); reason != "" {
		return reason, false
	}
	base := 80 + compactSize(len(b.Txs))
	for _, tx := range b.Txs {
		base += len(tx.AppendBase(nil))
	}
	if len(b.Txs) == 0 || 4*base > r.MaxWeight {
		return "bad-blk-length", len(b.Txs) > 0
	}
	if !isCoinbase(b.Txs[0]) {
		return "bad-cb-missing", false // docs/differences.md 29
	}
	for _, tx := range b.Txs[1:] {
		if isCoinbase(tx) {
			return "bad-cb-multiple", true
		}
	}
	sigOps := 0
	for _, tx := range b.Txs {
		if reason := r.tx(tx); reason != "" {
			return reason, true
		}
		sigOps += plainSigOps(tx)
	}
	if 4*sigOps > r.MaxSigOpCost {
		return "bad-blk-sigops", true
	}
	return r.place(headers, b, base)
}

// outline compares the transactions with the merkle root.
func (r *Rules) outline(b *types.Block) string {
	var ids []types.Hash
	for _, tx := range b.Txs {
		ids = append(ids, types.DoubleSHA256(tx.AppendBase(nil)))
	}
	root, twice := merkleRoot(ids)
	switch {
	case root != b.Header.MerkleRoot:
		return "bad-txnmrklroot"
	case twice && !r.Flaws.BlindMerkle:
		return "bad-txns-duplicate"
	}
	return ""
}

// place judges what depends on where the block stands.
func (r *Rules) place(headers []types.Header, b *types.Block, base int) (reason string, blame bool) {
	height := len(headers) - 1
	cutoff := int64(b.Header.Time)
	if height >= r.CSV && !r.Flaws.OwnTime {
		cutoff = r.Median(headers[:height]) // BIP113
	}
	for _, tx := range b.Txs {
		if !r.final(tx, height, cutoff) {
			return "bad-txns-nonfinal", true
		}
	}
	if height >= r.BIP34 && !bytes.HasPrefix(b.Txs[0].In[0].ScriptSig, pushNumber(height)) {
		return "bad-cb-height", true
	}
	if reason := r.witnesses(b, height); reason != "" && !r.Flaws.NoWitnessRule {
		return reason, false
	}
	total := 80 + compactSize(len(b.Txs))
	for _, tx := range b.Txs {
		total += len(tx.Append(nil))
	}
	if 3*base+total > r.MaxWeight {
		return "bad-blk-weight", true
	}
	return "", false
}

// final: a lock time below 500,000,000 is a height, else a time; it must be past, unless all inputs are final.
func (r *Rules) final(tx *types.Tx, height int, cutoff int64) bool {
	limit := cutoff
	if tx.LockTime < 500_000_000 {
		limit = int64(height)
	}
	if r.Flaws.LateFinality {
		limit++
	}
	if tx.LockTime == 0 || int64(tx.LockTime) < limit {
		return true
	}
	for _, in := range tx.In {
		if in.Sequence != 0xffffffff {
			return false
		}
	}
	return true
}

// witnesses follows BIP141: the last output of the coinbase that begins with 6a24aa21a9ed commits to all witnesses.
func (r *Rules) witnesses(b *types.Block, height int) string {
	var commitment []byte
	for _, out := range b.Txs[0].Out {
		if s := out.Script; len(s) >= 38 && bytes.Equal(s[:6], []byte{0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed}) {
			commitment = s[6:38]
		}
	}
	if height < r.Segwit || commitment == nil {
		for _, tx := range b.Txs {
			for _, in := range tx.In {
				if len(in.Witness) > 0 {
					return "unexpected-witness"
				}
			}
		}
		return ""
	}
	reserved := b.Txs[0].In[0].Witness
	if len(reserved) != 1 || len(reserved[0]) != 32 {
		return "bad-witness-nonce-size"
	}
	ids := []types.Hash{{}}
	for _, tx := range b.Txs[1:] {
		ids = append(ids, types.DoubleSHA256(tx.Append(nil)))
	}
	root, _ := merkleRoot(ids)
	want := types.DoubleSHA256(append(root[:], reserved[0]...))
	if !bytes.Equal(want[:], commitment) {
		return "bad-witness-merkle-match"
	}
	return ""
}

// tx judges a transaction wherever it stands.
func (r *Rules) tx(tx *types.Tx) string {
	if len(tx.In) == 0 {
		return "bad-txns-vin-empty"
	}
	if len(tx.Out) == 0 {
		return "bad-txns-vout-empty"
	}
	if r.Refuse64 && len(tx.AppendBase(nil)) == 64 {
		return "bad-txns-64byte"
	}
	if reason := r.outputs(tx); reason != "" {
		return reason
	}
	for i, a := range tx.In {
		for _, b := range tx.In[:i] {
			if a.PrevOut == b.PrevOut {
				return "bad-txns-inputs-duplicate"
			}
		}
	}
	if isCoinbase(tx) {
		if n := len(tx.In[0].ScriptSig); n < 2 || n > 100 {
			return "bad-cb-length"
		}
		return ""
	}
	for _, in := range tx.In {
		if isNull(in.PrevOut) {
			return "bad-txns-prevout-null"
		}
	}
	return ""
}

// outputs: each amount and their sum.
func (r *Rules) outputs(tx *types.Tx) string {
	var sum int64
	for _, out := range tx.Out {
		if out.Value < 0 {
			return "bad-txns-vout-negative"
		}
		if out.Value > r.MaxMoney {
			return "bad-txns-vout-toolarge"
		}
		if sum += out.Value; sum > r.MaxMoney {
			return "bad-txns-txouttotal-toolarge"
		}
	}
	return ""
}

func isNull(op types.OutPoint) bool {
	return op.Index == 0xffffffff && op.TxID == types.Hash{}
}

func isCoinbase(tx *types.Tx) bool { return len(tx.In) == 1 && isNull(tx.In[0].PrevOut) }

// compactSize is how many bytes a count takes.
func compactSize(n int) int {
	switch {
	case n < 0xfd:
		return 1
	case n <= 0xffff:
		return 3
	}
	return 5
}

// pushNumber is the script that pushes a number from 1 on: OP_1 to OP_16, or its bytes, the lowest first, the highest below 128.
func pushNumber(n int) []byte {
	if n <= 16 {
		return []byte{byte(0x50 + n)}
	}
	var le []byte
	for ; n > 0; n /= 256 {
		le = append(le, byte(n%256))
	}
	if le[len(le)-1] >= 0x80 {
		le = append(le, 0)
	}
	return append([]byte{byte(len(le))}, le...)
}
