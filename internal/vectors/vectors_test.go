package vectors

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// recorder is a test that never fails and remembers what it was told.
type recorder struct {
	testing.TB
	ends   []func()
	lines  []string
	failed int
}

func (r *recorder) Helper()                 {}
func (r *recorder) Cleanup(f func())        { r.ends = append(r.ends, f) }
func (r *recorder) Log(args ...any)         { r.lines = append(r.lines, fmt.Sprint(args...)) }
func (r *recorder) Logf(f string, a ...any) { r.Log(fmt.Sprintf(f, a...)) }
func (r *recorder) Errorf(f string, a ...any) {
	r.failed++
	r.Logf(f, a...)
}

// tally runs one collection to its end.
func tally(all int, use func(c *Tally)) *recorder {
	r := &recorder{}
	use(New(r, "some", all))
	for _, f := range r.ends {
		f()
	}
	return r
}

func TestTally(t *testing.T) {
	for name, v := range map[string]struct {
		all  int
		use  func(c *Tally)
		line string
		bad  int
	}{
		"all good":      {2, func(c *Tally) { c.Case(true); c.Case(true) }, "vectors: some 2/2", 0},
		"one left out":  {2, func(c *Tally) { c.Case(true); c.LeftOut("case 7", "too odd") }, "vectors: some 1/2, 1 left out", 0},
		"one fails":     {2, func(c *Tally) { c.Case(true); c.Case(false) }, "vectors: some 1/2", 1},
		"one too few":   {3, func(c *Tally) { c.Case(true); c.Case(true) }, "vectors: some 2/2", 1},
		"one too many":  {1, func(c *Tally) { c.Case(true); c.Case(true) }, "vectors: some 2/2", 1},
		"none":          {1, func(*Tally) {}, "vectors: some 0/0", 1},
		"only left out": {1, func(c *Tally) { c.LeftOut("case 1", "too odd") }, "vectors: some 0/1, 1 left out", 1},
	} {
		r := tally(v.all, v.use)
		if r.failed != v.bad || r.lines[0] != v.line {
			t.Errorf("%s: %d failures, %q", name, r.failed, r.lines)
		}
	}
	r := tally(2, func(c *Tally) { c.Case(true); c.LeftOut("case 7", "too odd") })
	if !slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, "case 7: too odd") }) {
		t.Errorf("the reason is not told: %q", r.lines)
	}
}

func TestRun(t *testing.T) {
	c := New(t, "subtests", 1)
	c.Run(t, "one", func(t *testing.T) {
		if t.Name() != "TestRun/one" {
			t.Error(t.Name())
		}
	})
}
