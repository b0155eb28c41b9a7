package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/sim"
)

// TestSimText: what is measured is the day that the page names.
func TestSimText(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "docs", "sim", "day.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := sim.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := sim.Parse([]byte(simText(fullSizes.simNodes, fullSizes.simLength)))
	if err != nil {
		t.Fatal(err)
	}
	if want.Title = got.Title; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, not %+v", got, want)
	}
}

// TestSimulated: the program runs, and its report is read. One that fails is told of with its words.
func TestSimulated(t *testing.T) {
	s := tinySuite(t)
	s.binary = filepath.Join(t.TempDir(), "cairn")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.binary, "../cmd/cairn").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sec, err := s.simulated(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if checkFigures(t, sec); len(sec.Figures[0].Runs) != s.size.simRuns {
		t.Errorf("%+v", sec.Figures[0])
	}
	s.size.simNodes = 0
	if _, err := s.simulated(t.Context()); err == nil || !strings.Contains(err.Error(), "nodes") {
		t.Errorf("no nodes: %v", err)
	}
}
