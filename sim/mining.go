package sim

import (
	"encoding/binary"
	"math/big"
	"math/rand/v2"

	"github.com/cairn-chain/cairn/chain"
	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/mempool"
	"github.com/cairn-chain/cairn/miner"
	"github.com/cairn-chain/cairn/types"
)

// mining lets blocks be found.
//
// Each miner finds blocks as a Poisson process, at the network's rate times its share, slower in proportion as the
// next block's target is harder than the first. How long one has mined says nothing about how long it still takes, so
// a timer is only drawn anew when its rate changes, and what the block holds is chosen at the moment when it is found: the miner is always on
// its latest tip, with the best of its mempool.
type mining struct {
	world   *World
	rand    *rand.Rand
	tie     *rand.Rand
	miners  []*digger
	plans   []plan // of the miners that have one
	shares  int64
	percent int64 // of the power that the miners have
	over    bool
	counter uint64
	filler  []byte
	first   *big.Int // the target of the first block

	ties, tiesLost int // that Gamma decided, and of these for a selfish miner's branch
}

// digger is a Miner at work.
type digger struct {
	Miner
	index int
	node  *node
	timer int  // the number of the timer that counts
	plan  plan // nil: it is honest
}

// plan is the strategy of a miner who does not just publish what it finds.
type plan interface {
	// parent is the block to mine on, and txs what the block is to hold.
	parent() *chain.Node
	txs() (txs []*types.Tx, fees int64)
	// found is told of a block of its own, heard of a new tip of its node.
	found(b *types.Block)
	heard(tip *chain.Node)
	// over tells that nothing more is wanted of the run.
	over() bool
}

func newPlan(w *World, n *node, cfg Miner) (plan, error) {
	switch cfg.Strategy {
	case "selfish":
		return newSelfish(w, n)
	case "double-spend":
		return newAttack(w, n, cfg)
	}
	return nil, nil
}

func newMining(w *World) (*mining, error) {
	m := &mining{world: w, rand: stream(w.seed, streamWork), tie: stream(w.seed, streamStrategy), percent: 100}
	m.first, _ = consensus.TargetFromBits(consensus.NextBits(w.params, w.nodes[0].chain.Tip()))
	for i, cfg := range w.cfg.Miners {
		d := &digger{Miner: cfg, index: i, node: w.nodes[cfg.Node]}
		var err error
		if d.plan, err = newPlan(w, d.node, cfg); err != nil {
			return nil, err
		}
		if d.plan != nil {
			m.plans = append(m.plans, d.plan)
		}
		m.shares += cfg.Share
		m.miners = append(m.miners, d)
	}
	w.at(warmUp, noNode, m.drawAll)
	return m, nil
}

func (m *mining) drawAll() {
	for _, d := range m.miners {
		m.draw(d)
	}
}

// draw sets a miner's timer.
func (m *mining) draw(d *digger) {
	if d.timer++; d.Share == 0 {
		return
	}
	timer := d.timer
	m.world.at(m.world.now+wait(m.rand, m.mean(d)), d.node.id, func() {
		if timer == d.timer && !m.over {
			m.find(d)
			m.draw(d)
		}
	})
}

// mean is the time that a block takes a miner on average: interval · shares/share · first target/target · 100/percent.
func (m *mining) mean(d *digger) int64 {
	target, _ := consensus.TargetFromBits(consensus.NextBits(m.world.params, d.tip()))
	num := big.NewInt(int64(m.world.cfg.Interval))
	num.Mul(num, big.NewInt(m.shares)).Mul(num, big.NewInt(100)).Mul(num, m.first)
	den := target.Mul(target, big.NewInt(d.Share))
	den.Mul(den, big.NewInt(m.percent))
	if num.Quo(num, den); num.IsInt64() && num.Int64() < maxMean {
		return max(num.Int64(), 1)
	}
	return maxMean
}

