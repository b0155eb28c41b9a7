package client

import (
	"strings"
	"testing"
)

func FuzzReadEvents(f *testing.F) {
	f.Add("event: tip\nid: a-1\ndata: {\"height\":1}\n\n")
	f.Add(": alive\n\ndata:\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		err := readEvents(strings.NewReader(text), func(e Event) error {
			n++
			if strings.ContainsAny(string(e.Data)+e.ID+string(e.Topic), "\n") {
				t.Errorf("a line end in %+v", e)
			}
			return nil
		})
		if err == nil || n > strings.Count(text, "data") {
			t.Errorf("%d events, %v", n, err)
		}
	})
}

func TestBatchReplies(t *testing.T) {
	for _, reply := range []string{`[]`, `[{"id":1,"result":1}]`, `[{"id":0,"result":1},{"id":0,"result":1}]`, `{"error":{"code":-1,"message":"x"},"id":null}`, `x`} {
		if _, err := decodeReplies([]byte(reply), 1); err == nil {
			t.Errorf("a batch reply of %s is taken", reply)
		}
	}
}
