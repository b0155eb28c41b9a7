package mempool

import (
	"maps"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// world is a small chain, a pool that follows it, and one key that owns everything.
type world struct {
	t     consensustest.T
	chain *consensustest.Chain
	pool  *Pool
	now   time.Time
	priv  [32]byte
	lock  []byte                         // P2WPKH of the key
	outs  map[types.OutPoint]types.TxOut // all that were ever made
	dummy [][]byte                       // a witness that is well formed and signs nothing; nil: sign really
	coins consensus.Coins                // at the tip
	at    types.Hash                     // the tip of coins
}

// yes takes every signature.
type yes struct{}

func (yes) ECDSA(*[32]byte, []byte, []byte) bool         { return true }
func (yes) Schnorr(*[32]byte, *[64]byte, *[32]byte) bool { return true }
func (yes) Batch([]script.SigCheck) int                  { return -1 }

// testParams are regtest's rules with a maturity that tests need not wait for.
func testParams() *consensus.Params {
	p := *consensus.Regtest()
	p.CoinbaseMaturity = 3
	return &p
}

// newWorld mines blocks until mature coinbases are there. With a Verify in cfg nothing is really signed.
func newWorld(t consensustest.T, cfg Config, mature int) *world {
	t.Helper()
	w := &world{t: t, outs: make(map[types.OutPoint]types.TxOut)}
	w.priv[31] = 7
	pub, err := script.PublicKey(w.priv)
	if err != nil {
		t.Fatalf("key: %v", err)
	}
	w.lock = script.PayToWitnessPubKeyHash(script.Hash160(pub[:]))
	if cfg.Verify != nil {
		sig, err := script.SignECDSA(w.priv, types.Hash{1}, 1)
		if err != nil {
			t.Fatalf("signing: %v", err)
		}
		if sig[len(sig)-1] != 1 {
			sig = append(sig, 1)
		}
		w.dummy = [][]byte{sig, pub[:]}
	} else {
		cfg.Verify = &script.Runner{Verifier: script.NewVerifier(), Cache: script.NewCache(1<<20, [32]byte{})}
	}
	if cfg.Params == nil {
		cfg.Params = testParams()
	}
	w.chain = consensustest.NewChain(t, cfg.Params)
	w.pool = New(cfg)
	w.now = time.Unix(int64(cfg.Params.Genesis.Header.Time), 0)
	for range mature + int(cfg.Params.CoinbaseMaturity) - 1 {
		w.mine()
	}
	return w
}

// unsigned is a Config for worlds that do not sign.
func unsigned() Config { return Config{Verify: &script.Runner{Verifier: yes{}}} }

// block makes a valid block on parent, without telling the pool.
func (w *world) block(parent *consensustest.Node, txs ...*types.Tx) *consensustest.Node {
	w.t.Helper()
	b := w.chain.Build(parent, w.lock, txs...)
	consensustest.Solve(b)
	n, err := w.chain.Add(b)
	if err != nil {
		w.t.Fatalf("block %d: %v", parent.Height()+1, err)
	}
	for _, tx := range b.Txs {
		w.note(tx)
	}
	return n
}

// mine extends the chain and tells the pool.
func (w *world) mine(txs ...*types.Tx) *consensustest.Node {
	w.t.Helper()
	n := w.block(w.chain.Tip(), txs...)
	w.now = w.now.Add(10 * time.Second)
	w.pool.Apply(n.Update, w.now)
	return n
}

// disconnect turns the tip's update around.
func disconnect(n *consensustest.Node) consensus.Update {
	u := n.Update
	u.Connected = false
	u.MedianTime = n.Parent.MedianTime()
	return u
}

// reorg makes the pool leave the tip for a branch of depth+1 blocks, of which the first holds txs, and finishes it as a node does.
func (w *world) reorg(depth int, txs ...*types.Tx) (dropped []types.Hash) {
	w.t.Helper()
	fork := w.chain.Tip()
	var returned [][]*types.Tx
	for range depth {
		returned = append(returned, w.pool.Revert(disconnect(fork)))
		fork = fork.Parent
	}
	n := w.block(fork, txs...)
	w.pool.Apply(n.Update, w.now)
	for range depth {
		n = w.block(n)
		w.pool.Apply(n.Update, w.now)
	}
	for i := len(returned) - 1; i >= 0; i-- {
		for _, tx := range returned[i] {
			// Refusals are what a reorganization is about; the pool's state is checked afterwards.
			if _, err := w.addOpt(tx, AddOptions{Returned: true}); err != nil && consensus.KindOf(err) == "" && !IsPolicy(err) {
				w.t.Fatalf("adding a returned transaction: %v", err)
			}
		}
	}
	dropped = w.pool.RemoveInvalid(w.chain.Tip(), w.now)
	w.check()
	return dropped
}

func (w *world) note(tx *types.Tx) {
	for i, out := range tx.Out {
		w.outs[types.OutPoint{TxID: tx.ID(), Index: uint32(i)}] = out
	}
}

func (w *world) tipCoins() consensus.Coins {
	if tip := w.chain.Tip(); w.at != tip.Hash() {
		w.coins, w.at = w.chain.CoinsAt(tip), tip.Hash()
	}
	return w.coins
}

// fetch is what a node does between Needs and Add.
func (w *world) fetch(tx *types.Tx) consensus.Coins {
	have, got := w.tipCoins(), consensus.Coins{}
	for _, op := range w.pool.Needs(tx) {
		if c, ok := have[op]; ok {
			got[op] = c
		}
	}
	return got
}

func (w *world) addOpt(tx *types.Tx, opt AddOptions) (Result, error) {
	return w.pool.Add(tx, w.fetch(tx), w.chain.Tip(), w.now, opt)
}

// add adds and expects success.
func (w *world) add(tx *types.Tx) Result {
	w.t.Helper()
	res, err := w.addOpt(tx, AddOptions{})
	if err != nil {
		w.t.Fatalf("adding %s: %v", tx.ID(), err)
	}
	w.check()
	return res
}

// refuse adds and expects a kind of error, and that nothing changed.
func (w *world) refuse(tx *types.Tx, want consensus.Kind) error {
	w.t.Helper()
	before := w.pool.Info(w.now)
	_, err := w.addOpt(tx, AddOptions{})
	if got := consensus.KindOf(err); got != want {
		w.t.Fatalf("adding gave %v, want %q", err, want)
	}
	if after := w.pool.Info(w.now); after != before {
		w.t.Fatalf("a refusal changed the pool from %+v to %+v", before, after)
	}
	w.check()
	return err
}

func (w *world) check() {
	w.t.Helper()
	if err := w.pool.Check(); err != nil {
		w.t.Fatalf("the pool is inconsistent: %v", err)
	}
}

// spend makes a signed transaction with n equal outputs to our key, less the fee.
func (w *world) spend(fee int64, n int, ops ...types.OutPoint) *types.Tx {
	w.t.Helper()
	return w.sign(w.draft(fee, n, ops...))
}

// draft is spend without signatures, so that it can be changed.
func (w *world) draft(fee int64, n int, ops ...types.OutPoint) *types.Tx {
	w.t.Helper()
	tx := &types.Tx{Version: 2}
	var sum int64
	for _, op := range ops {
		out, ok := w.outs[op]
		if !ok {
			w.t.Fatalf("no output %s was ever made", op)
		}
		sum += out.Value
		tx.In = append(tx.In, types.TxIn{PrevOut: op, Sequence: 0xffffffff})
	}
	for range n {
		tx.Out = append(tx.Out, types.TxOut{Value: (sum - fee) / int64(n), Script: w.lock})
	}
	tx.Out[0].Value += (sum - fee) % int64(n)
	return tx
}

func (w *world) sign(tx *types.Tx) *types.Tx {
	w.t.Helper()
	spent := make([]types.TxOut, len(tx.In))
	for i := range tx.In {
		spent[i] = w.outs[tx.In[i].PrevOut]
	}
	sums := script.NewSigSums(tx, spent)
	for i := range tx.In {
		if class, _ := script.Classify(spent[i].Script); class == script.Anchor {
			continue
		}
		if w.dummy != nil {
			tx.In[i].Witness = w.dummy
			continue
		}
		sig, witness, err := script.SignInput(sums, i, w.priv, [32]byte{})
		if err != nil {
			w.t.Fatalf("signing: %v", err)
		}
		tx.In[i].ScriptSig, tx.In[i].Witness = sig, witness
	}
	tx = tx.Clone() // with no hash computed before the signatures
	w.note(tx)
	return tx
}

// out names an output of tx.
func out(tx *types.Tx, i int) types.OutPoint {
	return types.OutPoint{TxID: tx.ID(), Index: uint32(i)}
}

// coinbase names the output of the coinbase at a height of the best chain.
func (w *world) coinbase(height int32) types.OutPoint {
	n := w.chain.Tip().Ancestor(height).(*consensustest.Node)
	return out(n.Block.Txs[0], 0)
}

// chainOf adds n transactions, each spending the one before.
func (w *world) chainOf(from types.OutPoint, fee int64, n int) []*types.Tx {
	w.t.Helper()
	var list []*types.Tx
	for range n {
		tx := w.spend(fee, 1, from)
		w.add(tx)
		list = append(list, tx)
		from = out(tx, 0)
	}
	return list
}

func (w *world) has(txs ...*types.Tx) bool {
	for _, tx := range txs {
		if !w.pool.Have(tx.ID()) {
			return false
		}
	}
	return true
}

// mustConnect builds the template and lets our own rules judge it.
func (w *world) mustConnect(picked []Selected) {
	w.t.Helper()
	var fees int64
	txs := make([]*types.Tx, len(picked))
	for i, s := range picked {
		txs[i] = s.Tx
		fees += s.Fee
	}
	tip := w.chain.Tip()
	b := w.chain.Build(tip, w.lock, txs...)
	if err := consensus.CheckBlock(w.chain.Params, b); err != nil {
		w.t.Fatalf("a template of %d transactions: %v", len(txs), err)
	}
	u, _, err := consensus.Connect(w.chain.Params, tip, b, w.chain.Supplement(tip, b))
	if err != nil {
		w.t.Fatalf("a template of %d transactions: %v", len(txs), err)
	}
	if u.Fees != fees {
		w.t.Fatalf("the template promises %d in fees, the block has %d", fees, u.Fees)
	}
}

func equalReasons(t *testing.T, got, want map[Reason]uint64) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("removed for %v, want %v", got, want)
	}
}
