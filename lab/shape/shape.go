package shape

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Shape is what one direction of a link is like. The zero value is as good as no link between.
type Shape struct {
	Latency   Latency
	Jitter    time.Duration // up to so much more or less, uniformly
	Loss      float64       // part of the segments that is lost and sent again, 0 to 0.9
	Bandwidth int64         // bits a second; 0: unbounded
	Blocked   bool          // nothing arrives
}

// Bounds of what a shape may ask for.
const (
	MaxLatency   = time.Minute
	MaxLoss      = 0.9
	MinBandwidth = 1000
	MaxBandwidth = 1_000_000_000_000
)

// Validate tells what is wrong with a shape.
func (s Shape) Validate() error {
	switch {
	case s.Latency.Mid < 0 || s.Latency.Mid > MaxLatency:
		return fmt.Errorf("a latency is between 0 and %v, not %v", MaxLatency, s.Latency.Mid)
	case s.Latency.Dev < 0 || s.Latency.Dev > MaxLatency:
		return fmt.Errorf("a deviation of the latency is between 0 and %v, not %v", MaxLatency, s.Latency.Dev)
	case !(s.Latency.Sigma >= 0 && s.Latency.Sigma <= 3):
		return fmt.Errorf("the sigma of a log-normal latency is between 0 and 3, not %v", s.Latency.Sigma)
	case s.Jitter < 0 || s.Jitter > MaxLatency:
		return fmt.Errorf("jitter is between 0 and %v, not %v", MaxLatency, s.Jitter)
	case !(s.Loss >= 0 && s.Loss <= MaxLoss):
		return fmt.Errorf("loss is between 0%% and %v%%, not %v%%", MaxLoss*100, s.Loss*100)
	case s.Bandwidth != 0 && (s.Bandwidth < MinBandwidth || s.Bandwidth > MaxBandwidth):
		return fmt.Errorf("a bandwidth is between 1kbit and 1Tbit, not %dbit", s.Bandwidth)
	}
	return nil
}

// String writes a shape as the flags of `cairn testnet link` would; "" for the zero value.
func (s Shape) String() string {
	var parts []string
	add := func(name, value string) { parts = append(parts, name+" "+value) }
	if s.Latency != (Latency{}) {
		add("latency", s.Latency.String())
	}
	if s.Jitter != 0 {
		add("jitter", s.Jitter.String())
	}
	if s.Loss != 0 {
		add("loss", strconv.FormatFloat(math.Round(s.Loss*1e8)/1e6, 'f', -1, 64)+"%")
	}
	if s.Bandwidth != 0 {
		add("bandwidth", bitrate(s.Bandwidth))
	}
	if s.Blocked {
		parts = append(parts, "blocked")
	}
	return strings.Join(parts, ", ")
}

// Latency is a distribution of one-way delays. With neither Dev nor Sigma it is Mid; with Dev it is normal, with mean Mid
// and standard deviation Dev; with Sigma it is log-normal, with median Mid and Sigma the deviation of its logarithm.
type Latency struct {
	Mid, Dev time.Duration
	Sigma    float64
}

// draw takes one delay, never negative and at most MaxLatency.
func (l Latency) draw(rng *rand.Rand) time.Duration {
	d := float64(l.Mid)
	switch {
	case l.Sigma > 0:
		d *= math.Exp(l.Sigma * rng.NormFloat64())
	case l.Dev > 0:
		d += float64(l.Dev) * rng.NormFloat64()
	}
	return time.Duration(min(max(d, 0), float64(MaxLatency)))
}

// String writes a latency as ParseLatency reads it.
func (l Latency) String() string {
	switch {
	case l.Sigma > 0:
		return fmt.Sprintf("lognormal:%v:%v", l.Mid, l.Sigma)
	case l.Dev > 0:
		return fmt.Sprintf("%v±%v", l.Mid, l.Dev)
	}
	return l.Mid.String()
}

