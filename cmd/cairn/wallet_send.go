package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet"
)

// walletPoll is how often a waiting send asks for the node's tip.
const walletPoll = 250 * time.Millisecond

// walletSendFlags are those of send and bump.
func walletSendFlags(more ...cli.Flag) []cli.Flag {
	return walletFlags(append(more,
		&cli.StringFlag{Name: "fee-rate", Usage: "`RATE` of the fee per virtual byte in 10⁻⁸ coins (default: what the node suggests)", EnvVars: []string{"CAIRN_FEE_RATE"}},
		&cli.BoolFlag{Name: "subtract-fee", Usage: "take the fee from the amount", EnvVars: []string{"CAIRN_SUBTRACT_FEE"}},
		&cli.BoolFlag{Name: "allow-high-fee", Usage: "do not ask about a fee over 10 % of the amount or over 0.01 coins", EnvVars: []string{"CAIRN_ALLOW_HIGH_FEE"}},
		&cli.IntFlag{Name: "wait", Usage: "wait for `N` confirmations", EnvVars: []string{"CAIRN_WAIT"}},
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask for confirmation", EnvVars: []string{"CAIRN_YES"}},
	)...)
}

func walletSendCommand() *cli.Command {
	return &cli.Command{
		Name:      "send",
		Usage:     "send coins to an address",
		ArgsUsage: "ADDRESS AMOUNT|all",
		Description: "The fee is shown and asked about before anything is signed.\n\n" +
			"Example:\n   cairn wallet send ADDRESS 1.5\n   cairn wallet send ADDRESS all --fee-rate 2 --wait 1 --yes",
		Flags:  walletSendFlags(),
		Action: walletAction(2, 2, (*walletSession).send),
	}
}

func walletBumpCommand() *cli.Command {
	return &cli.Command{
		Name:        "bump",
		Usage:       "raise the fee of a transaction that waits for a block",
		ArgsUsage:   "TXID",
		Description: "Example:\n   cairn wallet bump TXID --fee-rate 5",
		Flags:       walletSendFlags(),
		Action:      walletAction(1, 1, (*walletSession).bump),
	}
}

func walletAbandonCommand() *cli.Command {
	return &cli.Command{
		Name:        "abandon",
		Usage:       "forget a pending transaction that no node takes",
		ArgsUsage:   "TXID",
		Description: "Its coins can be spent again. Example:\n   cairn wallet abandon TXID",
		Flags:       walletFlags(walletOffline()),
		Action: walletAction(1, 1, func(s *walletSession, args []string) error {
			id, err := types.ParseHash(args[0])
			if err != nil {
				return err
			}
			w, err := s.openSynced()
			if err != nil {
				return err
			}
			if err := w.Abandon(id); err != nil {
				return err
			}
			return s.show(map[string]any{"abandoned": id}, "abandoned %s\n", id)
		}),
	}
}

// send plans, asks, signs and sends.
func (s *walletSession) send(args []string) error {
	p := wallet.Payment{All: strings.EqualFold(args[1], "all"), SubtractFee: s.c.Bool("subtract-fee")}
	var err error
	if !p.All {
		if p.Amount, err = wallet.ParseAmount(args[1]); err != nil {
			return err
		}
	}
	w, node, err := s.openForSend()
	if err != nil {
		return err
	}
	if p.To, err = w.ParseAddress(args[0]); err != nil {
		return err
	}
	if err := s.sync(node); err != nil {
		return err
	}
	if p.FeeRate, err = s.feeRate(node); err != nil {
		return err
	}
	plan, err := w.Plan(p)
	if err != nil {
		return err
	}
	return s.execute(node, plan, args[0])
}

// bump plans a replacement, asks, signs and sends.
func (s *walletSession) bump(args []string) error {
	id, err := types.ParseHash(args[0])
	if err != nil {
		return err
	}
	w, node, err := s.openForSend()
	if err != nil {
		return err
	}
	if err := s.sync(node); err != nil {
		return err
	}
	suggested, err := node.FeeRate(s.ctx)
	if err != nil {
		return err
	}
	rate := int64(0)
	if text := s.c.String("fee-rate"); text != "" {
		if rate, err = wallet.ParseFeeRate(text); err != nil {
			return err
		}
	}
	plan, err := w.PlanBump(id, rate, suggested, s.c.Bool("subtract-fee"))
	if err != nil {
		return err
	}
	return s.execute(node, plan, "(as before)")
}

