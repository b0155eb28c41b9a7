package lab

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestFaucetOverHTTP(t *testing.T) {
	t.Parallel()
	n := New(t, Config{Nodes: 1, Mining: Instant})
	address := n.Accounts()[4].Address
	ask := func(body string, head map[string]string) (int, Answer) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.ctl.URL()+"/faucet", strings.NewReader(body))
		must(t, err)
		r.Header.Set("Content-Type", "application/json")
		for k, v := range head {
			if k == "Host" {
				r.Host = v
			}
			r.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		defer resp.Body.Close()
		var a Answer
		must(t, json.NewDecoder(resp.Body).Decode(&a))
		return resp.StatusCode, a
	}
	status, a := ask(`{"address":"`+address+`","amount":"2.5","wait":true}`, nil)
	id, err := ParseHash(a.TxID)
	if status != http.StatusOK || err != nil || n.WhereIs(0, id) != TxConfirmed {
		t.Errorf("%d %+v %v", status, a, err)
	}
	token := map[string]string{"Authorization": "Bearer " + n.ctl.token}
	for _, c := range []struct {
		body   string
		head   map[string]string
		status int
		want   string
	}{
		{`{"address":"` + address + `","amount":"11"}`, nil, http.StatusForbidden, "at most 10"},
		{`{"address":"` + address + `","amount":"11"}`, token, http.StatusOK, ""},
		{`{"address":"nobody"}`, nil, http.StatusConflict, "mistyped"},
		{`{"address":"` + address + `","amount":"-1"}`, nil, http.StatusBadRequest, "amount"},
		{`{"to":"x"}`, nil, http.StatusBadRequest, "the faucet takes"},
		{`{`, nil, http.StatusBadRequest, "the faucet takes"},
		{`{}`, map[string]string{"Origin": "http://evil.example"}, http.StatusForbidden, "programs on this host"},
		{`{}`, map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden, "programs on this host"},
		{`{}`, map[string]string{"Host": "evil.example"}, http.StatusForbidden, "programs on this host"},
		{`{}`, map[string]string{"Content-Type": "text/plain"}, http.StatusForbidden, "programs on this host"},
		{`{}`, map[string]string{"Authorization": "Bearer guess"}, http.StatusForbidden, "programs on this host"},
	} {
		if status, a := ask(c.body, c.head); status != c.status || !strings.Contains(a.Error, c.want) {
			t.Errorf("%s %v: %d %+v", c.body, c.head, status, a)
		}
	}
	resp, err := http.Get(n.ctl.URL() + "/faucet")
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %s", resp.Status)
	}
}

func TestBucket(t *testing.T) {
	var b bucket
	at := time.Unix(1_000_000, 0)
	for i := range 3 {
		if _, ok := b.take(at, 3, time.Second); !ok {
			t.Errorf("the burst ends after %d", i)
		}
	}
	if wait, ok := b.take(at.Add(300*time.Millisecond), 3, time.Second); ok || wait != 700*time.Millisecond {
		t.Errorf("%v, %v", wait, ok)
	}
	if _, ok := b.take(at.Add(time.Second), 3, time.Second); !ok {
		t.Error("nothing came back")
	}
	if _, ok := b.take(at.Add(time.Second), 3, time.Second); ok {
		t.Error("too much came back")
	}
	for i := range 3 {
		if _, ok := b.take(at.Add(time.Hour), 3, time.Second); !ok {
			t.Errorf("after an hour only %d", i)
		}
	}
	if _, ok := b.take(at.Add(time.Hour), 3, time.Second); ok {
		t.Error("an hour gives more than the burst")
	}
}
