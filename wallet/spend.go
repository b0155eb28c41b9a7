package wallet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/types"
)

// Feerates are in the smallest unit per 1,000 virtual bytes, amounts in the smallest unit.
const (
	// MinFeeRate is the least feerate that a wallet pays.
	MinFeeRate int64 = 1000
	maxFeeRate int64 = 100_000_000
	// incrementalFeeRate is what a replacement pays more than what it replaces, for its own relay
	// (BIP125, rule 4).
	incrementalFeeRate int64 = 1000
	// dustFeeRate is the feerate at which an output must be worth spending.
	dustFeeRate int64 = 3000
	// minChange is the least change that coins are drawn for; what is left over may be less.
	minChange int64 = 50_000
	// saneFee is the fee over which a payment asks again, whatever its amount.
	saneFee int64 = 1_000_000
	// saneFeePercent is the share of the amount over which a payment asks again.
	saneFeePercent = 10
	// maxTxWeight bounds transactions that are relayed.
	maxTxWeight = 400_000
	// signalRBF is the sequence of all inputs: replaceable (BIP125), lock time in force.
	signalRBF = 0xfffffffd
)

// Errors of Plan and PlanBump; what they wrap them in adds the amounts.
var (
	ErrNoCoins    = errors.New("the wallet is empty")
	ErrImmature   = errors.New("the wallet has only freshly mined coins, which cannot be spent yet")
	ErrNotEnough  = errors.New("there are not enough coins")
	ErrDust       = errors.New("the amount is dust")
	ErrTooManyIn  = errors.New("the payment needs too many coins for one transaction; send it in several parts")
	ErrFeeOverAll = errors.New("the amount is too small to pay the fee from")
)

// Payment is what a user asks for.
type Payment struct {
	To     []byte // script, see ParseAddress
	Amount int64  // ignored with All
	All    bool   // send everything that can be spent; the fee is taken from it
	// SubtractFee takes the fee from the amount, so that the receiver gets less.
	SubtractFee bool
	FeeRate     int64 // at least MinFeeRate
}

// Plan is a transaction that is not signed yet, and what a user wants to know before it is.
type Plan struct {
	Tx       *types.Tx
	Coins    []Coin // what its inputs spend, in order
	Amount   int64  // what the receivers get
	Fee      int64
	Change   int64 // 0 if there is none
	VSize    int   // virtual bytes once signed, at most
	FeeRate  int64 // Fee by VSize
	Replaces types.Hash

	change owner // of the change output
}

// HighFee tells whether the fee is over a sane share of the amount, or high in itself, so that a
// user should be asked again.
func (p *Plan) HighFee() bool {
	return p.Fee > saneFee || p.Fee > p.Amount/100*saneFeePercent+p.Amount%100*saneFeePercent/100
}

// ErrAddressFuture is returned for addresses that anyone could spend from today.
var ErrAddressFuture = errors.New("this address is of a kind that has no meaning yet; coins sent to it would be lost")

// ParseAddress reads an address of the wallet's network. Its errors tell a wrong network from a
// mistyped address, and refuse witness versions that have no rules yet.
func (w *Wallet) ParseAddress(s string) (pkScript []byte, err error) {
	pkScript, err = script.DecodeAddress(w.params.Addresses(), s)
	if err != nil {
		return nil, err
	}
	if class, _ := script.Classify(pkScript); class == script.WitnessUnknown {
		return nil, ErrAddressFuture
	}
	return pkScript, nil
}

// inputWeight returns the weight of an input that spends a coin of a type, with the largest signature
// that the wallet makes.
func inputWeight(t AddressType) int {
	const bare = 4 * 41
	switch t {
	case Taproot:
		return bare + 1 + 1 + 64
	case Segwit:
		return bare + 1 + 1 + 72 + 1 + 33
	case Nested:
		return bare + 4*23 + 1 + 1 + 72 + 1 + 33
	}
	return bare + 4*(1+72+1+33) + 1
}

