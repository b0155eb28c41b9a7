package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The command line as users see it: testdata/script holds sessions.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"cairn": main})
}

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("found %d scripts: %v", len(files), err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("CAIRN_HOME", filepath.Join(e.WorkDir, "home"))
			return nil
		},
		UpdateScripts: os.Getenv("CAIRN_UPDATE_SCRIPTS") != "",
	})
}
