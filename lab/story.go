package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/node"
	"github.com/cairn-chain/cairn/types"
)

// story is an attack under way, told as it goes. The network's own miners are paused: who finds the next block is drawn from
// the seed by power, and the block is then really mined, and relayed if it is honest. So a story takes as long as its work
// and the way of its blocks take, whatever the block time.
type story struct {
	net      *Net
	rng      *rand.Rand
	attacker int
	nd       *node.Node // the attacker's
	lines    []string
}

// tell begins a story of node i (−1: the last one that runs) and runs it with the miners paused.
func (n *Net) tell(i int, f func(s *story) error) (*story, error) {
	if i < 0 {
		for i = len(n.nodes) - 1; i > 0 && n.running(i) == nil; i-- {
		}
	}
	nd, err := n.pick(i)
	if err != nil {
		return nil, err
	}
	if len(n.honest(i)) == 0 {
		return nil, errors.New("an attack needs somebody to attack: no other node runs")
	}
	s := &story{net: n, rng: rand.New(rand.NewPCG(n.cfg.Seed, n.branches.Add(1))), attacker: i, nd: nd}
	mode := n.mode()
	if mode == Manual {
		return s, f(s)
	}
	if err := n.SetMining(Manual); err != nil {
		return nil, err
	}
	return s, errors.Join(f(s), n.SetMining(mode))
}

func (s *story) say(format string, a ...any) {
	line := fmt.Sprintf(format, a...)
	s.lines = append(s.lines, line)
	s.net.watch.tell(Event{Kind: "note", Node: s.attacker, Detail: line})
}

// honest are the running nodes but for one.
func (n *Net) honest(but int) (list []int) {
	for i := range n.nodes {
		if i != but && n.running(i) != nil {
			list = append(list, i)
		}
	}
	return list
}

// honestBlock lets one of the honest nodes find a block on its own tip, and waits until no running node has a worse one.
func (s *story) honestBlock(ctx context.Context) (types.Hash, error) {
	list := s.net.honest(s.attacker)
	if len(list) == 0 {
		return types.Hash{}, errors.New("no honest node runs any more")
	}
	finder := list[s.rng.IntN(len(list))]
	hashes, err := s.net.Mine(ctx, finder, 1)
	if err != nil {
		return types.Hash{}, err
	}
	work := s.net.Node(finder).Chain().Lookup(hashes[0]).Work()
	return hashes[0], s.net.await(ctx, fmt.Sprintf("the block of node %d to reach all", finder), func(Status) bool {
		for _, i := range s.net.honest(-1) {
			if nd := s.net.running(i); nd != nil && nd.Chain().Tip().Work().Cmp(work) < 0 {
				return false
			}
		}
		return true
	})
}

// best is the public tip: that of the honest node with the most work.
func (s *story) best() consensus.Ancestry {
	var best consensus.Ancestry
	for _, i := range s.net.honest(s.attacker) {
		if nd := s.net.running(i); nd != nil {
			if tip := nd.Chain().Tip(); best == nil || tip.Work().Cmp(best.Work()) > 0 {
				best = tip
			}
		}
	}
	return best
}

// settled waits until all running nodes have the same tip, and returns it: an attack begins where all agree.
func (s *story) settled(ctx context.Context) (consensus.Ancestry, error) {
	wait, cancel := bounded(ctx, followPatience)
	defer cancel()
	if err := s.net.AwaitOneTip(wait, 0); err != nil {
		return nil, fmt.Errorf("an attack begins when all nodes agree (is the network cut?): %w", err)
	}
	return s.nd.Chain().Tip(), nil
}

// secretBlock adds a block to a branch of the attacker's.
func (s *story) secretBlock(ctx context.Context, b *branch, txs []*types.Tx, fees int64) error {
	at := time.Unix(int64(b.tip.Header().Time), 0).Add(time.Duration(s.net.params.TargetSpacing) * time.Second)
	if now := s.net.Now(); now.Before(at) {
		at = now
	}
	return b.mine(ctx, txs, fees, s.net.keys.faucet.script, at)
}

