// Package vectors counts the cases of public test vectors, so that a run of the tests can say of each collection how many
// there are, how many passed, and which were left out and why. It is for tests only.
//
// Each collection ends with one line of the form
//
//	vectors: bip340 15/19, 4 left out
//
// and one for each case that was left out. scripts/test.sh gathers these lines.
package vectors

import (
	"fmt"
	"testing"
)

// Tally counts one collection. Its methods are for the goroutine of its test.
type Tally struct {
	t         testing.TB
	name      string
	all       int
	run, good int
	left      []string
}

// New begins the count of a collection that is known to have all cases, 1 or more. When the test ends it prints the
// count, and fails the test if there were more cases or fewer: a loader that finds none is a failure.
func New(t testing.TB, name string, all int) *Tally {
	c := &Tally{t: t, name: name, all: all}
	t.Cleanup(c.end)
	return c
}

// Case counts a case and whether it passed. The caller has told the test of it if not.
func (c *Tally) Case(passed bool) {
	c.run++
	if passed {
		c.good++
	}
}

// Run runs a case as a subtest of t, which is what New was given, and counts it.
func (c *Tally) Run(t *testing.T, name string, f func(t *testing.T)) {
	c.Case(t.Run(name, f))
}

// LeftOut counts a case that is not run, with the reason.
func (c *Tally) LeftOut(what, why string) {
	c.left = append(c.left, what+": "+why)
}

func (c *Tally) end() {
	c.t.Helper()
	line := fmt.Sprintf("vectors: %s %d/%d", c.name, c.good, c.run+len(c.left))
	if len(c.left) > 0 {
		line += fmt.Sprintf(", %d left out", len(c.left))
	}
	c.t.Log(line)
	for _, l := range c.left {
		c.t.Logf("vectors: %s leaves out %s", c.name, l)
	}
	if c.run == 0 || c.run+len(c.left) != c.all {
		c.t.Errorf("vectors: %s: %d cases and %d left out, want %d in all", c.name, c.run, len(c.left), c.all)
	}
	if c.good != c.run {
		c.t.Errorf("vectors: %s: %d cases failed", c.name, c.run-c.good)
	}
}
