package browser

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

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

// network starts a test network that ends with the test, and returns the address of its page.
func network(t *testing.T, flags ...string) string {
	t.Helper()
	cmd := exec.Command(program, append([]string{"testnet", "up", "--ephemeral", "--ports", "auto", "--quiet"}, flags...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the network ended with %v: %s", err, &said)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ready {
		t.Fatalf("the network said %q, %v: %s", line, err, &said)
	}
	return url
}

// page is a tab of a browser.
type page struct {
	*testing.T
	ctx  context.Context
	url  string
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
	p := &page{T: t, ctx: ctx, url: url}
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
	p.do(emulation.SetDeviceMetricsOverride(wide, high, 1, false), chromedp.Navigate(url), chromedp.WaitVisible(".block", chromedp.ByQuery))
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

// until waits for an expression of JavaScript to be true.
func (p *page) until(what, expression string) {
	p.Helper()
	var ok bool
	err := chromedp.Run(p.ctx, chromedp.Poll(expression, &ok, chromedp.WithPollingInterval(50*time.Millisecond), chromedp.WithPollingTimeout(30*time.Second)))
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

// shot writes a picture if they are asked for.
func (p *page) shot(name string, dark bool) {
	p.Helper()
	dir := os.Getenv("CAIRN_SHOTS")
	if dir == "" {
		return
	}
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	var png []byte
	p.do(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}),
		chromedp.Evaluate(`document.activeElement.blur(), scrollTo(0, 0)`, nil), chromedp.CaptureScreenshot(&png))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.Fatal(err)
	}
}
