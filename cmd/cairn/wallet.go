package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/wallet"
)

// walletCommand is `cairn wallet`.
func walletCommand() *cli.Command {
	wallets := &cli.Command{
		Name:  "wallet",
		Usage: "make wallets, receive, send",
		Description: "A wallet is one encrypted file with its keys and its history. It talks to a node's RPC: to the first\n" +
			"node of the testnet that runs in --testnet-data, or to the one named with --node and --cookie.\n\n" +
			"Example:\n   cairn wallet create\n   cairn wallet address\n   cairn testnet faucet ADDRESS 5 --wait\n   cairn wallet balance\n   cairn wallet send ADDRESS 1.5",
		Subcommands: []*cli.Command{
			walletCreateCommand(),
			walletRestoreCommand(),
			walletListCommand(),
			walletAddressCommand(),
			walletBalanceCommand(),
			walletSendCommand(),
			walletBumpCommand(),
			walletAbandonCommand(),
			walletHistoryCommand(),
			walletExportCommand(),
			walletImportCommand(),
		},
	}
	for _, c := range append(wallets.Subcommands, wallets) {
		c.OnUsageError, c.HideHelpCommand = wrongUsage, true
	}
	return wallets
}

// walletFlags are what all wallet commands understand, and those given.
func walletFlags(more ...cli.Flag) []cli.Flag {
	common := []cli.Flag{
		&cli.StringFlag{Name: "wallet", Value: "default", Usage: "`NAME` of the wallet", EnvVars: []string{"CAIRN_WALLET"}},
		&cli.StringFlag{Name: "wallet-dir", Usage: "`DIR` of the wallets (default: wallets/NETWORK in $CAIRN_HOME or ~/.cairn)", EnvVars: []string{"CAIRN_WALLET_DIR"}},
		&cli.StringFlag{Name: "network", Usage: "`NAME` of the network (default: that of the running testnet, else cairn)", EnvVars: []string{"CAIRN_NETWORK"}},
		&cli.StringFlag{Name: "params", Usage: "`FILE` with the params of a network of your own", EnvVars: []string{"CAIRN_PARAMS"}},
		&cli.StringFlag{Name: "passphrase-file", Usage: "read the passphrase from the first line of `FILE`, - for standard input", EnvVars: []string{"CAIRN_PASSPHRASE_FILE"}},
		&cli.BoolFlag{Name: "no-passphrase", Usage: "the wallet is not protected; for tests", EnvVars: []string{"CAIRN_NO_PASSPHRASE"}},
		&cli.StringFlag{Name: "node", Usage: "`URL` of the node's RPC, or the number of a node of the running testnet", EnvVars: []string{"CAIRN_NODE"}},
		&cli.StringFlag{Name: "cookie", Usage: "the node's cookie `FILE`", EnvVars: []string{"CAIRN_COOKIE"}},
		&cli.StringFlag{Name: "testnet-data", Value: ".cairn/testnet", Usage: "data `DIR` of the running testnet", EnvVars: []string{"CAIRN_TESTNET_DATA"}},
		&cli.BoolFlag{Name: "json", Usage: "print JSON", EnvVars: []string{"CAIRN_JSON"}},
	}
	return append(more, common...)
}

// walletAction wraps an action, which gets from least to most arguments.
func walletAction(least, most int, run func(s *walletSession, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args := c.Args().Slice()
		if len(args) < least || len(args) > most {
			return usagef("wrong number of arguments; usage: %s", strings.TrimSpace(c.Command.HelpName+" "+c.Command.ArgsUsage))
		}
		s, err := newWalletSession(c)
		if err != nil {
			return err
		}
		return errors.Join(run(s, args), s.close())
	}
}

func walletCreateCommand() *cli.Command {
	return &cli.Command{
		Name:        "create",
		Usage:       "make a new wallet and show its mnemonic once",
		Description: "Example:\n   cairn wallet create --wallet savings",
		Flags: walletFlags(
			&cli.StringFlag{Name: "type", Value: string(wallet.Taproot), Usage: "`TYPE` of new addresses: taproot (BIP86) or segwit (BIP84)", EnvVars: []string{"CAIRN_ADDRESS_TYPE"}},
			&cli.IntFlag{Name: "words", Value: 12, Usage: "`N` words of the mnemonic: 12, 15, 18, 21 or 24", EnvVars: []string{"CAIRN_WORDS"}},
		),
		Action: walletAction(0, 0, func(s *walletSession, _ []string) error {
			words := s.c.Int("words")
			if words < 12 || words > 24 || words%3 != 0 {
				return wallet.ErrMnemonicLength
			}
			mnemonic, err := wallet.NewMnemonic(s.random, words/3*4)
			if err != nil {
				return err
			}
			if err := s.create(mnemonic); err != nil {
				return err
			}
			return s.showCreated(mnemonic)
		}),
	}
}

