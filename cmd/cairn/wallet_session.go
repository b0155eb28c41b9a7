package main

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/lab"
	"github.com/cairn-chain/cairn/wallet"
)

// walletLockWait is for how long a command waits for another one that has the wallet open.
const walletLockWait = 10 * time.Second

// walletSecretBytes bounds what is read as one secret.
const walletSecretBytes = 4096

// walletSession is one run of a wallet command.
type walletSession struct {
	c       *cli.Context
	ctx     context.Context
	out     io.Writer
	errOut  io.Writer
	in      *bufio.Reader
	random  io.Reader
	testnet *lab.Sheet // nil if none runs
	params  *consensus.Params
	dir     string
	wallet  *wallet.Wallet
}

func newWalletSession(c *cli.Context) (*walletSession, error) {
	s := &walletSession{c: c, ctx: c.Context, out: c.App.Writer, errOut: c.App.ErrWriter, random: crand.Reader}
	s.in = bufio.NewReader(c.App.Reader)
	var err error
	if s.testnet, err = runningTestnet(c.String("testnet-data")); err != nil {
		return nil, err
	}
	if s.params, err = s.network(); err != nil {
		return nil, err
	}
	s.dir, err = s.directory()
	return s, err
}

// close gives up the wallet's lock.
func (s *walletSession) close() error {
	if s.wallet == nil {
		return nil
	}
	return s.wallet.Close()
}

// network decides on which network the wallet is.
func (s *walletSession) network() (*consensus.Params, error) {
	if path := s.c.String("params"); path != "" {
		return readParams(path)
	}
	name := s.c.String("network")
	if name == "" && s.testnetNode() {
		name = s.testnet.Network
	}
	if name == "" {
		name = "cairn"
	}
	if s.testnet != nil && s.testnet.Params != "" && name == s.testnet.Network {
		return readParams(s.testnet.Params)
	}
	p, err := consensus.Network(name)
	if err != nil {
		return nil, fmt.Errorf("%w; a network of your own needs --params FILE", err)
	}
	return p, nil
}

func readParams(path string) (*consensus.Params, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the params file: %w", err)
	}
	return consensus.ParseParams(raw)
}

// testnetNode tells whether the node is one of the running testnet: --node names it by its number, or nothing.
func (s *walletSession) testnetNode() bool {
	name := s.c.String("node")
	_, err := strconv.Atoi(name)
	return s.testnet != nil && (name == "" || err == nil)
}

// runningTestnet returns nil if no testnet runs in dir.
func runningTestnet(dir string) (*lab.Sheet, error) {
	sheet, err := lab.ReadSheet(dir)
	if errors.Is(err, lab.ErrNotRunning) {
		return nil, nil
	}
	return &sheet, err
}

// directory returns where the wallets of the network are.
func (s *walletSession) directory() (string, error) {
	if dir := s.c.String("wallet-dir"); dir != "" {
		return dir, nil
	}
	home := os.Getenv("CAIRN_HOME")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("%w; say where wallets are with --wallet-dir or CAIRN_HOME", err)
		}
		home = filepath.Join(user, ".cairn")
	}
	return filepath.Join(home, "wallets", s.params.Name), nil
}

func (s *walletSession) options() wallet.Options {
	return wallet.Options{Dir: s.dir, Name: s.c.String("wallet"), Params: s.params, LockWait: walletLockWait}
}

// create makes the wallet of the flags.
func (s *walletSession) create(mnemonic string) error {
	kind, err := wallet.ParseAddressType(s.c.String("type"))
	if err != nil {
		return err
	}
	o := s.options()
	if _, err := wallet.Inspect(o.Dir, o.Name); err == nil {
		return fmt.Errorf("%w: %s; choose another with --wallet NAME", wallet.ErrExists, o.Name)
	}
	if o.Passphrase, err = s.newPassphrase(); err != nil {
		return err
	}
	s.wallet, err = wallet.Create(s.ctx, o, mnemonic, kind)
	return err
}

// newPassphrase asks twice for a passphrase, unless flags say otherwise.
func (s *walletSession) newPassphrase() ([]byte, error) {
	if s.c.Bool("no-passphrase") {
		return nil, s.noPassphraseAlone()
	}
	first, err := s.secret("passphrase-file", "New passphrase: ")
	if err != nil {
		return nil, err
	}
	if first == "" {
		return nil, errors.New("the passphrase is empty; a wallet without one needs --no-passphrase")
	}
	if s.c.String("passphrase-file") != "" {
		return []byte(first), nil
	}
	again, err := s.secret("passphrase-file", "The same again: ")
	if err == nil && again != first {
		err = errors.New("the two passphrases are not the same; no wallet was made")
	}
	return []byte(first), err
}

