package sim

import (
	"math"
	"time"
)

// The closed forms with which docs/validation.md compares. They decide nothing in a run.

// SelfishRevenue is the part of the blocks of the best chain that a selfish pool with a share alpha of the power gets, when a share gamma
// of the others mines on its block in a race (Eyal and Sirer 2014, equation 8).
func SelfishRevenue(alpha, gamma float64) float64 {
	a := alpha
	return (a*(1-a)*(1-a)*(4*a+gamma*(1-2*a)) - a*a*a) / (1 - a*(1+(2-a)*a))
}

// NakamotoRisk is the chance of an attacker with a share q of the power to overtake a payment with z confirmations, as section 11 of
// Bitcoin's paper estimates it: what the attacker has mined meanwhile is taken as Poisson-distributed.
func NakamotoRisk(q float64, z int) float64 {
	lambda := float64(z) * q / (1 - q)
	sum, poisson := 1.0, math.Exp(-lambda)
	for k := 0; k <= z; k++ {
		sum -= poisson * (1 - math.Pow(q/(1-q), float64(z-k)))
		poisson *= lambda / float64(k+1)
	}
	return sum
}

// RosenfeldRisk is the same chance exactly: what the attacker has mined meanwhile has a negative binomial distribution (Rosenfeld,
// "Analysis of hashrate-based double-spending", 2012, equation 1).
func RosenfeldRisk(q float64, z int) float64 {
	p, sum, binomial := 1-q, 1.0, 1.0 // C(m+z−1, m)
	for m := 0; m <= z; m++ {
		sum -= binomial * (math.Pow(p, float64(z))*math.Pow(q, float64(m)) - math.Pow(p, float64(m))*math.Pow(q, float64(z)))
		binomial = binomial * float64(m+z) / float64(m+1)
	}
	return sum
}

// ForkRate is the chance that a block is found while others have not heard of the last one: Decker and Wattenhofer's relation
// ("Information propagation in the Bitcoin network", 2013, equation 4), 1 − (1 − Pb)^∫(1−f(t))dt. The integral over
// the part of the network that has not heard is the mean delay until a node hears; blocks come with a chance Pb = 1/interval a second.
func ForkRate(interval, meanDelay time.Duration) float64 {
	return 1 - math.Pow(1-1/interval.Seconds(), meanDelay.Seconds())
}

// AsertTarget is by how much ASERT has changed the target a time after the power was multiplied by k, on average: where blocks come
// at the rate y = k·target, each half-life that the chain is ahead halves the target, so y' = ln 2/halfLife · y(1 − y),
// the logistic equation with y(0) = k.
func AsertTarget(k float64, after, halfLife time.Duration) float64 {
	y := 1 / (1 + (1/k-1)*math.Exp2(-after.Seconds()/halfLife.Seconds()))
	return y / k
}
