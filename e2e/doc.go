// Package e2e holds no code, only tests that run the built program as a user would: networks of real processes on
// real sockets and files, killed, cut and started again, and a real Prometheus that looks at them.
//
// They run when CAIRN_E2E=1 is set, as scripts/test.sh does; else every one of them is skipped. CAIRN_REQUIRE_PROMETHEUS=1
// makes a missing Prometheus a failure. Start reading at TestNetwork.
package e2e
