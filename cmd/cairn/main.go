// Command cairn is a proof-of-work node with Bitcoin's rules, its wallet, and a laboratory of networks of
// such nodes. `cairn --help` lists what it can do; `cairn testnet up` is where to begin.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/node"
)

func main() { os.Exit(run(os.Args)) }

// usageError is wrong usage: exit code 2 instead of 1.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run is main with an exit code, so that tests can call it as a program.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app := newApp()
	err := app.RunContext(ctx, flagsFirst(app, args))
	if err == nil {
		return 0
	}
	var exit cli.ExitCoder
	if errors.As(err, &exit) {
		if exit.Error() != "" {
			fmt.Fprintln(os.Stderr, "cairn: "+exit.Error())
		}
		return exit.ExitCode()
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = fmt.Errorf("interrupted before it was done")
	}
	fmt.Fprintln(os.Stderr, "cairn: "+err.Error())
	var usage usageError
	if errors.As(err, &usage) {
		return 2
	}
	return 1
}

func newApp() *cli.App {
	return &cli.App{
		Name:    "cairn",
		Usage:   "a proof-of-work node with Bitcoin's rules, and a laboratory around it",
		Version: node.Version,
		Description: "Begin with:\n\n    cairn testnet up                 a network of four nodes on this machine\n" +
			"    cairn wallet create              a wallet\n    cairn testnet faucet ADDRESS     coins for it\n",
		Commands: []*cli.Command{
			testnetCommand(), nodeCommand(), walletCommand(), mineCommand(), chainCommand(), mempoolCommand(), peersCommand(), rpcCommand(), healthCommand(), simCommand(), completionCommand(), docsCommand(),
		},
		EnableBashCompletion: true,
		HideHelpCommand:      true,
		OnUsageError:         wrongUsage,
		CommandNotFound: func(c *cli.Context, name string) {
			fmt.Fprintf(os.Stderr, "cairn: there is no command %q; `%s --help` lists them\n", name, c.App.HelpName)
			os.Exit(2)
		},
		ExitErrHandler: func(*cli.Context, error) {}, // run prints errors
	}
}

func wrongUsage(c *cli.Context, err error, _ bool) error {
	return usagef("%w; see `%s --help`", err, c.Command.HelpName)
}

// env names a flag's environment variable: env("data") is CAIRN_DATA.
func env(name string) []string {
	b := []byte("CAIRN_" + name)
	for i, ch := range b {
		switch {
		case ch == '-':
			b[i] = '_'
		case 'a' <= ch && ch <= 'z':
			b[i] = ch - 'a' + 'A'
		}
	}
	return []string{string(b)}
}