// publish gives blocks of a branch to the attacker's node and, at the same moment, to those that it has links to. A node announces only what is
// its tip; an attacker who wants a tie has to send the block by himself.
func (s *story) publish(ctx context.Context, b *branch, from, to int) error {
	if err := b.give(ctx, s.nd, from, to); err != nil {
		return err
	}
	for _, e := range s.net.edges {
		other := e.a + e.b - s.attacker
		if e.a != s.attacker && e.b != s.attacker {
			continue
		}
		nd := s.net.running(other)
		s.net.wires.mu.Lock()
		open := s.net.wires.reachable(s.attacker, other)
		s.net.wires.mu.Unlock()
		if nd == nil || !open {
			continue
		}
		if err := b.give(ctx, nd, from, to); err != nil {
			return err
		}
	}
	return nil
}

// Attack is a double spend by brute force: node Node (−1: the last) has a part Power of all hash power. Its owner pays a merchant, mines in
// secret, from before the payment on, a branch in which he pays himself, and publishes it when the merchant has delivered
// after Depth confirmations and the branch has more work. When he is GiveUp blocks behind (0: 30) he gives up.
type Attack struct {
	Node   int
	Power  float64
	Depth  int
	GiveUp int
}

// AttackReport says how an Attack ended.
type AttackReport struct {
	Won         bool         `json:"won"`
	Secret      int          `json:"secret_blocks"`
	Public      int          `json:"public_blocks"` // honest ones, from the payment's on
	Probability float64      `json:"probability"`   // that such an attack succeeds, if the attacker never gives up
	Payment     types.Hash   `json:"payment"`
	Rival       types.Hash   `json:"rival"`
	Reorg       *ReorgReport `json:"reorg,omitempty"`
	Lines       []string     `json:"-"`
}

// Attack lets a node try to double-spend.
func (n *Net) Attack(ctx context.Context, a Attack) (rep AttackReport, err error) {
	if !(a.Power >= 0 && a.Power <= 1) || a.Depth < 1 || a.Depth > 100 || a.GiveUp < 0 || a.GiveUp > 1000 {
		return rep, errors.New("an attack has a power between 0 and 1, a depth of 1 to 100 confirmations, and gives up at most 1000 blocks behind")
	}
	if a.GiveUp == 0 {
		a.GiveUp = 30
	}
	s, err := n.tell(a.Node, func(s *story) error { return s.attack(ctx, a, &rep) })
	if s != nil {
		rep.Lines = s.lines
	}
	return rep, err
}

func (s *story) attack(ctx context.Context, a Attack, rep *AttackReport) error {
	n := s.net
	merchant := n.honest(s.attacker)[0]
	fork, err := s.settled(ctx)
	if err != nil {
		return err
	}
	pay, rival, fee, err := n.twoPayments(ctx, merchant, 0, 1, 10*consensus.CoinUnit)
	if err != nil {
		return err
	}
	rep.Payment, rep.Rival, rep.Probability = pay.ID(), rival.ID(), successProbability(a.Power, a.Depth)
	s.say("account 0 pays 10 coins to the merchant, account 1: %s", rep.Payment)
	s.say("node %d begins a secret branch after block %d, in which the same coins go back to account 0: %s", s.attacker, fork.Height(), rep.Rival)
	b := n.newBranch(fork)
	for {
		public := s.best()
		rep.Public = int(public.Height() - fork.Height())
		rep.Secret = len(b.blocks)
		if rep.Public >= a.Depth && b.tip.Work().Cmp(public.Work()) > 0 {
			rep.Won = true
			break
		}
		if rep.Public-rep.Secret >= a.GiveUp {
			break
		}
		if s.rng.Float64() < a.Power {
			txs := []*types.Tx{rival}
			if len(b.blocks) > 0 {
				txs, fee = nil, 0
			}
			err = s.secretBlock(ctx, b, txs, fee)
		} else if _, err = s.honestBlock(ctx); err == nil && rep.Public+1 == a.Depth {
			s.say("the payment has %d confirmations: the merchant delivers. The secret branch has %d blocks", a.Depth, len(b.blocks))
		}
		if err != nil {
			return err
		}
	}
	if !rep.Won {
		s.say("after %d blocks against %d the attacker gives up: the payment stands", rep.Secret, rep.Public)
	} else if err := s.strike(ctx, b, fork, rep); err != nil {
		return err
	}
	s.say("with %.3g %% of the hash power and %d confirmations such an attack succeeds in %.3g %% of all cases", a.Power*100, a.Depth, rep.Probability*100)
	return nil
}