func walletRestoreCommand() *cli.Command {
	return &cli.Command{
		Name:        "restore",
		Usage:       "make a wallet from a mnemonic",
		Description: "The words are asked for, or read from a file; they are never an argument, where others could read them.\n\nExample:\n   cairn wallet restore --wallet savings",
		Flags: walletFlags(
			&cli.StringFlag{Name: "type", Value: string(wallet.Taproot), Usage: "`TYPE` of new addresses: taproot (BIP86) or segwit (BIP84)", EnvVars: []string{"CAIRN_ADDRESS_TYPE"}},
			&cli.StringFlag{Name: "mnemonic-file", Usage: "read the words from `FILE`, - for standard input", EnvVars: []string{"CAIRN_MNEMONIC_FILE"}},
		),
		Action: walletAction(0, 0, func(s *walletSession, _ []string) error {
			mnemonic, err := s.secret("mnemonic-file", "Mnemonic: ")
			if err != nil {
				return err
			}
			if _, err := wallet.SeedFromMnemonic(mnemonic, ""); err != nil {
				return err
			}
			if err := s.create(mnemonic); err != nil {
				return err
			}
			return s.showCreated("")
		}),
	}
}

func walletListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the wallets", Description: "Example:\n   cairn wallet list",
		Flags: walletFlags(),
		Action: walletAction(0, 0, func(s *walletSession, _ []string) error {
			infos, err := wallet.List(s.dir)
			if err != nil {
				return err
			}
			return s.showList(infos)
		}),
	}
}

func walletAddressCommand() *cli.Command {
	return &cli.Command{
		Name:        "address",
		Usage:       "print a fresh address to receive coins",
		Description: "Example:\n   cairn wallet address\n   cairn wallet address --type segwit\n   cairn wallet address --all",
		Flags: walletFlags(
			&cli.StringFlag{Name: "type", Usage: "`TYPE` of the address, taproot or segwit (default: the wallet's)", EnvVars: []string{"CAIRN_ADDRESS_TYPE"}},
			&cli.BoolFlag{Name: "all", Usage: "list all addresses that were handed out", EnvVars: []string{"CAIRN_ALL"}},
		),
		Action: walletAction(0, 0, func(s *walletSession, _ []string) error {
			w, err := s.open()
			if err != nil {
				return err
			}
			if s.c.Bool("all") {
				return s.showAddresses(w.Addresses())
			}
			return s.newAddress(w)
		}),
	}
}

// walletOffline is the flag of commands that can do without a node.
func walletOffline() cli.Flag {
	return &cli.BoolFlag{Name: "offline", Usage: "ask no node, show what is known", EnvVars: []string{"CAIRN_OFFLINE"}}
}

func walletBalanceCommand() *cli.Command {
	return &cli.Command{
		Name: "balance", Usage: "show what can be spent, what is pending and what is immature", Description: "Example:\n   cairn wallet balance --json",
		Flags: walletFlags(walletOffline()),
		Action: walletAction(0, 0, func(s *walletSession, _ []string) error {
			w, err := s.openSynced()
			if err != nil {
				return err
			}
			return s.showBalance(w)
		}),
	}
}

func walletHistoryCommand() *cli.Command {
	return &cli.Command{
		Name: "history", Usage: "list transactions, the newest first", Description: "Example:\n   cairn wallet history -n 50",
		Flags: walletFlags(walletOffline(),
			&cli.IntFlag{Name: "n", Value: 20, Usage: "show at most `N`, 0 for all", EnvVars: []string{"CAIRN_HISTORY"}}),
		Action: walletAction(0, 0, func(s *walletSession, _ []string) error {
			n := s.c.Int("n")
			if n < 0 {
				return usagef("-n is a number of transactions, or 0 for all, not %d", n)
			}
			w, err := s.openSynced()
			if err != nil {
				return err
			}
			entries := w.History()
			if n > 0 && len(entries) > n {
				entries = entries[:n]
			}
			return s.showHistory(entries)
		}),
	}
}
