package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Replay steps through an event log.
//
// A log is text: one Happening a line, as JSON, in the order of time.
type Replay struct {
	in   *bufio.Scanner
	line int
	tips map[int32]string
	many map[string]int // nodes by tip
}

// NewReplay reads a log from r.
func NewReplay(r io.Reader) *Replay {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	return &Replay{in: in, tips: map[int32]string{}, many: map[string]int{}}
}

// maxLine bounds a line of a log, in bytes.
const maxLine = 1 << 16

// Next returns the next event, io.EOF at the end. Any other error names the line.
func (p *Replay) Next() (h Happening, err error) {
	if !p.in.Scan() {
		if err := p.in.Err(); err != nil {
			return h, fmt.Errorf("event log, line %d: %w", p.line+1, err)
		}
		return h, io.EOF
	}
	p.line++
	if err := json.Unmarshal(p.in.Bytes(), &h); err != nil {
		return h, fmt.Errorf("event log, line %d: %w", p.line, err)
	}
	if h.Kind == "tip" {
		p.moved(h)
	}
	return h, nil
}

func (p *Replay) moved(h Happening) {
	if old, ok := p.tips[h.Node]; ok {
		if p.many[old]--; p.many[old] == 0 {
			delete(p.many, old)
		}
	}
	p.tips[h.Node] = h.Hash
	p.many[h.Hash]++
}

// Tips is how many different tips the nodes have that have told of one, and how many nodes have that of the last.
func (p *Replay) Tips(of string) (tips, agree int) { return len(p.many), p.many[of] }

// String is the event as a line for people.
func (h Happening) String() string {
	at := h.At.Round(time.Millisecond)
	hash := h.Hash[:min(len(h.Hash), 16)]
	switch h.Kind {
	case "found":
		return fmt.Sprintf("%12s  node %d found %s (%s)", at, h.Node, hash, h.Detail)
	case "block":
		return fmt.Sprintf("%12s  node %d judged %s, from node %d", at, h.Node, hash, h.From)
	case "tip":
		if h.Off > 0 {
			return fmt.Sprintf("%12s  node %d moved to %s at height %d, %d off", at, h.Node, hash, h.Height, h.Off)
		}
		return fmt.Sprintf("%12s  node %d is at %s, height %d", at, h.Node, hash, h.Height)
	case "fault":
		return fmt.Sprintf("%12s  %s", at, h.Detail)
	}
	return fmt.Sprintf("%12s  node %d: %s %s", at, h.Node, h.Kind, h.Detail)
}
