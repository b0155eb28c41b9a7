package wallet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// errUnsound means a fault of this program: the transaction is not sent.
var errUnsound = errors.New("the signed transaction is not what was planned, it was not sent")

// Sign returns the plan's transaction with all its signatures, after it has checked them with the
// rules of the node, and that fee and size are what the plan says.
func (w *Wallet) Sign(p *Plan) (*types.Tx, error) {
	tx := p.Tx.Clone()
	spent := make([]types.TxOut, len(p.Coins))
	for i := range p.Coins {
		spent[i] = p.Coins[i].Out
	}
	sums := script.NewSigSums(tx, spent)
	for i := range p.Coins {
		if err := w.signInput(tx, i, &p.Coins[i], sums); err != nil {
			return nil, err
		}
	}
	return tx, w.verify(tx, spent, p)
}

// signInput fills in input i. Witnesses and input scripts are not covered by signatures, so the order
// of the inputs does not matter.
func (w *Wallet) signInput(tx *types.Tx, i int, c *Coin, sums *script.SigSums) error {
	secret, err := w.keys.secret(c.owner)
	if err != nil {
		return err
	}
	var aux [32]byte
	if _, err := io.ReadFull(w.random, aux[:]); err != nil {
		return fmt.Errorf("draw randomness for a signature: %w", err)
	}
	in := &tx.In[i]
	if in.ScriptSig, in.Witness, err = script.SignInput(sums, i, secret, aux); err != nil {
		return fmt.Errorf("sign input %d: %w", i, err)
	}
	return nil
}

// verify runs every input's script, and compares the transaction with the plan.
func (w *Wallet) verify(tx *types.Tx, spent []types.TxOut, p *Plan) error {
	fresh := tx.Clone()
	sums := script.NewSigSums(fresh, spent)
	checks := make([]script.Check, len(fresh.In))
	for i := range checks {
		checks[i] = script.Check{Tx: fresh, Input: i, Spent: spent, Flags: script.StandardFlags, Sums: sums}
	}
	runner := &script.Runner{Verifier: script.NewVerifier()}
	if err := runner.Run(checks); err != nil {
		return fmt.Errorf("%w: %w", errUnsound, err)
	}
	if err := consensus.CheckTx(w.params, fresh); err != nil {
		return fmt.Errorf("%w: %w", errUnsound, err)
	}
	fee := int64(0)
	for i := range spent {
		fee += spent[i].Value
	}
	for i := range fresh.Out {
		fee -= fresh.Out[i].Value
	}
	if fee != p.Fee || fresh.VSize() > p.VSize {
		return fmt.Errorf("%w: fee %d of %d, %d of %d virtual bytes", errUnsound, fee, p.Fee, fresh.VSize(), p.VSize)
	}
	return nil
}

// NotSent says that a transaction is signed and kept but that the node did not say whether it
// took it; the next Sync sends it again.
type NotSent struct {
	TxID types.Hash
	Err  error
}

// Error says what to do.
func (e *NotSent) Error() string {
	return fmt.Sprintf("the node gave no answer (%v); transaction %s is kept and is sent again when the wallet is used next", e.Err, e.TxID)
}

// Unwrap returns what the node's connection said.
func (e *NotSent) Unwrap() error { return e.Err }

// Send signs a plan, keeps the transaction on disk and hands it to the node, in this order, so
// that no transaction is ever out that the wallet does not know. If the node refuses it (*Rejected)
// the wallet is as before; if the node gives no answer the error is *NotSent.
func (w *Wallet) Send(ctx context.Context, node Node, p *Plan) (*types.Tx, error) {
	tx, err := w.Sign(p)
	if err != nil {
		return nil, err
	}
	if w.view.byID[tx.ID()] != nil {
		return nil, fmt.Errorf("transaction %s was made before", tx.ID())
	}
	if err := w.keep(tx, p); err != nil {
		return nil, err
	}
	err = node.Broadcast(ctx, tx)
	var refused *Rejected
	if errors.As(err, &refused) {
		return nil, errors.Join(err, w.forget(tx.ID()))
	}
	if err != nil {
		return nil, &NotSent{TxID: tx.ID(), Err: err}
	}
	w.view.byID[tx.ID()].pooled = true
	return tx, nil
}

// keep records an own transaction on disk.
func (w *Wallet) keep(tx *types.Tx, p *Plan) error {
	if p.change.acct != nil {
		c := &p.change.acct.chains[changeChain]
		c.issued = max(c.issued, p.change.index+1)
	}
	w.seq++
	r := &record{tx: tx, height: unplaced, time: w.now().Unix(), own: true, seq: w.seq, replaces: p.Replaces}
	if _, err := w.view.add(r); err != nil {
		return err
	}
	w.view.settle(w.Height())
	if err := w.save(); err != nil {
		w.view.remove(tx.ID())
		w.view.settle(w.Height())
		return fmt.Errorf("nothing was sent: %w", err)
	}
	return nil
}

func (w *Wallet) forget(id types.Hash) error {
	w.view.remove(id)
	w.view.settle(w.Height())
	return w.save()
}

// ErrAbandon is returned for a transaction that may still confirm without our doing.
var ErrAbandon = errors.New("only an unconfirmed transaction of this wallet that the node's mempool does not have can be abandoned")

