package fullblocks

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/btcsuite/btcd/blockchain"
	"github.com/btcsuite/btcd/blockchain/fullblocktests"
	"github.com/btcsuite/btcd/wire/v2"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/chain/memdb"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// kinds are the refusals that mean the same as btcd's.
var kinds = map[blockchain.ErrorCode][]consensus.Kind{
	blockchain.ErrBlockTooBig:          {consensus.BadBlkLength, consensus.BadBlkWeight},
	blockchain.ErrTimeTooOld:           {consensus.TimeTooOld},
	blockchain.ErrTimeTooNew:           {consensus.TimeTooNew},
	blockchain.ErrUnexpectedDifficulty: {consensus.BadDiffBits, consensus.HighHash},
	blockchain.ErrHighHash:             {consensus.HighHash},
	blockchain.ErrBadMerkleRoot:        {consensus.BadMerkleRoot},
	blockchain.ErrNoTransactions:       {consensus.BadBlkLength, consensus.BadMerkleRoot},
	blockchain.ErrFirstTxNotCoinbase:   {consensus.BadCbMissing},
	blockchain.ErrMultipleCoinbases:    {consensus.BadCbMultiple},
	blockchain.ErrBadCoinbaseScriptLen: {consensus.BadCbLength},
	blockchain.ErrBadCoinbaseValue:     {consensus.BadCbAmount},
	blockchain.ErrBadCoinbaseHeight:    {consensus.BadCbHeight},
	blockchain.ErrDuplicateTx:          {consensus.BadTxnsDuplicate},
	blockchain.ErrOverwriteTx:          {consensus.BadTxnsBIP30},
	blockchain.ErrMissingTxOut:         {consensus.BadTxnsMissingOrSpent},
	blockchain.ErrImmatureSpend:        {consensus.BadTxnsPrematureSpend},
	blockchain.ErrSpendTooHigh:         {consensus.BadTxnsInBelowOut},
	blockchain.ErrTooManySigOps:        {consensus.BadBlkSigOps},
	blockchain.ErrUnfinalizedTx:        {consensus.BadTxnsNonFinal},
	blockchain.ErrScriptMalformed:      {consensus.BlockScriptVerify},
	blockchain.ErrScriptValidation:     {consensus.BlockScriptVerify},
}

// elsewise are blocks that Bitcoin's rules refuse for another reason than btcd, which forbids a transaction twice in a block by a rule
// of its own.
var elsewise = map[string]consensus.Kind{
	// The second copy spends what the first has spent. The merkle tree does not repeat, since the copy is the last of three.
	"b51": consensus.BadTxnsMissingOrSpent,
}

// later are blocks beside the best chain whose spends Bitcoin's rules judge only when their branch becomes the best.
// btcd refuses them at once by its own rule against a transaction twice.
var later = map[string]bool{"b56p2": true}

// court is a chain and what is expected of its next reorganization.
type court struct {
	t     *testing.T
	chain *chain.Chain
	// counted are the expectations met, by their kind.
	counted map[string]int
	waiting []fullblocktests.BlockDisconnectExpectUTXO
	// orphans wait for their parent, by its hash. The chain keeps none: a node asks for headers first.
	orphans map[types.Hash]*types.Block
}

