package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cairn-chain/cairn/lab"
)

// prometheusConfig finds the nodes as deploy/prometheus does: in the file that the testnet writes.
const prometheusConfig = `global:
  scrape_interval: 1s
scrape_configs:
  - job_name: cairn
    file_sd_configs:
      - files: [%q]
        refresh_interval: 1s
`

// needProgram finds a program of Debian's prometheus package. Without it the test is skipped, unless it is required.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CAIRN_REQUIRE_PROMETHEUS") == "1" {
		t.Fatalf("%s is required and not installed (Debian's package prometheus): %v", name, err)
	}
	t.Skipf("%s is not installed (Debian's package prometheus)", name)
	return ""
}

// A real Prometheus scrapes the nodes and answers questions about them.
func TestPrometheus(t *testing.T) {
	u := newUser(t)
	prometheus, promtool := needProgram(t, "prometheus"), needProgram(t, "promtool")
	n := u.startNetwork("--nodes", "4", "--block-time", "1s", "--ports", "auto")
	n.lint(promtool)
	config := u.path("prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, prometheusConfig, filepath.Join(n.testnet, lab.TargetsFile)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := u.startProgram(prometheus, "--config.file", config, "--storage.tsdb.path", u.path("tsdb"), "--web.listen-address", "127.0.0.1:0")
	m := &monitor{t: t, url: "http://" + p.listening()}
	eventually(t, "Prometheus scrapes four nodes", func() (string, bool) {
		up := m.query(`up{job="cairn"}`)
		return fmt.Sprint(up), len(up) == 4 && up["node0"] == 1 && up["node1"] == 1 && up["node2"] == 1 && up["node3"] == 1
	})
	n.run("testnet", "mine", "3", "--node", "3")
	least := float64(n.nodes[2].height())
	eventually(t, "Prometheus has the four heights", func() (string, bool) {
		heights := m.query("cairn_height")
		all := len(heights) == 4
		for _, h := range heights {
			all = all && h >= least
		}
		return fmt.Sprint(heights, " least ", least), all
	})
	eventually(t, "Prometheus tells how blocks spread", func() (string, bool) {
		median := m.query(`histogram_quantile(0.5, sum by (node, le) (cairn_block_propagation_seconds_bucket))`)
		all := len(median) == 4
		for _, v := range median {
			all = all && v > 0 && v < 60
		}
		return fmt.Sprint(median), all
	})
	if peers := m.query(`sum by (node) (cairn_peers)`); len(peers) != 4 || peers["node1"] != 2 {
		t.Errorf("peers on the ring: %v", peers)
	}
	p.stop(syscall.SIGTERM)
	n.up.stop(syscall.SIGINT)
}

// lint checks every node's live page with promtool.
func (n *network) lint(promtool string) {
	n.t.Helper()
	for _, s := range n.sheet.Nodes {
		page := fetch(n.t, s.HTTP+"/metrics")
		if !bytes.Contains(page, []byte("cairn_height ")) {
			n.t.Fatalf("%s has no height on its page", s.Name)
		}
		check := exec.Command(promtool, "check", "metrics")
		check.Stdin = bytes.NewReader(page)
		if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
			n.t.Errorf("promtool check metrics: %v\n%s", err, out)
		}
	}
}

func fetch(t *testing.T, address string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v\n%s", address, resp.Status, err, body)
	}
	return body
}

// listening waits until Prometheus tells where it listens, and is ready.
func (p *process) listening() (address string) {
	p.t.Helper()
	eventually(p.t, "Prometheus is ready", func() (string, bool) {
		text := p.output()
		if !p.running() {
			p.t.Fatalf("Prometheus ended\n%s", text)
		}
		_, after, found := strings.Cut(text, `msg="Listening on" address=`)
		if found {
			address = strings.Fields(after)[0]
		}
		return text, found && strings.Contains(text, "Server is ready to receive web requests")
	})
	return address
}

// monitor is a running Prometheus.
type monitor struct {
	t   *testing.T
	url string
}

// query asks for an instant vector and returns its values by node.
func (m *monitor) query(expr string) map[string]float64 {
	m.t.Helper()
	var reply struct {
		Status string
		Data   struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	body := fetch(m.t, m.url+"/api/v1/query?query="+url.QueryEscape(expr))
	if err := json.Unmarshal(body, &reply); err != nil || reply.Status != "success" {
		m.t.Fatalf("%s: %v\n%s", expr, err, body)
	}
	values := map[string]float64{}
	for _, r := range reply.Data.Result {
		text, _ := r.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			m.t.Fatalf("%s: %v\n%s", expr, err, body)
		}
		values[r.Metric["node"]] = v
	}
	return values
}