// Abandon forgets an own transaction that no node takes, and those of the wallet that spend from it, so
// that their coins can be spent otherwise. Whoever was given a copy can still send it.
func (w *Wallet) Abandon(id types.Hash) error {
	r := w.view.byID[id]
	if r == nil {
		return ErrUnknownTx
	}
	if r.confirmed() || !r.own || r.pooled {
		return ErrAbandon
	}
	doomed := []*record{r}
	for i := 0; i < len(doomed); i++ {
		doomed = append(doomed, w.view.children(doomed[i])...)
		w.view.remove(doomed[i].tx.ID())
	}
	w.view.settle(w.Height())
	return w.save()
}

// Errors of PlanBump.
var (
	ErrUnknownTx    = errors.New("the wallet has no transaction of this id")
	ErrBumpMined    = errors.New("the transaction is confirmed already")
	ErrBumpDead     = errors.New("the transaction is dead, it can never confirm")
	ErrBumpForeign  = errors.New("only a transaction that this wallet made can be bumped")
	ErrBumpSpent    = errors.New("a later transaction of this wallet spends from it; bump that one")
	ErrBumpTooLow   = errors.New("the new feerate is not over the old one")
	ErrBumpNoChange = errors.New("there are no further coins for a higher fee; --subtract-fee takes it from what the receiver gets")
)

// PlanBump plans a transaction that replaces an unconfirmed own one and pays more (BIP125): the same
// coins and receivers, less change, and further confirmed coins if the change does not suffice. With
// rate 0 it pays suggested or a quarter more than before, whichever is more. subtract takes the
// additional fee from the largest receiver.
func (w *Wallet) PlanBump(id types.Hash, rate, suggested int64, subtract bool) (*Plan, error) {
	r, oldFee, err := w.bumpable(id)
	if err != nil {
		return nil, err
	}
	oldRate := oldFee * 1000 / int64(r.tx.VSize())
	if rate == 0 {
		rate = min(max(suggested, oldRate+max(oldRate/4, incrementalFeeRate), MinFeeRate), maxFeeRate)
	}
	if rate <= oldRate {
		return nil, fmt.Errorf("%w: %s, it must be over %s", ErrBumpTooLow, FormatFeeRate(rate), FormatFeeRate(oldRate))
	}
	if rate > maxFeeRate {
		return nil, ErrFeeRate
	}
	d := draft{w: w, rate: rate, payer: noPayer, wantChange: true, floor: oldFee, replaces: id}
	d.fromRecord(r)
	if subtract {
		return d.planSubtracted()
	}
	return d.planWithMore(w.spendable(false, rate, false))
}

// bumpable finds an own transaction that waits for a block, and its fee.
func (w *Wallet) bumpable(id types.Hash) (*record, int64, error) {
	r := w.view.byID[id]
	switch {
	case r == nil:
		return nil, 0, ErrUnknownTx
	case r.confirmed():
		return nil, 0, ErrBumpMined
	case !w.view.status[id].alive():
		return nil, 0, fmt.Errorf("%w: it is %s", ErrBumpDead, w.view.status[id])
	case !r.own || !w.view.allOwn(r.tx):
		return nil, 0, ErrBumpForeign
	case len(w.view.children(r)) > 0:
		return nil, 0, ErrBumpSpent
	}
	return r, *w.feeOf(r.tx), nil
}

// fromRecord takes coins, receivers and the change address from a transaction.
func (d *draft) fromRecord(r *record) {
	for i := range r.tx.In {
		op := r.tx.In[i].PrevOut
		out, o, _ := d.w.view.spent(op)
		d.coins = append(d.coins, Coin{OutPoint: op, Out: out, Type: o.kind, Height: d.w.view.byID[op.TxID].height, owner: o})
	}
	for _, out := range r.tx.Out {
		o, own := d.w.keys.owner(out.Script)
		if own && o.isChange() && d.change == nil {
			d.change, d.changeOf, d.oldChange = out.Script, o, out.Value
			continue
		}
		d.outs = append(d.outs, out)
	}
	if len(d.outs) == 0 { // everything went to a change address: that is the receiver
		d.outs, d.change = []types.TxOut{r.tx.Out[0]}, nil
	}
}

// planSubtracted leaves the change as it was and takes the additional fee from the largest receiver.
func (d *draft) planSubtracted() (*Plan, error) {
	d.payer, d.wantChange = largestOut(d.outs), false
	if d.change == nil {
		return d.plan()
	}
	d.outs = append(d.outs, types.TxOut{Value: d.oldChange, Script: d.change})
	plan, err := d.plan()
	if err != nil {
		return nil, err
	}
	plan.Amount -= d.oldChange
	plan.Change = d.oldChange
	return plan, nil
}

func largestOut(outs []types.TxOut) int {
	best := 0
	for i := range outs {
		if outs[i].Value > outs[best].Value {
			best = i
		}
	}
	return best
}

// planWithMore plans with as few of the further coins as suffice, the largest first.
func (d *draft) planWithMore(more []candidate) (*Plan, error) {
	slices.SortFunc(more, func(a, b candidate) int { return cmp.Compare(b.value, a.value) })
	for {
		plan, err := d.plan()
		if !errors.Is(err, ErrNotEnough) {
			return plan, err
		}
		if len(more) == 0 {
			return nil, ErrBumpNoChange
		}
		d.coins = append(d.coins, more[0].coin)
		more = more[1:]
	}
}
