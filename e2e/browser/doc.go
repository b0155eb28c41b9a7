// Package browser tests the page of a test network as people use it: in Debian's Chromium, without a screen, steered by
// chromedp. It is a module of its own, so that the program's dependencies stay few. The program is built from the
// folder above and started as a process.
//
// The tests run with CAIRN_E2E=1. With CAIRN_SHOTS=DIR they also write the pictures of docs/img.
package browser
