package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// machine is what the figures were made on. What cannot be found out is empty.
type machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	Memory     string `json:"memory"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	LoadBefore string `json:"load_before"`
	LoadAfter  string `json:"load_after"`
}

func thisMachine() machine {
	m := machine{
		Cores: runtime.NumCPU(), Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, LoadBefore: loadAverage(),
		CPU:    value(readFile("/proc/cpuinfo"), "model name"),
		Kernel: strings.TrimSpace(readFile("/proc/sys/kernel/ostype") + readFile("/proc/sys/kernel/osrelease")),
	}
	if kib, ok := kibibytes(readFile("/proc/meminfo"), "MemTotal"); ok {
		m.Memory = fmt.Sprintf("%.1f GiB", float64(kib)/(1<<20))
	}
	m.Kernel = strings.Join(strings.Fields(m.Kernel), " ")
	return m
}

// readFile returns a file's text, "" if there is none: other systems have no /proc.
func readFile(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(b)
}

func loadAverage() string {
	if f := strings.Fields(readFile("/proc/loadavg")); len(f) >= 3 {
		return strings.Join(f[:3], " ")
	}
	return ""
}

// value finds "name : value" in the text of a file under /proc.
func value(text, name string) string {
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// kibibytes finds "name: 123 kB", which is meant in units of 1024 bytes.
func kibibytes(text, name string) (int64, bool) {
	number, ok := strings.CutSuffix(value(text, name), " kB")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	return n, err == nil
}

// took is how long something took, by the clock and in processor time of this process (0: unknown).
type took struct{ wall, cpu time.Duration }

// timed measures a call. In profiles it has the label "timed", which tells it from what prepares it.
func timed(f func() error) (t took, err error) {
	runtime.GC() // what was left by others is not this one's
	pprof.Do(context.Background(), pprof.Labels("timed", "yes"), func(context.Context) {
		wall, cpu := time.Now(), cpuTime()
		err = f()
		t = took{time.Since(wall), cpuTime() - cpu}
	})
	return t, err
}