// ParseLatency reads 200ms, 200ms±20ms (or 200ms+-20ms), lognormal:80ms:0.5 (median and sigma) or europe/japan (two names of Regions).
func ParseLatency(text string) (l Latency, err error) {
	switch {
	case strings.HasPrefix(text, "lognormal:"):
		mid, sigma, ok := strings.Cut(strings.TrimPrefix(text, "lognormal:"), ":")
		if !ok {
			return l, errLatency(text)
		}
		if l.Sigma, err = strconv.ParseFloat(sigma, 64); err != nil {
			return l, errLatency(text)
		}
		l.Mid, err = time.ParseDuration(mid)
	case strings.Contains(text, "±"), strings.Contains(text, "+-"):
		mid, dev, _ := strings.Cut(strings.Replace(text, "+-", "±", 1), "±")
		if l.Mid, err = time.ParseDuration(mid); err == nil {
			l.Dev, err = time.ParseDuration(dev)
		}
	default:
		if a, b, ok := strings.Cut(text, "/"); ok && regionIndex(a) >= 0 && regionIndex(b) >= 0 {
			return Between(a, b)
		}
		l.Mid, err = time.ParseDuration(text)
	}
	if err != nil {
		return l, errLatency(text)
	}
	return l, Shape{Latency: l}.Validate()
}

func errLatency(text string) error {
	return fmt.Errorf("%q is not a latency like 200ms, 200ms±20ms, lognormal:80ms:0.5 or europe/japan (regions: %s)", text, strings.Join(Regions, ", "))
}

var bitUnits = []struct {
	name string
	bits float64
}{{"Tbit", 1e12}, {"Gbit", 1e9}, {"Mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}

// ParseBandwidth reads 1Mbit, 500kbit or 2.5Gbit, and 0 for unbounded.
func ParseBandwidth(text string) (int64, error) {
	if text == "0" {
		return 0, nil
	}
	for _, u := range bitUnits {
		number, ok := strings.CutSuffix(strings.TrimSuffix(text, "/s"), u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil || !(v*u.bits >= 1 && v*u.bits <= MaxBandwidth) {
			break
		}
		s := Shape{Bandwidth: int64(v * u.bits)}
		return s.Bandwidth, s.Validate()
	}
	return 0, fmt.Errorf("%q is not a bandwidth like 1Mbit or 500kbit", text)
}

func bitrate(b int64) string {
	for _, u := range bitUnits {
		if float64(b) >= u.bits {
			return strconv.FormatFloat(float64(b)/u.bits, 'f', -1, 64) + u.name
		}
	}
	return "0"
}

// ParseShare reads 1% or 0.01.
func ParseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) {
		return 0, fmt.Errorf("%q is not a share like 1%% or 0.01", text)
	}
	if percent {
		v /= 100
	}
	if v < 0 || v > 1 {
		return 0, fmt.Errorf("%q is not a share between 0%% and 100%%", text)
	}
	return v, nil
}

// Regions are the names that Between knows, in the order of its table.
var Regions = []string{"north-america", "europe", "south-america", "asia-pacific", "japan", "australia"}

// regionLatency are mean one-way delays in milliseconds between Bitcoin nodes of the regions, as measured in 2019 and published with
// SimBlock (Banno and Shudo, "Simulating a Blockchain Network with SimBlock", ICBC 2019; table LATENCY_2019).
var regionLatency = [][]time.Duration{
	{32, 124, 184, 198, 151, 189},
	{124, 11, 227, 237, 252, 294},
	{184, 227, 88, 325, 301, 322},
	{198, 237, 325, 85, 58, 198},
	{151, 252, 301, 58, 12, 126},
	{189, 294, 322, 198, 126, 16},
}

func regionIndex(name string) int {
	for i, r := range Regions {
		if r == name {
			return i
		}
	}
	return -1
}

// Between is the latency between two regions: normal around the measured mean, with a tenth of it as deviation.
func Between(a, b string) (Latency, error) {
	i, j := regionIndex(a), regionIndex(b)
	if i < 0 || j < 0 {
		return Latency{}, errors.New("the regions are " + strings.Join(Regions, ", "))
	}
	mid := regionLatency[i][j] * time.Millisecond
	return Latency{Mid: mid, Dev: mid / 10}, nil
}
