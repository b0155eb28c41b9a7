package bip324

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
)

// seeded is a source that always says the same.
func seeded(n byte) io.Reader { return rand.NewChaCha8([32]byte{n}) }

// tape is a connection in memory. What is written waits for as long as it takes; it is noted too.
type tape struct {
	in   io.Reader
	out  io.WriteCloser
	said bytes.Buffer
}

func (c *tape) Read(b []byte) (int, error) { return c.in.Read(b) }
func (c *tape) Write(b []byte) (int, error) {
	c.said.Write(b)
	return c.out.Write(b)
}

// twoEnds connects two tapes over loopback TCP, so that no side waits for the other to read.
func twoEnds(t *testing.T) (a, b *tape) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	return &tape{in: near, out: near}, &tape{in: far, out: far}
}

// shake lets two sides shake hands and returns both sessions.
func shake(t *testing.T, a, b *tape, prepare func(initiator, responder *handshake)) (sa, sb *Session) {
	t.Helper()
	ha := handshake{w: a, r: bufio.NewReader(a), magic: mainnet, initiator: true}
	hb := handshake{w: b, r: bufio.NewReader(b), magic: mainnet}
	if err := errors.Join(ha.prepare(seeded(1)), hb.prepare(seeded(2))); err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(&ha, &hb)
	}
	failed := make(chan error, 1)
	go func() {
		err := hb.sendKey()
		if err == nil {
			sb, err = hb.finish()
		}
		failed <- err
	}()
	err := ha.sendKey()
	if err == nil {
		sa, err = ha.finish()
	}
	if err := errors.Join(err, <-failed); err != nil {
		t.Fatal(err)
	}
	return sa, sb
}

// Garbage of all lengths; afterwards both sides have one session and understand each other, over several changes
// of keys.
func TestHandshake(t *testing.T) {
	for _, lengths := range [][2]int{{0, 0}, {1, 4095}, {4095, 1}, {15, 16}, {4095, 4095}} {
		a, b := twoEnds(t)
		sa, sb := shake(t, a, b, func(ha, hb *handshake) {
			ha.garbage, hb.garbage = make([]byte, lengths[0]), make([]byte, lengths[1])
		})
		if sa.ID != sb.ID || sa.ID == [32]byte{} {
			t.Errorf("%v: session ids %x and %x", lengths, sa.ID, sb.ID)
		}
		least := KeySize + TerminatorSize + Overhead
		if sa.Sent != lengths[0]+least || sa.Received != lengths[1]+least || sb.Sent != sa.Received || sb.Received != sa.Sent {
			t.Errorf("%v: sent %d, received %d; there %d and %d", lengths, sa.Sent, sa.Received, sb.Sent, sb.Received)
		}
		talk(t, &sa.Send, &sb.Receive)
		talk(t, &sb.Send, &sa.Receive)
	}
}

// talk sends packets of many lengths one way.
func talk(t *testing.T, s *Sender, r *Receiver) {
	t.Helper()
	for i := range 3 * rekeyEvery {
		contents := bytes.Repeat([]byte{byte(i)}, i*i%5000)
		p := s.Append([]byte("before"), contents, nil, i%3 == 0)[len("before"):]
		if n := r.Length(p); n != len(contents) || len(p) != n+Overhead {
			t.Fatalf("packet %d: length %d of %d, %d bytes", i, n, len(contents), len(p))
		}
		got, ignore, err := r.Open(p[LengthSize:], nil)
		if err != nil || ignore != (i%3 == 0) || !bytes.Equal(got, contents) {
			t.Fatalf("packet %d: %d bytes, decoy %t, %v", i, len(got), ignore, err)
		}
	}
}

// The two exported ends, with all that they choose at random.
func TestInitiateAndRespond(t *testing.T) {
	for seed := range byte(10) {
		a, b := twoEnds(t)
		failed := make(chan error, 1)
		var sb *Session
		go func() {
			r := bufio.NewReader(b)
			old, err := SpeaksV1(r, mainnet)
			if err == nil && old {
				err = errors.New("taken for version 1")
			}
			if err == nil {
				sb, err = Respond(b, r, mainnet, seeded(100+seed))
			}
			failed <- err
		}()
		sa, err := Initiate(a, bufio.NewReader(a), mainnet, seeded(seed))
		if err := errors.Join(err, <-failed); err != nil {
			t.Fatal(err)
		}
		if sa.ID != sb.ID {
			t.Errorf("session ids %x and %x", sa.ID, sb.ID)
		}
	}
}

