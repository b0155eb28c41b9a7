package lab

import (
	"context"
	"errors"
	"fmt"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/types"
)

// DoubleSpend shows how a payment with confirmations is undone: node i (−1: the last) is cut off, both sides confirm a payment of the same
// coins, and the cut-off side, which has mined one block more, wins when the network is healed. The lines tell it step by step.
func (n *Net) DoubleSpend(ctx context.Context, i, confirmations int) (pay, rival types.Hash, lines []string, err error) {
	if confirmations < 1 || confirmations > 100 {
		return pay, rival, nil, errors.New("a double spend is shown with 1 to 100 confirmations")
	}
	if g, _ := n.wires.partition(); g != nil {
		return pay, rival, nil, errors.New("the network is cut already: heal it first")
	}
	s, err := n.tell(i, func(s *story) (err error) {
		pay, rival, err = s.doubleSpend(ctx, confirmations)
		return err
	})
	if s != nil {
		lines = s.lines
	}
	return pay, rival, lines, err
}

func (s *story) doubleSpend(ctx context.Context, confirmations int) (pay, rival types.Hash, err error) {
	n := s.net
	if _, err := s.settled(ctx); err != nil {
		return pay, rival, err
	}
	group := make([]int, len(n.nodes))
	group[s.attacker] = 1
	if err := n.Partition(group); err != nil {
		return pay, rival, err
	}
	healed := false
	defer func() {
		if !healed {
			n.Heal()
		}
	}()
	merchant := n.honest(s.attacker)[0]
	s.say("1. node %d is cut off from the others: it hears nothing of them, and they nothing of it", s.attacker)
	payTx, rivalTx, _, err := n.twoPayments(ctx, merchant, 0, 1, 10*consensus.CoinUnit)
	if err != nil {
		return pay, rival, err
	}
	pay, rival = payTx.ID(), rivalTx.ID()
	s.say("2. at node %d account 0 pays 10 coins to account 1, a merchant: %s", merchant, pay)
	if err := s.nd.SubmitTx(ctx, rivalTx); err != nil {
		return pay, rival, err
	}
	s.say("3. at node %d account 0 pays the same coins to itself: %s", s.attacker, rival)
	if _, err := n.Mine(ctx, merchant, confirmations); err != nil {
		return pay, rival, err
	}
	s.say("4. %d blocks are mined at node %d: the merchant sees %d confirmations and delivers", confirmations, merchant, confirmations)
	if _, err := n.Mine(ctx, s.attacker, confirmations+1); err != nil {
		return pay, rival, err
	}
	// Miners of the others may have found blocks, too.
	mined := confirmations + 1
	for s.nd.Chain().Tip().Work().Cmp(s.best().Work()) <= 0 {
		if _, err := n.Mine(ctx, s.attacker, 1); err != nil {
			return pay, rival, err
		}
		mined++
	}
	s.say("5. %d blocks are mined at node %d meanwhile: %s", mined, s.attacker, oneMore(mined-confirmations))
	healed = true
	n.Heal()
	s.say("6. the network is healed: the nodes learn of the other branch, and take the one with more work")
	tip := s.nd.Chain().Tip()
	if err := n.AwaitOneTip(ctx, tip.Height()); err != nil {
		return pay, rival, err
	}
	reorg := n.glance().Nodes[merchant].LastReorg
	if reorg == nil {
		return pay, rival, errors.New("the merchant's node kept its branch")
	}
	s.say("7. node %d took %d blocks off and put %d on; the payment is %s there now, the one to itself is %s", merchant, reorg.Off, reorg.On,
		n.WhereIs(merchant, pay), n.WhereIs(merchant, rival))
	s.say("The merchant has delivered and has nothing. More confirmations would have needed a longer cut, or more hash power: try `cairn testnet attack`.")
	return pay, rival, nil
}

// oneMore says by how many blocks the attacker's branch is ahead of what the merchant waited for.
func oneMore(n int) string {
	if n == 1 {
		return "one more"
	}
	return fmt.Sprintf("%d more, since the others went on mining, too", n)
}

var _ = addVerbs(
	Verb{Name: "double-spend", Help: "show step by step how a payment with confirmations is undone", Example: "--confirmations 3",
		Flags: []VerbFlag{{"node", "I", "the attacker's node (default: the last)"}, {"confirmations", "N", "that the merchant waits for (default 2)"}},
		do: func(ctx context.Context, n *Net, c call) (a Answer, err error) {
			i, err := c.node(n, -1)
			if err != nil {
				return a, err
			}
			deep, err := c.number("confirmations", 2, 1, 100)
			if err != nil {
				return a, err
			}
			pay, rival, lines, err := n.DoubleSpend(ctx, i, deep)
			return Answer{Lines: lines, TxID: pay.String(), Result: map[string]types.Hash{"payment": pay, "rival": rival}}, err
		}},
	Verb{Name: "attack", Help: "let a node with much hash power try to undo a payment", Example: "--hashpower 0.6 --depth 6",
		Flags: []VerbFlag{{"node", "I", "the attacker's node (default: the last)"}, {"hashpower", "P", "part of all hash power that it has (default 60%)"},
			{"depth", "N", "confirmations that the merchant waits for (default 6)"}, {"give-up", "N", "blocks behind at which it gives up (default 30)"}}, do: doAttack},
	Verb{Name: "selfish", Help: "let a node withhold its blocks as Eyal and Sirer have described", Example: "--node 2 --power 0.4 --blocks 200",
		Flags: []VerbFlag{{"node", "I", "the selfish node (default: the last)"}, {"power", "P", "part of all hash power that it has (default 40%)"},
			{"blocks", "N", "how many blocks are found in all (default 100)"}}, do: doSelfish},
)

func doAttack(ctx context.Context, n *Net, c call) (a Answer, err error) {
	var o Attack
	if o.Node, err = c.node(n, -1); err != nil {
		return a, err
	}
	if o.Power, err = c.share("hashpower", 0.6); err != nil {
		return a, err
	}
	if o.Depth, err = c.number("depth", 6, 1, 100); err != nil {
		return a, err
	}
	if o.GiveUp, err = c.number("give-up", 30, 1, 1000); err != nil {
		return a, err
	}
	rep, err := n.Attack(ctx, o)
	won := 0.0
	if rep.Won {
		won = 1
	}
	return Answer{Lines: rep.Lines, TxID: rep.Payment.String(), Result: rep, Values: map[string]float64{
		"won": won, "secret": float64(rep.Secret), "public": float64(rep.Public), "probability": rep.Probability}}, err
}

func doSelfish(ctx context.Context, n *Net, c call) (a Answer, err error) {
	var o Selfish
	if o.Node, err = c.node(n, -1); err != nil {
		return a, err
	}
	if o.Power, err = c.share("power", 0.4); err != nil {
		return a, err
	}
	if o.Blocks, err = c.number("blocks", 100, 1, 10_000); err != nil {
		return a, err
	}
	rep, err := n.Selfish(ctx, o)
	return Answer{Lines: rep.Lines, Result: rep, Values: map[string]float64{"share": rep.Share, "power": rep.Power, "kept": float64(rep.Kept),
		"found": float64(rep.Found), "chain": float64(rep.Chain), "ties": float64(rep.Ties), "expected": rep.Gamma0}}, err
}