func newCourt(t *testing.T) *court {
	t.Helper()
	c, err := chain.Open(t.Context(), chain.Config{
		Params: consensus.Regtest(), Store: memdb.New(), Now: time.Now, Workers: 2,
		Verify: &script.Runner{Verifier: script.NewVerifier()}, CacheBytes: 64 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return &court{t: t, chain: c, counted: map[string]int{}, orphans: map[types.Hash]*types.Block{}}
}

// convert brings a block over by its bytes.
func convert(t *testing.T, b *wire.MsgBlock) (*types.Block, error) {
	t.Helper()
	var raw bytes.Buffer
	if err := b.Serialize(&raw); err != nil {
		t.Fatal(err)
	}
	return types.DecodeBlock(raw.Bytes())
}

// add offers a block and then those that waited for it, and returns the first breach of the rules.
func (c *court) add(name string, b *types.Block) *consensus.RuleError {
	c.t.Helper()
	for b != nil {
		if refusal := c.addOne(name, b); refusal != nil {
			return refusal
		}
		next := c.orphans[b.Hash()]
		delete(c.orphans, b.Hash())
		b = next
	}
	return nil
}

// addOne offers a block and tells whether it broke the rules. Any other failure ends the test.
func (c *court) addOne(name string, b *types.Block) *consensus.RuleError {
	c.t.Helper()
	before := c.chain.Tip()
	_, err := c.chain.AddBlock(b)
	var rule *consensus.RuleError
	if err != nil && !errors.As(err, &rule) {
		c.t.Fatalf("%s: %v", name, err)
	}
	if len(c.waiting) > 0 && c.chain.Tip() != before {
		c.lookBack(before)
	}
	return rule
}

// lookBack follows the updates since a tip and asks at each disconnect what is expected of the coins then.
func (c *court) lookBack(from *chain.Node) {
	c.t.Helper()
	updates, err := c.chain.UpdatesSince(chain.Position{Hash: from.Hash(), Height: from.Height()}, 100)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, w := range c.waiting {
		at := types.OutPoint{TxID: types.Hash(w.OutPoint.Hash), Index: w.OutPoint.Index}
		undone, exists := false, false
		for i := range updates {
			u := &updates[i]
			if names(u.Created, at) {
				exists = u.Connected
			}
			if names(u.Spent, at) {
				exists = !u.Connected
			}
			if !u.Connected && u.Hash == types.Hash(w.BlockHash) {
				undone = true
				break
			}
		}
		if !undone || exists != w.Expected {
			c.t.Errorf("%s: block %v taken off: %v, the coin then exists: %v, want %v", w.Name, w.BlockHash, undone, exists, w.Expected)
		}
		c.counted["coins while blocks are taken off"]++
	}
	c.waiting = nil
}

func names(entries []consensus.CoinEntry, op types.OutPoint) bool {
	return slices.ContainsFunc(entries, func(e consensus.CoinEntry) bool { return e.OutPoint == op })
}

func (c *court) accepted(e fullblocktests.AcceptedBlock) {
	c.t.Helper()
	b, err := convert(c.t, e.Block)
	if err != nil {
		c.t.Errorf("%s: %v", e.Name, err)
		return
	}
	refusal := c.add(e.Name, b)
	if e.IsOrphan {
		if refusal == nil || refusal.Kind != consensus.PrevBlkNotFound {
			c.t.Errorf("%s: %v, want an orphan", e.Name, refusal)
		}
		c.orphans[b.Header.PrevHash] = b
		c.counted["orphan"]++
		return
	}
	if refusal != nil {
		c.t.Errorf("%s at %d: refused with %v", e.Name, e.Height, refusal)
		return
	}
	n := c.chain.Lookup(b.Hash())
	if n == nil || n.Height() != e.Height || n.Active() != e.IsMainChain {
		c.t.Errorf("%s: %+v is not at height %d, on the best chain %v", e.Name, n, e.Height, e.IsMainChain)
	}
	c.counted["accepted"]++
}

func (c *court) rejected(e fullblocktests.RejectedBlock) {
	c.t.Helper()
	want := kinds[e.RejectCode]
	if want == nil {
		c.t.Fatalf("%s: nothing here means what %v does", e.Name, e.RejectCode)
	}
	b, err := convert(c.t, e.Block)
	if err != nil {
		// A block that nobody could take is refused before it is judged.
		c.t.Errorf("%s: %v, want %v", e.Name, err, want)
		return
	}
	refusal := c.add(e.Name, b)
	if later[e.Name] && refusal == nil {
		c.judgeNow(e.Name, b)
		return
	}
	if kind, ok := elsewise[e.Name]; ok {
		want = append(slices.Clip(want), kind)
	}
	if refusal == nil {
		c.t.Errorf("%s at %d: accepted, want %v", e.Name, e.Height, want)
		return
	}
	parent := c.chain.Lookup(b.Header.PrevHash)
	below := refusal.Kind == consensus.BadPrevBlk && parent != nil && parent.Invalid() // its branch was refused for a block below it
	if !slices.Contains(want, refusal.Kind) && !below {
		c.t.Errorf("%s at %d: %v, want %v (%v)", e.Name, e.Height, refusal, want, e.RejectCode)
	}
	c.counted["rejected"]++
}

// judgeNow prefers a block that stands beside a tip of the same work, so that it must be connected: it can't be.
func (c *court) judgeNow(name string, b *types.Block) {
	c.t.Helper()
	before := c.chain.Tip()
	if err := c.chain.Precious(b.Hash()); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	if n := c.chain.Lookup(b.Hash()); !n.Invalid() || c.chain.Tip() != before {
		c.t.Errorf("%s: not refused when its branch is preferred", name)
	}
	c.counted["rejected"]++
}

func (c *court) orphanOrRejected(e fullblocktests.OrphanOrRejectedBlock) {
	c.t.Helper()
	b, err := convert(c.t, e.Block)
	if err == nil && c.add(e.Name, b) == nil {
		c.t.Errorf("%s: accepted, want an orphan or a refusal", e.Name)
	}
	c.counted["orphan or rejected"]++
}

func (c *court) nonCanonical(e fullblocktests.RejectedNonCanonicalBlock) {
	c.t.Helper()
	if b, err := types.DecodeBlock(e.RawBlock); err == nil {
		c.t.Errorf("%s: decoded as block %v", e.Name, b.Hash())
	}
	c.counted["not canonical"]++
}

func (c *court) tip(e fullblocktests.ExpectedTip) {
	c.t.Helper()
	got, want := c.chain.Tip(), types.Hash(e.Block.BlockHash())
	if got.Hash() != want || got.Height() != e.Height {
		c.t.Errorf("%s: the tip is %v at %d, want %v at %d", e.Name, got.Hash(), got.Height(), want, e.Height)
	}
	c.counted["tip"]++
}

func (c *court) judge(item fullblocktests.TestInstance) {
	c.t.Helper()
	switch e := item.(type) {
	case fullblocktests.AcceptedBlock:
		c.accepted(e)
	case fullblocktests.RejectedBlock:
		c.rejected(e)
	case fullblocktests.OrphanOrRejectedBlock:
		c.orphanOrRejected(e)
	case fullblocktests.RejectedNonCanonicalBlock:
		c.nonCanonical(e)
	case fullblocktests.ExpectedTip:
		c.tip(e)
	case fullblocktests.BlockDisconnectExpectUTXO:
		c.waiting = append(c.waiting, e)
	default:
		c.t.Fatalf("an expectation of type %T is not known here", item)
	}
}

// TestFullBlocks asks all expectations, in their order, of one chain. The last is a reorganization over 1,088 blocks of the largest size
// and back, which takes some twenty seconds and 4 GB of memory, as all blocks are in it; -short leaves it out.
func TestFullBlocks(t *testing.T) {
	groups, err := fullblocktests.Generate(!testing.Short())
	if err != nil {
		t.Fatal(err)
	}
	c := newCourt(t)
	total := 0
	for _, group := range groups {
		for _, item := range group {
			c.judge(item)
			total++
		}
	}
	if len(c.waiting) > 0 {
		t.Errorf("%d expectations of a reorganization that never came", len(c.waiting))
	}
	met, text := 0, ""
	for _, kind := range []string{"accepted", "rejected", "orphan", "orphan or rejected", "not canonical", "tip", "coins while blocks are taken off"} {
		if c.counted[kind] == 0 {
			t.Errorf("no expectation of the kind %q", kind)
		}
		met += c.counted[kind]
		text += fmt.Sprintf(", %d %s", c.counted[kind], kind)
	}
	t.Logf("%d of %d expectations asked%s; tip at %d", met, total, text, c.chain.Tip().Height())
	if met != total {
		t.Errorf("%d expectations were not asked to their end", total-met)
	}
}
