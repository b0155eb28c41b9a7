package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"net/netip"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/types"
)

const testMagic = 0xdab5bffa

// samples holds at least one message of every kind that this node decodes.
func samples() []Message {
	addr := NetAddr{Services: NodeNetwork | NodeWitness, Addr: netip.MustParseAddrPort("203.0.113.7:8333")}
	addr6 := NetAddr{Addr: netip.MustParseAddrPort("[2001:db8::1]:21333")}
	items := []Inv{{InvWTx, types.Hash{1}}, {InvWitnessBlock, types.Hash{2}}, {77, types.Hash{3}}}
	locator := []types.Hash{{4}, {5}}
	header := types.Header{Version: -1, PrevHash: types.Hash{6}, Time: math.MaxUint32, Bits: 0x207fffff, Nonce: 9}
	tx := sampleTx(1)
	block := &types.Block{Header: header, Txs: []*types.Tx{sampleTx(2), tx}}
	return append(slices.Concat(lateSamples(), compactSamples()), []Message{
		Version{Protocol: math.MinInt32, Services: 1, Time: math.MinInt64, To: addr, From: addr6, Nonce: 5, UserAgent: "/cairn:1/", StartHeight: -1},
		Version{Protocol: ProtocolVersion, Time: math.MaxInt64, To: addr6, From: addr, UserAgent: strings.Repeat("a", MaxUserAgent), Relay: true},
		Verack{}, WTxIDRelay{}, SendAddrV2{}, SendHeaders{}, GetAddr{}, Mempool{},
		SendCmpct{HighBandwidth: true, Version: 2}, FeeFilter{FeeRate: -1}, Ping{Nonce: math.MaxUint64}, Pong{Nonce: 3},
		Addr{[]TimedAddr{{Time: 1, NetAddr: addr}, {Time: math.MaxUint32, NetAddr: addr6}}}, Addr{[]TimedAddr{}},
		InvMsg{items}, InvMsg{[]Inv{}}, GetData{items}, NotFound{items},
		GetHeaders{Protocol: 70016, Locator: locator, Stop: types.Hash{7}}, GetHeaders{Locator: []types.Hash{}},
		GetBlocks{Protocol: 70016, Locator: locator},
		Headers{[]types.Header{header, {}}}, Headers{[]types.Header{}},
		TxMsg{Tx: tx}, BlockMsg{Block: block},
	}...)
}

func sampleTx(seed byte) *types.Tx {
	tx := &types.Tx{
		Version: uint32(seed),
		In:      []types.TxIn{{PrevOut: types.OutPoint{TxID: types.Hash{seed}}, ScriptSig: []byte{seed}, Sequence: 1, Witness: [][]byte{{seed}, {}}}},
		Out:     []types.TxOut{{Value: 1, Script: []byte{0x51}}},
	}
	decoded, err := types.DecodeTx(tx.Bytes())
	if err != nil {
		panic(err)
	}
	return decoded
}