// strike publishes the branch that has won.
func (s *story) strike(ctx context.Context, b *branch, fork consensus.Ancestry, rep *AttackReport) error {
	s.say("%d secret blocks have more work than the %d public ones: they are published", rep.Secret, rep.Public)
	r := ReorgReport{Node: s.attacker, Fork: Place{fork.Height(), fork.Hash()}}
	merchant := s.net.running(s.net.honest(s.attacker)[0])
	_, txs, err := offBlocks(merchant, fork.Height())
	if err != nil {
		return err
	}
	if err := s.publish(ctx, b, 0, len(b.blocks)); err != nil {
		return err
	}
	s.net.explain(ctx, s.nd, b, &branchPlan{out: txs, added: b.blocks[0].Txs[1:]}, &r)
	rep.Reorg = &r
	s.lines = append(s.lines, r.Lines()...)
	s.say("the merchant has delivered and has nothing")
	return nil
}

// twoPayments makes two transactions of the same coins: one to an account, which is sent by way of node i, and one back, which is not.
func (n *Net) twoPayments(ctx context.Context, i, from, to int, amount int64) (pay, rival *types.Tx, rivalFee int64, err error) {
	a := n.keys.accounts
	nd, err := n.pick(i)
	if err != nil {
		return nil, nil, 0, err
	}
	pay, err = n.purse.pay(ctx, nd, fmt.Sprintf("account %d", from), a[from].script, purseFeeRate, types.TxOut{Value: amount, Script: a[to].script})
	if err != nil {
		return nil, nil, 0, err
	}
	rival, rivalFee, err = n.purse.rival(pay, a[from].script)
	return pay, rival, rivalFee, err
}

// rival spends the inputs of a transaction that the purse has made, all to one script.
func (u *purse) rival(tx *types.Tx, to []byte) (*types.Tx, int64, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	var spent []types.TxOut
	var sum int64
	for _, in := range tx.In {
		out := u.output(in.PrevOut)
		spent = append(spent, out)
		sum += out.Value
	}
	fee := purseFee(len(tx.In), 1, 2*purseFeeRate)
	r := &types.Tx{Version: 2, In: slices.Clone(tx.In), Out: []types.TxOut{{Value: sum - fee, Script: to}}}
	return r, fee, u.sign(r, spent)
}

// successProbability is that of an attack with a part q of the hash power against so many confirmations, if the attacker begins with nothing
// in advance, has to be a whole block ahead, and never gives up. While the honest miners find the blocks of the confirmations, the attacker
// finds m with negative binomial probability; from there it is a random walk (Rosenfeld, "Analysis of Hashrate-Based Double Spending", 2014,
// whose attacker has one block in advance).
func successProbability(q float64, depth int) float64 {
	p := 1 - q
	if q >= p {
		return 1
	}
	fails := 0.0
	term := math.Pow(p, float64(depth)) // of m = 0
	for m := 0; m <= depth; m++ {
		fails += term * (1 - math.Pow(q/p, float64(depth-m+1)))
		term *= q * float64(m+depth) / float64(m+1)
	}
	return 1 - fails
}
