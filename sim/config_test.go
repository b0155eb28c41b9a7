package sim

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"nodes = 0.5":                                          "incompatible",
		"nodes = 0":                                            "nodes must not be 0",
		`duration = "0s"`:                                      "duration must not be 0",
		"nodes = -1":                                           "nodes must be",
		"nodes = 1000000":                                      "nodes must be",
		`duration = "-1h"`:                                     "duration must be",
		`interval = "1ns"`:                                     "interval must be",
		"colour = 1":                                           "unknown field",
		"retarget = \"often\"":                                 "retarget must be",
		"gamma = 101":                                          "gamma must be",
		"blocks = -1":                                          "blocks must not",
		"[block]\nfill = 5000000":                              "block.fill",
		"[topology]\nkind = \"torus\"":                         "unknown topology",
		"[topology]\noutbound = -1":                            "outbound must be",
		"nodes=500\n[topology]\nkind='mesh'":                   "do not fit",
		"[traffic]\nbatch = -1":                                "traffic.batch",
		"[judge]\nbase = \"2h\"":                               "judge.base",
		"[link]\nlatency = \"-1s\"":                            "link.latency",
		"[[miner]]\nshare = 1\nnode = 20":                      "there are 20",
		"[[miner]]\nshare = -1":                                "share must be",
		"[[miner]]\nshare = 0":                                 "no miner has a share",
		"[[miner]]\nshare=1\nstrategy='x'":                     "unknown strategy",
		"[[miner]]\nshare=1\nstrategy='double-spend'":          "needs confirmations",
		"[[miner]]\nshare=1\nregion='mars'":                    "no region",
		"[[miner]]\nshare=1\npeers=-1":                         "peers must be",
		"[[miner]]\nshare=1\npeers=20":                         "fewer than the nodes",
		"[topology]\nkind='ring'\n[[miner]]\nshare=1\npeers=3": "random topology",
		"[[fault]]\nkind = \"flood\"":                          "no such kind",
		"[[fault]]\nkind = \"power\"":                          "percent must be",
		"[[fault]]\nkind=\"slow\"\nshare=5":                    "factor must be",
		"[[fault]]\nkind=\"partition\"\nshare=100":             "share must be",
		"[[fault]]\nkind=\"power\"\nat=\"2h\"\nuntil=\"1h\"":   "until must be after",
		"[[region]]\nname='a'\nshare=1\nlatency_ms=[1]":        "must be positive",
		"[[region]]\nshare=1\ndownload_kbit=1\nupload_kbit=1":  "needs a latency_ms",
		"[link]\n[[region]]\nname='a'":                         "either link or regions",
	} {
		_, err := Parse([]byte(text))
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// The shipped examples are valid.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../docs/sim/*.toml")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d examples: %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse: any text is a valid scenario or refused.
func FuzzParse(f *testing.F) {
	f.Add("nodes = 5\n[[fault]]\nkind='slow'\nshare=3\nfactor=2")
	f.Add("[[region]]\nname='a'\nshare=1\ndownload_kbit=9\nupload_kbit=9\nlatency_ms=[3]")
	f.Add("[[miner]]\nshare=3\nstrategy='selfish'\n[link]\nlatency='3ms'")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse([]byte(text))
		if err == nil {
			err = c.Validate()
		} else if !errors.Is(err, ErrConfig) {
			t.Fatalf("an error of another kind: %v", err)
		} else {
			return
		}
		if err != nil {
			t.Fatalf("parsed and then refused: %v", err)
		}
	})
}
