package psbt_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/cairn-chain/cairn/consensus/script"
	pub "github.com/cairn-chain/cairn/internal/vectors"
	"github.com/cairn-chain/cairn/types"
	"github.com/cairn-chain/cairn/wallet/psbt"
)

// vectors are the public test vectors of BIP174 and BIP371.
type vectors struct {
	Valid, Invalid                []string
	Created, Updated, WithScripts string
	NonWitnessUTXO, WitnessUTXO   string
	Redeem1, Redeem2, Witness2    string
	Signed1, Signed2              string
	Combined, Finalized, Network  string
	TwoOfThree                    string
	Taproot                       []struct{ HashType, Signed, Network string }
}

func load(t testing.TB) *vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	v := new(vectors)
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
	if len(v.Valid) == 0 || len(v.Invalid) == 0 || len(v.Taproot) == 0 {
		t.Fatal("vectors are missing")
	}
	return v
}

func decode64(t testing.TB, text string) *psbt.Packet {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	p, err := psbt.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func encode64(p *psbt.Packet) string { return base64.StdEncoding.EncodeToString(p.Bytes()) }

func runner() *script.Runner { return &script.Runner{Verifier: script.NewVerifier()} }

func TestVectorsOfForm(t *testing.T) {
	v := load(t)
	valid, invalid := pub.New(t, "bip174 bip371", 19), pub.New(t, "bip174 bip371 invalid", 32)
	for i, text := range v.Valid {
		got := encode64(decode64(t, text))
		if valid.Case(got == text); got != text {
			t.Errorf("valid %d comes back as\n%s\nnot\n%s", i, got, text)
		}
	}
	for i, text := range v.Invalid {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			_, err = psbt.Decode(raw)
		}
		if invalid.Case(err != nil); err == nil {
			t.Errorf("invalid %d was taken", i)
		}
	}
}

func TestRoles(t *testing.T) {
	v := load(t)
	created := decode64(t, v.Created)
	if got := encode64(psbt.New(created.Tx)); got != v.Created {
		t.Errorf("created is\n%s", got)
	}
	p := decode64(t, v.Created)
	p.In[0].Set(psbt.InNonWitnessUTXO, nil, unhex(t, v.NonWitnessUTXO))
	p.In[1].Set(psbt.InWitnessUTXO, nil, unhex(t, v.WitnessUTXO))
	p.In[1].Set(psbt.InWitnessScript, nil, unhex(t, v.Witness2))
	p.In[1].Set(psbt.InRedeemScript, nil, unhex(t, v.Redeem2))
	p.In[0].Set(psbt.InRedeemScript, nil, unhex(t, v.Redeem1))
	if got := encode64(p); got != v.WithScripts {
		t.Errorf("updated is\n%s\nnot\n%s", got, v.WithScripts)
	}
	sum, err := psbt.Combine(decode64(t, v.Signed1), decode64(t, v.Signed2))
	if err != nil || encode64(sum) != v.Combined {
		t.Fatalf("combined is %v\n%s\nnot\n%s", err, encode64(sum), v.Combined)
	}
	if _, err := sum.Extract(); !errors.Is(err, psbt.ErrNotFinal) {
		t.Errorf("extracted before it was final: %v", err)
	}
	if !sum.Finalize(runner()) || encode64(sum) != v.Finalized {
		t.Fatalf("finalized is\n%s\nnot\n%s", encode64(sum), v.Finalized)
	}
	tx, err := sum.Extract()
	if err != nil || hex.EncodeToString(tx.Bytes()) != v.Network {
		t.Errorf("extracted is %v\n%x\nnot\n%s", err, tx.Bytes(), v.Network)
	}
}

func TestFinalizeTaproot(t *testing.T) {
	for _, c := range load(t).Taproot {
		p := decode64(t, c.Signed)
		if !p.Finalize(runner()) {
			t.Errorf("%s: not finalized", c.HashType)
			continue
		}
		tx, err := p.Extract()
		if err != nil || hex.EncodeToString(tx.Bytes()) != c.Network {
			t.Errorf("%s: extracted is %v\n%x\nnot\n%s", c.HashType, err, tx.Bytes(), c.Network)
		}
	}
}

func TestOneSignatureIsNotEnough(t *testing.T) {
	v := load(t)
	p := decode64(t, v.Signed1)
	if p.Finalize(runner()) || p.Final(0) || p.Final(1) {
		t.Error("half signed, and final")
	}
	for i := range p.In {
		m, known := p.Needs(i)
		if !known || !m.OnlySignatures() || len(m.Signatures) != 1 {
			t.Errorf("input %d needs %+v", i, m)
		}
	}
	bare := decode64(t, v.Created)
	if _, known := bare.Needs(0); known {
		t.Error("what is spent should not be known")
	}
	if _, ok := bare.Estimate(); ok {
		t.Error("nothing is known, and yet there is an estimate")
	}
	tx, ok := p.Estimate()
	final := decode64(t, v.Finalized)
	want, err := final.Extract()
	if err != nil || !ok || tx.VSize() < want.VSize() || tx.VSize() > want.VSize()+2 {
		t.Errorf("estimated %d vbytes, it has %d (%v)", tx.VSize(), want.VSize(), err)
	}
}

