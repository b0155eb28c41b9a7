package addrbook

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func filledBook() *Book {
	b := newBook(20)
	for i := range uint32(60) {
		b.Add(start, told(start, public(i<<16|1), at(fmt.Sprintf("127.0.0.1:%d", 1000+i))), netip.AddrPort{})
		b.Add(start, told(start.Add(time.Hour), public(i<<16|1)), public(i*17<<16|1))
	}
	for i := range uint32(20) {
		b.Attempt(start, public(i<<16|1))
		b.Good(start.Add(time.Minute), public(i<<16|1), 9)
	}
	b.SetAnchors([]netip.AddrPort{at("8.8.8.8:1"), at("[2a00::1]:2")})
	return b
}

func TestEncodeDecode(t *testing.T) {
	b := filledBook()
	raw := b.Encode()
	got, err := Decode(raw, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	check(t, got)
	f1, t1 := b.Len()
	f2, t2 := got.Len()
	if f1 != f2 || t1 != t2 || t2 == 0 || f2 == 0 {
		t.Errorf("new %d and %d, tried %d and %d", f1, f2, t1, t2)
	}
	if !slices.Equal(got.Anchors(), b.Anchors()) || len(got.Anchors()) != 2 {
		t.Errorf("anchors %v", got.Anchors())
	}
	if !bytes.Equal(got.Encode(), raw) {
		t.Error("encodes to other bytes")
	}
}

func TestAnchorsAreBounded(t *testing.T) {
	b := newBook(1)
	b.SetAnchors(make([]netip.AddrPort, 50))
	if n := len(b.Anchors()); n != MaxAnchors {
		t.Errorf("%d anchors", n)
	}
}

// Every flipped byte and every cut is noticed.
func TestDamage(t *testing.T) {
	raw := filledBook().Encode()
	for i := range raw {
		bad := slices.Clone(raw)
		bad[i] ^= 0x40
		if _, err := Decode(bad, nil); !errors.Is(err, ErrCorrupt) && !(i == len(fileMagic) && errors.Is(err, ErrFormat)) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		if _, err := Decode(raw[:i], nil); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestNewerFormat(t *testing.T) {
	raw := filledBook().Encode()
	raw[len(fileMagic)] = 7
	if _, err := Decode(raw, nil); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "7") || !strings.Contains(err.Error(), "1") {
		t.Errorf("got %v", err)
	}
}

// seal puts a right checksum behind a body.
func seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(slices.Clone(body), sum[:]...)
}

// Contents that no Book can have are refused though their checksum is right.
func TestImpossibleContents(t *testing.T) {
	b := newBook(1)
	b.Add(start, told(start, at("8.8.8.8:1")), netip.AddrPort{})
	raw := b.Encode()
	body := raw[:len(raw)-sumSize]
	list := len(fileMagic) + 1 + 32 + 1 + 8
	entry := body[list+1:]
	with := func(count byte, entries ...[]byte) []byte {
		return seal(append(append(slices.Clone(body[:list]), count), bytes.Join(entries, nil)...))
	}
	if _, err := Decode(with(1, entry), nil); err != nil {
		t.Fatalf("the test does not know the format: %v", err)
	}
	tried := slices.Clone(entry)
	tried[len(tried)-4] = flagTried
	far := slices.Clone(entry)
	far[len(far)-1] = 0xff
	unspecified := slices.Clone(entry)
	copy(unspecified, make([]byte, 16))
	for name, bad := range map[string][]byte{
		"twice":           with(2, entry, entry),
		"fewer":           with(2, entry),
		"more":            with(0, entry),
		"tried and new":   with(1, tried),
		"no place":        with(1, append(slices.Clone(entry[:len(entry)-3]), 0)),
		"no such bucket":  with(1, far),
		"nothing to dial": with(1, unspecified),
		"many":            seal(append(slices.Clone(body[:list]), 0xfe, 0xff, 0xff, 0xff, 0x7f)),
	} {
		if _, err := Decode(bad, nil); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	raw := filledBook().Encode()
	f.Add(raw[:len(raw)-sumSize])
	empty := newBook(1).Encode()
	f.Add(empty[:len(empty)-sumSize])
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := Decode(seal(body), rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			return
		}
		check(t, b)
		b.Select(start, false, nil)
		again, err := Decode(b.Encode(), nil)
		if err != nil {
			t.Fatalf("does not decode after encoding: %v", err)
		}
		check(t, again)
	})
}
