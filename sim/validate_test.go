package sim

import (
	"context"
	"strings"
	"testing"
)

// The studies in small: they run and write a table. What they find stands in docs/validation.md.
func TestStudies(t *testing.T) {
	for _, s := range Studies() {
		t.Run(s.Title, func(t *testing.T) {
			text, err := s.Run(context.Background(), 100)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(text, "## "+s.Title+"\n") || strings.Count(text, "\n|") < 3 || strings.Contains(text, "NaN") {
				t.Errorf("no table of numbers:\n%s", text)
			}
		})
	}
}
