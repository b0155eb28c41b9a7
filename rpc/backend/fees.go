package backend

// Fees estimates from the past; package fees of the mempool does.
type Fees interface {
	// Smart returns the feerate per 1000 vbytes at which a transaction is confirmed within target blocks, and
	// the target that this is for; ok is false if too little is known.
	Smart(target int, conservative bool) (rate int64, blocks int, ok bool)
	// Raw asks one of the horizons; ok is false if it does not reach the target.
	Raw(horizon string, target int, share float64) (raw RawFee, ok bool)
}

// RawFee is what one horizon of the estimator says. Feerates are per 1000 vbytes.
type RawFee struct {
	FeeRate    float64 // −1: none
	Decay      float64
	Scale      int
	Pass, Fail FeeBucket
}

// FeeBucket is a group of feerates and what became of its transactions.
type FeeBucket struct{ Start, End, WithinTarget, TotalConfirmed, InMempool, LeftMempool float64 }