func TestSamplesCoverEveryCommand(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range samples() {
		seen[m.Command()] = true
	}
	for _, c := range Commands() {
		if !seen[c] {
			t.Errorf("no sample of %q", c)
		}
		if len(c) > CommandSize || commandName(append([]byte(c), make([]byte, CommandSize-len(c))...)) != c {
			t.Errorf("%q cannot stand in a frame", c)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, m := range samples() {
		payload := m.Append(nil)
		if Size(m) != len(payload) {
			t.Errorf("%s: Size %d, encoded %d bytes", m.Command(), Size(m), len(payload))
		}
		if len(payload) > Limit(m.Command()) {
			t.Errorf("%s: %d bytes are over the limit %d", m.Command(), len(payload), Limit(m.Command()))
		}
		got, err := Decode(m.Command(), payload)
		if err != nil {
			t.Errorf("%s: %v", m.Command(), err)
			continue
		}
		if again := got.Append(nil); !bytes.Equal(again, payload) {
			t.Errorf("%s: decoded and encoded again it is\n%x, was\n%x", m.Command(), again, payload)
		}
		switch m.(type) {
		case TxMsg, BlockMsg, CmpctBlock, BlockTxn: // hold hashes that are computed at some time
		default:
			if !reflect.DeepEqual(got, m) {
				t.Errorf("%s: got %+v, want %+v", m.Command(), got, m)
			}
		}
	}
}

// Every message but version is refused when any of its bytes is missing, and when one is left over.
func TestTruncatedAndTrailing(t *testing.T) {
	for _, m := range samples() {
		payload := m.Append(nil)
		if _, ok := m.(Version); ok {
			continue
		}
		for n := range payload {
			if _, err := Decode(m.Command(), payload[:n]); err == nil {
				t.Errorf("%s cut to %d of %d bytes is taken", m.Command(), n, len(payload))
			}
		}
		if _, err := Decode(m.Command(), append(slices.Clone(payload), 0)); err == nil {
			t.Errorf("%s with a byte left over is taken", m.Command())
		}
	}
}

// An old peer's version may end after the receiver's address, the nonce, the user agent or the height;
// a new peer's may go on after the last field.
func TestVersionOptionalFields(t *testing.T) {
	full := Version{Protocol: 70016, Services: 9, Time: 1, Nonce: 2, UserAgent: "/x/", StartHeight: 4,
		To: NetAddr{Addr: netip.MustParseAddrPort("1.2.3.4:5")}, From: NetAddr{Addr: netip.MustParseAddrPort("5.6.7.8:9")}}
	payload := full.Append(nil)
	ends := map[int]Version{
		46: {Protocol: 70016, Services: 9, Time: 1, To: full.To, Relay: true},
		80: {Protocol: 70016, Services: 9, Time: 1, To: full.To, From: full.From, Nonce: 2, Relay: true},
		84: {Protocol: 70016, Services: 9, Time: 1, To: full.To, From: full.From, Nonce: 2, UserAgent: "/x/", Relay: true},
		88: {Protocol: 70016, Services: 9, Time: 1, To: full.To, From: full.From, Nonce: 2, UserAgent: "/x/", StartHeight: 4, Relay: true},
		89: full,
	}
	if len(payload) != 89 {
		t.Fatalf("version has %d bytes, want 89", len(payload))
	}
	for n := range len(payload) + 1 {
		got, err := Decode("version", payload[:n])
		if want, ok := ends[n]; !ok {
			if err == nil {
				t.Errorf("version cut to %d bytes is taken", n)
			}
		} else if err != nil || got != Message(want) {
			t.Errorf("version cut to %d bytes: got %+v, %v, want %+v", n, got, err, want)
		}
	}
	if got, err := Decode("version", append(slices.Clone(payload), 1, 2, 3)); err != nil || got != Message(full) {
		t.Errorf("version with newer fields: got %+v, %v", got, err)
	}
}

func TestVersionUserAgentLimit(t *testing.T) {
	long := Version{UserAgent: strings.Repeat("x", MaxUserAgent+50)}
	got, err := Decode("version", long.Append(nil))
	if err != nil || len(got.(Version).UserAgent) != MaxUserAgent {
		t.Errorf("a long user agent is not cut off when sent: %v", err)
	}
	bad := Version{}.Append(nil)[:80]
	bad = types.AppendVarBytes(bad, make([]byte, MaxUserAgent+1))
	if _, err := Decode("version", bad); !errors.Is(err, types.ErrTooLarge) {
		t.Errorf("a user agent of 257 bytes: %v", err)
	}
}

// A count over its limit is refused even if all its items are there; one item over the limit and the
// limit itself are both tried.
func TestItemLimits(t *testing.T) {
	cases := []struct {
		command    string
		head, tail int // bytes around the list
		limit      int
		size       int
	}{
		{"addr", 0, 0, MaxAddrs, timedAddrSize},
		{"inv", 0, 0, MaxInvs, invSize},
		{"getdata", 0, 0, MaxInvs, invSize},
		{"notfound", 0, 0, MaxInvs, invSize},
		{"headers", 0, 0, MaxHeaders, headerSize},
		{"getheaders", 4, 32, MaxLocator, types.HashSize},
		{"getblocks", 4, 32, MaxLocator, types.HashSize},
	}
	for _, c := range cases {
		build := func(n int) []byte {
			b := types.AppendVarInt(make([]byte, c.head), uint64(n))
			return append(b, make([]byte, n*c.size+c.tail)...)
		}
		if _, err := Decode(c.command, build(c.limit)); err != nil {
			t.Errorf("%s with %d items: %v", c.command, c.limit, err)
		}
		if len(build(c.limit)) != Limit(c.command) {
			t.Errorf("%s: the full message has %d bytes, the limit is %d", c.command, len(build(c.limit)), Limit(c.command))
		}
		if _, err := Decode(c.command, build(c.limit+1)); !errors.Is(err, ErrLength) {
			t.Errorf("%s with %d items: %v", c.command, c.limit+1, err)
		}
		over := types.AppendVarInt(make([]byte, c.head), uint64(c.limit+1))
		if _, err := Decode(c.command, over); !errors.Is(err, types.ErrTooLarge) {
			t.Errorf("%s that says %d items and has none: %v", c.command, c.limit+1, err)
		}
		long := append(make([]byte, c.head), 0xfd, 2, 0) // 2 in three bytes
		if _, err := Decode(c.command, append(long, make([]byte, 2*c.size+c.tail)...)); !errors.Is(err, types.ErrNonCanonical) {
			t.Errorf("%s with a count not in its shortest form: %v", c.command, err)
		}
	}
}

// A count that the bytes behind it cannot hold costs no memory.
func TestCountsDoNotAllocate(t *testing.T) {
	for _, c := range []struct {
		command string
		head    int
		limit   int
	}{
		{"addr", 0, MaxAddrs}, {"inv", 0, MaxInvs}, {"headers", 0, MaxHeaders}, {"getheaders", 4, MaxLocator},
		{"tx", 4, 90_000}, {"block", 80, 16_000},
	} {
		payload := append(types.AppendVarInt(make([]byte, c.head), uint64(c.limit)), 1, 2, 3)
		if c.command == "tx" {
			payload[0] = 1
		}
		const runs = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range runs {
			if _, err := Decode(c.command, payload); !errors.Is(err, types.ErrTruncated) {
				t.Fatalf("%s: %v", c.command, err)
			}
		}
		runtime.ReadMemStats(&after)
		used := (after.TotalAlloc - before.TotalAlloc) / runs
		if used > 1024 {
			t.Errorf("%s: %d bytes allocated for a payload of %d", c.command, used, len(payload))
		}
	}
}

func TestHeadersWithTransactions(t *testing.T) {
	payload := Headers{[]types.Header{{}}}.Append(nil)
	payload[len(payload)-1] = 1
	if _, err := Decode("headers", payload); !errors.Is(err, ErrHeaderTxs) {
		t.Errorf("got %v", err)
	}
}

func TestUnknown(t *testing.T) {
	got, err := Decode("alert", make([]byte, 300))
	if err != nil || got != Message(Unknown{Name: "alert", Size: 300}) {
		t.Errorf("got %v, %v", got, err)
	}
	if Limit("alert") != MaxPayload || Known("alert") || Label("alert") != "other" || Label("ping") != "ping" {
		t.Error("alert is treated as known")
	}
	if len(got.Append(nil)) != 0 || got.Command() != "alert" {
		t.Error("an unknown message keeps only its name and size")
	}
}

func TestBlockBase(t *testing.T) {
	tx := sampleTx(1)
	if b := (TxMsg{Tx: tx, Base: true}).Append(nil); len(b) != Size(TxMsg{Tx: tx, Base: true}) || !bytes.Equal(b, tx.AppendBase(nil)) {
		t.Errorf("a transaction without witnesses is %x", b)
	}
	block := &types.Block{Txs: []*types.Tx{sampleTx(1)}}
	m := BlockMsg{Block: block, Base: true}
	if b := m.Append(nil); len(b) != Size(m) || len(b) >= block.Size() || !bytes.Equal(b, block.AppendBase(nil)) {
		t.Errorf("%d bytes without witnesses, Size %d, with %d", len(b), Size(m), block.Size())
	}
}

// The bytes of a frame as they are known from the protocol's documentation.
func TestFrameBytes(t *testing.T) {
	const verack = "f9beb4d976657261636b000000000000000000005df6e0e2"
	if got := hex.EncodeToString(AppendFrame(nil, 0xd9b4bef9, Verack{})); got != verack {
		t.Errorf("verack is %s, want %s", got, verack)
	}
}

// The version message of the protocol's documentation (protocol 60002).
func TestKnownVersion(t *testing.T) {
	const raw = "62ea0000010000000000000011b2d05000000000010000000000000000000000000000000000ffff000000000000" +
		"010000000000000000000000000000000000ffff0000000000003b2eb35d8ce617650f2f5361746f7368693a302e372e322fc03e0300"
	payload, err := hex.DecodeString(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode("version", payload)
	if err != nil {
		t.Fatal(err)
	}
	v := m.(Version)
	if v.Protocol != 60002 || v.Services != NodeNetwork || v.Time != 1355854353 || v.UserAgent != "/Satoshi:0.7.2/" ||
		v.StartHeight != 212672 || v.Nonce != 0x6517e68c5db32e3b || !v.Relay {
		t.Errorf("got %+v", v)
	}
	if !v.To.Addr.Addr().Is4() {
		t.Errorf("IPv4-mapped address decodes to %s", v.To.Addr)
	}
}

func TestParseFrame(t *testing.T) {
	var stream []byte
	for _, m := range samples() {
		stream = AppendFrame(stream, testMagic, m)
	}
	for _, want := range samples() {
		got, n, err := ParseFrame(stream, testMagic)
		if err != nil || got.Command() != want.Command() {
			t.Fatalf("%s: got %v, %v", want.Command(), got, err)
		}
		stream = stream[n:]
	}
	if len(stream) != 0 {
		t.Errorf("%d bytes left over", len(stream))
	}
}

func TestParseFrameRefuses(t *testing.T) {
	good := AppendFrame(nil, testMagic, Ping{Nonce: 1})
	change := func(at int, with ...byte) []byte {
		b := slices.Clone(good)
		copy(b[at:], with)
		return b
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  error
		size  int
	}{
		{"another magic", change(0, 1), ErrMagic, 0},
		{"garbage of 0xff", bytes.Repeat([]byte{0xff}, 100), ErrMagic, 0},
		{"4 GB", change(16, 0xff, 0xff, 0xff, 0xff), ErrLength, 0},
		{"one byte over the limit", change(16, 9), ErrLength, 0},
		{"4 GB of an unknown message", change(4, 'x', 'y', 'z', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), ErrLength, 0},
		{"wrong checksum", change(20, ^good[20]), ErrChecksum, len(good)},
		{"wrong payload", change(25, 7), ErrChecksum, len(good)},
	} {
		if _, n, err := ParseFrame(c.frame, testMagic); !errors.Is(err, c.want) || n != c.size {
			t.Errorf("%s: %v and size %d, want %v and %d", c.name, err, n, c.want, c.size)
		}
	}
	for n := range good {
		if _, size, err := ParseFrame(good[:n], testMagic); !errors.Is(err, types.ErrTruncated) || size != 0 {
			t.Errorf("a frame cut to %d bytes: %v and size %d", n, err, size)
		}
	}
}

func TestErrorsQuoteTheName(t *testing.T) {
	frame := AppendFrame(nil, testMagic, Unknown{Name: "a\"b c"})
	copy(frame[16:], []byte{0xff, 0xff, 0xff, 0xff})
	_, _, err := ParseFrame(frame, testMagic)
	if err == nil || !strings.Contains(err.Error(), `"a\"b c"`) {
		t.Errorf("got %v", err)
	}
}

func TestCommandName(t *testing.T) {
	for in, want := range map[string]string{
		"ping\x00\x00\x00\x00\x00\x00\x00\x00":             "ping",
		"twelve bytes":                                     "twelve bytes",
		"ping\x00\x00\x00\x00\x00\x00\x00x":                "",
		"pi\x01g\x00\x00\x00\x00\x00\x00\x00\x00":          "",
		"pi\xffg\x00\x00\x00\x00\x00\x00\x00\x00":          "",
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00": "",
	} {
		if got := commandName([]byte(in)); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

func TestSafeString(t *testing.T) {
	for in, want := range map[string]string{
		"/Satoshi:27.0.0(a; b_c-d@e?)/": "/Satoshi:27.0.0(a; b_c-d@e?)/",
		"a\nb\x1b[31mc\u202ed\"'<>":     "ab31mcd",
		"\xff\xfe":                      "",
		strings.Repeat("z", 300):        strings.Repeat("z", 256),
	} {
		if got := SafeString(in); got != want {
			t.Errorf("%q is printed as %q, want %q", in, got, want)
		}
	}
}

// Decoded values do not change when the buffer is used again.
func TestDecodeCopies(t *testing.T) {
	for _, m := range samples() {
		payload := m.Append(nil)
		want := slices.Clone(payload)
		got, err := Decode(m.Command(), payload)
		if err != nil {
			t.Fatal(err)
		}
		for i := range payload {
			payload[i] = 0xee
		}
		if !bytes.Equal(got.Append(nil), want) {
			t.Errorf("%s shares memory with what it was decoded from", m.Command())
		}
	}
}
