package sim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Study is one part of the validation: it runs networks and writes, as Markdown, what came of them beside what is known.
type Study struct {
	Title string
	run   func(ctx context.Context, s *sheet) error
}

// StudiesHead begins docs/validation.md.
const StudiesHead = `# Validation of the simulator

This page is made by ` + "`cairn sim validate --out docs/validation.md`" + `. It lays what simulated networks do beside what is known in closed form or was
published. Every run follows from its seed, so the same version of the program writes the same page.

Seeds and numbers of runs are fixed in the code before a table is made, and stand beside it; nothing is run again because of what came out. "Within" says whether the known
value lies in the interval of the run. The intervals of a table hold all of its rows at once with 95 %, so that a single "no" speaks against the simulator: of 20 tables like
these, one should have any.

`

// Studies are the parts of docs/validation.md, in order. They are independent of each other and may run at the same time.
func Studies() []Study {
	return []Study{
		{"Block intervals and the retarget", studyIntervals},
		{"Selfish mining", studySelfish},
		{"Double spending", studyDoubleSpend},
		{"Stale blocks, interval and delay", studyStale},
		{"Stale blocks of large blocks", studyLarge},
		{"What makes the difference", studySteps},
	}
}

// Run runs the study with a part of its size, 1 over divide; 1 is for the page, more is for tests.
func (s Study) Run(ctx context.Context, divide int) (string, error) {
	sh := &sheet{ctx: ctx, divide: max(divide, 1)}
	fmt.Fprintf(&sh.Builder, "## %s\n\n", s.Title)
	err := s.run(ctx, sh)
	return sh.String(), err
}

// Tables of means have five rows, each the mean of 12 runs. student is Student's quantile of 11 degrees of freedom for intervals that hold all
// five at once with 95 % (Bonferroni: 1 % for each).
const (
	runs    = 12
	student = 3.106
)

// sheet collects the text of a study.
type sheet struct {
	strings.Builder
	ctx        context.Context
	divide     int
	held, rows int // of the table in work
}

// n is a number of blocks or trials.
func (s *sheet) n(full int) int { return max(full/s.divide, 10) }

func (s *sheet) say(format string, args ...any) { fmt.Fprintf(s, format, args...) }

func (s *sheet) row(cells ...string) { s.say("| %s |\n", strings.Join(cells, " | ")) }

func (s *sheet) head(cells ...string) {
	s.row(cells...)
	s.row(slices.Repeat([]string{"--:"}, len(cells))...)
}

// world runs a network to its end.
func (s *sheet) world(cfg Config, seed uint64) (*World, error) {
	w, err := New(cfg.Complete(), seed, nil)
	if err != nil {
		return nil, err
	}
	return w, w.Run(s.ctx)
}

// meanOf returns the mean of the runs and half of its interval.
func meanOf(list []float64) (mean, half float64) {
	for _, x := range list {
		mean += x
	}
	mean /= float64(len(list))
	var squares float64
	for _, x := range list {
		squares += (x - mean) * (x - mean)
	}
	return mean, student * math.Sqrt(squares/float64(len(list)-1)/float64(len(list)))
}

// together is the quantile of the normal distribution for intervals that hold all of so many rows at once with 95 % (Bonferroni).
func together(rows int) float64 { return math.Sqrt2 * math.Erfinv(1-0.05/float64(rows)) }

// wilson is the interval of a chance of which hits of n independent trials were seen, for a normal quantile z.
func wilson(hits, n int, z float64) (low, high float64) {
	return wilsonOf(float64(hits)/float64(n), float64(n), z)
}

func wilsonOf(p, m, z float64) (low, high float64) {
	middle, half := p+z*z/(2*m), z*math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return max((middle-half)/(1+z*z/m), 0), (middle + half) / (1 + z*z/m)
}

func percent(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }

func between(low, high float64) string { return fmt.Sprintf("%.2f–%.2f %%", 100*low, 100*high) }

// within says whether a value lies in an interval, and keeps count for the verdict.
func (s *sheet) within(b bool) string {
	s.rows++
	if b {
		s.held++
		return "yes"
	}
	return "no"
}

// verdict closes a table: how many of its rows hold.
func (s *sheet) verdict() {
	s.say("\nVerdict: %d of %d rows within.\n", s.held, s.rows)
	s.held, s.rows = 0, 0
}
