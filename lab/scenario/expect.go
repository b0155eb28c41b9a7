package scenario

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// all stands for every running node.
const all = -1

// Expectation is a condition and how long it may take to hold.
type Expectation struct {
	Text   string
	Within time.Duration

	what  string // the first word, or "value"
	nodes []int  // one, or two for same-tip and other-tip; all
	op    string
	want  float64
	name  string // of an earlier step, of a deployment
	word  string // a place, a state, the name of a value
	guest int    // in the order in which they joined
}

const conditionHelp = "expected a condition: one-tip, same-tip I J, other-tip I J, tips = N, tx NAME confirmed on I, deployment NAME active on I, running I, stopped I, guest K agrees, " +
	"NAME.VALUE >= N, or height, headers, peers, mempool, reorgs, depth, returned or fee of a node as in `height 0 >= 120`"

func (p *parser) expectation(words []string) (*Expectation, error) {
	e := &Expectation{}
	if n := len(words); n >= 2 && words[n-2] == "within" {
		var err error
		if e.Within, err = duration(words[n-1]); err != nil {
			return nil, err
		}
		words = words[:n-2]
	}
	if e.Text = strings.Join(words, " "); len(words) == 0 {
		return nil, errors.New(conditionHelp)
	}
	e.what = words[0]
	return e, p.condition(e, words[0], words[1:])
}

// unclear is the error of a condition that has no form.
func (e *Expectation) unclear() error {
	return fmt.Errorf("%q is none of the conditions: %s", e.Text, conditionHelp)
}

// forms are the conditions by their first word, and what of them follows it.
var forms = map[string]func(p *parser, e *Expectation, rest []string) error{
	"one-tip":    form(0, func(*parser, *Expectation, []string) error { return nil }),
	"same-tip":   form(2, (*parser).someNodes),
	"other-tip":  form(2, (*parser).someNodes),
	"tips":       form(2, (*parser).number),
	"running":    form(1, (*parser).someNodes),
	"stopped":    form(1, (*parser).someNodes),
	"tx":         form(4, (*parser).place),
	"deployment": form(4, (*parser).place),
	"guest":      form(2, (*parser).aboutGuest),
	"height":     form(3, (*parser).ofNode),
	"headers":    form(3, (*parser).ofNode),
	"peers":      form(3, (*parser).ofNode),
	"mempool":    form(3, (*parser).ofNode),
	"reorgs":     form(3, (*parser).ofNode),
	"depth":      form(3, (*parser).ofNode),
	"returned":   form(3, (*parser).ofNode),
	"fee":        form(3, (*parser).ofNode),
}

// form asks for as many words.
func form(words int, take func(*parser, *Expectation, []string) error) func(*parser, *Expectation, []string) error {
	return func(p *parser, e *Expectation, rest []string) error {
		if len(rest) != words {
			return e.unclear()
		}
		return take(p, e, rest)
	}
}

func (p *parser) condition(e *Expectation, what string, rest []string) error {
	if take, ok := forms[what]; ok {
		return take(p, e, rest)
	}
	name, word, ok := strings.Cut(what, ".")
	if !ok || len(rest) != 2 {
		return e.unclear()
	}
	e.what, e.name, e.word = "value", name, word
	if !p.names[name] {
		return fmt.Errorf("nothing is called %s so far: expected a step that ends in `-> %s`", name, name)
	}
	return e.compare(rest)
}

func (p *parser) someNodes(e *Expectation, rest []string) error {
	if len(rest) == 2 && slices.Contains(rest, "all") {
		return errors.New("the tips of two nodes are compared: expected two numbers, or one-tip")
	}
	return e.takeNodes(rest...)
}

func (p *parser) number(e *Expectation, rest []string) error { return e.compare(rest) }

func (p *parser) ofNode(e *Expectation, rest []string) error {
	if err := e.takeNodes(rest[0]); err != nil {
		return err
	}
	return e.compare(rest[1:])
}

func (p *parser) place(e *Expectation, rest []string) error {
	if rest[2] != "on" {
		return e.unclear()
	}
	e.name, e.word = strings.TrimPrefix(rest[0], "$"), rest[1]
	if err := p.checkPlace(e); err != nil {
		return err
	}
	return e.takeNodes(rest[3])
}

func (p *parser) checkPlace(e *Expectation) error {
	places := []string{lab.TxConfirmed, lab.TxMempool, lab.TxAbsent}
	if e.what == "deployment" {
		places = []string{"defined", "started", "locked_in", "active", "failed"}
	} else if !p.names[e.name] {
		return fmt.Errorf("nothing is called %s so far: expected a step that ends in `-> %s`", e.name, e.name)
	}
	if !slices.Contains(places, e.word) {
		return fmt.Errorf("%q is none of %s", e.word, strings.Join(places, ", "))
	}
	return nil
}

// guestStates are those of lab.GuestStatus.
var guestStates = []string{"unknown", "agrees", "behind", "ahead", "diverges"}

