package lab

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser asks the page's server as the page would.
type browser struct {
	*testing.T
	url    string
	cookie *http.Cookie
}

func (b *browser) send(method, path, body string) (int, string) {
	b.Helper()
	req, err := http.NewRequest(method, b.url+path, strings.NewReader(body))
	must(b.T, err)
	if b.cookie != nil {
		req.AddCookie(b.cookie)
	}
	if method == http.MethodPost {
		req.Header.Set("Origin", b.url)
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	must(b.T, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(b.T, err)
	for _, c := range resp.Cookies() {
		b.cookie = c
	}
	return resp.StatusCode, string(text)
}

func (b *browser) order(body string, want int) string {
	b.Helper()
	status, text := b.send(http.MethodPost, "/api/order", body)
	if status != want {
		b.Errorf("%s: %d %s, not %d", body, status, text, want)
	}
	return text
}

// The page's orders work, those of others do not, and the token's way is as it was.
func TestPageOrders(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), testEnd)
	defer cancel()
	n, err := Up(ctx, Config{Nodes: 3, Miners: 0, Topology: Line, Network: "regtest", DataDir: t.TempDir()})
	must(t, err)
	defer func() { must(t, n.Down()) }()
	must(t, n.AwaitPeers(ctx, 1))
	b := &browser{T: t, url: n.ctl.URL()}
	b.order(`{"what":"heal"}`, http.StatusForbidden) // no cookie yet
	if status, text := b.send(http.MethodGet, "/", ""); status != http.StatusOK || !strings.Contains(text, "<title>Cairn") || b.cookie == nil {
		t.Fatalf("the page: %d %.100s", status, text)
	}
	if status, _ := b.send(http.MethodGet, "/status", ""); status != http.StatusForbidden {
		t.Errorf("the page's cookie opens what needs the token: %d", status)
	}
	if status, _ := b.send(http.MethodPost, "/", `{"what":"down"}`); status != http.StatusForbidden {
		t.Errorf("an order without a token: %d", status)
	}

	b.order(`{"what":"cut","links":[[1,2]]}`, http.StatusOK)
	if l := n.Links()[1]; !l.Cut {
		t.Errorf("the link that was cut is %+v", l)
	}
	base := n.Node(0).Chain().Tip().Height()
	b.order(`{"what":"mine","node":0,"count":1}`, http.StatusOK)
	b.order(`{"what":"mine","node":2,"count":2}`, http.StatusOK)
	p := n.page.Picture()
	if len(p.Nodes) != 3 || len(p.Links) != 2 || !p.Links[1].Cut || p.Faucet == "" {
		t.Errorf("the picture is %+v", p)
	}
	if s, ok := n.page.Sighting(n.Node(2).Chain().Tip().Hash()); !ok || s.Finder != 2 {
		t.Errorf("the tip of node 2 was seen as %+v", s)
	}
	b.order(`{"what":"join","links":[[2,1]]}`, http.StatusOK)
	must(t, n.AwaitOneTip(ctx, base+2))
	b.order(`{"what":"partition","groups":"0/1,2"}`, http.StatusOK)
	if p := n.page.Picture().Partition; p != "0/1,2" {
		t.Errorf("the partition is %q", p)
	}
	b.order(`{"what":"heal"}`, http.StatusOK)
	if text := b.order(`{"what":"faucet","node":-1,"address":"`+n.Accounts()[0].Address+`","amount":5000}`, http.StatusOK); !strings.Contains(text, `"txid"`) {
		t.Errorf("the faucet says %s", text)
	}
	for _, bad := range []string{`{"what":"down"}`, `{"what":"kill","node":0}`, `{"what":""}`, `{"what":"mine","node":9,"count":1}`, `{"what":"mine","count":0}`,
		`{"what":"cut","links":[[0,2]]}`, `{"what":"cut","links":[[-1,99]]}`, `{"what":"cut"}`, `{"what":"partition","groups":"x"}`, `{"what":"faucet","address":"x","amount":5000}`} {
		b.order(bad, http.StatusConflict)
	}
	b.order(`{"what":"kill","args":["1"]}`, http.StatusOK)
	b.order(`{"what":"start","args":["1"]}`, http.StatusOK)
	if text := b.order(`{"what":"link","args":["0-1"],"flags":{"latency":"20ms"}}`, http.StatusOK); !strings.Contains(text, "latency 20ms") || n.Links()[0].AtoB != "latency 20ms" {
		t.Errorf("a link was shaped: %s, %+v", text, n.Links()[0])
	}
	b.order(`{"what":"time","args":["+1h"]}`, http.StatusOK)
	b.order(`{"what":"mining","args":["manual"]}`, http.StatusOK)
	if p := n.page.Picture(); p.Shift != time.Hour || p.Mining != "manual" || p.Traffic {
		t.Errorf("the picture says shift %v, mining %q, traffic %v", p.Shift, p.Mining, p.Traffic)
	}
	b.order(`{"what":"snapshot","args":["here"]}`, http.StatusOK)
	if text := b.order(`{"what":"snapshots"}`, http.StatusOK); !strings.Contains(text, `"name":"here"`) {
		t.Errorf("the snapshots are %s", text)
	}
	file := filepath.Join(t.TempDir(), "state")
	for _, bad := range []string{`{"what":"start","args":["1"]}`, `{"what":"stop","args":["7"]}`, `{"what":"link","args":["0-1"],"flags":{"latency":"soon"}}`, `{"what":"time","args":["99999999h"]}`,
		`{"what":"revert","args":["nothing"]}`, `{"what":"snapshot","args":["x"],"flags":{"state":"` + file + `"}}`, `{"what":"snapshot","flags":{"state":"` + file + `"}}`,
		`{"what":"snapshot","args":["../x"]}`, `{"what":"down","args":[]}`, `{"what":"attack","args":[]}`, `{"what":"guest","args":["127.0.0.1:1"]}`} {
		b.order(bad, http.StatusConflict)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the page wrote a file of its choice: %v", err)
	}
	kinds := ""
	for _, e := range n.page.log.events() {
		kinds += e.Kind + " "
	}
	for _, want := range []string{"cut", "found", "reorg", "heal", "partition", "faucet"} {
		if !strings.Contains(kinds, want+" ") {
			t.Errorf("the page is not told of %q: %s", want, kinds)
		}
	}
	must(t, n.Stop(1))
	if m := n.page.Picture().Nodes[1]; m.Running || m.View != nil || m.State != "stopped" {
		t.Errorf("a stopped node is shown as %+v", m)
	}
}
