package node

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/consensus/consensustest"
	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/p2p/wire"
	"github.com/cairn-chain/cairn/types"
)

// offer announces a transaction by its witness id.
func (p *stranger) offer(tx *types.Tx) {
	p.say(wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: tx.WitnessID()}}})
}

// deliver announces a transaction, waits until it is asked for, and sends it.
func (p *stranger) deliver(tx *types.Tx) {
	p.t.Helper()
	p.offer(tx)
	p.asked(tx.WitnessID())
	p.say(wire.TxMsg{Tx: tx})
}

func (s *siege) awaitPool(id types.Hash) {
	s.Helper()
	bell, cancel := s.node.pool.Subscribe()
	defer cancel()
	for !s.node.pool.Have(id) {
		select {
		case <-bell:
		case <-s.ctx.Done():
			s.Fatalf("transaction %s did not reach the mempool", id)
		}
	}
}

// settled waits for the ledger and for what the protocol machine makes of it.
func (s *siege) settled(p *stranger) {
	s.Helper()
	p.fence()
	must(s.T, nodeRPC{s.node}.Settle(s.ctx))
	p.fence()
}

// Bad input 23 (CVE-2018-17145, CVE-2024-52913): three peers announce a transaction first and never answer. Each delays it once by a
// minute; the fourth, honest, delivers it.
func TestHostileSilentPeers(t *testing.T) {
	s := matured(t, 1, nil)
	tx := coinbaseSpend(t, s.node, 1, 1000)
	crowd := []*stranger{s.meet(), s.meet(), s.meet()}
	for _, p := range crowd {
		p.offer(tx)
		p.fence()
	}
	first := make(chan struct{}, len(crowd))
	for _, p := range crowd {
		go func() {
			defer func() { first <- struct{}{} }()
			for {
				switch m, err := p.read(); m := m.(type) {
				case wire.GetData:
					if m.Items[0].Hash == tx.WitnessID() {
						first <- struct{}{}
					}
				default:
					if err != nil {
						return
					}
				}
			}
		}()
	}
	<-first // one of them was asked
	honest := s.meet()
	honest.offer(tx)
	honest.fence()
	for minute := range int64(4) {
		s.call(nil, "setmocktime", time.Now().Unix()+61*(minute+1))
		for _, p := range crowd {
			p.say(wire.InvMsg{Items: []wire.Inv{{Type: wire.InvWTx, Hash: tx.WitnessID()}}}) // again and again
		}
	}
	honest.asked(tx.WitnessID())
	honest.say(wire.TxMsg{Tx: tx})
	s.awaitPool(tx.ID())
	for _, p := range crowd {
		p.close()
	}
}

// Bad input 23: copies with spoiled witnesses, all with the txid of the honest transaction, come first, asked for or not. None
// keeps the honest one out, and none costs its sender's neighbours anything.
func TestHostileMalleatedTwin(t *testing.T) {
	s := matured(t, 1, nil)
	tx := coinbaseSpend(t, s.node, 1, 1000)
	liar, honest := s.meet(), s.meet()
	for i, change := range []func(*types.TxIn){
		func(in *types.TxIn) { in.Witness[0][9] ^= 1 },
		func(in *types.TxIn) { in.Witness = nil },
		func(in *types.TxIn) { in.Witness = in.Witness[:1] },
		func(in *types.TxIn) { in.Witness = append(in.Witness, make([]byte, 500)) },
		func(in *types.TxIn) { in.Witness[0], in.Witness[1] = in.Witness[1], in.Witness[0] },
	} {
		twin := tx.Clone()
		change(&twin.In[0])
		if twin.ID() != tx.ID() || twin.WitnessID() == tx.WitnessID() {
			t.Fatal("not a twin")
		}
		if i%2 == 0 {
			liar.deliver(twin)
		} else {
			liar.say(wire.TxMsg{Tx: twin})
		}
		s.settled(liar)
		if s.node.pool.Have(tx.ID()) {
			t.Fatalf("twin %d is in the mempool", i)
		}
	}
	honest.deliver(tx)
	s.awaitPool(tx.ID())
	liar.fence()
}