func (s *walletSession) noPassphraseAlone() error {
	if s.c.String("passphrase-file") != "" {
		return errors.New("--no-passphrase and --passphrase-file exclude each other")
	}
	return nil
}

// open opens the wallet of the flags.
func (s *walletSession) open() (*wallet.Wallet, error) {
	o := s.options()
	info, err := wallet.Inspect(o.Dir, o.Name)
	switch {
	case errors.Is(err, wallet.ErrNoWallet):
		return nil, fmt.Errorf("%w: %s in %s; make it with: cairn wallet create", err, o.Name, o.Dir)
	case err != nil:
		return nil, err
	case info.Encrypted && s.c.Bool("no-passphrase"):
		return nil, errors.New("the wallet has a passphrase; leave out --no-passphrase")
	case info.Encrypted:
		pass, err := s.secret("passphrase-file", "Passphrase: ")
		if err != nil {
			return nil, err
		}
		o.Passphrase = []byte(pass)
	}
	s.wallet, err = wallet.Open(s.ctx, o)
	return s.wallet, err
}

// openSynced opens the wallet and brings it up to date, unless --offline is given.
func (s *walletSession) openSynced() (*wallet.Wallet, error) {
	w, err := s.open()
	if err != nil || s.c.Bool("offline") {
		return w, err
	}
	node, err := s.node()
	if err != nil {
		return nil, err
	}
	return w, s.sync(node)
}

// sync brings the open wallet up to date and says what a user should know.
func (s *walletSession) sync(node wallet.Node) error {
	progress, done := s.progress()
	result, err := s.wallet.Sync(s.ctx, node, progress)
	done()
	if err != nil {
		return err
	}
	if result.Undone > 0 && !result.Rescanned {
		s.note("the chain was reorganized: %d blocks left it, the wallet followed", result.Undone)
	}
	if result.LessWork {
		s.note("this node's chain has less work than the one seen before; it may be cut off or still catching up")
	}
	for _, r := range result.Refused {
		s.note("the node does not take pending transaction %s: %s", r.TxID, r.Reason)
	}
	return nil
}

// note prints a line to standard error.
func (s *walletSession) note(format string, args ...any) {
	walletPrint(s.errOut, "note: "+format+"\n", args...)
}

// walletPrint writes to a terminal or pipe; a reader who went away ends the program by its signal.
func walletPrint(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}

// progress shows how far a long sync is, if standard error is a terminal.
func (s *walletSession) progress() (report func(height, tip int32), done func()) {
	f, ok := s.errOut.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	shown := false
	report = func(height, tip int32) {
		shown = true
		walletPrint(s.errOut, "\rscanning: block %d of %d", height, tip)
	}
	return report, func() {
		if shown {
			walletPrint(s.errOut, "\r\033[K")
		}
	}
}

// secret reads a secret from the file that a flag names, else from the terminal without echo, else
// refuses: secrets are never arguments.
func (s *walletSession) secret(flag, prompt string) (string, error) {
	if path := s.c.String(flag); path != "" {
		return s.secretFrom(path, flag)
	}
	f, ok := s.c.App.Reader.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", fmt.Errorf("standard input is no terminal to ask on; use --%s FILE (- for standard input)", flag)
	}
	walletPrint(s.errOut, "%s", prompt)
	raw, err := term.ReadPassword(int(f.Fd()))
	walletPrint(s.errOut, "\n")
	if err != nil {
		return "", fmt.Errorf("read from the terminal: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

func (s *walletSession) secretFrom(path, flag string) (string, error) {
	if path == "-" {
		line, err := s.in.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read standard input: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	raw, err := readWalletFile(path, walletSecretBytes)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	if flag == "mnemonic-file" {
		return string(raw), nil // words may stand on several lines
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimRight(line, "\r"), nil
}

// readWalletFile reads at most limit bytes of a file.
func readWalletFile(path string, limit int64) (raw []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, limit))
}

// confirm asks a yes-or-no question; anything but yes is no.
func (s *walletSession) confirm(question string) error {
	walletPrint(s.errOut, "%s [y/N] ", question)
	line, err := s.in.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return errors.New("not confirmed, nothing was done; --yes answers the question")
}
