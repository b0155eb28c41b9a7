package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cairn-chain/cairn/lab"
)

// walletRun is a user at a terminal without a terminal: it runs commands against one testnet.
type walletRun struct {
	t    *testing.T
	net  *lab.Net
	data string
	dir  string
}

func newWalletRun(t *testing.T, nodes int) *walletRun {
	t.Helper()
	r := &walletRun{t: t, data: t.TempDir(), dir: t.TempDir()}
	var err error
	r.net, err = lab.Up(t.Context(), lab.Config{Nodes: nodes, Network: "regtest", DataDir: r.data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.net.Down(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// try runs one command and returns what it printed and its error.
func (r *walletRun) try(stdin string, args ...string) (out, errOut string, err error) {
	r.t.Helper()
	var stdout, stderr bytes.Buffer
	app := newApp()
	app.Reader, app.Writer, app.ErrWriter = strings.NewReader(stdin), &stdout, &stderr
	line := append([]string{"cairn", "wallet", args[0], "--testnet-data", r.data, "--wallet-dir", r.dir}, args[1:]...)
	err = app.RunContext(r.t.Context(), flagsFirst(app, line))
	return stdout.String(), stderr.String(), err
}

// ok runs a command that must work.
func (r *walletRun) ok(args ...string) string {
	r.t.Helper()
	out, errOut, err := r.try("", args...)
	if err != nil {
		r.t.Fatalf("%v: %v\n%s", args, err, errOut)
	}
	return strings.TrimSpace(out)
}

// json runs a command with --json and decodes what it prints.
func (r *walletRun) json(into any, args ...string) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.ok(append(args, "--json")...)), into); err != nil {
		r.t.Fatal(err)
	}
}

func (r *walletRun) mine(node, n int) {
	r.t.Helper()
	if _, err := r.net.Mine(r.t.Context(), node, n); err != nil {
		r.t.Fatal(err)
	}
}

type walletBalanceReply struct{ Confirmed, Pending, Immature, Spendable, Total json.Number }

func (r *walletRun) file(name, text string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func TestWalletFromCreationToConfirmation(t *testing.T) {
	r := newWalletRun(t, 1)
	pass := r.file("pass", "a secret\nmore")
	r.ok("create", "--wallet", "me", "--passphrase-file", pass)
	r.ok("create", "--wallet", "bank", "--no-passphrase")
	if out := r.ok("import", "--wallet", "bank", "--account", "0", "--account", "3"); out != "imported 2 keys, known before: 0" {
		t.Fatal(out)
	}
	address := r.ok("address", "--wallet", "me", "--type", "segwit", "--passphrase-file", pass)
	var sent struct {
		TxID        string
		Fee, Amount json.Number
	}
	r.json(&sent, "send", address, "1.25", "--wallet", "bank", "--yes", "--fee-rate", "2")
	if sent.Amount != "1.25000000" {
		t.Fatalf("%+v", sent)
	}
	var b walletBalanceReply
	if r.json(&b, "balance", "--wallet", "me", "--passphrase-file", pass); b.Pending != "1.25000000" || b.Spendable != "0.00000000" {
		t.Fatalf("%+v", b)
	}
	var bumped struct{ TxID, Replaces string }
	if r.json(&bumped, "bump", sent.TxID, "--wallet", "bank", "--yes", "--fee-rate", "9"); bumped.Replaces != sent.TxID {
		t.Fatalf("%+v", bumped)
	}
	r.mine(0, 1)
	if r.json(&b, "balance", "--wallet", "me", "--passphrase-file", pass); b.Confirmed != "1.25000000" || b.Pending != "0.00000000" {
		t.Fatalf("%+v", b)
	}
	var history []struct{ TxID, Status, Kind string }
	r.json(&history, "history", "--wallet", "bank")
	if len(history) != 4 || history[0].Status != "replaced" || history[1].TxID != bumped.TxID || history[1].Kind != "sent" || history[2].Kind != "mined" {
		t.Fatalf("%+v", history)
	}
	if out := r.ok("history", "--wallet", "bank", "-n", "1"); strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "time") {
		t.Fatal(out)
	}
	words := r.file("words", strings.ReplaceAll(r.ok("export", "--wallet", "me", "--passphrase-file", pass, "--mnemonic", "--yes"), " ", "\n"))
	r.ok("restore", "--wallet", "again", "--no-passphrase", "--mnemonic-file", words)
	if r.json(&b, "balance", "--wallet", "again"); b.Confirmed != "1.25000000" {
		t.Fatalf("%+v", b)
	}
	if out := r.ok("list"); !strings.Contains(out, "me     regtest  yes") {
		t.Fatal(out)
	}
	r.ok("send", address, "all", "--wallet", "again", "--yes")
	if out := r.ok("export", "--wallet", "again"); strings.Count(out, "tpub") != 4 || strings.Contains(out, "tprv") {
		t.Fatal(out)
	}
}

// A testnet with a block time of its own has rules of its own, which the wallet reads from the testnet's params file.
func TestWalletOnATestnetOfItsOwn(t *testing.T) {
	r := &walletRun{t: t, data: t.TempDir(), dir: t.TempDir()}
	var err error
	r.net, err = lab.Up(t.Context(), lab.Config{Nodes: 2, Network: "cairn", BlockTime: 3 * time.Second, DataDir: r.data})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.net.Down(); err != nil {
			t.Error(err)
		}
	})
	r.ok("create", "--no-passphrase")
	r.ok("import", "--account", "2")
	var b walletBalanceReply
	if r.json(&b, "balance", "--node", "1"); b.Confirmed != "50.00000000" {
		t.Fatalf("%+v", b)
	}
	if out := r.ok("list"); !strings.Contains(out, "cairn-3s") {
		t.Fatal(out)
	}
	if _, _, err := r.try("", "balance", "--node", "2"); err == nil || !strings.Contains(err.Error(), "no node 2: its nodes are 0 to 1") {
		t.Fatal(err)
	}
}

