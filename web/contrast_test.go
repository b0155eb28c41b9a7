package web

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// themes reads the two sets of colours of the style sheet.
func themes(t *testing.T) map[string]map[string]string {
	t.Helper()
	raw, err := static.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(raw), "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("the style sheet has no dark colours")
	}
	dark, _, _ = strings.Cut(dark, "* {")
	all := map[string]map[string]string{"light": {}, "dark": {}}
	for name, text := range map[string]string{"light": light, "dark": dark} {
		for _, m := range regexp.MustCompile(`--([a-z0-9-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(text, -1) {
			all[name][m[1]] = m[2]
		}
		if len(all[name]) < 25 {
			t.Fatalf("%s has only the colours %v", name, all[name])
		}
	}
	return all
}

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, rgb string) float64 {
	t.Helper()
	v, err := strconv.ParseUint(rgb, 16, 24)
	if err != nil {
		t.Fatal(err)
	}
	part := func(shift uint) float64 {
		c := float64(v>>shift&255) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}

// Text has the contrast of WCAG's level AA (4.5), lines and marks that of graphical objects (3).
func TestContrast(t *testing.T) {
	for name, c := range themes(t) {
		c["white"] = "ffffff"
		check := func(least float64, fore string, backs ...string) {
			for _, back := range backs {
				a, b := luminance(t, c[fore]), luminance(t, c[back])
				if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < least {
					t.Errorf("%s: %s on %s has a contrast of %.2f, at least %.1f is needed", name, fore, back, ratio, least)
				}
			}
		}
		check(4.5, "ink", "bg", "panel", "soft", "tip-a", "tip-b", "tip-c", "tip-d")
		check(4.5, "muted", "bg", "panel", "soft")
		check(4.5, "accent", "bg", "panel")
		for _, kind := range []string{"good", "warn", "bad"} {
			check(4.5, kind, kind+"-soft", "panel")
		}
		check(4.5, "good", "bg")
		check(4.5, "bad", "bg")
		for i := range 8 {
			miner := "m" + strconv.Itoa(i)
			check(4.5, "white", miner)
			check(3, miner, "panel")
		}
		check(3, "edge", "panel", "bg")
		check(3, "bar", "panel")
	}
}
