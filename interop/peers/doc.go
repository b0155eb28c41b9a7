// Package peers lets a real btcd and a real Cairn talk to each other on a regression test network: each syncs from
// the other, mines for the other, relays to the other, follows the other's heavier branch and refuses the same
// blocks.
//
// It is tests only. Both programs are built once (CAIRN_BTCD names a btcd that is built already), listen on ports of
// the system's choice, and are ended by the tests that started them.
//
// Start reading at TestOneNetwork.
package peers
