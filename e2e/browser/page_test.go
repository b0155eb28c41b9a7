package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const tips = `new Set([...document.querySelectorAll("#nodes tbody .letter")].map((e) => e.textContent)).size`

// A ring of four is cut at two places with the mouse, both halves mine, and the longer branch wins when it is healed.
//
//	110 ── A1 ── A2             nodes 0 and 1
//	    └─ B1 ── B2 ── B3       nodes 2 and 3
func TestCutForkHeal(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "4", "--miners", "0")
	p := open(t, net.Control, 1360, 1380)
	p.until("all links stand", `document.querySelectorAll(".link.up").length === 4`)
	p.clickLink("1-2")
	p.until("one link is cut", `document.querySelectorAll(".link.cut").length === 1`)
	p.clickLink("0-3")
	p.until("two links are cut and the others stand", `document.querySelectorAll(".link.cut").length === 2 && document.querySelectorAll(".link.up").length === 2`)
	p.mine(0, 2)
	p.mine(2, 3)
	p.until("there are two tips", tips+` === 2`)
	p.until("two branches are drawn", `document.querySelectorAll(".block.side").length === 2`)
	if got := value[string](p, `document.querySelector("#verdict").textContent`); got != "2 tips: A at 113 (nodes 2, 3), B at 112 (nodes 0, 1)" {
		t.Errorf("the page says %q", got)
	}
	p.shot("fork", false)
	p.clickLink("1-2")
	p.until("one tip is left", tips+` === 1 && document.querySelector("#verdict").textContent === "all 4 nodes on one tip at 113"`)
	p.until("the branch that lost stays", `document.querySelectorAll(".block.side").length === 2`)
	p.do(chromedp.Click("#heal", chromedp.ByQuery))
	p.until("all links stand again", `document.querySelectorAll(".link.up").length === 4`)
	p.until("the reorganizations are told", `document.querySelector("#log").textContent.includes("reorganized: 2 off, 3 on")`)
}

// A line that is drawn with the mouse cuts every link that it crosses; the keyboard heals one of them.
func TestKnifeAndKeys(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "4", "--miners", "0")
	p := open(t, net.Control, 1360, 1240)
	p.until("all links stand", `document.querySelectorAll(".link.up").length === 4`)
	// Along the line of the middles of two opposite links, a little further at both ends.
	a, b := p.middle("0-1"), p.middle("2-3")
	from, to := spot{a.X + (a.X-b.X)*0.1, a.Y + (a.Y-b.Y)*0.1}, spot{b.X + (b.X-a.X)*0.1, b.Y + (b.Y-a.Y)*0.1}
	p.do(chromedp.MouseEvent(input.MousePressed, from.X, from.Y, chromedp.ButtonLeft), chromedp.MouseEvent(input.MouseMoved, a.X-1, a.Y-1, chromedp.ButtonLeft),
		chromedp.MouseEvent(input.MouseMoved, to.X, to.Y, chromedp.ButtonLeft), chromedp.MouseEvent(input.MouseReleased, to.X, to.Y, chromedp.ButtonLeft))
	p.until("two links are cut", `document.querySelectorAll(".link.cut").length === 2 && document.querySelector('[data-link="0-1"].cut') !== null && document.querySelector('[data-link="2-3"].cut') !== null`)
	p.until("it is said", `document.querySelector(".said").textContent === "Cut 2 links."`)

	p.do(chromedp.Focus(`.link[tabindex="0"]`, chromedp.ByQuery))
	if got := value[string](p, `document.activeElement.getAttribute("aria-label") + " " + document.activeElement.getAttribute("role") + " " + document.activeElement.getAttribute("aria-pressed")`); got != "Link 0–1: cut button true" {
		t.Errorf("the focused link is %q", got)
	}
	p.do(chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.Enter))
	p.until("one link is healed", `document.querySelector('[data-link="0-1"].up') !== null && document.querySelectorAll(".link.cut").length === 1`)

	p.mine(2, 3)
	p.until("the blocks are drawn", `document.querySelector("#verdict").textContent.includes("at 113")`)
	p.do(chromedp.Focus(`.block[tabindex="0"]`, chromedp.ByQuery), chromedp.KeyEvent(kb.End), chromedp.KeyEvent(kb.ArrowLeft), chromedp.KeyEvent(kb.ArrowLeft))
	if got := value[string](p, `document.activeElement.getAttribute("aria-label")`); !strings.HasPrefix(got, "Block 111 ") || !strings.Contains(got, "found by node 2") {
		t.Errorf("two to the left of the tip is %q", got)
	}
	p.do(chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible("#explorer h1", chromedp.ByQuery))
	p.until("the block is shown", `document.querySelector("#explorer h1").textContent === "Block 111"`)
}

