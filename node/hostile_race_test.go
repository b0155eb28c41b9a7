//go:build race

package node

// The race detector makes signatures twenty times as dear.
const underRace = true