// recorded is what an initiator with a little garbage says to the responder of seed 2.
func recorded(t *testing.T) []byte {
	t.Helper()
	a, b := twoEnds(t)
	shake(t, a, b, func(ha, _ *handshake) { ha.garbage = make([]byte, 10) })
	return a.said.Bytes()
}

// respond lets the responder of seed 2 hear some bytes.
func respond(heard []byte) (*Session, error) {
	return Respond(io.Discard, bufio.NewReader(bytes.NewReader(heard)), mainnet, seeded(2))
}

// A recorded handshake that is cut anywhere, or has any one bit changed, fails; as it was recorded it succeeds.
func TestHandshakeDamaged(t *testing.T) {
	good := recorded(t)
	if _, err := respond(good); err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := respond(good[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d: %v", n, err)
		}
	}
	for i := range 8 * len(good) {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		if i/8 < KeySize+10+TerminatorSize {
			// A wrong key or terminator is only found out when the garbage is too long.
			bad = append(bad, make([]byte, MaxGarbage+TerminatorSize)...)
		}
		_, err := respond(bad)
		switch part := i / 8; {
		case part < KeySize, part >= KeySize+10 && part < KeySize+10+TerminatorSize:
			if !errors.Is(err, ErrGarbage) {
				t.Errorf("bit %d: %v", i, err)
			}
		case err == nil:
			t.Errorf("bit %d is changed, and nobody noticed", i)
		case part < KeySize+10, part >= KeySize+10+TerminatorSize+LengthSize:
			if !errors.Is(err, ErrTag) {
				t.Errorf("bit %d: %v", i, err)
			}
		}
	}
}

