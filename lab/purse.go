package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

const (
	purseFeeRate   = 2000 // per 1000 vbytes
	maxPurseInputs = 200
	purseDust      = 330 // what a taproot output must be worth at least
	maxPending     = 20_000
)

// purse pays from the keys of the laboratory: the faucet's and the accounts'. It knows their coins from a running node's
// chain, which it follows as the node's mempool does; there is no other bookkeeping that could go wrong at a
// reorganization. Change that waits in the node's mempool can be spent too.
type purse struct {
	params *consensus.Params
	owners map[string][32]byte // secrets by script

	mu      sync.Mutex
	at      chain.Position // of the chain that coins are of
	coins   map[types.OutPoint]consensus.Coin
	pending map[types.OutPoint]types.TxOut // of transactions that the purse has made and that were not in a block yet
}

func newPurse(p *consensus.Params, accounts ...Account) *purse {
	u := &purse{params: p, owners: map[string][32]byte{}, coins: map[types.OutPoint]consensus.Coin{}, pending: map[types.OutPoint]types.TxOut{}}
	for _, a := range accounts {
		u.owners[string(a.script)] = a.secret
	}
	return u
}

// follow brings coins to the tip of nd. Nodes of a network know each other's blocks, so that the way from one node's tip to another's is short;
// where they do not, it begins anew.
func (u *purse) follow(nd *node.Node) error {
	for {
		updates, err := nd.Chain().UpdatesSince(u.at, 100)
		if errors.Is(err, chain.ErrUnknownPosition) && u.at != (chain.Position{}) {
			u.at = chain.Position{}
			clear(u.coins)
			continue
		}
		if err != nil || len(updates) == 0 {
			return err
		}
		for _, up := range updates {
			u.apply(up)
		}
	}
}

func (u *purse) apply(up consensus.Update) {
	gone, come := up.Spent, up.Created
	u.at = chain.After(&up)
	if !up.Connected {
		gone, come = up.Created, up.Spent
	}
	for _, e := range gone {
		delete(u.coins, e.OutPoint)
	}
	for _, e := range come {
		if _, ours := u.owners[string(e.Coin.Out.Script)]; ours {
			u.coins[e.OutPoint] = e.Coin
			delete(u.pending, e.OutPoint)
		}
	}
}

// poorError says that somebody has not enough mature coins.
type poorError struct {
	who        string
	have, want int64
}

func (e *poorError) Error() string {
	return fmt.Sprintf("%s has %s to give now, not %s: mine some blocks, or use --wait", e.who, coins(e.have), coins(e.want))
}

// pay builds, signs and submits a payment from an account, with change to it.
func (u *purse) pay(ctx context.Context, nd *node.Node, who string, from []byte, feeRate int64, outs ...types.TxOut) (*types.Tx, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.follow(nd); err != nil {
		return nil, err
	}
	var want int64
	for _, o := range outs {
		want += o.Value
	}
	ops, spent, sum := u.choose(nd, from, want, feeRate, len(outs))
	fee := purseFee(len(ops), len(outs), feeRate)
	if sum < want+fee {
		return nil, &poorError{who: who, have: max(sum-fee, 0), want: want}
	}
	tx := &types.Tx{Version: 2, Out: slices.Clone(outs), LockTime: uint32(nd.Chain().Tip().Height())}
	if change := sum - want - fee; change >= purseDust {
		tx.Out = append(tx.Out, types.TxOut{Value: change, Script: from})
	}
	for _, op := range ops {
		tx.In = append(tx.In, types.TxIn{PrevOut: op, Sequence: 0xfffffffd})
	}
	return tx, u.submit(ctx, nd, tx, spent)
}

// submit signs a transaction that spends outputs of the purse, and hands it to nd.
func (u *purse) submit(ctx context.Context, nd *node.Node, tx *types.Tx, spent []types.TxOut) error {
	if err := u.sign(tx, spent); err != nil {
		return err
	}
	if err := nd.SubmitTx(ctx, tx); err != nil {
		return err
	}
	u.remember(nd, tx)
	return nil
}

func (u *purse) remember(nd *node.Node, tx *types.Tx) {
	if len(u.pending) > maxPending {
		for op := range u.pending {
			if !nd.Pool().Have(op.TxID) {
				delete(u.pending, op)
			}
		}
	}
	for i, out := range tx.Out {
		if _, ours := u.owners[string(out.Script)]; ours && len(u.pending) <= maxPending {
			u.pending[types.OutPoint{TxID: tx.ID(), Index: uint32(i)}] = out
		}
	}
}

