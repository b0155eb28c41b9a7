package addrbook

import (
	"math"
	"net/netip"
	"time"

	"github.com/cairn-chain/cairn/p2p/wire"
)

// When addresses are thought to be good for nothing, in the numbers of Bitcoin Core's addrman.
const (
	horizon       = 30 * 24 * time.Hour // not heard of for so long
	maxNewFails   = 3                   // dials, when it never answered
	maxFails      = 10                  // dials, when it did not answer for failsAfter
	failsAfter    = 7 * 24 * time.Hour
	futureSlack   = 10 * time.Minute // of the clock that told us
	justTried     = time.Minute      // a dial may still be under way
	wrongClockAge = 5 * 24 * time.Hour
	gossipPenalty = 2 * time.Hour // what others say of a third is thought to be so much older
)

// An address that did not answer is not dialled again for backOffMin, doubled each time up to
// backOffMax.
const (
	backOffMin = 10 * time.Second
	backOffMax = 10 * time.Minute
)

// entry is what is known of one address. Times are in seconds since 1970, 0 is never.
type entry struct {
	addr     netip.AddrPort
	source   netip.AddrPort // who told us of it first; zero: ourselves
	services wire.Services
	seen     int64 // when somebody last saw it, as told
	lastTry  int64
	lastGood int64
	counted  int64 // the last try that was counted as a failure
	fails    int   // counted tries since it last answered
	streak   int   // all tries since it last answered; not stored, so that a restart tries at once
	tried    bool
	places   []place // in new up to maxPlaces, in tried exactly one
	index    int     // in Book.all
}

// terrible tells whether the address may be forgotten for any other. A clock that jumped back
// makes nothing terrible.
func (e *entry) terrible(now time.Time) bool {
	switch t := now.Unix(); {
	case e.lastTry != 0 && abs(t-e.lastTry) < seconds(justTried):
		return false
	case t-max(e.seen, e.lastGood) > seconds(horizon):
		return true
	case e.lastGood == 0:
		return e.fails >= maxNewFails
	default:
		return t-e.lastGood > seconds(failsAfter) && e.fails >= maxFails
	}
}

// waiting tells whether the address is to be left alone because it did not answer.
func (e *entry) waiting(now time.Time) bool {
	if e.streak == 0 {
		return false
	}
	since := now.Unix() - e.lastTry
	return since >= 0 && since < seconds(backOff(e.streak))
}

// failing tells whether the address was dialled after it last answered, long enough ago for an answer.
func (e *entry) failing(now time.Time) bool {
	return e.lastTry > e.lastGood && abs(now.Unix()-e.lastTry) >= seconds(justTried)
}

// chance is with which probability Select takes the address when it comes upon it.
func (e *entry) chance() float64 { return math.Pow(0.66, float64(min(e.fails, 8))) }

func backOff(streak int) time.Duration {
	if shift := streak - 1; shift < 16 {
		return min(backOffMin<<shift, backOffMax)
	}
	return backOffMax
}

// toldTime is what to believe of the time at which another says to have seen an address.
func toldTime(told uint32, now time.Time, penalty time.Duration) int64 {
	t := int64(told)
	if t <= 100_000_000 || t > now.Unix()+seconds(futureSlack) {
		t = now.Unix() - seconds(wrongClockAge)
	}
	return t - seconds(penalty)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func abs(n int64) int64 { return max(n, -n) }
