// Package deploy_test checks what no other tool checks of the files in this folder: that the dashboard and
// the rules speak of metrics that exist, and that compose, Prometheus and Grafana mean the same services.
// `scripts/test-prometheus.sh` has promtool judge the rest.
package deploy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

type dashboard struct {
	UID         string
	Annotations struct{ List []struct{ Expr string } }
	Panels      []panel
	Templating  struct {
		List []struct{ Name, Definition string }
	}
}

type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ H, W, X, Y int }
	Datasource  struct{ Type, UID string }
	Targets     []struct{ Expr, RefID string }
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(read(t, "grafana/cairn.json")), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 20 {
		t.Fatalf("only %d panels", len(d.Panels))
	}
	return d
}

func (d *dashboard) expressions() string {
	var all []string
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	for _, a := range d.Annotations.List {
		all = append(all, a.Expr)
	}
	for _, v := range d.Templating.List {
		all = append(all, v.Definition)
	}
	return strings.Join(all, "\n")
}

var (
	metric   = regexp.MustCompile(`\b(cairn|badger)_[a-z0-9_]+`)
	recorded = regexp.MustCompile(`\bcairn:[a-z0-9_]+:[a-z0-9_]+`)
	record   = regexp.MustCompile(`(?m)^\s*- record: (\S+)$`)
	// Metrics are declared by their whole names, or in a table of names without the prefix that follows it.
	declared = regexp.MustCompile(`"(cairn_[a-z0-9_]+)"|(?m)^\s*"([a-z0-9_]+)":\s+"[A-Z]`)
	prefix   = regexp.MustCompile(`NewDesc\("(cairn_|badger_)"\+name`)
	suffix   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// metrics are the names that a node registers, from its source.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	source := read(t, "../node/stats.go")
	for _, m := range declared.FindAllStringSubmatchIndex(source, -1) {
		if m[2] >= 0 {
			names[source[m[2]:m[3]]] = true
			continue
		}
		p := prefix.FindStringSubmatch(source[m[1]:])
		if p == nil {
			t.Fatalf("the prefix of %q is not known", source[m[4]:m[5]])
		}
		names[p[1]+source[m[4]:m[5]]] = true
	}
	if len(names) < 20 {
		t.Fatalf("only %d metrics found in node/stats.go", len(names))
	}
	return names
}

func TestMetricsExist(t *testing.T) {
	known := metrics(t)
	d := readDashboard(t)
	for file, text := range map[string]string{"rules.yml": read(t, "prometheus/rules.yml"), "rules_test.yml": read(t, "prometheus/rules_test.yml"), "cairn.json": d.expressions()} {
		used := metric.FindAllString(text, -1)
		if len(used) == 0 {
			t.Errorf("%s uses no metric", file)
		}
		for _, name := range used {
			if !known[name] && !known[suffix.ReplaceAllString(name, "")] {
				t.Errorf("%s: no node has the metric %s", file, name)
			}
		}
	}
}

func TestMetricsAreShown(t *testing.T) {
	shown := readDashboard(t)
	text := shown.expressions() + read(t, "prometheus/rules.yml")
	for name := range metrics(t) {
		used := func(s string) bool { return suffix.ReplaceAllString(s, "") == name }
		if !slices.ContainsFunc(metric.FindAllString(text, -1), used) {
			t.Errorf("neither the dashboard nor a rule shows %s", name)
		}
	}
}

func TestRecordedSeries(t *testing.T) {
	var records []string
	rules := read(t, "prometheus/rules.yml")
	for _, m := range record.FindAllStringSubmatch(rules, -1) {
		records = append(records, m[1])
	}
	if len(records) == 0 {
		t.Fatal("no recording rules")
	}
	d := readDashboard(t)
	for _, name := range recorded.FindAllString(d.expressions()+rules, -1) {
		if !slices.Contains(records, name) {
			t.Errorf("%s is used and not recorded", name)
		}
	}
	tests := read(t, "prometheus/rules_test.yml")
	for _, name := range records {
		if !strings.Contains(tests, name) {
			t.Errorf("%s has no test in rules_test.yml", name)
		}
	}
}

func TestAlertsAreTested(t *testing.T) {
	alerts := regexp.MustCompile(`- alert: (\S+)\n`).FindAllStringSubmatch(read(t, "prometheus/rules.yml"), -1)
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	tests := read(t, "prometheus/rules_test.yml")
	for _, a := range alerts {
		if !strings.Contains(tests, `"`+a[1]+`"`) && !strings.Contains(tests, "alertname: "+a[1]+"\n") && !strings.Contains(tests, a[1]+`\"`) {
			t.Errorf("the alert %s has no test", a[1])
		}
	}
}

func TestPanels(t *testing.T) {
	ids := map[int]bool{}
	var taken [][4]int // x, y, right, bottom
	panels := readDashboard(t).Panels
	for _, p := range panels {
		if ids[p.ID] {
			t.Errorf("%q: the id %d is taken", p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		box := [4]int{g.X, g.Y, g.X + g.W, g.Y + g.H}
		if g.W <= 0 || g.H <= 0 || g.X < 0 || box[2] > 24 {
			t.Errorf("%q is not on the grid: %+v", p.Title, g)
		}
		for _, o := range taken {
			if box[0] < o[2] && o[0] < box[2] && box[1] < o[3] && o[1] < box[3] {
				t.Errorf("%q lies on another panel", p.Title)
			}
		}
		taken = append(taken, box)
		if p.Type == "row" {
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 || p.Title == "" {
			t.Errorf("%q has no title, no query, or a data source of its own", p.Title)
		}
	}
}

// The services of compose.yaml are known by name and port in other files.
func TestComposeServices(t *testing.T) {
	compose := read(t, "../compose.yaml")
	nodes := regexp.MustCompile(`(?m)^  (node\d+):\n    <<: \*node$`).FindAllStringSubmatch(compose, -1)
	if len(nodes) != 4 {
		t.Fatalf("compose.yaml has %d nodes, not 4", len(nodes))
	}
	targets := read(t, "prometheus/compose.yml")
	for _, n := range nodes {
		if !strings.Contains(targets, "targets: ["+n[1]+":21380]\n        labels: {node: "+n[1]+",") {
			t.Errorf("Prometheus does not scrape %s", n[1])
		}
	}
	if got := strings.Count(compose, `CAIRN_MINE: "true"`); got != 2 {
		t.Errorf("%d nodes mine, not 2", got)
	}
	for _, line := range regexp.MustCompile(`(?m)^    ports: .*$`).FindAllString(compose, -1) {
		if !strings.HasPrefix(line, `    ports: ["127.0.0.1:`) || strings.Count(line, `"`) != 2 {
			t.Errorf("not on loopback only:%s", line)
		}
	}
	if !strings.Contains(read(t, "grafana/provisioning/datasources/prometheus.yml"), "url: http://prometheus:9090\n") {
		t.Error("Grafana does not ask the Prometheus of compose.yaml")
	}
	const folder = "/etc/grafana/dashboards"
	if !strings.Contains(compose, "./deploy/grafana/cairn.json:"+folder+"/cairn.json:ro") ||
		!strings.Contains(read(t, "grafana/provisioning/dashboards/cairn.yml"), "path: "+folder+"\n") {
		t.Error("Grafana does not find the dashboard where compose.yaml puts it")
	}
}
