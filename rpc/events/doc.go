// Package events tells what happens without being asked: server-sent events (the text/event-stream of HTML) at Path, for whoever may use
// RPC. The node publishes into a Log; Log.Serve answers one listener. Who may listen is for the caller to say, and what happens
// is for the node to notice.
//
// The rules: every event gets a number, and the last maxEvents are kept in a ring. A listener is a place in that ring and a bell; it
// pulls, and nothing is buffered for it. It names the last event that it saw (Last-Event-ID) to go on after it, and if that is no longer in the ring,
// or was of an earlier run of the node, then it is told so by an event "missed" before the next one, and has to look at the chain itself. A listener
// whose connection takes nothing for the patience of the Log, or that the ring has overtaken, is dropped: when it comes back it hears what it missed.
// Publish never waits for anybody. The attack that this stops is a reader who does not read; its cost is one goroutine and one socket of maxListeners.
//
// Start reading at Log.Serve.
package events
