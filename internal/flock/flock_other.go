//go:build !unix

package flock

import "os"

// Works tells whether Try keeps others away on this system.
const Works = false

// Try does nothing where there is no flock: two processes are then not kept from each other.
func Try(*os.File) (bool, error) { return true, nil }
