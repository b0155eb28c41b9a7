package sim

import (
	"fmt"
	"html"
	"strings"
)

// Plots are drawn with whole numbers, in tenths of a pixel, so that a page is the same on every machine.
const (
	plotWidth, plotHeight = 640, 260
	plotLeft, plotRight   = 70, 16
	plotTop, plotBottom   = 14, 44
)

// point of a plot; the units are the axes'.
type point struct{ x, y int64 }

// axis is what stands beside a plot. unit divides the values that are written along it.
type axis struct {
	label  string
	unit   int64
	suffix string
}

// step is the distance of the marks along an axis: one, two or five times a power of ten of its unit, for at most five marks above zero.
func (a axis) step(most int64) int64 {
	step := max(a.unit/1_000_000, 1)
	for ; ; step *= 10 {
		for _, f := range []int64{1, 2, 5} {
			if step*f*5 >= most {
				return step * f
			}
		}
	}
}

// mark writes a value that stands along an axis, with as many digits as it needs.
func (a axis) mark(v int64) string {
	if a.unit <= 1 {
		return fmt.Sprint(v)
	}
	text := fmt.Sprintf("%d.%06d", v/a.unit, v%a.unit*1_000_000/a.unit)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// line draws points, ordered by x, as one line.
func line(title string, x, y axis, points []point) string {
	var b strings.Builder
	open(&b, title)
	var most point
	for _, p := range points {
		most.x, most.y = max(most.x, p.x), max(most.y, p.y)
	}
	most.x, most.y = max(most.x, 1), max(most.y, 1)
	frame(&b, x, y, most)
	b.WriteString(`<polyline class="line" points="`)
	for _, p := range points {
		fmt.Fprintf(&b, "%s,%s ", across(p.x, most.x), up(p.y, most.y))
	}
	b.WriteString("\"/></svg></figure>\n")
	return b.String()
}

func open(b *strings.Builder, title string) {
	t := html.EscapeString(title)
	fmt.Fprintf(b, "<figure><figcaption>%s</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", t, plotWidth, plotHeight, t)
}

// tenths writes a length of tenths of a pixel.
func tenths(n int64) string { return fmt.Sprintf("%d.%d", n/10, n%10) }

func across(v, most int64) string {
	return tenths(plotLeft*10 + v*(plotWidth-plotLeft-plotRight)*10/most)
}

func up(v, most int64) string {
	return tenths((plotHeight-plotBottom)*10 - v*(plotHeight-plotTop-plotBottom)*10/most)
}

// frame draws axes with their marks.
func frame(b *strings.Builder, x, y axis, most point) {
	bottom := plotHeight - plotBottom
	for v := int64(0); v <= most.y; v += y.step(most.y) {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%s" y2="%s"/><text x="%d" y="%s" class="end">%s</text>`,
			plotLeft, plotWidth-plotRight, up(v, most.y), up(v, most.y), plotLeft-6, up(v, most.y), y.mark(v))
	}
	for v := int64(0); v <= most.x; v += x.step(most.x) {
		fmt.Fprintf(b, `<text x="%s" y="%d" class="mid">%s</text>`, across(v, most.x), bottom+16, x.mark(v))
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" class="mid label">%s</text>`, (plotWidth+plotLeft)/2, plotHeight-6, html.EscapeString(x.label))
	fmt.Fprintf(b, `<text transform="translate(14 %d) rotate(-90)" class="mid label">%s</text>`, (bottom+plotTop)/2, html.EscapeString(y.label))
}

// write writes a value in units, with two digits after the point if there are few units. Bytes choose their unit themselves.
func (a axis) write(v int64) string {
	if a.suffix == byteSuffix {
		return bytesText(v)
	}
	if a.unit <= 1 {
		return fmt.Sprint(v) + a.suffix
	}
	if v/a.unit >= 20 {
		return fmt.Sprint(v/a.unit) + a.suffix
	}
	return fmt.Sprintf("%d.%02d", v/a.unit, v%a.unit*100/a.unit) + a.suffix
}

// byteSuffix is that of an axis of bytes.
const byteSuffix = " B"

func bytesText(v int64) string {
	switch {
	case v >= 1_000_000:
		return fmt.Sprintf("%d.%02d MB", v/1_000_000, v%1_000_000/10_000)
	case v >= 1000:
		return fmt.Sprintf("%d.%02d kB", v/1000, v%1000/10)
	}
	return fmt.Sprint(v) + byteSuffix
}

// bar is one row of bars: one or two values under a name.
type bar struct {
	name   string
	values []int64
}

// bars draws rows of horizontal bars; names says what the values of a row are.
func bars(title string, unit axis, names []string, rows []bar) string {
	var b strings.Builder
	t := html.EscapeString(title)
	const left, right, thick = 150, 90, 12
	height, most := 24, int64(1)
	for _, r := range rows {
		height += thick*len(r.values) + 6
		for _, v := range r.values {
			most = max(most, v)
		}
	}
	fmt.Fprintf(&b, "<figure><figcaption>%s</figcaption><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">", t, plotWidth, height, t)
	for i, n := range names {
		fmt.Fprintf(&b, `<text x="%d" y="12" class="key%d">%s</text>`, left+i*160, i, html.EscapeString(n))
	}
	y := 22
	for _, r := range rows {
		fmt.Fprintf(&b, `<text x="%d" y="%d" class="end">%s</text>`, left-6, y+thick*len(r.values)/2, html.EscapeString(r.name))
		for i, v := range r.values {
			wide := v * (plotWidth - left - right) * 10 / most
			fmt.Fprintf(&b, `<rect class="bar%d" x="%d" y="%d" width="%s" height="%d"/><text x="%s" y="%d">%s</text>`,
				i, left, y, tenths(wide), thick-2, tenths(left*10+wide+40), y+thick-3, unit.write(v))
			y += thick
		}
		y += 6
	}
	b.WriteString("</svg></figure>\n")
	return b.String()
}