// feeFor rounds up.
func feeFor(weight int, rate int64) int64 {
	vsize := int64(weight+types.WitnessScale-1) / types.WitnessScale
	return (vsize*rate + 999) / 1000
}

// Dust returns the least amount that an output with this script may have to be relayed: less than the cost of
// spending it at 3 per virtual byte would make it a burden.
func Dust(pkScript []byte) int64 {
	out := types.TxOut{Script: pkScript}
	size := len(out.Append(nil)) + 148
	if _, _, ok := script.WitnessProgram(pkScript); ok {
		size += 67 - 148
	}
	return int64(size) * dustFeeRate / 1000
}

// Plan chooses coins for a payment: first, among confirmed coins, a set that needs no change, then a random one; only
// if those do not suffice also the wallet's own unconfirmed change. Nothing is changed or kept.
func (w *Wallet) Plan(p Payment) (*Plan, error) {
	if p.FeeRate < MinFeeRate || p.FeeRate > maxFeeRate {
		return nil, ErrFeeRate
	}
	if dust := Dust(p.To); !p.All && p.Amount < dust {
		return nil, fmt.Errorf("%w: %s is less than the %s that an output to this address must have to be relayed",
			ErrDust, FormatAmount(p.Amount), FormatAmount(dust))
	}
	if err := w.checkFunds(p.Amount); err != nil {
		return nil, err
	}
	if p.All {
		return w.planAll(p)
	}
	var plan *Plan
	err := ErrNotEnough
	for _, trusted := range []bool{false, true} {
		if plan, err = w.planFrom(p, w.spendable(trusted, p.FeeRate, p.SubtractFee)); !errors.Is(err, ErrNotEnough) {
			break
		}
	}
	return plan, err
}

// checkFunds returns the error that fits if the wallet cannot spend amount, fee apart.
func (w *Wallet) checkFunds(amount int64) error {
	b := w.Balance()
	switch spendable := b.Spendable(); {
	case spendable == 0 && b.Immature > 0 && b.Pending == 0:
		return fmt.Errorf("%w: %s, the first of them at height %d, the chain is at %d",
			ErrImmature, FormatAmount(b.Immature), w.firstMature(), w.Height())
	case spendable == 0 && b.Immature == 0 && b.Pending == 0:
		return ErrNoCoins
	case spendable == 0 || spendable < amount:
		return fmt.Errorf("%w: %s can be spent now%s", ErrNotEnough, FormatAmount(spendable), b.waiting())
	}
	return nil
}

