package bip324

import (
	"bytes"
	"encoding/csv"
	"encoding/hex"
	"os"
	"strconv"
	"testing"

	"github.com/btcsuite/btcd/btcec/v2"
	"github.com/btcsuite/btcd/btcec/v2/ellswift"

	"github.com/cairn-chain/cairn/internal/vectors"
)

// mainnet is the magic of the public vectors.
const mainnet = 0xd9b4bef9

// row is a line of a file of vectors.
type row struct {
	t      *testing.T
	fields map[string]string
}

func rows(t *testing.T, file string, atLeast int) []row {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for _, line := range lines[1:] {
		r := row{t, map[string]string{}}
		for i, name := range lines[0] {
			r.fields[name] = line[i]
		}
		all = append(all, r)
	}
	if len(all) < atLeast {
		t.Fatalf("%s has only %d vectors", file, len(all))
	}
	return all
}

func (r row) bytes(name string) []byte {
	r.t.Helper()
	b, err := hex.DecodeString(r.fields[name])
	if err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	return b
}

func (r row) number(name string) int {
	r.t.Helper()
	n, err := strconv.Atoi(r.fields[name])
	if err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	return n
}

func (r row) check(name string, got []byte) {
	r.t.Helper()
	if want := r.bytes(name); !bytes.Equal(got, want) {
		r.t.Errorf("%s is %x, want %x", name, got, want)
	}
}

func (r row) field(name string) *btcec.FieldVal {
	v := new(btcec.FieldVal)
	v.SetByteSlice(r.bytes(name))
	return v.Normalize()
}

// The public vectors of packets: from the secret to the ciphertext of the packet after in_idx others.
func TestPacketVectors(t *testing.T) {
	count := vectors.New(t, "bip324 packets", 7)
	for _, r := range rows(t, "packet_encoding_test_vectors.csv", 7) {
		secret, _ := btcec.PrivKeyFromBytes(r.bytes("in_priv_ours"))
		k := &Key{secret: secret, Public: [KeySize]byte(r.bytes("in_ellswift_ours"))}
		theirs := [KeySize]byte(r.bytes("in_ellswift_theirs"))
		initiator := r.number("in_initiating") == 1
		x := decoded(t, k.Public[:])
		r.check("mid_x_ours", x[:])
		x = decoded(t, theirs[:])
		r.check("mid_x_theirs", x[:])
		shared, err := k.shared(theirs, initiator)
		if err != nil {
			t.Fatal(err)
		}
		r.check("mid_shared_secret", shared)
		s, err := k.Session(theirs, initiator, mainnet)
		if err != nil {
			t.Fatal(err)
		}
		r.check("mid_send_garbage_terminator", s.ours[:])
		r.check("mid_recv_garbage_terminator", s.theirs[:])
		r.check("out_session_id", s.ID[:])
		checkPacket(r, s)
		count.Case(!t.Failed())
	}
}

// checkPacket seals the packet of a vector, and opens it as the other side would.
func checkPacket(r row, s *Session) {
	t, back := r.t, Receiver{}
	var k keys
	side := map[bool]string{true: "initiator", false: "responder"}[r.number("in_initiating") == 1]
	// The other side's keys are in the vectors too.
	copy(k.length[:], r.bytes("mid_"+side+"_l"))
	copy(k.content[:], r.bytes("mid_"+side+"_p"))
	back.c = k.ciphers()
	for range r.number("in_idx") {
		p := s.Send.Append(nil, nil, nil, true)
		if n := back.Length(p); n != 0 {
			t.Fatalf("length of an empty packet is %d", n)
		}
		if _, ignore, err := back.Open(p[LengthSize:], nil); err != nil || !ignore {
			t.Fatalf("opening: %v, decoy %t", err, ignore)
		}
	}
	contents := bytes.Repeat(r.bytes("in_contents"), r.number("in_multiply"))
	ignore := r.number("in_ignore") == 1
	packet := s.Send.Append(nil, contents, r.bytes("in_aad"), ignore)
	if r.fields["out_ciphertext"] != "" {
		r.check("out_ciphertext", packet)
	}
	if end := r.bytes("out_ciphertext_endswith"); !bytes.HasSuffix(packet, end) {
		t.Errorf("packet does not end as the vector's")
	}
	if n := back.Length(packet); n != len(contents) {
		t.Fatalf("length %d, want %d", n, len(contents))
	}
	got, decoy, err := back.Open(packet[LengthSize:], r.bytes("in_aad"))
	if err != nil || decoy != ignore || !bytes.Equal(got, contents) {
		t.Errorf("opened to %d bytes, decoy %t, %v", len(got), decoy, err)
	}
}

func decoded(t *testing.T, encoding []byte) [32]byte {
	t.Helper()
	var u, v btcec.FieldVal
	u.SetByteSlice(encoding[:32])
	v.SetByteSlice(encoding[32:])
	x, err := ellswift.XSwiftEC(u.Normalize(), v.Normalize())
	if err != nil {
		t.Fatal(err)
	}
	return *x.Bytes()
}

// All 64 bytes are a key: the vectors hold every special case of the decoding.
func TestDecodeVectors(t *testing.T) {
	count := vectors.New(t, "bip324 decoding", 76)
	for _, r := range rows(t, "ellswift_decode_test_vectors.csv", 76) {
		x := decoded(t, r.bytes("ellswift"))
		r.check("x", x[:])
		count.Case(!t.Failed())
	}
}

// The inverse: for each u and x, which of the eight cases have a t.
func TestEncodeVectors(t *testing.T) {
	count := vectors.New(t, "bip324 encoding", 32)
	for _, r := range rows(t, "xswiftec_inv_test_vectors.csv", 32) {
		for i := range 8 {
			name := "case" + strconv.Itoa(i) + "_t"
			v := ellswift.XSwiftECInv(r.field("u"), r.field("x"), i)
			if (v == nil) != (r.fields[name] == "") {
				t.Errorf("%s: found %t", name, v != nil)
			} else if v != nil {
				r.check(name, v.Normalize().Bytes()[:])
			}
		}
		count.Case(!t.Failed())
	}
}
