package p2p

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	logBurst = 20          // lines at once
	logEvery = time.Second // one more line after this
)

// quietLog writes log lines of which peers can cause any number: logBurst at once, then one each
// logEvery. The next line that passes says how many were left out.
type quietLog struct {
	log *slog.Logger

	mu      sync.Mutex
	tokens  int
	filled  time.Time
	dropped int
}

func newQuietLog(log *slog.Logger) *quietLog {
	return &quietLog{log: log, tokens: logBurst, filled: time.Now()}
}

// write logs a fixed phrase and attributes. Text of a peer may stand only in attributes, quoted.
func (q *quietLog) write(level slog.Level, phrase string, attrs ...any) {
	if !q.log.Enabled(context.Background(), level) {
		return
	}
	dropped, ok := q.take(time.Now())
	if !ok {
		return
	}
	if dropped > 0 {
		attrs = append(attrs, "lines_left_out", dropped)
	}
	q.log.Log(context.Background(), level, phrase, attrs...)
}

func (q *quietLog) take(now time.Time) (dropped int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := now.Sub(q.filled) / logEvery; n > 0 {
		q.tokens = int(min(time.Duration(q.tokens)+n, logBurst))
		q.filled = now
	}
	if q.tokens == 0 {
		q.dropped++
		return 0, false
	}
	q.tokens--
	dropped, q.dropped = q.dropped, 0
	return dropped, true
}
