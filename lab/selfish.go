package lab

import (
	"context"
	"errors"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// Selfish is the strategy of Eyal and Sirer ("Majority is not enough", 2014, algorithm 1) for node Node (−1: the last): it keeps its blocks
// to itself while it is ahead, and gives them away as the honest miners catch up, so that their work is lost more often than
// its own. Blocks is how many blocks are found in all.
type Selfish struct {
	Node   int
	Power  float64
	Blocks int
}

// SelfishReport says what a selfish miner got.
type SelfishReport struct {
	Found  int      `json:"found"`        // secret blocks
	Kept   int      `json:"kept"`         // of them in the chain at the end
	Chain  int      `json:"chain_blocks"` // of the chain since the beginning
	Share  float64  `json:"share"`        // Kept of Chain
	Power  float64  `json:"power"`
	Ties   int      `json:"ties"`       // races of two branches of the same length
	Won    int      `json:"ties_won"`   // of them by the selfish miner
	Gamma0 float64  `json:"expected_0"` // the share to expect in the long run if all honest miners stay with their own branch in a tie,
	Gamma1 float64  `json:"expected_1"` // or if all take the selfish miner's
	Lines  []string `json:"-"`
}

// expectedShare is the closed form of the paper (equation 8): of all blocks, for a part alpha of the power and a part gamma of the honest
// miners that work on the selfish miner's branch in a tie. Below a threshold it is less than alpha: the strategy does not pay.
func expectedShare(alpha, gamma float64) float64 {
	if alpha >= 0.5 {
		return 1
	}
	b := 1 - alpha
	return (alpha*b*b*(4*alpha+gamma*(1-2*alpha)) - alpha*alpha*alpha) / (1 - alpha*(1+(2-alpha)*alpha))
}

// Selfish lets a node mine selfishly.
func (n *Net) Selfish(ctx context.Context, o Selfish) (rep SelfishReport, err error) {
	if !(o.Power >= 0 && o.Power <= 1) || o.Blocks < 1 || o.Blocks > 10_000 {
		return rep, errors.New("a selfish miner has a power between 0 and 1, and 1 to 10000 blocks are found")
	}
	s, err := n.tell(o.Node, func(s *story) error {
		m := &selfishMiner{story: s, rep: &rep, ours: map[types.Hash]bool{}}
		return m.run(ctx, o)
	})
	if s != nil {
		rep.Lines = s.lines
	}
	return rep, err
}

// selfishMiner is the state of the strategy: a secret branch after base, of which the first given blocks are public.
type selfishMiner struct {
	*story
	rep    *SelfishReport
	base   consensus.Ancestry
	branch *branch
	given  int
	tie    bool // the whole branch is public and as long as the honest one
	ours   map[types.Hash]bool
}

func (m *selfishMiner) restart(after consensus.Ancestry) {
	m.base, m.branch, m.given, m.tie = after, m.net.newBranch(after), 0, false
}

func (m *selfishMiner) run(ctx context.Context, o Selfish) error {
	start, err := m.settled(ctx)
	if err != nil {
		return err
	}
	m.say("node %d has %.3g %% of the hash power and withholds its blocks; %d blocks are found", m.attacker, o.Power*100, o.Blocks)
	m.restart(start)
	for range o.Blocks {
		if m.rng.Float64() < o.Power {
			err = m.foundSecret(ctx)
		} else {
			err = m.foundHonest(ctx)
		}
		if err != nil {
			return err
		}
	}
	if len(m.branch.blocks) > m.given {
		if err := m.release(ctx, len(m.branch.blocks)); err != nil {
			return err
		}
	}
	m.sum(ctx, start, o.Power)
	return nil
}

// release makes the branch public up to a length.
func (m *selfishMiner) release(ctx context.Context, upTo int) error {
	err := m.publish(ctx, m.branch, m.given, upTo)
	m.given = upTo
	return err
}

func (m *selfishMiner) foundSecret(ctx context.Context) error {
	if err := m.secretBlock(ctx, m.branch, nil, 0); err != nil {
		return err
	}
	m.rep.Found++
	m.ours[m.branch.tip.Hash()] = true
	if !m.tie {
		return nil
	}
	// One ahead in a race: all of it is given away, and the race is won.
	m.rep.Won++
	return m.win(ctx)
}

// win publishes the whole branch, which is the best now, and begins anew after it when all have it.
func (m *selfishMiner) win(ctx context.Context) error {
	if err := m.release(ctx, len(m.branch.blocks)); err != nil {
		return err
	}
	m.net.awaitHolding(ctx, m.branch.tip)
	m.restart(m.branch.tip)
	return nil
}

func (m *selfishMiner) foundHonest(ctx context.Context) error {
	hash, err := m.honestBlock(ctx)
	if err != nil {
		return err
	}
	public := m.best()
	length := int(public.Height() - m.base.Height())
	switch lead := len(m.branch.blocks) - (length - 1); {
	case m.tie && public.Hash() == hash && public.Ancestor(m.branch.tip.Height()).Hash() == m.branch.tip.Hash():
		m.rep.Won++ // an honest miner has built on our branch
		m.restart(public)
	case lead <= 0:
		m.restart(public)
	case lead == 1:
		m.tie = true
		m.rep.Ties++
		return m.release(ctx, len(m.branch.blocks))
	case lead == 2:
		return m.win(ctx)
	case m.given < length:
		return m.release(ctx, length)
	}
	return nil
}

// sum counts whose blocks are in the chain at the end.
func (m *selfishMiner) sum(ctx context.Context, start consensus.Ancestry, power float64) {
	m.net.awaitHolding(ctx, m.branch.tip)
	tip, r := m.best(), m.rep
	for h := start.Height() + 1; h <= tip.Height(); h++ {
		if r.Chain++; m.ours[tip.Ancestor(h).Hash()] {
			r.Kept++
		}
	}
	if r.Power = power; r.Chain > 0 {
		r.Share = float64(r.Kept) / float64(r.Chain)
	}
	r.Gamma0, r.Gamma1 = expectedShare(power, 0), expectedShare(power, 1)
	m.say("it found %d blocks and kept %d of the %d in the chain: %.1f %% of the rewards for %.3g %% of the power", r.Found, r.Kept, r.Chain, r.Share*100, power*100)
	m.say("it won %d of %d races of two branches of the same length", r.Won, r.Ties)
	m.say("in the long run %.1f %% are to be expected if it loses all races at first hand, %.1f %% if all honest miners take its side (Eyal and Sirer)", r.Gamma0*100, r.Gamma1*100)
}
