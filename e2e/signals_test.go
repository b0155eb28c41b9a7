package e2e

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stopSeconds is "within seconds" on a machine that does much else.
const stopSeconds = 60

// A node ends cleanly on either signal, mining or not: exit code 0, no cookie left, nothing to repair at the next start.
func TestSignals(t *testing.T) {
	u := newUser(t)
	address := u.run("wallet", "create", "--no-passphrase", "--network", "regtest")
	address = address[strings.LastIndex(address, " ")+1:]
	height := 0
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		n := u.startNode("node", "--network", "regtest", "--mine", "--mine-to", address)
		if n.startHeight < height {
			t.Errorf("the node starts at %d, it stopped at %d or higher", n.startHeight, height)
		}
		if _, err := os.Stat(n.cookie); err != nil {
			t.Errorf("a running node has no cookie: %v", err)
		}
		eventually(t, "the node mines", func() (string, bool) {
			height = n.height()
			return "", height > n.startHeight+10
		})
		begin := time.Now()
		n.stop(sig)
		if took := time.Since(begin); took > stopSeconds*time.Second {
			t.Errorf("%v: the node took %v to stop", sig, took)
		}
		if _, err := os.Stat(n.cookie); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v: the cookie outlives the node: %v", sig, err)
		}
		if !strings.HasSuffix(n.out.String(), "stopped\n") || n.errOut.String() != "" {
			t.Errorf("%v: the node's last words:\n%s", sig, n.output())
		}
	}
	// A node that answers a long call stops all the same.
	n := u.startNode("node", "--network", "regtest")
	waiting := make(chan error, 1)
	go func() { waiting <- n.rpc.Call(t.Context(), "waitfornewblock", nil, 600_000) }()
	n.stop(syscall.SIGTERM)
	<-waiting
}
