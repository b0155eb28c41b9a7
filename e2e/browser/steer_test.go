package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// says waits until the page says what came of an order, and sends that away.
func (p *page) says(what string) {
	p.Helper()
	p.until("it says "+what, fmt.Sprintf(`document.querySelector(".said").textContent.includes(%q)`, what))
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until("Escape sends it away", `document.querySelector(".said").textContent === ""`)
}

// fill sets fields and presses the button of a form.
func (p *page) fill(form string, fields ...string) {
	p.Helper()
	for i := 0; i+1 < len(fields); i += 2 {
		p.do(chromedp.SetValue("#"+fields[i], fields[i+1], chromedp.ByQuery))
	}
	p.do(chromedp.Click(`form[aria-label="`+form+`"] button`, chromedp.ByQuery))
}

// A node is chosen with a click, stopped, started, killed and made to reorganize; a link is chosen with the keyboard and made
// slow. What is refused is told in words.
func TestNodesAndLinks(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "4", "--miners", "0")
	p := open(t, net.Control, 1360, 1240)
	p.until("all links stand", `document.querySelectorAll(".link.up").length === 4`)
	at := value[spot](p, `(() => { document.querySelector("#net").scrollIntoView({block: "center"}); const r = document.querySelector('.node[data-key="2"] .disc').getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2}; })()`)
	p.do(chromedp.MouseClickXY(at.X, at.Y))
	p.until("node 2 is chosen", `document.querySelector("#picked").value === "2" && document.querySelector('.node[data-key="2"]').ariaPressed === "true"`)

	p.do(chromedp.Click("#node-stop", chromedp.ByQuery))
	p.says("node 2 stopped")
	p.until("it is shown as stopped, and the keyboard's focus is on what starts it", `document.querySelector("#picked-now").textContent === "stopped." && document.activeElement.id === "node-start" && document.querySelector('.node[data-key="2"].off') !== null`)
	p.do(chromedp.KeyEvent(kb.Enter))
	p.says("node 2 started")
	p.until("it runs and its links stand", `document.querySelector("#picked-now").textContent.startsWith("runs") && document.querySelectorAll(".link.up").length === 4`)
	p.do(chromedp.Click("#node-kill", chromedp.ByQuery))
	p.says("node 2 killed")
	p.until("it is shown as killed", `document.querySelector("#nodes tbody").children[2].textContent.includes("killed")`)
	p.do(chromedp.Click("#node-start", chromedp.ByQuery))
	p.says("node 2 started")
	p.until("it can mine", `document.querySelector('#mine-node option[value="2"]') !== null && document.querySelectorAll(".link.up").length === 4`)

	p.mine(2, 3)
	p.until("all have the blocks", `document.querySelector("#verdict").textContent === "all 4 nodes on one tip at 113"`)
	p.fill("Reorganization", "reorg-depth", "2")
	p.until("two blocks are replaced, and stay in the tree", `document.querySelectorAll(".block.side").length === 2 && document.querySelector("#verdict").textContent === "all 4 nodes on one tip at 114"`)

	p.do(chromedp.Focus("#picked", chromedp.ByQuery), chromedp.SetValue("#picked", "0-1", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("#picked").dispatchEvent(new Event("change"))`, nil))
	p.fill("What the link is like", "link-latency", "soon")
	p.says("failed:")
	p.fill("What the link is like", "link-latency", "120ms", "link-loss", "1%")
	p.says("latency 120ms, loss 1%")
	p.until("it stands beside the link, and in the table", `document.querySelector('[data-link="0-1"] .like').textContent === "120ms, loss 1%" &&
		(document.querySelector("#net-panel details").open = true) && document.querySelector("#net-panel tbody tr").textContent.includes("latency 120ms")`)
	p.do(chromedp.Click("#link-clear", chromedp.ByQuery))
	p.until("it is as fast as it goes", `document.querySelector('[data-link="0-1"] .like').textContent === ""`)
	p.until("the tree is told as a table", `(document.querySelector(".tree-panel details").open = true) && document.querySelector(".tree-panel tbody tr").textContent.startsWith("114") &&
		[...document.querySelectorAll(".tree-panel tbody tr")].filter((tr) => tr.textContent.includes("off the best")).length === 2`)
}

// Snapshots, clock, mining and traffic are steered from the page.
func TestWholeNetwork(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "3", "--miners", "0")
	p := open(t, net.Control, 1360, 1240)
	p.do(chromedp.Click("#world summary", chromedp.ByQuery))
	p.fill("Snapshot", "snapshot-name", "before")
	p.says("kept as before")
	p.until("it can be gone back to", `document.querySelector("#snapshot-list").value === "before"`)
	p.fill("Snapshot", "snapshot-name", "../outside")
	p.says("failed:")
	p.fill("Clock", "clock-by", "+2h")
	p.until("the clock is told", `document.querySelector("#world summary").textContent.includes("clock 2.0 h ahead")`)
	p.fill("Mining", "mining-way", "manual")
	p.until("the mining is told", `document.querySelector("#world summary").textContent.includes("mining manual")`)
	p.fill("Traffic", "traffic-rate", "20")
	p.until("transactions wait", `document.querySelector("#world summary").textContent.includes("traffic runs") && /\d tx/.test(document.querySelector("#nodes tbody").textContent)`)
	p.mine(0, 2)
	p.until("all have them", `document.querySelector("#verdict").textContent === "all 3 nodes on one tip at 112"`)
	p.do(chromedp.Evaluate(`window.confirm = () => true`, nil))
	p.fill("Revert")
	p.until("the network is what it was", `document.querySelector("#verdict").textContent === "all 3 nodes on one tip at 110" && document.querySelector("#log").textContent.includes("the network went back to before")`)
}

// What strangers write into the chain (scripts, data, types, names) is shown as text, steering signs of text among it as dots.
func TestHostileTexts(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "2", "--miners", "0")
	p := open(t, net.Control, 1240, 1000)
	p.do(chromedp.Evaluate(`(() => {
		const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>', hex = (t) => [...new TextEncoder().encode(t)].map((b) => b.toString(16).padStart(2, "0")).join("");
		const text = "<b>hello</b> \u202e\u0007", out = (type, script, asm) => ({ value: 20999999.9769, n: 0, state: evil, spender: evil, scriptPubKey: { type, hex: script, asm, address: undefined } });
		const tx = { txid: evil, hash: evil, version: evil, size: 1, vsize: 1, weight: 4, locktime: 0, fee: "1e-8", vin: [{ txid: evil, vout: 0, sequence: 0, prevout: out(evil, "", evil) }],
			vout: [out(evil, "", evil), out("nulldata", "6a" + (hex(text).length / 2).toString(16).padStart(2, "0") + hex(text), evil), out("nulldata", "6a4c", ""), out("nulldata", "6aff", "")] };
		window.fetch = async () => new Response(JSON.stringify({ tx, inputs: 1, outputs: 4, node: 0 }));
		location.hash = "#/tx/x";
	})()`, nil))
	p.until("the transaction is shown", `document.querySelector("#explorer h1").textContent.startsWith("Transaction")`)
	if got := value[string](p, `document.querySelector("#explorer q").textContent`); got != "<b>hello</b> ··" {
		t.Errorf("the data is shown as %q", got)
	}
	if got := value[string](p, `[...document.querySelectorAll("#explorer img, #explorer script, #explorer b")].map((e) => e.outerHTML).join() + document.title`); got != "Cairn · Transactionwaits in the mempool" {
		t.Errorf("texts became elements: %q", got)
	}
	p.until("amounts are exact", `document.querySelector("#explorer").textContent.includes("20999999.97690000")`)
}

// Nodes that have names are called by them; a name that means something in JavaScript is a name like others.
func TestNamedNodes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "named.toml")
	if err := os.WriteFile(file, []byte("[[node]]\nname = \"alice\"\n[[node]]\nname = \"constructor\"\n[[link]]\nbetween = [\"alice\", \"constructor\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	net := network(t, "--network", "regtest", "--nodes", "2", "--miners", "0", "--topology", file)
	p := open(t, net.Control, 1240, 1000)
	p.until("the names stand in the table and in the list", `document.querySelector("#nodes tbody").children[1].textContent.startsWith("1 constructor") && document.querySelector("#picked option").textContent === "node 0 alice"`)
}

// The network ends while the page is open: the page says so, and why an order cannot be given.
func TestNetworkEnds(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "2", "--miners", "0")
	p := open(t, net.Control, 1240, 1000)
	p.until("the verdict is good", `document.querySelector("#verdict").className === "verdict good"`)
	net.end()
	p.until("the page says so, to those who hear it too", `document.querySelector("#verdict").textContent.startsWith("the connection is lost") && document.body.classList.contains("lost") &&
		document.querySelector("#announce").textContent.includes("lost")`)
	p.do(chromedp.Click("#heal", chromedp.ByQuery))
	p.says("the network does not answer")
}
