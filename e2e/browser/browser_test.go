package browser

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// program is the built program.
var program string

func TestMain(m *testing.M) {
	if os.Getenv("CAIRN_E2E") == "" {
		fmt.Println("browser tests run with CAIRN_E2E=1")
		return
	}
	dir, err := os.MkdirTemp("", "cairn-browser-")
	if err == nil {
		program = filepath.Join(dir, "cairn")
		build := exec.Command("go", "build", "-o", program, "./cmd/cairn")
		build.Dir, build.Stderr = filepath.Join("..", ".."), os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Println(err)
	}
	os.Exit(code)
}

// sheet is what a test network says of itself.
type sheet struct {
	Control  string
	Accounts []struct{ Address string }
	Nodes    []struct{ HTTP string } // URL

	end func() // ends the network before the test ends
}

// network starts a test network that ends with the test.
func network(t *testing.T, flags ...string) sheet {
	t.Helper()
	file := filepath.Join(t.TempDir(), "net.json")
	cmd := exec.Command(program, append([]string{"testnet", "up", "--ephemeral", "--ports", "auto", "--quiet", "--config-out", file}, flags...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceFunc(func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the network ended with %v: %s", err, &said)
		}
	})
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready ") {
		t.Fatalf("the network said %q, %v: %s", line, err, &said)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s sheet
	if err := json.Unmarshal(raw, &s); err != nil || s.Control == "" || len(s.Accounts) == 0 || len(s.Nodes) == 0 {
		t.Fatalf("the network's file is %s: %v", raw, err)
	}
	s.end = end
	return s
}

// page is a tab of a browser.
type page struct {
	*testing.T
	ctx  context.Context
	errs []string // of its scripts; read after the last step
}

// open starts a browser with an empty profile and shows url in it.
func open(t *testing.T, url string, wide, high int64) *page {
	t.Helper()
	name, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("chromium is needed: apt-get install chromium")
	}
	options := []chromedp.ExecAllocatorOption{chromedp.ExecPath(name), chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(int(wide), int(high)),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true)}
	ctx, cancelTime := context.WithTimeout(context.Background(), 3*time.Minute)
	ctx, cancelBrowser := chromedp.NewExecAllocator(ctx, options...)
	ctx, cancelTab := chromedp.NewContext(ctx)
	p := &page{T: t, ctx: ctx}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		cancelTab()
		cancelBrowser()
		cancelTime()
		for _, e := range p.errs {
			t.Errorf("the page's script: %s", e)
		}
	})
	chromedp.ListenTarget(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			p.errs = append(p.errs, ev.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if ev.Type == runtime.APITypeError {
				p.errs = append(p.errs, "console.error")
			}
		}
	})
	p.do(emulation.SetDeviceMetricsOverride(wide, high, 1, false), scheme("light"), chromedp.Navigate(url), chromedp.WaitVisible(".block", chromedp.ByQuery))
	return p
}

func (p *page) do(actions ...chromedp.Action) {
	p.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.Fatalf("%v; the page says %q", err, p.glance())
	}
}

// glance is what the page says of the network, for failures.
func (p *page) glance() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), time.Second)
	defer cancel()
	var text string
	if err := chromedp.Run(ctx, chromedp.Evaluate(`document.querySelector("#verdict").textContent + " | " + (document.querySelector(".said")?.textContent ?? "")`, &text)); err != nil {
		return err.Error()
	}
	return text
}

// until waits for an expression of JavaScript to be true; what it looks at need not be there yet.
func (p *page) until(what, expression string) {
	p.Helper()
	var ok bool
	err := chromedp.Run(p.ctx, chromedp.Poll("(() => { try { return "+expression+" } catch { return false } })()", &ok, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(time.Minute)))
	if err != nil {
		p.Fatalf("waiting until %s: %v; the page says %q", what, err, p.glance())
	}
}

// value evaluates an expression of JavaScript.
func value[T any](p *page, expression string) (v T) {
	p.Helper()
	p.do(chromedp.Evaluate(expression, &v))
	return v
}

// spot is a point on the screen.
type spot struct{ X, Y float64 }

