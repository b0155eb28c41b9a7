package node

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cairn-chain/cairn/consensus/consensustest"
)

// fetch gets a part of the node's page.
func fetch(t *testing.T, n *Node, path string) (status int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + n.HTTPAddr() + path)
	must(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(raw)
}

// A node's page explores its chain, with and without indexes, and takes no orders.
func TestPageOfANode(t *testing.T) {
	n, ctx := start(t, func(c *Config) { c.TxIndex, c.SpentIndex, c.ScriptHashIndex = true, true, true })
	_, err := n.Generate(ctx, 101, consensustest.KeyLock())
	must(t, err)
	tx := coinbaseSpend(t, n, 1, 2000)
	must(t, n.SubmitTx(ctx, tx))
	parent := tx.In[0].PrevOut.TxID.String()

	for _, c := range []struct{ path, want string }{
		{"/", "<title>Cairn"},
		{"/healthz", "ok"},
		{"/api/about", `"network":"regtest"`},
		{"/api/block/101", `"height":101`},
		{"/api/block/0", `"height":0`},
		{"/api/tx/" + tx.ID().String(), `"fee":0.00002000`},
		{"/api/tx/" + tx.ID().String(), `"prevout":{"value":50.00000000`},
		{"/api/tx/" + tx.ID().String(), `"state":"unspent"`},
		{"/api/tx/" + parent, `"state":"spent","spender":"` + tx.ID().String()},
		{"/api/address/" + testAddress(t), `"txouts":101`},
		{"/api/mempool", `"txid":"` + tx.ID().String()},
		{"/api/find?q=" + testAddress(t), `"kind":"address"`},
		{"/api/find?q=" + n.Chain().Tip().Hash().String(), `"kind":"block"`},
		{"/api/find?q=" + parent, `"kind":"tx"`},
	} {
		if status, body := fetch(t, n, c.path); status != http.StatusOK || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %.300s, not %s", c.path, status, body, c.want)
		}
	}
	resp, err := http.Post("http://"+n.HTTPAddr()+"/api/order", "application/json", strings.NewReader(`{"what":"mine","count":1}`))
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode < 400 || n.Chain().Tip().Height() != 101 {
		t.Errorf("a node's page took an order: %s", resp.Status)
	}
}

func TestPageWithoutIndexes(t *testing.T) {
	n, ctx := start(t, nil)
	_, err := n.Generate(ctx, 1, consensustest.KeyLock())
	must(t, err)
	b, err := n.Chain().Block(n.Chain().Tip().Hash())
	must(t, err)
	id := b.Txs[0].ID().String()
	if status, body := fetch(t, n, "/api/tx/"+id+"?block="+b.Hash().String()); status != http.StatusOK || !strings.Contains(body, `"state":"unspent"`) {
		t.Errorf("a transaction of a known block: %d %.300s", status, body)
	}
	if status, body := fetch(t, n, "/api/tx/"+id); status != http.StatusNotFound || !strings.Contains(body, "-txindex") {
		t.Errorf("a transaction without its block: %d %s", status, body)
	}
	if status, body := fetch(t, n, "/api/address/"+testAddress(t)); status != http.StatusNotFound || !strings.Contains(body, "--scripthashindex") {
		t.Errorf("an address: %d %s", status, body)
	}
}

// The stream ends with the node, and does not hold it up.
func TestPageStreamEndsWithTheNode(t *testing.T) {
	n, _ := start(t, nil)
	resp, err := http.Get("http://" + n.HTTPAddr() + "/events")
	must(t, err)
	defer resp.Body.Close()
	r := bufio.NewReader(resp.Body)
	name, err := r.ReadString('\n')
	must(t, err)
	data, err := r.ReadString('\n')
	must(t, err)
	var state map[string]map[string]json.RawMessage
	must(t, json.Unmarshal([]byte(strings.TrimPrefix(data, "data: ")), &state))
	if name != "event: whole\n" || len(state["blocks"]) != 1 || len(state["nodes"]) != 1 {
		t.Errorf("the stream begins with %q: %v", name, state)
	}
	must(t, n.Close())
	if _, err := io.ReadAll(r); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
}
