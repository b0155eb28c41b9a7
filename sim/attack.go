package sim

import (
	"fmt"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/types"
)

// attack is double spending against a merchant who waits for confirmations, again and again.
//
// A trial: the attacker mines in secret on the others' tip until it has found one block, which holds a payment of a coin to itself; that the
// others find a block first only moves the place. Then it pays the merchant with the same coin, and the next block of the others confirms
// that. While the merchant waits for his confirmations, the attacker goes on with its secret branch. When he has them it publishes as soon as
// its branch is longer: the trial has succeeded if the merchant's node then has the one payment and not the other. It gives
// up when its branch is giveUp blocks shorter.
//
// So the attacker is one block ahead as the wait begins, and must get one ahead in the end: the assumptions of Nakamoto's and Rosenfeld's
// formulas, which ask for as many blocks as the others have.
type attack struct {
	world    *World
	node     *node // the attacker's
	merchant *node
	chain    *chain.Chain // with the secret blocks
	wait     int32        // confirmations
	trials   int          // to make

	secret       []*types.Block
	tip          *chain.Node // of the secret branch; nil: there is none yet
	base         int32       // the height on which it stands
	coin         walletCoin
	paid, taken  *types.Tx // to the merchant, and to itself
	delivered    bool
	done, gained int
	busy         bool
}

// giveUp is so large that from there an attacker with a third of the power comes back once in 30,000 times.
const giveUp = 15

func newAttack(w *World, n *node, cfg Miner) (*attack, error) {
	c, err := w.openChain(newStore(w.commons), nil)
	return &attack{
		world: w, node: n, merchant: w.nodes[(cfg.Node+1)%len(w.nodes)], chain: c, wait: int32(cfg.Confirmations), trials: cfg.Trials,
	}, err
}

// over tells whether all trials are made.
func (a *attack) over() bool { return a.done >= a.trials }

func (a *attack) parent() *chain.Node {
	if a.tip != nil {
		return a.tip
	}
	return a.chain.Tip()
}

// txs are the transactions of the next secret block.
func (a *attack) txs() (txs []*types.Tx, fees int64) {
	if a.tip != nil {
		return nil, 0
	}
	if a.taken == nil && !a.prepare() {
		return nil, 0
	}
	return []*types.Tx{a.taken}, a.coin.value - a.taken.Out[0].Value - a.taken.Out[1].Value
}

// prepare signs both payments.
func (a *attack) prepare() bool {
	t := a.world.traffic
	coin, ok := t.take()
	if !ok {
		a.world.fail(fmt.Errorf("%w: there are coins for %d trials only", ErrConfig, a.done))
		return false
	}
	var err [2]error
	a.coin = coin
	a.paid, err[0] = t.spend(coin)
	a.taken, err[1] = t.spend(coin)
	for _, err := range err {
		if err != nil {
			a.world.fail(err)
			return false
		}
	}
	return true
}

// found is told of a secret block.
func (a *attack) found(b *types.Block) {
	first := a.tip == nil
	if _, err := a.chain.AddBlock(b); err != nil {
		a.world.fail(err)
		return
	}
	a.secret = append(a.secret, b)
	a.tip = a.chain.Lookup(b.Hash())
	if first {
		a.base = a.tip.Height() - 1
		if err := a.merchant.addTx(0, a.paid, mempool.AddOptions{Local: true}); err != nil {
			a.world.fail(fmt.Errorf("the merchant's node refused the payment: %w", err))
		}
		return
	}
	a.decide(a.node.chain.Tip())
}

// heard is told that the others have a new tip.
func (a *attack) heard(tip *chain.Node) {
	if a.busy {
		return
	}
	a.world.learn(a.chain, tip)
	if a.tip != nil {
		a.delivered = a.delivered || tip.Height()-a.base >= a.wait
		a.decide(tip)
	}
}

// decide ends the trial if it is decided.
func (a *attack) decide(tip *chain.Node) {
	if !a.delivered {
		return
	}
	lead := a.tip.Height() - tip.Height()
	switch {
	case lead > 0:
		a.publish()
		if a.stolen() {
			a.gained++
		} else {
			a.world.fail(fmt.Errorf("a double spend of %d blocks was not taken over", len(a.secret)))
		}
	case lead > -giveUp:
		return
	}
	a.done++
	a.secret, a.tip, a.paid, a.taken, a.delivered = nil, nil, nil, nil, false
}

func (a *attack) publish() {
	a.busy = true
	defer func() { a.busy = false }()
	for _, b := range a.secret {
		a.node.addBlock(0, b)
	}
	// The merchant's node hears of it within the latency of the link; so long nobody finds a block.
	for _, b := range a.secret {
		a.merchant.addBlock(0, b)
	}
}

// stolen tells whether the merchant's node has the attacker's payment and not his.
func (a *attack) stolen() bool {
	ops := []types.OutPoint{{TxID: a.taken.ID()}, {TxID: a.paid.ID()}}
	coins, err := a.merchant.chain.Coins(ops)
	a.merchant.check(err)
	_, taken := coins[ops[0]]
	_, paid := coins[ops[1]]
	return taken && !paid && !a.merchant.pool.Have(a.paid.ID())
}

// learn adds the blocks up to a tip of a node to a miner's own chain.
func (w *World) learn(c *chain.Chain, tip *chain.Node) {
	var missing []types.Hash
	for n := tip; n != nil; n = n.Parent() {
		if own := c.Lookup(n.Hash()); own != nil && own.HaveBlock() {
			break
		}
		missing = append(missing, n.Hash())
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if _, err := c.AddBlock(w.commons.blocks[missing[i]]); err != nil {
			w.fail(err)
		}
	}
}
