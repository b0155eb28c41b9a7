package backend

import (
	"time"
)

// LogCategory is a part of the node whose debug lines can be switched.
type LogCategory struct {
	Name string
	On   bool
}

// Control steers what the node tells of itself, and its timers.
type Control interface {
	// LogCategories returns all, by name. SetLogCategory switches one, or those that "all" and the like name; false if
	// there is none of that name.
	LogCategories() []LogCategory
	SetLogCategory(name string, on bool) bool
	// Hurry moves timers ahead.
	Hurry(d time.Duration)
}
