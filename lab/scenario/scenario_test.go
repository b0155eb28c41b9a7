package scenario

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse("test", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Faults are told with the line and what was expected there.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "test:1: the scenario does nothing",
		"# only words\n":                      "test:1: the scenario does nothing",
		"\nmine x y\n":                        "test:2: the order is: mine [N]",
		"mine\nnetwork nodes=3":               "test:2: `network` is only the first",
		"network nodes":                       `"nodes" is not a setting`,
		"network nodes=many":                  "nodes: ",
		"network colour=red":                  "colour: expected nodes, miners",
		"network block-time=-1s":              "is not a time",
		"dance":                               `"dance" is none of the verbs: `,
		"at 3s":                               "expected a time and a step",
		"at soon mine":                        `"soon" is not a time`,
		"at -1s mine":                         `"-1s" is not a time`,
		"wait":                                "expected a time: wait 2s",
		"wait 1s 2s":                          "expected a time: wait 2s",
		"expect":                              "expected a condition",
		"expect luck":                         "expected a condition",
		"expect one-tip within":               "expected a condition",
		"expect one-tip within never":         `"never" is not a time`,
		"expect height 0 = many":              `"many" is not a number`,
		"expect same-tip 0 all":               "expected two numbers",
		"expect tx a b c d":                   "expected a condition",
		"expect height x = 3":                 `"x" is not a node`,
		"expect height -2 = 3":                `"-2" is not a node`,
		"expect height 0 ~ 3":                 `"~" does not compare`,
		"expect tx pay confirmed on 0":        "nothing is called pay so far: expected a step that ends in `-> pay`",
		"send 0 1 1 -> a\nexpect tx a x on 0": `test:2: "x" is none of confirmed, mempool, absent`,
		"expect deployment taproot x on 0":    `"x" is none of defined`,
		"expect a.b = 1":                      "nothing is called a so far",
		"reorg --drop $a":                     "nothing is called a so far",
		"expect guest 0":                      "expected a condition",
		"expect guest bob agrees":             `"bob" is not a guest`,
		"expect guest -1 agrees":              `"-1" is not a guest`,
		"expect guest 0 sleeps":               `"sleeps" is none of unknown, agrees, behind`,
		"mine -> a-b":                         `"a-b" is not a name`,
		"mine --fast":                         "mine has no flag --fast",
		"link 0-1 --loss":                     "--loss needs a value",
		"refused mine":                        "expected a text in quotes",
		`refused "open mine`:                  "quotes are not closed",
		`refused "x" dance`:                   "none of the verbs",
		`refused "x"`:                         "an order begins with a verb",
	} {
		_, err := Parse("test", strings.NewReader(text))
		var at *Error
		if !errors.As(err, &at) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	f := parse(t, "# A title.\nnetwork nodes=3 topology=line miners=2 hashpower=3,1 block-time=2s rules=cairn mining=interval seed=9\n"+
		"mine 2 --node 1   # why\n  at 10s send 0 1 2.5 -> pay\nexpect tx pay mempool on all within 5s\nreorg --drop $pay\nsay hello there\nwait 1s\n")
	if f.Title != "A title." || f.Network.Nodes != 3 || f.Network.Seed != 9 || f.Network.Network != "cairn" || len(f.Steps) != 6 {
		t.Fatalf("%+v", f)
	}
	if st := f.Steps[1]; st.At != 10*time.Second || st.Name != "pay" || st.Line != 4 || st.Order.Args[2] != "2.5" {
		t.Errorf("%+v", st)
	}
	if st := f.Steps[2]; st.Kind != Expect || st.Expect.Within != 5*time.Second || st.Expect.word != "mempool" {
		t.Errorf("%+v", st)
	}
}

// The scenarios that ship can be read, and each says what it is about. End-to-end tests run them.
func TestShippedScenariosParse(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %d scenarios, %v", len(files), err)
	}
	for _, name := range files {
		r, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(name, r)
		r.Close()
		if err != nil {
			t.Error(err)
			continue
		}
		if f.Title == "" {
			t.Errorf("%s does not say what it is about", name)
		}
	}
}

