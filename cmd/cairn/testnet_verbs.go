package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/lab"
)

// verbCommands are commands for all of the laboratory's verbs that have none of their own here.
func verbCommands(have []*cli.Command) (out []*cli.Command) {
	for _, v := range lab.Verbs() {
		if findCommand(have, v.Name) == nil {
			out = append(out, verbCommand(v))
		}
	}
	return out
}

func verbCommand(v lab.Verb) *cli.Command {
	flags := append(controlFlags(), &cli.BoolFlag{Name: "json", Usage: "print JSON"})
	for _, f := range v.Flags {
		if f.Value == "" {
			flags = append(flags, &cli.BoolFlag{Name: f.Name, Usage: f.Help})
			continue
		}
		flags = append(flags, &cli.StringFlag{Name: f.Name, Usage: "`" + f.Value + "`: " + f.Help})
	}
	return &cli.Command{Name: v.Name, ArgsUsage: v.Args, Usage: v.Help, Flags: flags, OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn testnet " + strings.TrimSpace(v.Name+" "+v.Example),
		Action:      func(c *cli.Context) error { return carryVerb(c, v) }}
}

// carryVerb gives the order that the command line says, and prints what came of it.
func carryVerb(c *cli.Context, v lab.Verb) error {
	words := append([]string{v.Name}, c.Args().Slice()...)
	for _, f := range v.Flags {
		if c.IsSet(f.Name) {
			text, err := flagText(c, f)
			if err != nil {
				return err
			}
			words = append(words, "--"+f.Name+"="+text)
		}
	}
	o, err := lab.ParseOrder(words)
	if err != nil {
		return usageError{err}
	}
	a, err := order(c, o)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c.App.Writer, a)
	}
	for _, line := range a.Lines {
		fmt.Fprintln(c.App.Writer, line)
	}
	return nil
}

// flagText is the value of a flag: of a switch, which c.String does not know, or of a file, whose name must mean the same in the network's
// process.
func flagText(c *cli.Context, f lab.VerbFlag) (string, error) {
	switch f.Value {
	case "":
		return fmt.Sprint(c.Bool(f.Name)), nil
	case "FILE":
		return filepath.Abs(c.String(f.Name))
	}
	return c.String(f.Name), nil
}
