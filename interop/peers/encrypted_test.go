package peers

import (
	"fmt"
	"testing"
)

// TestEncrypted lets Cairn and a btcd that both know BIP324 dial each other in turn, and each sync from the other. (In
// TestOneNetwork btcd knows only version 1, and Cairn tries version 2 first.)
func TestEncrypted(t *testing.T) {
	const blocks = 150
	for _, fromCairn := range []bool{true, false} {
		n := &network{t: t, c: startCairn(t, t.TempDir()), b: startBtcd(t, t.TempDir(), "--v2transport")}
		n.b.generate(blocks)
		n.connect(fromCairn)
		n.encrypted(fromCairn)
		n.agree(tip(t, n.b))
		last := n.c.generate(20)
		n.agree(last)
		if h := height(t, n.b); h != blocks+20 {
			t.Errorf("btcd is at %d", h)
		}
		n.encrypted(fromCairn)
	}
}

// encrypted waits until there is one connection, in version 2, which the one side dialled.
func (n *network) encrypted(fromCairn bool) {
	n.t.Helper()
	eventually(n.t, "cairn and btcd speak version 2", func() (string, bool) {
		var peers []struct {
			Inbound   bool              `json:"inbound"`
			Transport string            `json:"transport_protocol_type"`
			Session   string            `json:"session_id"`
			Received  map[string]uint64 `json:"messagesrecv_per_msg"`
		}
		call(n.t, n.c, &peers, "getpeerinfo")
		ok := len(peers) == 1 && peers[0].Transport == "v2" && len(peers[0].Session) == 64 && peers[0].Inbound != fromCairn && peers[0].Received["verack"] == 1
		return fmt.Sprintf("%+v", peers), ok
	})
}