// maxMean keeps exponential's result in range: a hundred times less than 2⁶³ nanoseconds.
const maxMean = 1 << 56

// setPower changes the power of all miners.
func (m *mining) setPower(percent int64) {
	m.percent = percent
	m.drawAll()
}

// tipChanged tells those who mine with a node of its new tip. With a retarget their rate may have changed.
func (m *mining) tipChanged(n *node) {
	for _, d := range m.miners {
		if d.node == n && d.plan != nil {
			d.plan.heard(n.chain.Tip())
		}
	}
	if m.world.params.Retarget == consensus.RetargetNone || m.world.now < warmUp {
		return
	}
	for _, d := range m.miners {
		if d.node == n {
			m.draw(d)
		}
	}
}

// tip is what the miner mines on.
func (d *digger) tip() consensus.Ancestry {
	if d.plan != nil {
		return d.plan.parent()
	}
	return d.node.chain.Tip()
}

// find makes a block and gives it to the miner's node, or to its plan.
func (m *mining) find(d *digger) {
	if d.plan != nil {
		txs, fees := d.plan.txs()
		b := m.build(d.plan.parent(), txs, fees)
		m.world.record.found(d, b, fees)
		d.plan.found(b)
		return
	}
	m.choose(d.node)
	txs, fees := m.choice(d.node.pool)
	b := m.build(d.tip(), txs, fees)
	m.world.record.found(d, b, fees)
	d.node.addBlock(0, b)
}

// choice is the best of a mempool.
func (m *mining) choice(pool *mempool.Pool) (txs []*types.Tx, fees int64) {
	weight := types.MaxBlockWeight - miner.ReservedWeight - types.WitnessScale*m.world.cfg.Block.Fill
	for _, s := range pool.Select(weight, consensus.MaxBlockSigOpCost-miner.ReservedSigOps, 0) {
		txs = append(txs, s.Tx)
		fees += s.Fee
	}
	return txs, fees
}

// build makes a solved block on parent.
func (m *mining) build(parent consensus.Ancestry, txs []*types.Tx, fees int64) *types.Block {
	m.counter++
	extra := binary.LittleEndian.AppendUint64(nil, m.counter)
	b := miner.BuildBlock(m.world.params, parent, txs, fees, payTo(), extra, m.world.clock())
	m.fill(b)
	solve(b)
	return b
}

// fill makes the coinbase larger until the block has the size that the scenario wants.
func (m *mining) fill(b *types.Block) {
	const overhead = 16 // value, length, opcodes
	more := m.world.cfg.Block.Fill - b.Size() - overhead
	if more <= 0 {
		return
	}
	if m.filler == nil {
		m.filler = make([]byte, m.world.cfg.Block.Fill)
	}
	changeCoinbase(b, func(tx *types.Tx) {
		tx.Out = append(tx.Out, types.TxOut{Script: script.NullDataScript(m.filler[:more])})
	})
}

// changeCoinbase changes the coinbase of a block whose witness commitment stands: that does not depend on it.
func changeCoinbase(b *types.Block, change func(*types.Tx)) {
	tx := b.Txs[0].Clone()
	change(tx)
	b.Txs[0] = tx
	consensus.SetMerkleRoot(b)
}

// splitCoinbase divides what a coinbase pays into n outputs.
func splitCoinbase(b *types.Block, n int) {
	changeCoinbase(b, func(tx *types.Tx) {
		one := tx.Out[0]
		one.Value /= int64(n)
		outs := make([]types.TxOut, n, n+1)
		for i := range outs {
			outs[i] = one
		}
		tx.Out = append(outs, tx.Out[1:]...)
	})
}

// solve counts the nonce up until the hash meets the header's target.
func solve(b *types.Block) {
	target, _ := consensus.TargetFromBits(b.Header.Bits)
	for !consensus.MeetsTarget(b.Header.Hash(), target) {
		if b.Header.Nonce++; b.Header.Nonce == 0 {
			b.Header.Time++
		}
	}
}
