package p2p

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestStatic(t *testing.T) {
	want := []netip.AddrPort{netip.MustParseAddrPort("1.2.3.4:5"), netip.MustParseAddrPort("[::1]:6")}
	got, err := Collect(context.Background(), 10, Static(want), Static(want))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err = Collect(context.Background(), 1, Static(want)); err != nil || len(got) != 1 {
		t.Errorf("of two at most one: %v, %v", got, err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if got, err = Collect(ended, 10, Static(want)); err != nil || len(got) != 0 {
		t.Errorf("after the end: %v, %v", got, err)
	}
}

func TestPeersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.txt")
	text := "# neighbours\n\n 1.2.3.4:5 \nnowhere\x1b[31m\n[2a00::1]:6\n1.2.3.4\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Collect(context.Background(), 10, PeersFile{path})
	if fmt.Sprint(got) != "[1.2.3.4:5 [2a00::1]:6]" {
		t.Errorf("got %v", got)
	}
	if err == nil || !strings.Contains(err.Error(), "line 4") || !strings.Contains(err.Error(), "line 6") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("error %v", err)
	}
	if got, err = Collect(context.Background(), 1, PeersFile{path}); len(got) != 1 || err == nil {
		t.Errorf("stopped in the middle: %v, %v", got, err)
	}
	if _, err = Collect(context.Background(), 10, PeersFile{path + "x"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err = Collect(context.Background(), 10, PeersFile{path}); len(got) != 0 || err == nil {
		t.Errorf("a line of 10,000 bytes: %v, %v", got, err)
	}
}

func TestDNSSeeds(t *testing.T) {
	many := make([]netip.Addr, 1000)
	for i := range many {
		many[i] = netip.AddrFrom4([4]byte{8, 8, byte(i >> 8), byte(i)})
	}
	seeds := DNSSeeds{Names: []string{"none.example", "mapped.example", "many.example"}, Port: 21333,
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			switch name {
			case "many.example":
				return many, nil
			case "mapped.example":
				return []netip.Addr{netip.MustParseAddr("::ffff:9.9.9.9")}, nil
			}
			return nil, errors.New("no such name")
		}}
	got, err := Collect(context.Background(), 5000, seeds)
	if len(got) != 1+maxSeedAddrs || got[0].String() != "9.9.9.9:21333" {
		t.Errorf("%d endpoints", len(got))
	}
	if err == nil || !strings.Contains(err.Error(), "none.example") {
		t.Errorf("error %v", err)
	}
}