func TestHandshakeRefusals(t *testing.T) {
	good := recorded(t)
	key := good[:KeySize]
	v1 := append([]byte{1, 2, 3, 4}, "version\x00\x00\x00\x00\x00"...)
	for name, c := range map[string]struct {
		heard []byte
		want  error
	}{
		"4112 bytes without a terminator": {append(bytes.Clone(key), make([]byte, MaxGarbage+TerminatorSize+1)...), ErrGarbage},
		"64 KB of garbage":                {append(bytes.Clone(key), make([]byte, 64<<10)...), ErrGarbage},
		"zeros":                           {make([]byte, 64<<10), ErrGarbage},
		"all ones":                        {bytes.Repeat([]byte{0xff}, 64<<10), ErrGarbage},
		"another network":                 {append(v1, make([]byte, 200)...), ErrOtherNetwork},
		"nothing":                         {nil, io.ErrUnexpectedEOF},
	} {
		if _, err := respond(c.heard); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	var hears bytes.Buffer
	if _, err := Respond(&hears, bufio.NewReader(bytes.NewReader(good)), mainnet+1, seeded(2)); err == nil {
		t.Error("networks with different magics understand each other")
	}
	if hears.Len() > KeySize+MaxGarbage+TerminatorSize+Overhead {
		t.Errorf("the responder says %d bytes", hears.Len())
	}
}

// Decoys before the version packet: some are taken, too many or too large ones are not.
func TestDecoysBeforeVersion(t *testing.T) {
	for name, c := range map[string]struct {
		sizes []int
		want  error
	}{
		"one":           {[]int{100}, nil},
		"63":            {make([]int, 63), nil},
		"64":            {make([]int, 64), ErrOpening},
		"one large":     {[]int{maxOpeningBytes}, ErrOpening},
		"two half":      {[]int{maxOpeningBytes / 2, maxOpeningBytes / 2}, ErrOpening},
		"16 MB is said": {[]int{1<<24 - 1}, ErrOpening},
	} {
		key, err := NewKey(seeded(1))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := NewKey(seeded(2))
		if err != nil {
			t.Fatal(err)
		}
		s, err := key.Session(theirs.Public, true, mainnet)
		if err != nil {
			t.Fatal(err)
		}
		heard := append(append(bytes.Clone(key.Public[:]), "garbage"...), s.ours[:]...)
		aad := []byte("garbage")
		for _, n := range c.sizes {
			heard = s.Send.Append(heard, make([]byte, n), aad, true)
			aad = nil
		}
		if _, err := respond(s.Send.Append(heard, []byte("a future version"), aad, false)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// brokenPipe fails as a connection does that the other end has closed, or that timed out.
type brokenPipe struct{ late bool }

func (p brokenPipe) Read([]byte) (int, error)    { return 0, p }
func (p brokenPipe) Write(b []byte) (int, error) { return len(b), nil }
func (p brokenPipe) Error() string               { return "broken" }
func (p brokenPipe) Timeout() bool               { return p.late }

// Only an end before the first byte says that the other end may know only version 1.
func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		r       io.Reader
		refused bool
	}{
		"closed":       {bytes.NewReader(nil), true},
		"reset":        {brokenPipe{}, true},
		"silent":       {brokenPipe{late: true}, false},
		"a byte first": {bytes.NewReader([]byte{1}), false},
	} {
		_, err := Initiate(io.Discard, bufio.NewReader(c.r), mainnet, seeded(1))
		if err == nil || errors.Is(err, ErrRefused) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSpeaksV1(t *testing.T) {
	magic := "\xf9\xbe\xb4\xd9"
	for heard, c := range map[string]struct {
		old bool
		err error
	}{
		magic + "version\x00\x00\x00\x00\x00rest": {true, nil},
		magic + "version\x00\x00\x00\x00\x01":     {false, nil},
		magic + "verack":                          {false, nil},
		"\x00":                                    {false, nil},
		magic + "vers":                            {false, io.EOF},
		"":                                        {false, io.EOF},
	} {
		r := bufio.NewReader(bytes.NewReader([]byte(heard)))
		old, err := SpeaksV1(r, mainnet)
		if old != c.old || !errors.Is(err, c.err) {
			t.Errorf("%q: %t, %v", heard, old, err)
		}
		if rest, err := io.ReadAll(r); err != nil || string(rest) != heard {
			t.Errorf("%q: %q is left, %v", heard, rest, err)
		}
	}
}

// constant is a source that is broken.
type constant byte

func (c constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

func TestKeys(t *testing.T) {
	for n := range byte(20) {
		k, err := NewKey(seeded(n))
		if err != nil {
			t.Fatal(err)
		}
		if x, want := decoded(t, k.Public[:]), k.secret.PubKey().X().FillBytes(make([]byte, 32)); !bytes.Equal(x[:], want) {
			t.Errorf("key %d: its encoding stands for %x, want %x", n, x, want)
		}
	}
	if _, err := NewKey(constant(0)); !errors.Is(err, errRandom) {
		t.Errorf("zeros make a key: %v", err)
	}
	for n := range 100 {
		if _, err := NewKey(io.LimitReader(seeded(1), int64(n))); n < 65 && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes of randomness: %v", n, err)
		}
	}
}

func TestTypes(t *testing.T) {
	for _, name := range []string{"addr", "block", "tx", "addrv2", "version", "verack", "wtxidrelay", "sendheaders1"} {
		b := append(AppendType(nil, name), "payload"...)
		got, payload, ok := SplitType(b)
		if got != name || string(payload) != "payload" || !ok {
			t.Errorf("%s: %q, %q, %t", name, got, payload, ok)
		}
	}
	if b := AppendType(nil, "cmpctblock"); !bytes.Equal(b, []byte{4}) {
		t.Errorf("cmpctblock is %x", b)
	}
	for _, bad := range []string{"", "\x00", "\x00version\x00\x00\x00\x00", "\x00" + string(make([]byte, 12)), "\x1d", "\xff",
		"\x00ver\x00ion\x00\x00\x00\x00\x00", "\x00vers\x80on\x00\x00\x00\x00\x00"} {
		if name, _, ok := SplitType([]byte(bad)); ok {
			t.Errorf("%q names %q", bad, name)
		}
	}
}

// Packets that were swapped, repeated or left out do not authenticate.
func TestOrderOfPackets(t *testing.T) {
	for name, order := range map[string][]int{"repeated": {0, 0}, "left out": {1}, "swapped": {1, 0}} {
		_, sender, receiver := pair(t)
		packets := [][]byte{sender.Append(nil, []byte("first"), nil, false), sender.Append(nil, []byte("second"), nil, false)}
		var err error
		for _, i := range order {
			if receiver.Length(packets[i]); err == nil {
				_, _, err = receiver.Open(bytes.Clone(packets[i][LengthSize:]), nil)
			}
		}
		if !errors.Is(err, ErrTag) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pair makes one direction of a session.
func pair(t testing.TB) (id [32]byte, s *Sender, r *Receiver) {
	t.Helper()
	a, errA := NewKey(seeded(1))
	b, errB := NewKey(seeded(2))
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	sa, errA := a.Session(b.Public, true, mainnet)
	sb, errB := b.Session(a.Public, false, mainnet)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	return sa.ID, &sa.Send, &sb.Receive
}