func (s *walletSession) openForSend() (*wallet.Wallet, *walletNode, error) {
	if n := s.c.Int("wait"); n < 0 {
		return nil, nil, errors.New("--wait takes a number of confirmations")
	}
	node, err := s.node()
	if err != nil {
		return nil, nil, err
	}
	w, err := s.open()
	return w, node, err
}

// feeRate is that of the flag, else the node's.
func (s *walletSession) feeRate(node wallet.Node) (int64, error) {
	if text := s.c.String("fee-rate"); text != "" {
		return wallet.ParseFeeRate(text)
	}
	return node.FeeRate(s.ctx)
}

// execute asks for confirmation, sends and waits as the flags say.
func (s *walletSession) execute(node wallet.Node, plan *wallet.Plan, to string) error {
	if err := s.approve(plan, to); err != nil {
		return err
	}
	tx, err := s.wallet.Send(s.ctx, node, plan)
	if err != nil {
		return err
	}
	confirmations := int32(0)
	if want := s.c.Int("wait"); want > 0 {
		if !s.c.Bool("json") {
			walletPrint(s.errOut, "sent %s, waiting for %s\n", tx.ID(), walletCount(want, "confirmation"))
		}
		if confirmations, err = s.wait(node, tx.ID(), int32(want)); err != nil {
			return err
		}
	}
	return s.showSent(tx.ID(), plan, confirmations)
}

// approve shows what a plan costs and asks.
func (s *walletSession) approve(plan *wallet.Plan, to string) error {
	yes := s.c.Bool("yes")
	if !yes {
		s.showPlan(plan, to)
	}
	if plan.HighFee() && !s.c.Bool("allow-high-fee") {
		if yes {
			return fmt.Errorf("the fee of %s is over 10 %% of the amount or over 0.01, nothing was sent; --allow-high-fee sends it all the same", wallet.FormatAmount(plan.Fee))
		}
		if err := s.confirm("The fee is over 10 % of the amount or over 0.01. Is that meant?"); err != nil {
			return err
		}
	}
	if yes {
		return nil
	}
	return s.confirm("Sign and send?")
}

// wait blocks until a transaction has enough confirmations or can have none any more. Meanwhile others can use the
// wallet.
func (s *walletSession) wait(node wallet.Node, id types.Hash, want int32) (int32, error) {
	ticker := time.NewTicker(walletPoll)
	defer ticker.Stop()
	seen := s.wallet.TipHash()
	for {
		if err := s.wallet.Close(); err != nil {
			return 0, err
		}
		if err := s.waitForTip(node, seen, ticker); err != nil {
			return 0, fmt.Errorf("transaction %s is sent, but waiting for it ended: %w", id, err)
		}
		if err := s.wallet.Resume(s.ctx); err != nil {
			return 0, err
		}
		if err := s.sync(node); err != nil {
			return 0, err
		}
		seen = s.wallet.TipHash()
		e, ok := s.wallet.Lookup(id)
		switch {
		case ok && e.Confirmations >= want:
			return e.Confirmations, nil
		case !ok || e.Status != wallet.Pending && e.Status != wallet.Confirmed:
			return 0, fmt.Errorf("transaction %s will not confirm: it is %s", id, e.Status)
		}
	}
}

// waitForTip returns when the node's tip is another than seen.
func (s *walletSession) waitForTip(node wallet.Node, seen types.Hash, ticker *time.Ticker) error {
	for {
		_, hash, err := node.Tip(s.ctx)
		if err != nil {
			return err
		}
		if hash != seen {
			return nil
		}
		select {
		case <-s.ctx.Done():
			return s.ctx.Err()
		case <-ticker.C:
		}
	}
}
