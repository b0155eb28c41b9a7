package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst puts flags before arguments, so that `cairn testnet mine 5 --node 1` means what it says; the flag
// package stops at the first argument. What follows "--" stays as it is.
func flagsFirst(app *cli.App, args []string) []string {
	if len(args) == 0 {
		return args
	}
	out, rest := []string{args[0]}, args[1:]
	commands := app.Commands
	for len(rest) > 0 {
		cmd := findCommand(commands, rest[0])
		if cmd == nil {
			return append(out, rest...)
		}
		out, rest = append(out, rest[0]), rest[1:]
		if len(cmd.Subcommands) == 0 {
			return append(out, sortFlags(cmd.Flags, rest)...)
		}
		commands = cmd.Subcommands
	}
	return out
}

func findCommand(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func sortFlags(known []cli.Flag, args []string) []string {
	var flags, plain []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			plain = append(plain, args[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' || isNumber(arg) {
			plain = append(plain, arg)
			continue
		}
		flags = append(flags, arg)
		if takesValue(known, arg) && i+1 < len(args) {
			i++
			flags = append(flags, args[i])
		}
	}
	if len(plain) == 0 {
		return flags
	}
	return append(append(flags, "--"), plain...)
}

// isNumber lets negative numbers be arguments.
func isNumber(arg string) bool { return arg[1] >= '0' && arg[1] <= '9' }

// takesValue tells whether the next argument belongs to the flag.
func takesValue(known []cli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range known {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}
