package sim

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"
)

// style of the page: light and dark, nothing from outside.
const style = `:root{color-scheme:light dark;--ink:#1c1c1c;--paper:#fff;--faint:#ccc;--a:#1f5fa8;--b:#b3541e}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--paper:#151515;--faint:#444;--a:#7fb2ea;--b:#eaa37f}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:46rem;margin:2rem auto;padding:0 1rem}
figure,.wide{margin:1.5rem 0;overflow-x:auto}figcaption{font-weight:600}svg{width:100%;min-width:34rem;height:auto}
svg text{font-size:11px;fill:var(--ink)}.end{text-anchor:end;dominant-baseline:middle}.mid{text-anchor:middle}.label{font-size:12px}
.grid{stroke:var(--faint);stroke-width:.5}.line{fill:none;stroke:var(--a);stroke-width:1.5}.bar0,.key0{fill:var(--a)!important}.bar1,.key1{fill:var(--b)!important}
table{border-collapse:collapse}th,td{text-align:right;padding:.15rem .7rem;border-bottom:1px solid var(--faint)}th:first-child,td:first-child{text-align:left;white-space:nowrap}
pre{overflow-x:auto;font-size:13px}`

// HTML is the report as one page that needs nothing else.
func (r *Report) HTML() ([]byte, error) {
	params, err := json.MarshalIndent(r.Config, "", " ")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	title := html.EscapeString(r.Config.Title)
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>%s</title><style>%s</style></head><body>\n", title, style)
	fmt.Fprintf(&b, "<h1>%s</h1>\n<p>%d nodes, seed %d, %s of virtual time. %d blocks found, %d stale (%s of all). At the end there %s.</p>\n",
		title, r.Config.Nodes, r.Seed, r.Mined, r.Found, r.Stale, parts(int64(r.Stale), int64(r.Found)), tipsText(r.TipsAtEnd))
	r.plots(&b)
	r.tables(&b)
	fmt.Fprintf(&b, "<h2>Parameters</h2>\n<details><summary>the scenario, seed %d</summary><pre>%s</pre></details>\n</body></html>\n", r.Seed, html.EscapeString(string(params)))
	return []byte(b.String()), nil
}

func tipsText(n int) string {
	if n == 1 {
		return "is one tip"
	}
	return fmt.Sprintf("are %d tips", n)
}

// parts writes a share in percent with two digits.
func parts(n, of int64) string {
	if of == 0 {
		return "none"
	}
	x := n * 10_000 / of
	return fmt.Sprintf("%d.%02d %%", x/100, x%100)
}

// plots draws what can be seen better than read.
func (r *Report) plots(b *strings.Builder) {
	seconds, hours := axis{"seconds since it was found", int64(time.Second), ""}, axis{"hours", int64(time.Hour), ""}
	var count, fees []point
	curve, late := r.curve()
	seconds.label += late
	for _, p := range r.Mempool {
		count = append(count, point{int64(p.At), p.Count})
	}
	for _, f := range r.Blocks {
		if f.Height > 0 {
			fees = append(fees, point{int64(f.At), f.Fees})
		}
	}
	b.WriteString(line("How far a block has come", seconds, axis{"% of nodes", 1, ""}, curve))
	if r.Payments.Issued > 0 {
		b.WriteString(line("Transactions in the mempool", hours, axis{"transactions", 1, ""}, count))
		b.WriteString(line("Fees of the blocks on the best chain", hours, axis{"smallest unit", 1, ""}, fees))
	}
	var sent, power, depths []bar
	for _, s := range r.Traffic {
		sent = append(sent, bar{s.Message, []int64{s.Bytes}})
	}
	slices.SortStableFunc(sent, func(x, y bar) int { return int(min(max(y.values[0]-x.values[0], -1), 1)) })
	for _, m := range r.Miners {
		power = append(power, bar{m.Name, []int64{permyriad(m.Power), permyriad(m.Revenue)}})
	}
	for _, d := range r.Reorgs {
		depths = append(depths, bar{many(d.Depth, "block"), []int64{int64(d.Count)}})
	}
	b.WriteString(bars("Bytes sent by type of message", axis{"", 1, byteSuffix}, nil, sent))
	miners := "Miners: share of the power and of the revenue"
	if len(power) > mostMiners {
		miners += fmt.Sprintf(", the first %d of %d (miners.csv has all)", mostMiners, len(power))
	}
	b.WriteString(bars(miners, axis{"", 100, " %"}, []string{"share of power", "share of revenue"}, power[:min(len(power), mostMiners)]))
	if len(depths) == 0 {
		b.WriteString("<h2>Reorganizations</h2>\n<p>None: no node took a block off its chain.</p>\n")
		return
	}
	b.WriteString(bars("Reorganizations by the blocks taken off, of all nodes", axis{"", 1, " times"}, nil, depths))
}

