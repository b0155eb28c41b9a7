package node

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/cairn-chain/cairn/rpc/client"
	"github.com/cairn-chain/cairn/rpc/events"
)

// TestEventsOfANode: a listener hears of a transaction, of the block that confirms it, and of the reorganization that
// brings it back.
func TestEventsOfANode(t *testing.T) {
	n, ctx := start(t, func(c *Config) { c.REST = true })
	c := call(t, ctx, n)
	generate(t, ctx, n, 101)
	tx := coinbaseSpend(t, n, 1, 3000)
	id := tx.ID().String()
	enough := errors.New("enough")
	var heard []string
	var block string
	err := c.client.Listen(ctx, nil, "", func(e client.Event) error {
		var data struct {
			Hash, ID                          string
			TxID                              string `json:"txid"`
			Height                            int
			Added                             bool
			Reason                            string
			Disconnected, Connected, Returned int
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return err
		}
		switch e.Topic {
		case events.TopicReady:
			heard = append(heard, fmt.Sprintf("ready %d", data.Height))
			c.do("sendrawtransaction", hex.EncodeToString(tx.Bytes()))
		case events.TopicTransaction:
			if data.TxID != id {
				return fmt.Errorf("a strange transaction %s", data.TxID)
			}
			heard = append(heard, fmt.Sprintf("transaction %v %s", data.Added, data.Reason))
			if data.Added && block == "" {
				block = ask[[]string](c, "generatetoaddress", 1, testAddress(t))[0]
				go c.client.Call(ctx, "invalidateblock", nil, block)
			}
		case events.TopicTip:
			heard = append(heard, fmt.Sprintf("tip %d", data.Height))
		case events.TopicReorg:
			heard = append(heard, fmt.Sprintf("reorg %d %d %d", data.Disconnected, data.Connected, data.Returned))
		}
		if len(heard) == 7 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatalf("heard %v, then %v", heard, err)
	}
	// Transactions and tips come from two sources, so only the order within each is certain.
	count := map[string]int{}
	for _, h := range heard {
		count[h]++
	}
	for _, want := range []string{"ready 101", "transaction true ", "transaction false block", "tip 102", "reorg 1 0 1", "tip 101"} {
		if count[want] == 0 {
			t.Errorf("%q is not in %q", want, heard)
		}
	}
	if count["transaction true "] != 2 {
		t.Errorf("the transaction entered %d times: %q", count["transaction true "], heard)
	}
}

func TestRESTOfANode(t *testing.T) {
	n, ctx := start(t, func(c *Config) { c.REST, c.FilterIndex = true, true })
	c := call(t, ctx, n)
	generate(t, ctx, n, 5)
	best := ask[string](c, "getbestblockhash")
	c.do("syncwithvalidationinterfacequeue")
	for path, want := range map[string]string{
		"/rest/blockhashbyheight/5.hex":             best + "\n",
		"/rest/block/" + best + ".hex":              ask[string](c, "getblock", best, 0) + "\n",
		"/rest/headers/" + best + ".hex":            ask[string](c, "getblockheader", best, false) + "\n",
		"/rest/blockfilter/basic/" + best + ".json": fmt.Sprintf("{\"filter\":%q}\n", ask[struct{ Filter string }](c, "getblockfilter", best).Filter),
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.RPCAddr()+path, nil)
		must(t, err)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		got, err := io.ReadAll(resp.Body)
		must(t, err)
		must(t, resp.Body.Close())
		if string(got) != want {
			t.Errorf("%s: %.200s, want %.200s", path, got, want)
		}
	}
}
