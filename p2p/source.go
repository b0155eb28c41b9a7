package p2p

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/netip"
	"os"
	"slices"
)

// Bounds of what a Source gives.
const (
	maxSeedAddrs     = 256     // of one DNS seed
	maxPeersFile     = 1 << 20 // bytes
	maxPeersFileLine = 256     // bytes
)

// Source is a stream of endpoints at which nodes may be found. Nothing that it gives is to be trusted.
type Source interface {
	// Endpoints gives endpoints until it has no more, the caller stops, or ctx ends. An error is about
	// one endpoint, or all: the stream may go on after it.
	Endpoints(ctx context.Context) iter.Seq2[netip.AddrPort, error]
}

// Static is a Source of endpoints that somebody wrote down.
type Static []netip.AddrPort

// Endpoints gives them in order.
func (s Static) Endpoints(ctx context.Context) iter.Seq2[netip.AddrPort, error] {
	return func(yield func(netip.AddrPort, error) bool) {
		for _, a := range s {
			if ctx.Err() != nil || !yield(a, nil) {
				return
			}
		}
	}
}

// PeersFile is a Source that reads a text file of at most 1 MiB: one ip:port a line; empty lines and those
// that begin with # are passed over. The file is read anew each time.
type PeersFile struct{ Path string }

// Endpoints gives the endpoints in the order of the file, and an error for each line that is none.
func (s PeersFile) Endpoints(ctx context.Context) iter.Seq2[netip.AddrPort, error] {
	return func(yield func(netip.AddrPort, error) bool) {
		f, err := os.Open(s.Path)
		if err != nil {
			yield(netip.AddrPort{}, fmt.Errorf("peers file: %w", err))
			return
		}
		more, err := s.lines(ctx, io.LimitReader(f, maxPeersFile), yield)
		if err = errors.Join(err, f.Close()); err != nil && more {
			yield(netip.AddrPort{}, fmt.Errorf("peers file %s: %w", s.Path, err))
		}
	}
}

// lines gives what stands in r. more is false if the caller of the iterator wants no more.
func (s PeersFile) lines(ctx context.Context, r io.Reader, yield func(netip.AddrPort, error) bool) (more bool, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxPeersFileLine)
	for n := 1; lines.Scan() && ctx.Err() == nil; n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		a, err := netip.ParseAddrPort(string(line))
		if err != nil {
			err = fmt.Errorf("peers file %s, line %d: %q is no ip:port", s.Path, n, line)
		}
		if !yield(a, err) {
			return false, nil
		}
	}
	return true, lines.Err()
}

// DNSSeeds is a Source that asks for the addresses of names, as Bitcoin's DNS seeds answer. Of each name at
// most 256 addresses are taken.
type DNSSeeds struct {
	Names []string
	Port  uint16 // of every endpoint
	// Lookup finds the addresses of a name; nil asks the system's resolver.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
}

// Endpoints asks for one name after the other, and gives an error for each that cannot be found.
func (s DNSSeeds) Endpoints(ctx context.Context) iter.Seq2[netip.AddrPort, error] {
	lookup := s.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	return func(yield func(netip.AddrPort, error) bool) {
		for _, name := range s.Names {
			if ctx.Err() != nil {
				return
			}
			addrs, err := lookup(ctx, name)
			if err != nil && !yield(netip.AddrPort{}, fmt.Errorf("DNS seed %s: %w", name, err)) {
				return
			}
			for _, a := range addrs[:min(len(addrs), maxSeedAddrs)] {
				if !yield(netip.AddrPortFrom(a.Unmap(), s.Port), nil) {
					return
				}
			}
		}
	}
}

// Collect reads Sources one after the other, until it has limit endpoints that are valid and differ, and joins the errors
// that it met. Endpoints may come with an error.
func Collect(ctx context.Context, limit int, sources ...Source) ([]netip.AddrPort, error) {
	var found []netip.AddrPort
	var errs []error
	for _, s := range sources {
		for a, err := range s.Endpoints(ctx) {
			if err != nil && len(errs) < maxCollectErrors {
				errs = append(errs, err)
			}
			if len(found) >= limit {
				break
			}
			if err == nil && a.IsValid() && !slices.Contains(found, a) {
				found = append(found, a)
			}
		}
	}
	return found, errors.Join(errs...)
}

// maxCollectErrors is how many errors Collect tells of.
const maxCollectErrors = 10
