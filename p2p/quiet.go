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
	// Of single messages.
	talkBurst = 2000
	talkEvery = 2 * time.Millisecond
)

// quietLog writes log lines of which peers can cause any number: burst at once, then one each
// every. The next line that passes says how many were left out.
type quietLog struct {
	log   *slog.Logger
	burst int
	every time.Duration

	mu      sync.Mutex
	tokens  int
	filled  time.Time
	dropped int
}

func newQuietLog(log *slog.Logger) *quietLog { return newPacedLog(log, logBurst, logEvery) }

func newPacedLog(log *slog.Logger, burst int, every time.Duration) *quietLog {
	return &quietLog{log: log, burst: burst, every: every, tokens: burst, filled: time.Now()}
}

// LevelTalk is the level of lines about single messages, transactions and the like: below debug, so that only who asks for their
// category hears them.
const LevelTalk = slog.LevelDebug - 1

// TalkLog writes lines of LevelTalk, of which peers can cause any number: 2000 at once, then 500 a second.
type TalkLog struct{ paced *quietLog }

// NewTalkLog makes one that writes to log.
func NewTalkLog(log *slog.Logger) *TalkLog {
	return &TalkLog{newPacedLog(log, talkBurst, talkEvery)}
}

// On tells whether lines are wanted at all; it costs nothing.
func (t *TalkLog) On() bool { return t.paced.log.Enabled(context.Background(), LevelTalk) }

// Say writes a fixed phrase and attributes. Text of a peer may stand only in attributes, quoted.
func (t *TalkLog) Say(phrase string, attrs ...any) { t.paced.write(LevelTalk, phrase, attrs...) }

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
	if n := now.Sub(q.filled) / q.every; n > 0 {
		q.tokens = int(min(time.Duration(q.tokens)+n, time.Duration(q.burst)))
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
