package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

const tips = `new Set([...document.querySelectorAll("#nodes tbody .letter")].map((e) => e.textContent)).size`

// A ring of four is cut at two places with the mouse, both halves mine, and the longer branch wins when it is healed.
//
//	110 ── A1 ── A2             nodes 0 and 1
//	    └─ B1 ── B2 ── B3       nodes 2 and 3
func TestCutForkHeal(t *testing.T) {
	p := open(t, network(t, "--network", "regtest", "--nodes", "4", "--miners", "0"), 1360, 1180)
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

func TestLooks(t *testing.T) {
	p := open(t, network(t, "--network", "regtest", "--nodes", "60", "--miners", "6", "--hashpower", "6,4,3,2,1,1", "--topology", "random", "--block-time", "2s"), 1360, 1180)
	p.until("links stand", `document.querySelectorAll(".link.up").length > 60`)
	p.shot("sixty", false)
	p.shot("sixty-dark", true)
}