// orphan is a transaction of about size bytes that spends what does not exist.
func orphan(rng *rand.Rand, size int) *types.Tx {
	tx := &types.Tx{Version: 2, Out: []types.TxOut{{Value: 1000, Script: consensustest.KeyLock()}}}
	for range max(size/150, 1) {
		in := types.TxIn{Sequence: 0xffffffff, Witness: [][]byte{make([]byte, 71), make([]byte, 33)}}
		for j := range in.PrevOut.TxID {
			in.PrevOut.TxID[j] = byte(rng.Uint32())
		}
		tx.In = append(tx.In, in)
	}
	return tx
}

// Bad input 24 (CVE-2012-3789, CVE-2024-52914): orphans without end from many peers, small and large, and chains of them. They cost a
// bounded part of memory; an honest orphan that comes before the flood is taken when its parent comes.
func TestHostileOrphans(t *testing.T) {
	s := matured(t, 2, nil)
	parent := coinbaseSpend(t, s.node, 1, 1000)
	child := consensustest.Signed(t, 5000, consensustest.CoinEntry(parent, 0))
	child.Out = child.Out[:1]
	child = consensustest.Sign(t, child, consensustest.CoinEntry(parent, 0))
	honest := s.meet()
	honest.say(wire.TxMsg{Tx: child})
	s.settled(honest)

	crowd := make([]*stranger, 8)
	for i := range crowd {
		crowd[i] = s.meet()
	}
	rng := rand.New(rand.NewPCG(2, 3))
	before := heap()
	s.orphanFlood(rng, crowd)
	s.orphanFlood(rng, crowd)
	within(t, "8,400 orphans of 26 MB from 8 peers, with 168,000 parents to ask for", before, 40<<20)
	honest.deliver(parent)
	s.awaitPool(parent.ID())
	s.awaitPool(child.ID())
	if n := s.peers(); n != 9 {
		t.Errorf("%d peers are left of 9", n)
	}
	for _, p := range crowd {
		p.close()
	}
	s.awaitPeers(1)
	within(t, "the tables that are empty when the peers are gone", before, 14<<20)
	s.alive()
}

// orphanFlood sends 525 orphans from each peer.
func (s *siege) orphanFlood(rng *rand.Rand, crowd []*stranger) {
	s.Helper()
	for range 25 {
		for _, p := range crowd {
			for range 20 {
				p.say(wire.TxMsg{Tx: orphan(rng, 300)})
			}
			p.say(wire.TxMsg{Tx: orphan(rng, 60_000)})
			s.settled(p)
		}
	}
}

// Bad input 24: one parent with outputs for which there are orphans from everybody, all of them with a wrong signature. They
// are tried a few at a time; pings are answered in between.
func TestHostileOrphanFan(t *testing.T) {
	s := matured(t, 1, nil)
	one := coinbaseSpend(t, s.node, 1, 0)
	fan := &types.Tx{Version: 2, In: one.In}
	for range 600 {
		fan.Out = append(fan.Out, types.TxOut{Value: one.Out[0].Value/600 - 100, Script: consensustest.KeyLock()})
	}
	fan = consensustest.Sign(t, fan, consensus.CoinEntry{Coin: consensus.Coin{Out: coinbaseOut(t, s.node, 1)}})
	crowd := make([]*stranger, 6)
	for i := range crowd {
		crowd[i] = s.meet()
		for j := range 90 {
			op := types.OutPoint{TxID: fan.ID(), Index: uint32(i*90 + j)}
			tx := &types.Tx{Version: 2, In: []types.TxIn{{PrevOut: op, Witness: [][]byte{fan.In[0].Witness[0], fan.In[0].Witness[1]}}},
				Out: []types.TxOut{{Value: 1000, Script: consensustest.KeyLock()}}}
			crowd[i].say(wire.TxMsg{Tx: tx})
		}
		s.settled(crowd[i])
	}
	honest := s.meet()
	honest.deliver(fan)
	s.awaitPool(fan.ID())
	for _, p := range crowd {
		s.settled(p)
	}
	if n := s.node.pool.Info(time.Now()).Count; n != 1 {
		t.Errorf("%d transactions are in the mempool", n)
	}
	s.alive()
}

