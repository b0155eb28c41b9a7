// Package web is the page of a network or of a single node: the block tree as it grows, the topology, mempools, and an
// explorer of blocks, transactions and addresses. It is served from the binary and needs nothing from elsewhere.
//
// Site is an http.Handler. What it shows comes from a Source, which a laboratory or a node implements; what it looks up
// comes from the RPC's own methods, called within the process. A Site without Orders is read-only.
//
// The page is live: the server looks at the Source a few times a second while anybody watches, and sends what has changed
// (stream.go). It asks for nothing that grows without bound: the tree is a window of heights, histograms have fixed
// buckets, lists come in pages.
//
// It is not an API for programs: those have the RPC, and the laboratory's control address. Start reading at site.go, then
// state.go; in static/, at app.js.
package web