func TestWalletConflictAcrossAPartition(t *testing.T) {
	r := newWalletRun(t, 2)
	sheet, err := r.net.Sheet()
	if err != nil {
		t.Fatal(err)
	}
	at := func(i int) []string {
		return []string{"--node", sheet.Nodes[i].RPC, "--cookie", sheet.Nodes[i].Cookie, "--network", "regtest"}
	}
	words := r.file("words", sheet.Mnemonic)
	for _, name := range []string{"a", "b"} {
		r.ok("restore", "--wallet", name, "--no-passphrase", "--mnemonic-file", words)
	}
	if err := r.net.Partition([]int{0, 1}); err != nil {
		t.Fatal(err)
	}
	// Both sides send everything, so the payments conflict.
	to := r.ok("address", "--wallet", "a", "--type", "segwit")
	var a, b struct{ TxID string }
	r.json(&a, append([]string{"send", to, "all", "--wallet", "a", "--yes"}, at(0)...)...)
	r.json(&b, append([]string{"send", to, "all", "--wallet", "b", "--yes", "--fee-rate", "3"}, at(1)...)...)
	r.mine(0, 1)
	r.mine(1, 2)
	var history []struct{ TxID, Status string }
	if r.json(&history, append([]string{"history", "--wallet", "a"}, at(0)...)...); history[0].TxID != a.TxID || history[0].Status != "confirmed" {
		t.Fatalf("%+v", history[0])
	}
	// The wallet of the losing side looks at the winner's chain, as it does after heal.
	_, note, err := r.try("", append([]string{"history", "--wallet", "a"}, at(1)...)...)
	if err != nil || !strings.Contains(note, "reorganized: 1 blocks") {
		t.Fatalf("%v %q", err, note)
	}
	r.json(&history, append([]string{"history", "--wallet", "a"}, at(1)...)...)
	if history[0].TxID != a.TxID || history[0].Status != "conflicted" || history[1].TxID != b.TxID || history[1].Status != "confirmed" {
		t.Fatalf("%+v", history[:2])
	}
}

