package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// healthOf runs the command as a program would and returns what it printed.
func healthOf(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	app := &cli.App{Name: "cairn", Writer: &out, ErrWriter: &out, Commands: []*cli.Command{healthCommand()}, ExitErrHandler: func(*cli.Context, error) {}}
	err := app.RunContext(context.Background(), append([]string{"cairn", "health"}, args...))
	return out.String(), err
}

func pagesServer(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "syncing", http.StatusServiceUnavailable)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/healthz", http.StatusFound) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1<<20)) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv
}

func TestHealth(t *testing.T) {
	srv := pagesServer(t)
	for _, c := range []struct {
		name, url string
		args      []string
		out, err  string
	}{
		{name: "well", url: srv.URL, out: "ok\n"},
		{name: "well with a slash", url: srv.URL + "/", out: "ok\n"},
		{name: "page named", url: srv.URL + "/healthz", out: "ok\n"},
		{name: "not ready", url: srv.URL, args: []string{"--ready"}, err: "the node is not well: 503 Service Unavailable: syncing"},
		{name: "no such page", url: srv.URL + "/other", err: "the node is not well: 404 Not Found: 404 page not found"},
		{name: "redirect", url: srv.URL + "/moved", err: "the node is not well: 302 Found"},
		{name: "endless line", url: srv.URL + "/long", out: strings.Repeat("x", 200) + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := healthOf(t, append(c.args, "--url", c.url)...)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if out != c.out {
				t.Errorf("printed %q, want %q", out, c.out)
			}
		})
	}
}

func TestHealthOfNobody(t *testing.T) {
	srv := pagesServer(t)
	srv.Close()
	if _, err := healthOf(t, "--url", srv.URL); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("error %v, want that nobody answers", err)
	}
}

func TestHealthURL(t *testing.T) {
	for _, c := range []struct {
		given, network string
		ready          bool
		want           string
	}{
		{"", "cairn", false, "http://127.0.0.1:21380/healthz"},
		{"", "regtest", true, "http://127.0.0.1:18480/readyz"},
		{"http://[::1]:80", "cairn", true, "http://[::1]:80/readyz"},
	} {
		if got, err := healthURL(c.given, c.network, c.ready); err != nil || got != c.want {
			t.Errorf("healthURL(%q, %q, %v) = %q, %v, want %q", c.given, c.network, c.ready, got, err, c.want)
		}
	}
	for _, bad := range []string{"127.0.0.1:21380", "ftp://127.0.0.1/", "http://", "http://%zz"} {
		if got, err := healthURL(bad, "cairn", false); err == nil {
			t.Errorf("healthURL(%q) = %q, want an error", bad, got)
		}
	}
	if _, err := healthURL("", "mars", false); err == nil {
		t.Error("a network that does not exist has no URL")
	}
}
