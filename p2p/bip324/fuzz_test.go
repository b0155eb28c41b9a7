package bip324

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

// Whatever an initiator says, the responder ends with a session or an error, has said no more than it may, and has
// read no more than it must.
func FuzzRespond(f *testing.F) {
	k, err := NewKey(seeded(1))
	if err != nil {
		f.Fatal(err)
	}
	theirs, err := NewKey(seeded(2))
	if err != nil {
		f.Fatal(err)
	}
	s, err := k.Session(theirs.Public, true, mainnet)
	if err != nil {
		f.Fatal(err)
	}
	good := append(append(bytes.Clone(k.Public[:]), "garbage"...), s.ours[:]...)
	f.Add(s.Send.Append(good, nil, []byte("garbage"), false))
	f.Add(good)
	f.Add(append([]byte{1, 2, 3, 4}, "version\x00\x00\x00\x00\x00 and so on"...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, heard []byte) {
		var said bytes.Buffer
		s, err := Respond(&said, bufio.NewReader(bytes.NewReader(heard)), mainnet, seeded(2))
		if (s == nil) == (err == nil) {
			t.Fatalf("session %v, error %v", s, err)
		}
		if said.Len() > KeySize+MaxGarbage+TerminatorSize+Overhead {
			t.Fatalf("said %d bytes", said.Len())
		}
		if err == nil && s.Received > KeySize+MaxGarbage+TerminatorSize+maxOpeningBytes {
			t.Fatalf("received %d bytes", s.Received)
		}
		for _, known := range []error{nil, io.ErrUnexpectedEOF, ErrGarbage, ErrOpening, ErrTag, ErrOtherNetwork} {
			if errors.Is(err, known) {
				return
			}
		}
		t.Fatalf("unknown error %v", err)
	})
}

// A name that was read is written again as it was, but for names that have an id.
func FuzzSplitType(f *testing.F) {
	f.Add([]byte{4, 1, 2, 3})
	f.Add(append(AppendType(nil, "version"), "payload"...))
	f.Fuzz(func(t *testing.T, contents []byte) {
		name, payload, ok := SplitType(contents)
		if !ok {
			return
		}
		again, rest, ok := SplitType(append(AppendType(nil, name), payload...))
		if !ok || again != name || !bytes.Equal(rest, payload) {
			t.Fatalf("%q became %q", name, again)
		}
	})
}

func BenchmarkPacket(b *testing.B) {
	_, s, r := pair(b)
	contents := make([]byte, 1<<20)
	buf := make([]byte, 0, len(contents)+Overhead)
	b.SetBytes(int64(len(contents)))
	for b.Loop() {
		p := s.Append(buf, contents, nil, false)
		r.Length(p)
		if _, _, err := r.Open(p[LengthSize:], nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHandshake(b *testing.B) {
	for b.Loop() {
		k, err := NewKey(seeded(1))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := k.Session(k.Public, true, mainnet); err != nil {
			b.Fatal(err)
		}
	}
}
