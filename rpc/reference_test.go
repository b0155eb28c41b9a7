package rpc

import (
	"strings"
	"testing"
)

// TestMarks: every method of the dialect is listed once, with the mark that the table gives it, and every method of the table is listed.
func TestMarks(t *testing.T) {
	var b strings.Builder
	if err := WriteReference(&b); err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(b.String(), "\n### ")
	if !ok {
		t.Fatal("no method is described")
	}
	table := map[string]bool{}
	for _, m := range Methods() {
		table[m.Name] = true
		if !strings.Contains(head, "[`"+m.Name+"`](#"+m.Name+")") {
			t.Errorf("%s is not listed", m.Name)
		}
	}
	seen := map[string]bool{}
	for _, topic := range dialect {
		if topic.absent == "" {
			t.Errorf("%s: no reason for what is absent", topic.name)
		}
		for _, name := range strings.Fields(topic.methods) {
			if seen[name] {
				t.Errorf("%s is listed twice", name)
			}
			seen[name] = true
			if strings.Contains(head, "✓ [`"+name+"`]") != table[name] || strings.Contains(head, "✗ `"+name+"`") == table[name] {
				t.Errorf("%s has the wrong mark", name)
			}
		}
	}
	if len(seen) < 120 {
		t.Errorf("only %d methods are listed", len(seen))
	}
}
