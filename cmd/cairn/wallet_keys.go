package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func walletExportCommand() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "print descriptors of the accounts, or the secrets if asked for",
		Description: "Without flags: watch-only descriptors, which hold no private key. --mnemonic and --wif print secrets; whoever\n" +
			"sees them has the coins.\n\nExample:\n   cairn wallet export\n   cairn wallet export --mnemonic",
		Flags: walletFlags(
			&cli.BoolFlag{Name: "mnemonic", Usage: "print the mnemonic", EnvVars: []string{"CAIRN_EXPORT_MNEMONIC"}},
			&cli.BoolFlag{Name: "wif", Usage: "print the private keys of all addresses handed out", EnvVars: []string{"CAIRN_EXPORT_WIF"}},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask for confirmation", EnvVars: []string{"CAIRN_YES"}},
		),
		Action: walletAction(0, 0, (*walletSession).export),
	}
}

func (s *walletSession) export(_ []string) error {
	w, err := s.open()
	if err != nil {
		return err
	}
	mnemonic, wif := s.c.Bool("mnemonic"), s.c.Bool("wif")
	if !mnemonic && !wif {
		d := w.Descriptors()
		return s.show(map[string]any{"network": w.Params().Name, "descriptors": d}, "%s\n", strings.Join(d, "\n"))
	}
	if !s.c.Bool("yes") {
		if err := s.confirm("This prints secrets: whoever sees them has the coins. Print them?"); err != nil {
			return err
		}
	}
	reply, text := map[string]any{}, ""
	if mnemonic {
		reply["mnemonic"] = w.Mnemonic()
		text = w.Mnemonic() + "\n"
	}
	if wif {
		keys, err := w.Keys()
		if err != nil {
			return err
		}
		reply["keys"] = keys
		for _, k := range keys {
			text += fmt.Sprintf("%s  %s\n", k.WIF, k.Address.Address)
		}
	}
	return s.show(reply, "%s", text)
}

func walletImportCommand() *cli.Command {
	return &cli.Command{
		Name:  "import",
		Usage: "add private keys, such as those of the testnet's accounts",
		Description: "Keys in wallet import format are asked for or read from a file, one a line; they are never an argument,\n" +
			"where others could read them. The chain is then scanned for their coins.\n\n" +
			"Example:\n   cairn wallet import --account 0 --account 1\n   cairn wallet import --wif-file keys.txt",
		Flags: walletFlags(walletOffline(),
			&cli.StringFlag{Name: "wif-file", Usage: "read keys from `FILE`, - for standard input", EnvVars: []string{"CAIRN_WIF_FILE"}},
			&cli.IntSliceFlag{Name: "account", Usage: "the key of account `I` of the running testnet", EnvVars: []string{"CAIRN_ACCOUNT"}},
		),
		Action: walletAction(0, 0, (*walletSession).importKeys),
	}
}

func (s *walletSession) importKeys(_ []string) error {
	wifs, err := s.keysToImport()
	if err != nil {
		return err
	}
	w, err := s.open()
	if err != nil {
		return err
	}
	added, err := w.Import(wifs...)
	if err != nil {
		return err
	}
	if !s.c.Bool("offline") {
		node, err := s.node()
		if err != nil {
			return err
		}
		if err := s.sync(node); err != nil {
			return err
		}
	}
	return s.show(map[string]any{"imported": added, "known": len(wifs) - added},
		"imported %s, known before: %d\n", walletCount(added, "key"), len(wifs)-added)
}

func (s *walletSession) keysToImport() ([]string, error) {
	accounts := s.c.IntSlice("account")
	if len(accounts) == 0 {
		return s.keysFromUser()
	}
	if s.testnet == nil {
		return nil, fmt.Errorf("no testnet runs in %s; start it with: cairn testnet up", s.c.String("testnet-data"))
	}
	var wifs []string
	for _, i := range accounts {
		if i < 0 || i >= len(s.testnet.Accounts) {
			return nil, fmt.Errorf("the testnet has %d accounts, counted from 0; there is no %d", len(s.testnet.Accounts), i)
		}
		wifs = append(wifs, s.testnet.Accounts[i].WIF)
	}
	return wifs, nil
}

// maxImportBytes bounds a file of keys.
const maxImportBytes = 1 << 20

func (s *walletSession) keysFromUser() ([]string, error) {
	var text string
	if s.c.String("wif-file") == "-" {
		raw, err := io.ReadAll(io.LimitReader(s.in, maxImportBytes))
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		text = string(raw)
	} else if path := s.c.String("wif-file"); path != "" {
		raw, err := readWalletFile(path, maxImportBytes)
		if err != nil {
			return nil, fmt.Errorf("--wif-file: %w", err)
		}
		text = string(raw)
	} else {
		var err error
		if text, err = s.secret("wif-file", "Private key (WIF): "); err != nil {
			return nil, err
		}
	}
	wifs := strings.Fields(text)
	if len(wifs) == 0 {
		return nil, errors.New("there is no key to import")
	}
	return wifs, nil
}
