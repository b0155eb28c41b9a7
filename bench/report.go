package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// report is the whole page.
type report struct {
	Date    string    `json:"date,omitempty"`
	Commit  string    `json:"commit,omitempty"`
	Quick   bool      `json:"quick"`
	Took    string    `json:"took"`
	Machine machine   `json:"machine"`
	Parts   []section `json:"parts"`
}

// section is a part of the page: how it was measured, and what came out.
type section struct {
	Title   string   `json:"title"`
	Text    string   `json:"text"` // Markdown
	Figures []figure `json:"figures"`
}

// figure is one line: what several runs gave.
type figure struct {
	Name string    `json:"name"`
	Unit string    `json:"unit"`
	Runs []float64 `json:"runs"`
	// PerCPU are the same runs per second of processor time instead of the clock's; rates within this process have them.
	PerCPU []float64 `json:"per_cpu_second,omitempty"`
	Aim    string    `json:"aim,omitempty"`
	// Difference says that each run is one of two that were measured. Where little is between them and the machine is busy, it may be below zero.
	Difference bool `json:"difference,omitempty"`
}

// rate adds a run that did n things.
func (f *figure) rate(n int, t took) {
	f.Runs = append(f.Runs, float64(n)/t.wall.Seconds())
	if t.cpu > 0 {
		f.PerCPU = append(f.PerCPU, float64(n)/t.cpu.Seconds())
	}
}

// median returns the middle of xs, or the mean of the two in the middle; NaN of nothing.
func median(xs []float64) float64 {
	if len(xs) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(xs))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// number prints three significant digits, and large numbers whole with a comma between thousands.
func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v < 0:
		return "−" + number(-v)
	case v < 1:
		return strconv.FormatFloat(v, 'f', 3, 64)
	case v < 9.995:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 99.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	text := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// markdown prints the page.
func (r *report) markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Benchmarks\n\nMade by `scripts/bench.sh`, which measures everything anew; do not edit.\n")
	if r.Quick {
		b.WriteString("\n**A quick run with small sizes: it shows that the measurements work, the figures say little.**\n")
	}
	r.head(&b)
	for i := range r.Parts {
		r.Parts[i].markdown(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) head(b *strings.Builder) {
	m := &r.Machine
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, value)
		}
	}
	b.WriteString("\n| | |\n|---|---|\n")
	line("Day", r.Date)
	line("Version", r.Commit)
	line("Processor", m.CPU)
	line("Cores", strconv.Itoa(m.Cores))
	line("Memory", m.Memory)
	line("Kernel", m.Kernel)
	line("Go", m.Go)
	line("Load average before and after (1, 5, 15 min)", strings.Trim(m.LoadBefore+"; "+m.LoadAfter, "; "))
	line("Took", r.Took)
	b.WriteString("\nA line shows the median of its runs, then the least and the greatest. “Per CPU second” is the same rate per second of " +
		"processor time, of all threads and with the garbage collector: it changes little with what else the machine does.\n")
}

func (s *section) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", s.Title, s.Text)
	has := func(f func(*figure) bool) bool {
		return slices.ContainsFunc(s.Figures, func(g figure) bool { return f(&g) })
	}
	cpu := has(func(f *figure) bool { return len(f.PerCPU) > 0 })
	aim := has(func(f *figure) bool { return f.Aim != "" })
	row := func(name, unit, med, spread, runs, perCPU, goal string) {
		cells := []string{name, med, spread, unit, runs}
		if cpu {
			cells = append(cells, perCPU)
		}
		if aim {
			cells = append(cells, goal)
		}
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
	row("", "unit", "median", "min–max", "runs", "per CPU second", "aim")
	row("---", "---", "--:", "--:", "--:", "--:", "---")
	for _, f := range s.Figures {
		perCPU := ""
		if len(f.PerCPU) > 0 {
			perCPU = number(median(f.PerCPU))
		}
		row(f.Name, f.Unit, number(median(f.Runs)), spread(f.Runs), strconv.Itoa(len(f.Runs)), perCPU, f.Aim)
	}
}

func spread(runs []float64) string {
	if len(runs) < 2 {
		return ""
	}
	return number(slices.Min(runs)) + "–" + number(slices.Max(runs))
}