// TestWalletSentences has what a user reads when something is wrong; nothing is sent in any case.
func TestWalletSentences(t *testing.T) {
	r := newWalletRun(t, 1)
	pass := r.file("pass", "right")
	r.ok("create", "--no-passphrase")
	r.ok("create", "--wallet", "locked", "--passphrase-file", pass)
	r.ok("create", "--wallet", "rich", "--no-passphrase")
	r.ok("import", "--wallet", "rich", "--account", "0")
	own := r.ok("address")
	mistyped := strings.TrimSuffix(own, own[len(own)-1:]) + "q"
	if mistyped == own {
		mistyped = own[:len(own)-1] + "p"
	}
	cases := []struct {
		want  string
		args  []string
		stdin string
	}{
		{"the wallet is empty", []string{"send", own, "1", "--yes"}, ""},
		{"not enough coins", []string{"send", own, "1000", "--yes", "--wallet", "rich"}, ""},
		{"dust", []string{"send", own, "0.00000001", "--yes", "--wallet", "rich"}, ""},
		{"mistyped", []string{"send", mistyped, "1", "--yes", "--wallet", "rich"}, ""},
		{"another network", []string{"send", "crn1qkayzsapn06nv6eghlrm6tuzrj6tndhq8y7lkkn", "1", "--yes", "--wallet", "rich"}, ""},
		{"--allow-high-fee", []string{"send", own, "0.0001", "--fee-rate", "500", "--yes", "--wallet", "rich"}, ""},
		{"not confirmed", []string{"send", own, "1", "--wallet", "rich"}, "n\n"},
		{"not confirmed", []string{"send", own, "1", "--wallet", "rich"}, ""},
		{"not confirmed", []string{"send", own, "0.0001", "--fee-rate", "500", "--wallet", "rich"}, "no\ny\n"},
		{"decimal number of coins", []string{"send", own, "1e2", "--wallet", "rich"}, ""},
		{"feerate", []string{"send", own, "1", "--fee-rate", "0", "--wallet", "rich"}, ""},
		{"no transaction of this id", []string{"bump", strings.Repeat("ab", 32), "--wallet", "rich"}, ""},
		{"64 hexadecimal digits", []string{"bump", "x", "--wallet", "rich"}, ""},
		{"no transaction of this id", []string{"abandon", strings.Repeat("ab", 32)}, ""},
		{"passphrase is wrong", []string{"balance", "--wallet", "locked", "--passphrase-file", "-"}, "wrong\n"},
		{"leave out --no-passphrase", []string{"balance", "--wallet", "locked", "--no-passphrase"}, ""},
		{"no terminal", []string{"balance", "--wallet", "locked"}, ""},
		{"no wallet of this name", []string{"balance", "--wallet", "nobody"}, ""},
		{"exists already", []string{"create", "--no-passphrase"}, ""},
		{"name is made of", []string{"create", "--no-passphrase", "--wallet", "../up"}, ""},
		{"exclude each other", []string{"create", "--wallet", "x", "--no-passphrase", "--passphrase-file", pass}, ""},
		{"passphrase is empty", []string{"create", "--wallet", "x", "--passphrase-file", "-"}, "\n"},
		{"12, 15, 18, 21 or 24", []string{"create", "--wallet", "x", "--no-passphrase", "--words", "13"}, ""},
		{"taproot or segwit", []string{"create", "--wallet", "x", "--no-passphrase", "--type", "p2sh"}, ""},
		{"checksum does not match", []string{"restore", "--wallet", "x", "--no-passphrase", "--mnemonic-file", "-"}, strings.Repeat("abandon ", 12)},
		{"no account", []string{"import", "--account", "10"}, ""},
		{"there is no key", []string{"import", "--wif-file", "-"}, ""},
		{"wallet import format", []string{"import", "--wif-file", "-"}, "hello\n"},
		{"not confirmed", []string{"export", "--mnemonic"}, ""},
		{"another network", []string{"balance", "--network", "cairn"}, ""},
		{"--node URL", []string{"balance", "--testnet-data", t.TempDir(), "--network", "regtest"}, ""},
		{"cookie", []string{"balance", "--node", "http://127.0.0.1:1", "--network", "regtest", "--cookie", "/nonexistent/cookie"}, ""},
	}
	for _, c := range cases {
		_, _, err := r.try(c.stdin, c.args...)
		want := c.want
		if want == "no account" {
			want = "there is no 10"
		}
		if want == "another network" && c.args[0] == "balance" {
			want = "for the network regtest, not cairn"
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %q", c.args, err, want)
		}
	}
	for _, args := range [][]string{{"send"}, {"send", own}, {"balance", "x"}, {"send", own, "1", "2"}, {"balance", "--frobnicate"}} {
		_, _, err := r.try("", args...)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%v: %v is not wrong usage", args, err)
		}
	}
	var b walletBalanceReply
	if r.json(&b, "balance", "--wallet", "rich"); b.Total != b.Confirmed {
		t.Fatalf("something was sent: %+v", b)
	}
}

func TestWalletFlagsAllHaveVariables(t *testing.T) {
	for _, c := range walletCommand().Subcommands {
		if !strings.Contains(c.Description, "Example:") {
			t.Errorf("%s has no example", c.Name)
		}
		for _, f := range c.Flags {
			if d, ok := f.(interface{ GetEnvVars() []string }); !ok || len(d.GetEnvVars()) == 0 || !strings.HasPrefix(d.GetEnvVars()[0], "CAIRN_") {
				t.Errorf("%s --%s is read from no variable", c.Name, f.Names()[0])
			}
		}
	}
}