// middle is where a link's middle is on the screen.
func (p *page) middle(link string) spot {
	p.Helper()
	return value[spot](p, fmt.Sprintf(`(() => { document.querySelector("#net").scrollIntoView({block: "center"}); const l = document.querySelector('[data-link="%s"] .line');
		const q = new DOMPoint((+l.getAttribute("x1") + +l.getAttribute("x2")) / 2, (+l.getAttribute("y1") + +l.getAttribute("y2")) / 2).matrixTransform(l.getScreenCTM());
		return {X: q.x, Y: q.y}; })()`, link))
}

// clickLink clicks on a link with the mouse.
func (p *page) clickLink(link string) {
	p.Helper()
	at := p.middle(link)
	p.do(chromedp.MouseClickXY(at.X, at.Y))
}

// mine lets the page mine on a node.
func (p *page) mine(node, count int) {
	p.Helper()
	p.do(chromedp.SetValue("#mine-node", fmt.Sprint(node), chromedp.ByQuery), chromedp.SetValue("#mine-count", fmt.Sprint(count), chromedp.ByQuery),
		chromedp.Click(`form[aria-label="Mine"] button`, chromedp.ByQuery))
	p.until("the blocks are mined", fmt.Sprintf(`document.querySelector(".said").textContent.startsWith("Mined %d block")`, count))
	p.do(chromedp.Evaluate(`document.querySelector(".said").textContent = ""`, nil))
}

// pay lets the faucet pay an address several times.
func (p *page) pay(address string, times int) {
	p.Helper()
	for range times {
		p.do(chromedp.SetValue("#faucet-address", address, chromedp.ByQuery), chromedp.Click(`form[aria-label="Faucet"] button`, chromedp.ByQuery))
		p.until("it is paid", `document.querySelector(".said").textContent.startsWith("Paid")`)
		p.do(chromedp.Evaluate(`document.querySelector(".said").textContent = ""`, nil))
	}
}

// search types into the search field and sends it.
func (p *page) search(text string) {
	p.Helper()
	p.do(chromedp.SetValue("#query", text, chromedp.ByQuery), chromedp.Click("#search button", chromedp.ByQuery))
}

// named makes sure that whatever has one of these roles has a name for those who cannot see it, and that all roles occur.
func (p *page) named(roles ...string) {
	p.Helper()
	count := map[string]int{}
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		// Not by the generated type, which knows fewer reasons to ignore a node than browsers give.
		var tree struct {
			Nodes []struct {
				Ignored bool    `json:"ignored"`
				Role    axValue `json:"role"`
				Name    axValue `json:"name"`
				DOM     int     `json:"backendDOMNodeId"`
			} `json:"nodes"`
		}
		err := cdp.Execute(ctx, "Accessibility.getFullAXTree", nil, &tree)
		for _, n := range tree.Nodes {
			role := fmt.Sprint(n.Role.Value)
			if n.Ignored || !slices.Contains(roles, role) {
				continue
			}
			if count[role]++; (n.Name.Value == nil || n.Name.Value == "") && role != "table" {
				p.Errorf("a %s has no name (node %d)", role, n.DOM)
			}
		}
		return err
	}))
	for _, role := range roles {
		if count[role] == 0 {
			p.Errorf("there is no %s on the page: %v", role, count)
		}
	}
}

type axValue struct {
	Value any `json:"value"`
}

// shot writes a picture if they are asked for.
func (p *page) shot(name string, dark bool) {
	p.Helper()
	dir := os.Getenv("CAIRN_SHOTS")
	if dir == "" {
		return
	}
	kind := "light"
	if dark {
		kind = "dark"
	}
	var raw []byte
	p.do(scheme(kind), chromedp.Evaluate(`document.activeElement.blur(), scrollTo(0, 0)`, nil), chromedp.CaptureScreenshot(&raw))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), p.small(raw), 0o644); err != nil {
		p.Fatal(err)
	}
}

// small writes a picture anew with its 256 most frequent colours; others get the nearest of them.
func (p *page) small(raw []byte) []byte {
	p.Helper()
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		p.Fatal(err)
	}
	count := map[color.Color]int{}
	box := img.Bounds()
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			count[img.At(x, y)]++
		}
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int { return count[b] - count[a] })
	out := image.NewPaletted(box, color.Palette(colors[:min(len(colors), 256)]))
	draw.Draw(out, box, img, box.Min, draw.Src)
	var buf bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&buf, out); err != nil {
		p.Fatal(err)
	}
	return buf.Bytes()
}

// scheme sets what the user prefers: colours, and no motion.
func scheme(kind string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: kind}, {Name: "prefers-reduced-motion", Value: "reduce"}})
}
