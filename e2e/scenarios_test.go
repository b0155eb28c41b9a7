package e2e

import (
	"path/filepath"
	"testing"
)

// The scenarios that ship do what they say, each in a network of its own.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../scenarios/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d scenarios, %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			path, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			u := newUser(t)
			if out, errOut, code := u.try("testnet", "run", path); code != 0 {
				t.Errorf("exit code %d\n%s%s", code, out, errOut)
			}
		})
	}
}
