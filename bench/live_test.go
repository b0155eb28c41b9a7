package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUsage: all three things are read, and none may be missing or another thing than a number.
func TestUsage(t *testing.T) {
	text := "# HELP go_goroutines x\ngo_goroutines 57\ngo_goroutines_other 3\nprocess_cpu_seconds_total 1.25\nprocess_open_fds 1.2e+03\n"
	for _, c := range []struct {
		body, want string
	}{
		{text, ""},
		{"go_goroutines 57\n", "1 of 3"},
		{strings.Replace(text, "57", "many", 1), "invalid syntax"},
		{"", "0 of 3"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if _, err := io.WriteString(w, c.body); err != nil {
				t.Error(err)
			}
		}))
		u, err := (&livingNet{metrics: server.URL}).usage(t.Context())
		server.Close()
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q: %v, not %q", c.body, err, c.want)
			}
		case err != nil || u != usage{files: 1200, goroutines: 57, cpu: 1.25}:
			t.Errorf("%+v, %v", u, err)
		}
	}
}