// A signature of another hash type than the input asks for, or a wrong one, finalizes nothing.
func TestFinalizeRefuses(t *testing.T) {
	v := load(t)
	p := decode64(t, v.Combined)
	p.In[0].Set(psbt.InSigHashType, nil, []byte{2, 0, 0, 0})
	if p.Finalize(runner()) || p.Final(0) || !p.Final(1) {
		t.Error("the hash type was not looked at")
	}
	p = decode64(t, v.Combined)
	sig := p.In[0].Each(psbt.InPartialSig)[0]
	bad := bytes.Clone(sig.Value)
	bad[len(bad)-5] ^= 1
	p.In[0].Set(psbt.InPartialSig, sig.Key[1:], bad)
	if p.Finalize(runner()) || p.Final(0) {
		t.Error("a wrong signature was made final")
	}
}

func TestCombineRefusesOthers(t *testing.T) {
	v := load(t)
	if _, err := psbt.Combine(decode64(t, v.Signed1), decode64(t, v.Valid[0])); !errors.Is(err, psbt.ErrOtherTx) {
		t.Errorf("combined with another transaction: %v", err)
	}
}

func TestJoin(t *testing.T) {
	v := load(t)
	a, b := decode64(t, v.Updated), decode64(t, v.Valid[1])
	reverse := func(n int, swap func(i, j int)) {
		for i := range n / 2 {
			swap(i, n-1-i)
		}
	}
	p, err := psbt.Join([]*psbt.Packet{a, b}, reverse)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.In) != len(a.In)+len(b.In) || len(p.Out) != len(a.Out)+len(b.Out) {
		t.Fatalf("joined has %d inputs and %d outputs", len(p.In), len(p.Out))
	}
	last := len(p.In) - 1
	if p.Tx.In[last].PrevOut != a.Tx.In[0].PrevOut || !slices.EqualFunc(p.In[last], a.In[0], func(x, y psbt.Pair) bool {
		return bytes.Equal(x.Key, y.Key) && bytes.Equal(x.Value, y.Value)
	}) {
		t.Error("fields have lost their input")
	}
	var twice *psbt.SpentTwiceError
	if _, err := psbt.Join([]*psbt.Packet{a, a}, nil); !errors.As(err, &twice) || twice.OutPoint != a.Tx.In[0].PrevOut {
		t.Errorf("an output was spent twice: %v", err)
	}
	if again, err := psbt.Decode(p.Bytes()); err != nil || !bytes.Equal(again.Bytes(), p.Bytes()) {
		t.Errorf("joined does not decode: %v", err)
	}
}

func TestTruncatedAndTrailing(t *testing.T) {
	raw := decode64(t, load(t).Combined).Bytes()
	for n := range raw {
		if _, err := psbt.Decode(raw[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken", n, len(raw))
		}
	}
	if _, err := psbt.Decode(append(raw, 0)); err == nil {
		t.Error("a trailing byte was taken")
	}
}

func TestTapTree(t *testing.T) {
	leaf := func(depth byte) []byte { return []byte{depth, 0xc0, 1, 0x51} }
	tree := func(depths ...byte) (b []byte) {
		for _, d := range depths {
			b = append(b, leaf(d)...)
		}
		return b
	}
	for _, c := range []struct {
		value []byte
		ok    bool
	}{
		{tree(0), true}, {tree(1, 1), true}, {tree(1, 2, 2), true}, {tree(2, 2, 1), true}, {tree(2, 2, 2, 2), true},
		{tree(), false}, {tree(1), false}, {tree(2, 1), false}, {tree(1, 1, 1), false}, {tree(0, 0), false}, {tree(2, 2, 2), false}, {tree(129), false},
		{[]byte{0, 0xc1, 1, 0x51}, false}, {[]byte{0, 0xc0, 5, 0x51}, false},
	} {
		if _, err := psbt.DecodeTapTree(c.value); (err == nil) != c.ok {
			t.Errorf("%x: %v", c.value, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	v := load(f)
	for _, text := range append(slices.Clone(v.Valid), v.Combined, v.Finalized) {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := psbt.Decode(raw)
		if err != nil {
			return
		}
		again, err := psbt.Decode(p.Bytes())
		if err != nil || !bytes.Equal(again.Bytes(), p.Bytes()) {
			t.Fatalf("%x does not survive: %v", raw, err)
		}
		for i := range p.In {
			p.Needs(i)
		}
		p.Estimate()
		if p.Finalize(runner()) {
			if _, err := p.Extract(); err != nil {
				t.Fatalf("final, and not to be extracted: %v", err)
			}
		}
		if _, err := psbt.Combine(p, again); err != nil {
			t.Fatal(err)
		}
	})
}

func ExamplePacket() {
	tx := &types.Tx{Version: 2, In: []types.TxIn{{Sequence: 0xfffffffd}}, Out: []types.TxOut{{Value: 1000, Script: script.NullDataScript(nil)}}}
	p := psbt.New(tx)
	p.In[0].Set(psbt.InSigHashType, nil, []byte{1, 0, 0, 0})
	again, err := psbt.Decode(p.Bytes())
	if err != nil {
		panic(err)
	}
	_, known := again.Spent(0)
	fmt.Println("the output that is spent is known:", known)
	// Output: the output that is spent is known: false
}