// A flood of transactions that are refused for many reasons keeps neither memory nor honest transactions.
func TestHostileRefused(t *testing.T) {
	s := matured(t, 2, nil)
	good := coinbaseSpend(t, s.node, 1, 1000)
	p := s.meet()
	p.say(wire.TxMsg{Tx: good})
	s.awaitPool(good.ID())
	young := coinbaseSpend(t, s.node, s.node.chain.Tip().Height(), 1000)
	cheap := coinbaseSpend(t, s.node, 2, 1)
	dust := coinbaseSpend(t, s.node, 2, 1000).Clone()
	dust.Out = append(dust.Out, types.TxOut{Value: 1, Script: consensustest.KeyLock()})
	rival := coinbaseSpend(t, s.node, 1, 900)
	coinbase := s.block().Txs[0]
	negative := good.Clone()
	negative.Out[0].Value = -1
	huge := good.Clone()
	huge.Out = append(huge.Out, types.TxOut{Value: consensus.MaxMoney, Script: script.NullDataScript(nil)})
	before := heap()
	for range 300 {
		for _, tx := range []*types.Tx{young, cheap, dust, rival, coinbase, negative, huge} {
			tx = tx.Clone()
			if len(tx.In[0].Witness) > 0 {
				tx.In[0].Witness[0][5]++
			}
			p.say(wire.TxMsg{Tx: tx})
		}
		p.fence()
	}
	s.settled(p)
	within(t, "2,100 transactions that are refused", before, 6<<20)
	if ids := s.node.pool.IDs(); len(ids) != 1 || ids[0] != good.ID() {
		t.Errorf("the mempool holds %v", ids)
	}
	s.alive()
}

// Bad input 11: transactions that are dear to judge and turn out to be wrong, as many as peers may have waiting. A block does not
// wait for them, whether it comes from a peer or was found here.
func TestHostileDearTransactions(t *testing.T) {
	s := matured(t, 1, nil)
	lock := payToKey(t)
	fan := coinbaseSpend(t, s.node, 1, 0)
	const inputs = 850 // 100 kB, the largest that is standard
	value := fan.Out[0].Value / inputs
	fan = &types.Tx{Version: 2, In: fan.In, Out: slices.Repeat([]types.TxOut{{Value: value, Script: lock}}, inputs)}
	fan = consensustest.Sign(t, fan, consensus.CoinEntry{Coin: consensus.Coin{Out: coinbaseOut(t, s.node, 1)}})
	must(t, s.node.SubmitBlock(s.ctx, s.block(fan)))
	dear := dearTx(t, fan, lock)
	honest := s.meet()
	b := s.nextBlock()
	const each = 18 // as many as one peer may have waiting: 2 MB
	crowd := make([]*stranger, 3)
	for i := range crowd {
		crowd[i] = s.meet()
		for j := range each {
			tx := dear.Clone()
			sig := tx.In[inputs-1].ScriptSig
			sig[len(sig)-5] ^= byte(i*each + j + 1)
			crowd[i].say(wire.TxMsg{Tx: tx})
		}
	}
	for _, p := range crowd {
		p.fence()
	}
	before := refusals(s.node)
	waiting := s.node.ledger.waiting()
	if waiting < each {
		t.Fatalf("only %d transactions wait: they are not dear", waiting)
	}
	honest.announce(b)
	honest.asked(b.Hash())
	honest.say(wire.BlockMsg{Block: b})
	awaitTip(t, s.ctx, s.node, b.Hash())
	generate(t, s.ctx, s.node, 1)
	if n := int(refusals(s.node) - before); n > waiting*3/4 {
		t.Errorf("two blocks waited for %d of %d transactions", n, waiting)
	}
}

func refusals(n *Node) (sum uint64) {
	for _, count := range n.pool.Stats().Rejected {
		sum += count
	}
	return sum
}
