package clients

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestPython drives a node by python3-bitcoinlib, which finds the cookie by itself, from a bitcoin.conf.
func TestPython(t *testing.T) {
	python := ""
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), p, "-c", "import bitcoin.rpc").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		missing(t, "no Python has bitcoin.rpc (Debian: python3-bitcoinlib)")
	}
	n := start(t)
	host, port, err := net.SplitHostPort(n.host)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(t.TempDir(), "bitcoin.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "rpcconnect=%s\nrpcport=%s\ndatadir=%s\n", host, port, n.dir), 0o600); err != nil {
		t.Fatal(err)
	}
	drive(t, 7, python, filepath.Join("testdata", "python", "scenario.py"), conf)
}
