package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// stepPatience bounds an order that does not come to an end.
const stepPatience = 10 * time.Minute

// run is a scenario under way.
type run struct {
	f      *File
	net    *lab.Net
	out    io.Writer
	begin  time.Time
	txs    map[string]lab.Hash
	values map[string]map[string]float64
}

// Run starts the scenario's network in a temporary directory, does its steps, and ends it. What is done is written to out. The error of a step
// is an *Error that names its line; one of an expectation says who was where.
func Run(ctx context.Context, f *File, out io.Writer) (err error) {
	cfg := f.Network
	cfg.Ephemeral = true
	begin := time.Now()
	net, err := lab.Up(ctx, cfg)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, net.Down()) }()
	whole, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	if err := net.AwaitWhole(whole); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	r := &run{f: f, net: net, out: out, begin: time.Now(), txs: map[string]lab.Hash{}, values: map[string]map[string]float64{}}
	fmt.Fprintf(out, "%s\n%s  the network is ready, after %.2f s\n", f.heading(), r.clock(), time.Since(begin).Seconds())
	for i := range f.Steps {
		st := &f.Steps[i]
		if err := r.step(ctx, st); err != nil {
			return &Error{f.Name, st.Line, err}
		}
	}
	fmt.Fprintf(out, "%s  done\n", r.clock())
	return nil
}

// heading is a scenario's name, with its title if it has one.
func (f *File) heading() string {
	if f.Title == "" {
		return f.Name
	}
	return f.Name + ": " + f.Title
}

// clock is the time since the network was ready.
func (r *run) clock() string { return fmt.Sprintf("%7.2fs", time.Since(r.begin).Seconds()) }

func (r *run) step(ctx context.Context, st *Step) error {
	if st.At >= 0 {
		if err := pause(ctx, st.At-time.Since(r.begin)); err != nil {
			return err
		}
	}
	fmt.Fprintf(r.out, "%s  %s\n", r.clock(), st.said())
	ctx, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	switch st.Kind {
	case Wait:
		return pause(ctx, st.Wait)
	case Expect:
		return r.expect(ctx, st.Expect)
	case Refused:
		return r.refused(ctx, st)
	case Do:
		return r.do(ctx, st)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// order is a step's order with the transactions of earlier steps in their places.
func (r *run) order(o lab.Order) lab.Order {
	args := make([]string, len(o.Args))
	for i, a := range o.Args {
		args[i] = r.replace(a)
	}
	flags := make(map[string]string, len(o.Flags))
	for k, v := range o.Flags {
		flags[k] = r.replace(v)
	}
	o.Args, o.Flags = args, flags
	return o
}

func (r *run) replace(word string) string {
	if name, ok := strings.CutPrefix(word, "$"); ok {
		return r.txs[name].String()
	}
	return word
}

func (r *run) do(ctx context.Context, st *Step) error {
	a, err := r.net.Carry(ctx, r.order(st.Order))
	for _, line := range shortened(st.Order, a.Lines) {
		fmt.Fprintf(r.out, "            %s\n", line)
	}
	if err != nil || st.Name == "" {
		return err
	}
	r.values[st.Name] = a.Values
	if a.TxID != "" {
		r.txs[st.Name], err = lab.ParseHash(a.TxID)
	}
	return err
}

// said is a step as it is told while it runs: with the comment that explains it.
func (st *Step) said() string {
	if st.Comment == "" {
		return st.Text
	}
	return fmt.Sprintf("%-34s # %s", st.Text, st.Comment)
}

// hashesTold is how many blocks of one order are named one by one.
const hashesTold = 6

// shortened leaves out the middle of a long list of mined blocks. What other orders tell is told whole.
func shortened(o lab.Order, lines []string) []string {
	if o.What != "mine" || len(lines) <= hashesTold {
		return lines
	}
	left := fmt.Sprintf("… %d more", len(lines)-3)
	return []string{lines[0], lines[1], left, lines[len(lines)-1]}
}

func (r *run) refused(ctx context.Context, st *Step) error {
	_, err := r.net.Carry(ctx, r.order(st.Order))
	switch {
	case err == nil:
		return fmt.Errorf("expected to be refused with %q, but it was done", st.Refusal)
	case !strings.Contains(err.Error(), st.Refusal):
		return fmt.Errorf("expected to be refused with %q, but it was with: %w", st.Refusal, err)
	}
	return nil
}

func (r *run) expect(ctx context.Context, e *Expectation) error {
	for _, i := range e.nodes {
		if i >= r.net.Len() {
			return fmt.Errorf("there is no node %d: the nodes are 0 to %d", i, r.net.Len()-1)
		}
	}
	// Even what must hold at once is looked at once more than never.
	ctx, cancel := context.WithTimeout(ctx, e.Within)
	defer cancel()
	saw := ""
	err := r.net.Await(ctx, e.Text, func(s lab.Status) (ok bool) {
		ok, saw = e.check(r, s)
		return ok
	})
	if err == nil {
		return nil
	}
	if saw != "" {
		saw = saw + "; "
	}
	within := ""
	if e.Within > 0 {
		within = fmt.Sprintf(" within %v", e.Within)
	}
	return fmt.Errorf("expected %s%s: %s%s", e.Text, within, saw, r.net.Whereabouts())
}
