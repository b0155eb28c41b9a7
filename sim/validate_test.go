package sim

import (
	"context"
	"os"
	"strings"
	"testing"
)

// The studies in small: they run and write a table. What they find stands in docs/validation.md, whose words must be those of the code: a page
// that was not made again after a change is noticed.
func TestStudies(t *testing.T) {
	file, err := os.ReadFile("../docs/validation.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(words(string(file)), "\n")
	if !strings.HasPrefix(page, strings.Join(words(StudiesHead), "\n")) {
		t.Error("docs/validation.md begins with other words than the code")
	}
	for _, s := range Studies() {
		t.Run(s.Title, func(t *testing.T) {
			text, err := s.Run(context.Background(), 100)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(text, "## "+s.Title+"\n") || strings.Count(text, "\n|") < 3 || strings.Contains(text, "NaN") {
				t.Errorf("no table of numbers:\n%s", text)
			}
			if !strings.Contains(page, strings.Join(words(text), "\n")) {
				t.Errorf("docs/validation.md has other words or tables; make it again with cairn sim validate. Wanted:\n%s", strings.Join(words(text), "\n"))
			}
		})
	}
}

// words are the lines of a page that do not depend on the runs: all but the rows of tables under their heads, and the verdicts.
func words(page string) []string {
	var out []string
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		row := strings.HasPrefix(line, "|") && (i+1 == len(lines) || !strings.HasPrefix(lines[i+1], "| --:"))
		if line != "" && !row && !strings.HasPrefix(line, "Verdict: ") {
			out = append(out, line)
		}
	}
	return out
}

func TestIntervals(t *testing.T) {
	if z := together(1); z < 1.9599 || z > 1.9600 {
		t.Errorf("the quantile for one row is %f", z)
	}
	if z := together(6); z < 2.637 || z > 2.639 {
		t.Errorf("the quantile for six rows is %f", z)
	}
	if low, high := wilson(0, 100, 1.96); low != 0 || high < 0.036 || high > 0.038 {
		t.Errorf("none of a hundred: %f to %f", low, high)
	}
	p, z := 0.2, together(6)
	n := trialsFor(p, z)
	if low, high := wilson(int(p*float64(n)), n, z); (high-low)/2 < 0.095*p || (high-low)/2 > 0.1001*p {
		t.Errorf("%d trials make half an interval of %f", n, (high-low)/2)
	}
}

// A run whose stale blocks all lie in one stretch is worth less than its blocks.
func TestClustering(t *testing.T) {
	w := &World{record: &Record{}}
	for i := range 400 {
		w.record.blocks = append(w.record.blocks, &foundBlock{onBest: i%20 != 0})
	}
	if c := w.clustering(); c != 1 {
		t.Errorf("evenly spread: %f", c)
	}
	for i, f := range w.record.blocks {
		f.onBest = i >= 20
	}
	if c := w.clustering(); c < 15 || c > 25 {
		t.Errorf("all in one of twenty stretches: %f", c)
	}
}
