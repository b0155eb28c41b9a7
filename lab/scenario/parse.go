// Package scenario reads and runs experiments that are written down: text files of the laboratory's verbs, with times and
// expectations. A scenario starts a network of its own, does one line after the other, and fails at the first line whose
// expectation is not met.
//
// # Grammar
//
//	file        = { line newline }
//	line        = [ statement ] [ "#" comment ]
//	statement   = "network" { setting }                  only as the first statement
//	            | [ "at" duration ] step
//	step        = verb [ "->" name ]                     an order; name stands for its transaction and its values from then on
//	            | "expect" condition [ "within" duration ]
//	            | "refused" quoted verb                  an order that must fail, with a message that holds the quoted text
//	            | "wait" duration
//	            | "say" text
//	setting     = key "=" value                          nodes miners hashpower topology block-time rules mining seed
//	verb        = as in `cairn testnet VERB`; $name is the transaction of an earlier step
//	condition   = "one-tip"                              all running nodes have the same tip
//	            | "same-tip" node node | "other-tip" node node
//	            | "tips" compare number                  how many different tips there are
//	            | subject nodes compare number           height headers peers mempool reorgs depth returned fee
//	            | "tx" name place "on" nodes             confirmed mempool absent
//	            | "deployment" word state "on" nodes     defined started locked_in active failed
//	            | "running" nodes | "stopped" nodes
//	            | "guest" number state                   the first that joined is 0; unknown agrees behind ahead diverges
//	            | name "." word compare number           a value of an earlier step
//	nodes       = node | "all"
//	compare     = "=" | "!=" | "<" | "<=" | ">" | ">="
//	duration    = as in Go: 500ms, 30s, 10m
//
// Words are separated by spaces. A topology that ends in .toml is a file, looked for beside the scenario. "at" counts from when the network is ready; a line whose time has passed is done at once.
// depth and returned are of a node's last reorganization; fee is what it estimates a transaction must pay to be in a block within two, in
// units per vbyte, 0 if it does not know. Without "within" an expectation must hold at once.
//
// Without settings the network has four nodes in a ring with the rules of regtest, no miners and seed 1.
//
// Start reading at Parse and Run.
package scenario

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// Bounds of a file.
const (
	maxLines    = 10_000
	maxLine     = 64 << 10
	maxDuration = 24 * time.Hour
)

// File is a scenario.
type File struct {
	Name    string
	Title   string     // its first comment
	Network lab.Config // without a place for its data
	Steps   []Step
}

// Step is one thing to do. Exactly one of Order, Expect, Wait and Say is meant, by Kind.
type Step struct {
	Line int
	Text string
	// Comment is what stands behind # in its line.
	Comment string
	At      time.Duration // −1: when its turn comes
	Kind    Kind
	// Order and what its outcome is called ("": nothing); for Refused, what the error must hold.
	Order   lab.Order
	Name    string
	Refusal string
	Expect  *Expectation
	Wait    time.Duration
}

// Kind is what a step is.
type Kind int

// The kinds.
const (
	Do Kind = iota
	Expect
	Refused
	Wait
	Say
)