// firstMature returns the height of the tip at which the first immature coin can be spent.
func (w *Wallet) firstMature() int32 {
	first := int32(-1)
	for _, c := range w.view.coins {
		if at := c.Height + w.params.CoinbaseMaturity - 1; !c.Mature && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// waiting says what the balance holds beside spendable coins, for error messages.
func (b Balance) waiting() string {
	s := ""
	if b.Immature > 0 {
		s += ", " + FormatAmount(b.Immature) + " are freshly mined and not mature yet"
	}
	if in := b.Pending - b.Trusted; in > 0 {
		s += ", " + FormatAmount(in) + " wait for a block"
	}
	return s
}

// spendable returns the coins that a payment may use and that are worth more than their input costs.
// With free set, inputs cost nothing (the receiver pays).
func (w *Wallet) spendable(trusted bool, rate int64, free bool) []candidate {
	var out []candidate
	for _, c := range w.view.coins {
		if !c.Mature || c.Height == unplaced && !(trusted && c.Trusted) {
			continue
		}
		weight := inputWeight(c.Type)
		cost := feeFor(weight, rate)
		if c.Out.Value <= cost {
			continue
		}
		if free {
			cost = 0
		}
		out = append(out, candidate{coin: c, weight: weight, value: c.Out.Value - cost})
	}
	return out
}

func (w *Wallet) planAll(p Payment) (*Plan, error) {
	d := draft{w: w, rate: p.FeeRate, outs: []types.TxOut{{Script: p.To}}, payer: 0}
	for _, c := range w.spendable(true, p.FeeRate, true) {
		d.coins = append(d.coins, c.coin)
		d.outs[0].Value += c.coin.Out.Value
	}
	return d.plan()
}

// planFrom chooses among candidates.
func (w *Wallet) planFrom(p Payment, candidates []candidate) (*Plan, error) {
	d := draft{w: w, rate: p.FeeRate, outs: []types.TxOut{{Value: p.Amount, Script: p.To}}, payer: noPayer}
	target := p.Amount
	if p.SubtractFee {
		d.payer = 0
	} else {
		target += feeFor(d.bareWeight(), p.FeeRate)
	}
	cost := feeFor(changeWeight, p.FeeRate)
	slack := cost + feeFor(inputWeight(w.kind), p.FeeRate)
	if chosen := selectExact(candidates, target, slack); chosen != nil {
		d.take(chosen)
		return d.plan()
	}
	chosen := selectRandom(w.rng, candidates, target+cost+minChange)
	if chosen == nil {
		chosen = selectRandom(w.rng, candidates, target)
	}
	if chosen == nil {
		return nil, w.notEnough(p, target, candidates)
	}
	d.take(chosen)
	d.wantChange = true
	plan, err := d.plan()
	if errors.Is(err, ErrTooManyIn) {
		d.take(selectLargest(candidates, target))
		plan, err = d.plan()
	}
	return plan, err
}

// notEnough says what is missing when the amount itself is there.
func (w *Wallet) notEnough(p Payment, target int64, candidates []candidate) error {
	var sum int64
	for _, c := range candidates {
		sum += c.value
	}
	return fmt.Errorf("%w for %s and a fee: after the fee of their inputs the coins are worth %s, %s are missing%s; --subtract-fee takes the fee from the amount",
		ErrNotEnough, FormatAmount(p.Amount), FormatAmount(sum), FormatAmount(target-sum), w.Balance().waiting())
}

// changeWeight is the weight of the largest change output, P2TR.
const changeWeight = 4 * (8 + 1 + 34)

// noPayer as the payer of a draft means that the change pays the fee.
const noPayer = -1

// draft is a transaction in the making: coins in, outputs of the receivers out, and who pays.
type draft struct {
	w          *Wallet
	coins      []Coin
	outs       []types.TxOut
	rate       int64
	payer      int  // index of the output that the fee is taken from, or noPayer
	wantChange bool // add a change output if it is not dust
	change     []byte
	changeOf   owner
	oldChange  int64 // of the transaction that is replaced
	floor      int64 // of the fee, with incrementalFeeRate for the size on top, when replacing
	replaces   types.Hash
}

func (d *draft) take(chosen []candidate) {
	d.coins = nil
	for _, c := range chosen {
		d.coins = append(d.coins, c.coin)
	}
}

// bareWeight returns the weight of the transaction without inputs and change: version, lock time, both
// counts, marker and flag, and the receivers.
func (d *draft) bareWeight() int {
	weight := 4*(4+4+types.VarIntSize(uint64(len(d.coins)))+1) + 2
	for i := range d.outs {
		weight += 4 * len(d.outs[i].Append(nil))
	}
	return weight
}

func (d *draft) weight() int {
	weight := d.bareWeight()
	for _, c := range d.coins {
		weight += inputWeight(c.Type)
	}
	return weight
}

func (d *draft) fee(weight int) int64 {
	fee := feeFor(weight, d.rate)
	if d.floor > 0 {
		fee = max(fee, d.floor+feeFor(weight, incrementalFeeRate))
	}
	return fee
}

// plan settles fee and change and returns the unsigned transaction.
func (d *draft) plan() (*Plan, error) {
	weight := d.weight()
	if weight > maxTxWeight {
		return nil, ErrTooManyIn
	}
	var in, out int64
	for _, c := range d.coins {
		in += c.Out.Value
	}
	for i := range d.outs {
		out += d.outs[i].Value
	}
	change, err := d.changeAmount(in-out, weight)
	if err != nil {
		return nil, err
	}
	outs := slices.Clone(d.outs)
	if change > 0 {
		outs = append(outs, types.TxOut{Value: change, Script: d.change})
		weight += 4 * len(outs[len(outs)-1].Append(nil))
	}
	fee := in - out - change
	if d.payer != noPayer {
		rest := max(d.fee(weight)-fee, 0)
		outs[d.payer].Value -= rest
		fee += rest
		if dust := Dust(outs[d.payer].Script); outs[d.payer].Value < dust {
			return nil, fmt.Errorf("%w: after a fee of %s less than %s would be left", ErrFeeOverAll, FormatAmount(fee), FormatAmount(dust))
		}
	} else if need := d.fee(weight); fee < need {
		return nil, fmt.Errorf("%w for a fee of %s, %s are missing%s", ErrNotEnough, FormatAmount(need), FormatAmount(need-fee), d.w.Balance().waiting())
	}
	return d.assemble(outs, change, fee, weight), nil
}

// changeAmount returns what goes back to the wallet of the rest that the receivers leave, 0 if that is too little
// for an output of its own.
func (d *draft) changeAmount(rest int64, weight int) (int64, error) {
	if !d.wantChange {
		return 0, nil
	}
	if d.change == nil {
		if err := d.freshChange(); err != nil {
			return 0, err
		}
	}
	if d.payer == noPayer {
		rest -= d.fee(weight + 4*len((&types.TxOut{Script: d.change}).Append(nil)))
	}
	if rest < Dust(d.change) {
		return 0, nil
	}
	return rest, nil
}

// freshChange picks an unused change address of the type of the largest coin, or of the wallet's own type if
// that coin is of an imported key of another type.
func (d *draft) freshChange() (err error) {
	kind := d.w.kind
	if len(d.coins) > 0 {
		largest := slices.MaxFunc(d.coins, func(a, b Coin) int { return cmp.Compare(a.Out.Value, b.Out.Value) })
		if largest.Type == Taproot || largest.Type == Segwit {
			kind = largest.Type
		}
	}
	a := d.w.keys.account(kind)
	index, _ := a.chains[changeChain].next()
	d.changeOf = owner{kind: a.kind, acct: a, chain: changeChain, index: index}
	d.change, err = a.script(changeChain, index)
	return err
}

// assemble shuffles inputs and outputs, so that neither tells which is the change.
func (d *draft) assemble(outs []types.TxOut, change, fee int64, weight int) *Plan {
	rng := d.w.rng
	p := &Plan{Coins: shuffled(rng, d.coins), Fee: fee, Change: change, Replaces: d.replaces}
	for _, out := range outs {
		p.Amount += out.Value
	}
	p.Amount -= change
	if change > 0 {
		p.change = d.changeOf
	}
	tx := &types.Tx{Version: 2, Out: shuffled(rng, outs), LockTime: d.w.lockTime()}
	for _, c := range p.Coins {
		tx.In = append(tx.In, types.TxIn{PrevOut: c.OutPoint, Sequence: signalRBF})
	}
	p.Tx = tx
	p.VSize = (weight + types.WitnessScale - 1) / types.WitnessScale
	p.FeeRate = fee * 1000 / int64(p.VSize)
	return p
}

// lockTime returns the tip's height, so that a miner gains nothing from mining the tip again to take the
// fee; one time in ten up to a hundred blocks less, so that late transactions do not stand out.
func (w *Wallet) lockTime() uint32 {
	height := w.Height()
	if w.rng.IntN(10) == 0 {
		height = max(0, height-w.rng.Int32N(100))
	}
	return uint32(height)
}