func runText(t *testing.T, text string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	var out bytes.Buffer
	f := parse(t, text)
	f.Network.NoServices = true
	err := Run(ctx, f, &out)
	return out.String(), err
}

func TestRun(t *testing.T) {
	t.Parallel()
	out, err := runText(t, `# A payment, and what is known of it.
network nodes=3 topology=line
expect one-tip
expect tips = 1
expect height all = 110
expect peers 1 = 2
send 0 1 2 -> pay
expect tx pay mempool on all within 1m
mine 2 --node 2
expect tx pay confirmed on all within 1m
expect same-tip 0 2 within 1m
refused "no transaction" reorg --drop $pay
reorg --depth 2 --drop $pay -> r
expect depth 0 >= 2 within 1m
expect returned 0 = 1
expect reorgs all > 0 within 1m
expect tx pay mempool on all within 1m
expect mempool 0 != 0
expect deployment taproot active on all
expect fee 0 < 1
expect headers 0 <= 113
stop 2
expect stopped 2
expect running 0
at 1ms say over
`)
	if err != nil || !strings.Contains(out, "A payment, and what is known of it.") || !strings.Contains(out, "done") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A network elsewhere is a guest: what is known of it can be expected.
func TestRunGuest(t *testing.T) {
	t.Parallel()
	far := lab.New(t, lab.Config{Nodes: 1, Seed: 2, NoServices: true})
	out, err := runText(t, "network nodes=2\nmine 3\nguest "+far.Node(0).P2PAddr().String()+" --node 1\nexpect guest 0 agrees within 1m\nexpect peers 1 = 2 within 1m\n")
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if h := far.Node(0).Chain().Tip().Height(); h != 113 {
		t.Errorf("the guest is at %d", h)
	}
}

// What is told names the comment of a line, and does not fill the screen with hashes.
func TestRunTells(t *testing.T) {
	t.Parallel()
	out, err := runText(t, "network nodes=1\nmine 50 # many\nexpect height 0 = 160\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"mine 50                            # many\n", "… 47 more\n", "  expect height 0 = 160\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "\n"); n != 9 {
		t.Errorf("%d lines:\n%s", n, out)
	}
}

// What is expected and does not come is told with the line, what was seen, and who was where.
func TestRunFails(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"network nodes=2\npartition 0/1\nexpect peers all = 0 within 1m\nmine\nexpect one-tip within 20ms": "test:5: expected one-tip within 20ms: node 0 at 111 with no peers; node 1 at 110 with no peers",
		"network nodes=1\n\nexpect height 0 = 5":                                                           "test:3: expected height 0 = 5: node 0: height 110; node 0 at 110",
		"network nodes=1\nexpect height 4 = 5":                                                             "test:2: there is no node 4: the nodes are 0 to 0",
		"network nodes=1\nexpect guest 0 agrees":                                                           "test:2: expected guest 0 agrees: guests so far: 0; node 0 at 110",
		"network nodes=1\nguest 127.0.0.1:1\nexpect guest 0 agrees":                                        "guest 0 (127.0.0.1:1) is \"unknown\"",
		"network nodes=1\nstop 3":                                                                          "test:2: \"3\": the nodes are 0 to 0",
		"network nodes=1\nrefused \"x\" mine":                                                              "test:2: expected to be refused with \"x\", but it was done",
		"network nodes=1\nrefused \"x\" stop 3":                                                            "test:2: expected to be refused with \"x\", but it was with: ",
		"network nodes=2 miners=3\nmine":                                                                   "3 of 2 nodes cannot mine",
		"network nodes=1 rules=mars\nmine":                                                                 "not \"mars\"",
	} {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			if _, err := runText(t, text); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, not %q", text, err, want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../../scenarios/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Parse("x", bytes.NewReader(b))
		var at *Error
		if err != nil && !errors.As(err, &at) {
			t.Errorf("%v names no line", err)
		}
		if err == nil && len(file.Steps) == 0 {
			t.Error("a scenario without steps")
		}
	})
}
