// Package shape makes connections slow, lossy or dead in one direction, as links over long distances are, while both
// ends run. A Shape says what a direction is like; a Direction holds the shape that is in force and may be changed at
// any time; a Conn is a net.Conn whose writes go through a Direction.
//
// # What is modelled
//
// A direction carries a stream of bytes, as TCP does: nothing is lost for good and the order is kept. Each piece of at
// most 16 KiB that is written
//
//   - waits until the line is free, then takes its size over the bandwidth to get onto it (a token bucket of one piece);
//   - takes the latency, drawn for each piece, with jitter;
//   - is late by what TCP needs to send lost segments again: a round trip where three later segments tell of the loss,
//     otherwise a timeout of 200 ms or two round trips, doubled each time;
//   - never arrives before the piece ahead of it.
//
// What is on its way is bounded: by what the line holds within its latency and 200 ms more, as the buffer of a router
// would be, at least 64 KiB and at most 4 MiB. Then Write blocks, until there is room, its deadline passes or the
// connection is closed. A blocked direction carries nothing: what was written waits, and goes on when the block ends.
//
// Not modelled: the slow start and the congestion window of TCP, and other traffic on the line. Closing takes effect at once: what
// is on its way then is gone.
//
// A Conn without a shape writes straight through. Its goroutine exists only while there is a shape, or something of one
// on its way.
//
// Start reading at Conn.Write.
package shape