func (p *parser) aboutGuest(e *Expectation, rest []string) (err error) {
	if e.guest, err = strconv.Atoi(rest[0]); err != nil || e.guest < 0 {
		return fmt.Errorf("%q is not a guest: expected a number, 0 for the first", rest[0])
	}
	if e.word = rest[1]; !slices.Contains(guestStates, e.word) {
		return fmt.Errorf("%q is none of %s", e.word, strings.Join(guestStates, ", "))
	}
	return nil
}

// checkGuest looks at what is known of a guest.
func (e *Expectation) checkGuest(guests []lab.GuestStatus) (ok bool, saw string) {
	if e.guest >= len(guests) {
		return false, fmt.Sprintf("guests so far: %d", len(guests))
	}
	g := guests[e.guest]
	saw = fmt.Sprintf("guest %d (%s) is %q", e.guest, g.Addr, g.State)
	if g.Detail != "" {
		saw += ": " + g.Detail
	}
	return g.State == e.word, saw
}

func (e *Expectation) takeNodes(words ...string) error {
	for _, w := range words {
		i, err := strconv.Atoi(w)
		if w == "all" {
			i, err = all, nil
		}
		if err != nil || i < all || i >= lab.MaxNodes {
			return fmt.Errorf("%q is not a node: expected a number or all", w)
		}
		e.nodes = append(e.nodes, i)
	}
	return nil
}

func (e *Expectation) compare(words []string) (err error) {
	e.op = words[0]
	if !slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, e.op) {
		return fmt.Errorf("%q does not compare: expected =, !=, <, <=, > or >=", e.op)
	}
	if e.want, err = strconv.ParseFloat(words[1], 64); err != nil {
		return fmt.Errorf("%q is not a number", words[1])
	}
	return nil
}

// holds compares a number.
func (e *Expectation) holds(got float64) bool {
	switch e.op {
	case "=":
		return got == e.want
	case "!=":
		return got != e.want
	case "<":
		return got < e.want
	case "<=":
		return got <= e.want
	case ">":
		return got > e.want
	}
	return got >= e.want
}

// check looks whether the condition holds, and tells what it saw.
func (e *Expectation) check(r *run, s lab.Status) (ok bool, saw string) {
	switch e.what {
	case "one-tip":
		return s.OneTip, ""
	case "same-tip", "other-tip":
		a, b := s.Nodes[e.nodes[0]], s.Nodes[e.nodes[1]]
		return (a.Tip == b.Tip) == (e.what == "same-tip"), ""
	case "tips":
		n := float64(tips(s))
		return e.holds(n), fmt.Sprintf("%v tips", n)
	case "guest":
		return e.checkGuest(r.net.Guests())
	case "value":
		got, known := r.values[e.name][e.word]
		return known && e.holds(got), fmt.Sprintf("%s.%s is %v, of %v", e.name, e.word, got, r.values[e.name])
	}
	for i, ns := range s.Nodes {
		if !e.about(i, ns) {
			continue
		}
		if ok, saw := e.checkNode(r, i, ns); !ok {
			return false, fmt.Sprintf("node %d: %s", i, saw)
		}
	}
	return true, ""
}

// about tells whether a condition is about a node: all means those that run, but for running and stopped.
func (e *Expectation) about(i int, ns lab.NodeStatus) bool {
	if e.nodes[0] == all {
		return ns.Running || e.what == "running" || e.what == "stopped"
	}
	return e.nodes[0] == i
}

func (e *Expectation) checkNode(r *run, i int, ns lab.NodeStatus) (ok bool, saw string) {
	switch e.what {
	case "running", "stopped":
		return ns.Running == (e.what == "running"), ns.State
	case "tx":
		saw = r.net.WhereIs(i, r.txs[e.name])
		return saw == e.word, saw
	case "deployment":
		saw = r.net.Deployment(i, e.name)
		return saw == e.word, fmt.Sprintf("%s is %q", e.name, saw)
	}
	got := e.subject(r, i, ns)
	return ns.Running && e.holds(got), fmt.Sprintf("%s %v", e.what, got)
}

func (e *Expectation) subject(r *run, i int, ns lab.NodeStatus) float64 {
	last := lab.ReorgStatus{}
	if ns.LastReorg != nil {
		last = *ns.LastReorg
	}
	switch e.what {
	case "height":
		return float64(ns.Height)
	case "headers":
		return float64(ns.Headers)
	case "peers":
		return float64(ns.Peers)
	case "mempool":
		return float64(ns.MempoolTxs)
	case "reorgs":
		return float64(ns.Reorgs)
	case "depth":
		return float64(last.Depth)
	case "returned":
		return float64(last.Returned)
	}
	rate, _ := r.net.FeeEstimate(i, 2)
	return float64(rate) / 1000
}

func tips(s lab.Status) int {
	seen := map[lab.Hash]bool{}
	for _, ns := range s.Nodes {
		if ns.Running {
			seen[ns.Tip] = true
		}
	}
	return len(seen)
}