// mostMiners is how many miners have bars on the page.
const mostMiners = 40

// curveStretch bounds the plot of the propagation: what takes longer than so many times the half is told and not drawn, for else the few
// arrivals behind a partition would press all others into one line.
const curveStretch = 20

// curve is the propagation as points, and what has to be said of the part that is not among them.
func (r *Report) curve() (points []point, late string) {
	all := r.Propagation.Curve
	if len(all) == 0 {
		return nil, ""
	}
	bound := all[len(all)/2].After * curveStretch
	for i, p := range all {
		if p.After > bound && i > 0 {
			return points, fmt.Sprintf("; later, the rest, up to %s", ms(all[len(all)-1].After))
		}
		points = append(points, point{int64(p.After), permyriad(p.Share) / 100})
	}
	return points, ""
}

// many is a number of things: 1 hop, 2 hops.
func many[N int | int32 | int64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// permyriad is s in ten-thousandths. The conversion keeps a machine from fusing both operations, which would round differently.
func permyriad(s Share) int64 { return int64(float64(float64(s)*10_000) + 0.5) }

func (r *Report) tables(b *strings.Builder) {
	b.WriteString("<h2>Propagation</h2>\n<p>From when a block was found until a node had judged it, by the hops that it took and by its size.</p>\n" +
		"<div class=\"wide\"><table><tr><th>blocks</th><th>arrivals</th><th>half</th><th>90 %</th><th>99 %</th><th>last</th></tr>\n")
	row := func(name string, p Percentiles) {
		fmt.Fprintf(b, "<tr><td>%s</td><td>%d</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n", name, p.Count, ms(p.P50), ms(p.P90), ms(p.P99), ms(p.Max))
	}
	row("all", r.Propagation.All)
	for _, h := range r.Propagation.ByHop {
		row(many(h.Hops, "hop"), h.Percentiles)
	}
	for _, s := range r.Propagation.BySize {
		row(fmt.Sprintf("up to %d bytes", s.Bytes), s.Percentiles)
	}
	fmt.Fprintf(b, "</table></div>\n<h2>Transactions</h2>\n<p>%d issued, %d refused by the node that they were handed to, %d in the best chain.</p>\n",
		r.Payments.Issued, r.Payments.Refused, r.Payments.Confirmed)
}

func ms(d time.Duration) string { return d.Round(time.Millisecond).String() }

// CSV returns tables of the report by file name: blocks, miners, messages, mempool and propagation.
func (r *Report) CSV() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, table := range []struct {
		name string
		rows [][]string
	}{
		{"blocks.csv", r.blockRows()}, {"miners.csv", r.minerRows()}, {"messages.csv", r.messageRows()},
		{"mempool.csv", r.poolRows()}, {"propagation.csv", r.curveRows()},
	} {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(table.rows); err != nil {
			return nil, err
		}
		out[table.name] = b.Bytes()
	}
	return out, nil
}

// cells writes numbers and durations (in seconds) as text.
func cells(values ...any) []string {
	out := make([]string, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case time.Duration:
			out[i] = strconv.FormatFloat(float64(v.Microseconds())/1e6, 'f', 6, 64)
		case Share:
			out[i] = strconv.FormatFloat(float64(v), 'f', 6, 64)
		default:
			out[i] = fmt.Sprint(v)
		}
	}
	return out
}

func (r *Report) blockRows() [][]string {
	rows := [][]string{{"hash", "height", "miner", "found_s", "bytes", "transactions", "fees", "half_s", "all_s"}}
	for _, b := range r.Blocks {
		rows = append(rows, cells(b.Hash, b.Height, b.Miner, b.At, b.Size, b.Txs, b.Fees, b.Half, b.All))
	}
	return rows
}

func (r *Report) minerRows() [][]string {
	rows := [][]string{{"miner", "strategy", "power", "found", "kept", "revenue", "fees"}}
	for _, m := range r.Miners {
		rows = append(rows, cells(m.Name, m.Strategy, m.Power, m.Found, m.Kept, m.Revenue, m.Fees))
	}
	return rows
}

func (r *Report) messageRows() [][]string {
	rows := [][]string{{"message", "count", "bytes"}}
	for _, s := range r.Traffic {
		rows = append(rows, cells(s.Message, s.Count, s.Bytes))
	}
	return rows
}

func (r *Report) poolRows() [][]string {
	rows := [][]string{{"at_s", "transactions", "vbytes", "height"}}
	for _, p := range r.Mempool {
		rows = append(rows, cells(p.At, p.Count, p.VBytes, p.Height))
	}
	return rows
}

func (r *Report) curveRows() [][]string {
	rows := [][]string{{"share", "after_s"}}
	for _, p := range r.Propagation.Curve {
		rows = append(rows, cells(p.Share, p.After))
	}
	return rows
}