// Error is a fault of a file or of a run, at a line.
type Error struct {
	File string
	Line int
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns the fault itself.
func (e *Error) Unwrap() error { return e.Err }

// parser holds what the lines so far have said.
type parser struct {
	f     *File
	names map[string]bool
	begun bool
}

// Parse reads a scenario. An *Error names the line, and what was expected there.
func Parse(name string, r io.Reader) (*File, error) {
	p := &parser{f: &File{Name: name, Network: lab.Config{Network: "regtest", Mining: lab.Manual}}, names: map[string]bool{}}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	line := 0
	for s.Scan() {
		if line++; line > maxLines {
			return nil, &Error{name, line, fmt.Errorf("a scenario has at most %d lines", maxLines)}
		}
		if err := p.line(line, s.Text()); err != nil {
			return nil, &Error{name, line, err}
		}
	}
	if err := s.Err(); err != nil {
		return nil, &Error{name, line + 1, err}
	}
	if len(p.f.Steps) == 0 {
		return nil, &Error{name, max(line, 1), errors.New("the scenario does nothing: expected an order such as `mine 3`")}
	}
	return p.f, nil
}

func (p *parser) line(number int, text string) error {
	text, comment, _ := strings.Cut(text, "#")
	if p.f.Title == "" && !p.begun {
		p.f.Title = strings.TrimSpace(comment)
	}
	words := strings.Fields(text)
	if len(words) == 0 {
		return nil
	}
	if words[0] == "network" {
		if p.begun {
			return errors.New("`network` is only the first statement of a scenario")
		}
		p.begun = true
		return p.network(words[1:])
	}
	p.begun = true
	st := Step{Line: number, Text: strings.Join(words, " "), Comment: strings.TrimSpace(comment), At: -1}
	if words[0] == "at" {
		if len(words) < 3 {
			return errors.New("expected a time and a step: at 10s mine 3")
		}
		var err error
		if st.At, err = duration(words[1]); err != nil {
			return err
		}
		words = words[2:]
	}
	if err := p.step(&st, words); err != nil {
		return err
	}
	p.f.Steps = append(p.f.Steps, st)
	return nil
}

func (p *parser) step(st *Step, words []string) (err error) {
	switch words[0] {
	case "expect":
		st.Kind = Expect
		st.Expect, err = p.expectation(words[1:])
	case "wait":
		st.Kind = Wait
		if len(words) != 2 {
			return errors.New("expected a time: wait 2s")
		}
		st.Wait, err = duration(words[1])
	case "say":
		st.Kind, st.Text = Say, strings.Join(words[1:], " ")
	case "refused":
		st.Kind = Refused
		st.Refusal, words, err = quoted(words[1:])
		if err == nil {
			err = p.order(st, words)
		}
	default:
		err = p.order(st, words)
	}
	return err
}

// quoted takes a text in quotes off the front.
func quoted(words []string) (text string, rest []string, err error) {
	all := strings.Join(words, " ")
	if !strings.HasPrefix(all, `"`) {
		return "", nil, errors.New("expected a text in quotes and an order: refused \"no such node\" stop 9")
	}
	text, after, ok := strings.Cut(all[1:], `"`)
	if !ok || text == "" {
		return "", nil, errors.New("the quotes are not closed, or empty")
	}
	return text, strings.Fields(after), nil
}

func (p *parser) order(st *Step, words []string) (err error) {
	if n := len(words); n >= 2 && words[n-2] == "->" {
		st.Name, words = words[n-1], words[:n-2]
		if !isName(st.Name) {
			return fmt.Errorf("%q is not a name: expected letters and digits", st.Name)
		}
	}
	for _, w := range words {
		if name, ok := strings.CutPrefix(w, "$"); ok && !p.names[name] {
			return fmt.Errorf("nothing is called %s so far: expected a step that ends in `-> %s`", name, name)
		}
	}
	if st.Order, err = lab.ParseOrder(words); err != nil {
		return err
	}
	if st.Name != "" {
		p.names[st.Name] = true
	}
	return nil
}

func isName(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' {
			return false
		}
	}
	return s != ""
}

func duration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxDuration {
		return 0, fmt.Errorf("%q is not a time: expected one like 500ms, 30s or 10m", text)
	}
	return d, nil
}

// network reads the settings.
func (p *parser) network(settings []string) error {
	cfg := &p.f.Network
	for _, s := range settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok || value == "" {
			return fmt.Errorf("%q is not a setting: expected one like nodes=5", s)
		}
		if err := set(cfg, p.f.Name, key, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func set(cfg *lab.Config, file, key, value string) (err error) {
	switch key {
	case "nodes":
		if cfg.Nodes, err = strconv.Atoi(value); err == nil && (cfg.Nodes < 1 || cfg.Nodes > lab.MaxNodes) {
			err = fmt.Errorf("a network has 1 to %d nodes, not %d", lab.MaxNodes, cfg.Nodes)
		}
	case "miners":
		cfg.Miners, err = strconv.Atoi(value)
	case "seed":
		cfg.Seed, err = strconv.ParseUint(value, 10, 64)
	case "hashpower":
		cfg.Hashpower = strings.Split(value, ",")
	case "topology":
		cfg.Topology = lab.Topology(value)
		if strings.HasSuffix(value, ".toml") && !filepath.IsAbs(value) {
			cfg.Topology = lab.Topology(filepath.Join(filepath.Dir(file), value))
		}
	case "block-time":
		cfg.BlockTime, err = duration(value)
	case "rules":
		cfg.Network = value
	case "mining":
		cfg.Mining = lab.Mining(value)
	default:
		err = errors.New("expected nodes, miners, hashpower, topology, block-time, rules, mining or seed")
	}
	return err
}
