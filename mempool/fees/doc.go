// Package fees estimates, from what happened to transactions in the past, at which feerate one is confirmed within so
// many blocks. It is Bitcoin Core's block policy estimator: the same buckets, horizons, decays and thresholds.
//
// The idea: transactions that enter the mempool are put into buckets by feerate, each 5 % above the last. When a block
// confirms one, it is counted for its bucket how many blocks that took; when one leaves unconfirmed, or is still waiting, that
// counts against the bucket. All counts decay with each block. The estimate for a target is the middle feerate of the
// lowest group of buckets in which at least a certain share (60 % for half of the target, 85 % for it, 95 % for twice it)
// was confirmed in time, with enough transactions in the group to say so. Three horizons forget at different
// speeds: short (12 blocks, half-life 18), medium (48, 144) and long (1,008, 1,008).
//
// The attack that it stops is somebody who stuffs blocks with dear transactions of his own: only those count that were
// seen in the mempool before, where everybody could see and take them.
//
// A block costs O(buckets · periods), an estimate O(buckets · target); there are about 240 buckets. Start with Estimator.
package fees
