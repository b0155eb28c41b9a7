package descriptor_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus"
	"github.com/cairn-chain/cairn/internal/vectors"
	"github.com/cairn-chain/cairn/wallet/descriptor"
)

// TestVectors runs the vectors of BIP381 to BIP386: a descriptor a line, and on each line after it that begins with a blank
// the script of the next index; a line that begins with ! is refused.
func TestVectors(t *testing.T) {
	f, err := os.Open("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var d *descriptor.Descriptor
	index := uint32(0)
	scripts, refused := vectors.New(t, "bip381 bip383 bip386", 35), vectors.New(t, "bip381 bip383 bip386 invalid", 13)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '!':
			_, err := descriptor.Parse(consensus.Mainnet(), line[1:], false)
			if refused.Case(err != nil); err == nil {
				t.Errorf("%s was taken", line[1:])
			}
		case line[0] == ' ':
			outs, err := d.At(index)
			passed := err == nil && len(outs) == 1 && hex.EncodeToString(outs[0].Script) == strings.TrimSpace(line)
			if scripts.Case(passed); !passed {
				t.Errorf("index %d gives %+v (%v), not%s", index, outs, err, line)
			}
			index++
		default:
			index = 0
			if d, err = descriptor.Parse(consensus.Mainnet(), line, false); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			again, err := descriptor.Parse(consensus.Mainnet(), d.Text(), true)
			if err != nil || again.Text() != d.Text() || again.Private() {
				t.Errorf("%s prints as %s: %v", line, d.Text(), err)
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestChecksum(t *testing.T) { // BIP380
	for text, want := range map[string]string{
		"raw(deadbeef)#89f8spxm":   "",
		"raw(deadbeef)":            "Missing checksum",
		"raw(deadbeef)#":           "Expected 8 character checksum, not 0 characters",
		"raw(deadbeef)#89f8spxmx":  "Expected 8 character checksum, not 9 characters",
		"raw(deadbeef)#89f8spx":    "Expected 8 character checksum, not 7 characters",
		"raw(deedbeef)#89f8spxm":   "does not match",
		"raw(deadbeef)##9f8spxm":   "Multiple '#' symbols",
		"raw(Ü)#00000000":          "Invalid characters in payload",
		strings.Repeat("x", 50001): "too long",
	} {
		_, err := descriptor.CutChecksum(text, true)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v", text, err)
		}
	}
}

const (
	xpub = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8"
	key1 = "03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
)

func TestRefused(t *testing.T) {
	many := strings.Repeat(","+key1, 21)
	deep := "pk(" + key1 + ")"
	for range 130 {
		deep = "{" + deep + ",pk(" + key1 + ")}"
	}
	for text, want := range map[string]string{
		"":                            "not a valid descriptor function",
		"pk":                          "not a valid descriptor function",
		"pk(" + key1:                  "not a valid descriptor function",
		"pk()":                        "No key provided",
		"pkh(" + key1 + "/0)":         "not valid",
		"pk(" + xpub + "/)":           "not a valid uint32",
		"pk(" + xpub + "/-1)":         "not a valid uint32",
		"pk(" + xpub + "/2147483648)": "out of range",
		"pk(" + xpub + "/1''/*)":      "not a valid uint32",
		"pk(" + xpub + "/*/0)":        "not a valid uint32",
		"pk(" + xpub + "//*)":         "",
		"pk([deadbee/1]" + key1 + ")": "Fingerprint is not 4 bytes",
		"pk([deadbeef/1" + key1 + ")": "origin",
		"pk([deadbeef]]" + key1 + ")": "origin",
		"wsh(multi(1" + many + "))":   "must have between 1 and 20",
		"multi(1" + many[:4*67] + ")": "only at most 3 pubkeys",
		"multi(1)":                    "must have between 1",
		"wsh(wsh(pk(" + key1 + ")))":  "Cannot have wsh() in P2WSH",
		"wsh(combo(" + key1 + "))":    "Cannot have combo() in P2WSH",
		"sh(addr(1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2))": "Cannot have addr()",
		"wsh(and_v(v:pk(" + key1 + "),older(1)))":      "not a valid descriptor function",
		"addr(1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3)":     "Address is not valid",
		"raw(abc)":                               "Raw script is not hex",
		"tr(" + key1 + "," + deep + ")":          "128",
		"tr(" + key1 + ",{pk(" + key1 + ")})":    "pair",
		"tr(" + key1 + ",multi(1," + key1 + "))": "Cannot have multi() in P2TR",
		"pk(0000000000000000000000000000000000000000000000000000000000000007)":                                                "invalid",
		"pk(tpubD6NzVbkrYhZ4WaWSyoBvQwbpLkojyoTZPRsgXELWz3Popb3qkjcJyJUGLnL4qHHoQvao8ESaAstxYSnhyswJ76uZPStJRJCTKvosUCJZL5B)": "",
	} {
		if _, err := descriptor.Parse(consensus.Mainnet(), text, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, not %q", text, err, want)
		}
	}
}

func TestScripts(t *testing.T) {
	const key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
	for text, want := range map[string]string{
		"raw(51)":                                  "51",
		"pk(" + key + ")":                          "21" + key + "ac",
		"pkh([d34db33f/44h/0h]" + key + ")":        "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac",
		"wpkh(" + key + ")":                        "0014751e76e8199196d454941c45d1b3a323f1433bd6",
		"sh(wpkh(" + key + "))":                    "a914bcfeb728b584253d5f3f70bcb780e9ef218a68f487",
		"wsh(pk(" + key + "))":                     "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
		"rawtr(" + key[2:] + ")":                   "5120" + key[2:],
		"tr(" + key[2:] + ")":                      "5120da4710964f7852695de2da025290e24af6d8c281de5a0b902b7135fd9fd74d21",
		"combo(" + key + ")":                       "21" + key + "ac",
		"addr(mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r)": "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac",
	} {
		d, err := descriptor.Parse(consensus.Regtest(), text, false)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if outs, err := d.At(0); err != nil || hex.EncodeToString(outs[0].Script) != want {
			t.Errorf("%s: %+v %v, want %s", text, outs, err, want)
		}
	}
}

func TestKeysAndOrigins(t *testing.T) {
	d, err := descriptor.Parse(consensus.Mainnet(), "wpkh([d34db33f/84'/0h]"+xpub+"/1/*)", false)
	if err != nil || !d.Ranged() || !d.Solvable() || d.Private() {
		t.Fatalf("%v", err)
	}
	if want := "wpkh([d34db33f/84h/0h]" + xpub + "/1/*)"; !strings.HasPrefix(d.Text(), want+"#") {
		t.Errorf("prints as %s", d.Text())
	}
	outs, err := d.At(7)
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(outs[0].Keys[0].Origin); got != "d34db33f"+"54000080"+"00000080"+"01000000"+"07000000" {
		t.Errorf("origin is %s", got)
	}
	hard, err := descriptor.Parse(consensus.Mainnet(), "pkh("+xpub+"/*')", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hard.At(0); err == nil {
		t.Error("a hardened step was taken from a public key")
	}
	combo, err := descriptor.Parse(consensus.Mainnet(), "combo("+key1+")", false)
	if err != nil {
		t.Fatal(err)
	}
	if outs, err := combo.At(0); err != nil || len(outs) != 4 {
		t.Errorf("combo gives %d outputs: %v", len(outs), err)
	}
	multiA, err := descriptor.Parse(consensus.Mainnet(), "tr("+key1+",sortedmulti_a(1,"+key1+","+key1[2:]+"))", false)
	if err != nil {
		t.Fatal(err)
	}
	if outs, err := multiA.At(0); err != nil || len(outs[0].Keys) != 3 || len(outs[0].MerkleRoot) != 32 || len(outs[0].InternalKey) != 32 {
		t.Errorf("tr with multi_a gives %+v: %v", outs, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"pk(" + key1 + ")", "sh(wsh(multi(1," + key1 + "," + xpub + "/0/*)))", "tr(" + key1 + ",{pk(" + key1 + "),pk(" + xpub + "/*h)})",
		"combo([d34db33f/1h]" + key1 + ")", "addr(1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2)", "raw(51)", "rawtr(" + key1 + ")", "sh(wpkh(" + key1 + "))"} {
		f.Add(s)
		f.Add(descriptor.WithChecksum(s))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := descriptor.Parse(consensus.Mainnet(), text, false)
		if err != nil {
			return
		}
		again, err := descriptor.Parse(consensus.Mainnet(), d.Text(), true)
		if err != nil || again.Text() != d.Text() {
			t.Fatalf("%q prints as %q: %v", text, d.Text(), err)
		}
		a, errA := d.At(3)
		b, errB := again.At(3)
		if errA == nil && (errB != nil && !d.Private() || errB == nil && fmt.Sprint(a[0].Script) != fmt.Sprint(b[0].Script)) {
			t.Fatalf("%q and its print differ: %v", text, errB)
		}
	})
}

func ExampleParse() {
	d, err := descriptor.Parse(consensus.Regtest(), "wpkh(0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798)", false)
	if err != nil {
		fmt.Println(err)
		return
	}
	outs, err := d.At(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%x\n", outs[0].Script)
	// Output: 0014751e76e8199196d454941c45d1b3a323f1433bd6
}
