package wire

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzDecode feeds each decoder. What it takes must be within the limits and, encoded and decoded
// again, be the same; only version may become shorter, by what this node does not know.
func FuzzDecode(f *testing.F) {
	commands := Commands()
	slices.Sort(commands)
	seeds := 0
	for _, m := range samples() {
		for _, cut := range []int{0, 1, 7} {
			payload := m.Append(nil)
			f.Add(uint8(slices.Index(commands, m.Command())), payload[:max(0, len(payload)-cut)])
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, which uint8, payload []byte) {
		command := commands[int(which)%len(commands)]
		m, err := Decode(command, payload)
		if err != nil {
			if m != nil {
				t.Fatalf("%s: a message with an error", command)
			}
			return
		}
		if m.Command() != command {
			t.Fatalf("%s decodes to %s", command, m.Command())
		}
		once := m.Append(nil)
		if Size(m) != len(once) {
			t.Fatalf("%s: Size %d, encoded %d", command, Size(m), len(once))
		}
		again, err := Decode(command, once)
		if err != nil {
			t.Fatalf("%s does not decode after encoding: %v", command, err)
		}
		if !bytes.Equal(again.Append(nil), once) {
			t.Fatalf("%s changes at each encoding", command)
		}
		// A bool may come as any byte and goes out as 0 or 1.
		if command != "version" && command != "sendcmpct" && !bytes.Equal(once, payload) {
			t.Fatalf("%s: %x encodes to %x", command, payload, once)
		}
	})
}

// FuzzFrames reads a stream of frames to its end. It must never stand still and never run over.
func FuzzFrames(f *testing.F) {
	var all []byte
	for _, m := range samples() {
		frame := AppendFrame(nil, testMagic, m)
		f.Add(frame)
		all = append(all, frame...)
	}
	f.Add(all)
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for len(stream) > 0 {
			m, n, err := ParseFrame(stream, testMagic)
			if n < 0 || n > len(stream) {
				t.Fatalf("size %d of %d", n, len(stream))
			}
			if (m == nil) == (err == nil) {
				t.Fatalf("message %v with error %v", m, err)
			}
			if n == 0 {
				return
			}
			if err == nil && n-HeaderSize > Limit(m.Command()) {
				t.Fatalf("%s of %d bytes", m.Command(), n)
			}
			stream = stream[n:]
		}
	})
}