// choose picks outputs of a script for an amount and its fee: coins of the oldest blocks first, then what waits in the mempool.
func (u *purse) choose(nd *node.Node, from []byte, amount, feeRate int64, outs int) (ops []types.OutPoint, spent []types.TxOut, sum int64) {
	for _, op := range u.free(nd, from) {
		if len(ops) == maxPurseInputs || (len(ops) > 0 && sum >= amount+purseFee(len(ops), outs, feeRate)) {
			break
		}
		out := u.output(op)
		ops = append(ops, op)
		spent = append(spent, out)
		sum += out.Value
	}
	return ops, spent, sum
}

func (u *purse) output(op types.OutPoint) types.TxOut {
	if c, ok := u.coins[op]; ok {
		return c.Out
	}
	return u.pending[op]
}

// free lists what of a script can be spent now: coins first, from the oldest on, then unconfirmed outputs. What the mempool has spent
// already is left out.
func (u *purse) free(nd *node.Node, from []byte) []types.OutPoint {
	height := nd.Chain().Tip().Height()
	pool := nd.Pool()
	var list, waiting []types.OutPoint
	for op, c := range u.coins {
		if string(c.Out.Script) == string(from) && spendable(u.params, c, height) {
			if _, taken := pool.Spends(op); !taken {
				list = append(list, op)
			}
		}
	}
	slices.SortFunc(list, func(a, b types.OutPoint) int {
		if d := u.coins[a].Height - u.coins[b].Height; d != 0 {
			return int(d)
		}
		return a.Compare(b)
	})
	for op, out := range u.pending {
		if string(out.Script) == string(from) && pool.Have(op.TxID) {
			if _, taken := pool.Spends(op); !taken {
				waiting = append(waiting, op)
			}
		}
	}
	slices.SortFunc(waiting, types.OutPoint.Compare)
	return append(list, waiting...)
}

// purseFee is for a transaction of taproot inputs, so many outputs and change.
func purseFee(inputs, outs int, feeRate int64) int64 {
	return (int64(24+43*(outs+1)+58*inputs)*feeRate + 999) / 1000
}

func (u *purse) sign(tx *types.Tx, spent []types.TxOut) error {
	sums := script.NewSigSums(tx, spent)
	for i := range tx.In {
		var aux [32]byte
		if _, err := rand.Read(aux[:]); err != nil {
			return err
		}
		var err error
		if tx.In[i].ScriptSig, tx.In[i].Witness, err = script.SignInput(sums, i, u.owners[string(spent[i].Script)], aux); err != nil {
			return err
		}
	}
	return nil
}

// balance is what of a script could be given now.
func (u *purse) balance(nd *node.Node, from []byte) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.follow(nd) != nil {
		return 0
	}
	var sum int64
	for _, op := range u.free(nd, from) {
		if _, confirmed := u.coins[op]; confirmed {
			sum += u.coins[op].Out.Value
		}
	}
	return sum
}

// Send pays from one account to another, by way of node i (−1: the first that runs), at a fee rate per 1000 vbytes (0: 2000), and
// returns the transaction's id.
func (n *Net) Send(ctx context.Context, i, from, to int, amount, feeRate int64) (types.Hash, error) {
	accounts := n.keys.accounts
	if from < 0 || from >= len(accounts) || to < 0 || to >= len(accounts) {
		return types.Hash{}, fmt.Errorf("the accounts are 0 to %d", len(accounts)-1)
	}
	if amount < minFaucetAmount || amount > consensus.MaxMoney || feeRate < 0 || feeRate > consensus.CoinUnit {
		return types.Hash{}, fmt.Errorf("%s at %d per 1000 vbytes cannot be sent: the amount is at least %s, the fee rate 0 to %d",
			coins(amount), feeRate, coins(minFaucetAmount), consensus.CoinUnit)
	}
	if feeRate == 0 {
		feeRate = purseFeeRate
	}
	nd, err := n.pick(i)
	if err != nil {
		return types.Hash{}, err
	}
	tx, err := n.purse.pay(ctx, nd, fmt.Sprintf("account %d", from), accounts[from].script, feeRate, types.TxOut{Value: amount, Script: accounts[to].script})
	if err != nil {
		return types.Hash{}, err
	}
	return tx.ID(), nil
}