// The explorer is walked through by its links: search, block, transaction, address. What people type is shown as text.
func TestExplorer(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "2", "--miners", "0")
	p := open(t, net.Control, 1240, 1000)
	to := net.Accounts[1].Address
	p.pay(to, 1)
	p.until("it waits in both mempools", `[...document.querySelectorAll("#nodes tbody tr")].every((tr) => tr.children[4].textContent === "1 tx")`)
	p.mine(0, 1)
	p.search("111")
	p.until("the block is shown", `document.querySelector("#explorer h1").textContent === "Block 111"`)
	p.shot("block", false)
	p.do(chromedp.Click("#explorer tbody tr:last-child a", chromedp.ByQuery))
	p.until("the transaction is shown with its graph", `document.querySelector("#explorer h1")?.textContent === "Transaction" && document.querySelectorAll(".graph .io").length >= 3`)
	p.shot("transaction", false)
	p.shot("transaction-dark", true)
	p.do(chromedp.Click(`a[href^="#/address/`+to+`"]`, chromedp.ByQuery))
	p.until("the address is shown", `document.querySelector("#explorer h1")?.textContent === "Address" && document.querySelector(".facts strong").textContent === "51.00000000"`)
	p.shot("address", false)
	p.search(to)
	p.until("a search finds the address", `location.hash === "#/address/`+to+`"`)
	p.search(`<img src=x onerror="document.title='bad'">`)
	p.until("what is not found is told", `document.querySelector("#explorer h1")?.textContent === "Nothing found" && document.querySelector("#explorer .problem").textContent.includes("<img src=x")`)
	if value[bool](p, `document.querySelector("#explorer img") !== null`) {
		t.Error("typed text became an element")
	}
	p.do(chromedp.Navigate(net.Nodes[0].HTTP), chromedp.WaitVisible(".block", chromedp.ByQuery))
	p.until("a node's own page has no orders", `document.querySelector("#orders").hidden && document.querySelector("#net-panel").hidden`)
	p.shot("node", false)
}

// The pages of living networks of 60 and of 3 nodes; the pictures are those of the documentation. The sixty are cut in two,
// so that each half has miners, and healed.
func TestSixtyNodes(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "60", "--miners", "6", "--hashpower", "6,4,3,2,1,1", "--topology", "random", "--block-time", "1s")
	p := open(t, net.Control, 1360, 1450)
	p.until("links stand", `document.querySelectorAll(".link.up").length > 60`)
	p.until("blocks are found", `document.querySelectorAll(".block.best:not(.m-none)").length > 8`)
	p.do(chromedp.SetValue("#split-groups", "0,2,4,6-33/1,3,5,34-59", chromedp.ByQuery), chromedp.Click(`form[aria-label="Partition"] button`, chromedp.ByQuery))
	p.until("links across are cut", `document.querySelectorAll(".link.cut").length > 10`)
	p.until("both halves mine", `document.querySelectorAll(".block.side").length >= 3`)
	p.pay(net.Accounts[1].Address, 2)
	p.until("their way is drawn", `document.querySelector(".curve") !== null`)
	p.shot("page-60-dark", true)
	p.shot("page-60", false)
	p.do(chromedp.Click("#heal", chromedp.ByQuery))
	p.until("no link is cut", `document.querySelectorAll(".link.cut").length === 0`)
	p.until("reorganizations are told", `document.querySelector("#log").textContent.includes("reorganized")`)
}

func TestThreeNodes(t *testing.T) {
	net := network(t, "--network", "regtest", "--nodes", "3", "--miners", "3", "--hashpower", "3,2,1", "--block-time", "1s")
	p := open(t, net.Control, 1360, 1400)
	p.until("links stand", `document.querySelectorAll(".link.up").length === 3`)
	p.until("blocks are found", `document.querySelectorAll(".block.best:not(.m-none)").length > 16`)
	p.pay(net.Accounts[1].Address, 3)
	p.until("their way is drawn", `document.querySelector(".curve") !== null`)
	p.shot("page-3", false)
	p.shot("page-3-dark", true)
	p.named("button", "link", "textbox", "searchbox", "spinbutton", "combobox", "group", "region", "table", "image")
	p.do(emulation.SetDeviceMetricsOverride(390, 800, 1, true))
	p.until("nothing is wider than a telephone, and the newest block is in sight", `document.documentElement.scrollWidth <= 390 &&
		document.querySelector(".block .tip[visibility=visible]").getBoundingClientRect().right <= 390`)
	p.shot("page-narrow", false)
}
