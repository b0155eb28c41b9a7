module github.com/cairn-chain/cairn

go 1.26.0

// What the program needs, each with its reason.
require (
	github.com/BurntSushi/toml v1.6.0 // params files
	github.com/btcsuite/btcd/btcec/v2 v2.5.0 // secp256k1; v2.5.1 asks for a newer Go
	github.com/btcsuite/btcd/btcutil/v2 v2.0.1 // the Golomb-coded sets of compact block filters (gcs)
	github.com/dgraph-io/badger/v4 v4.9.6 // the store
	github.com/prometheus/client_golang v1.25.0 // metrics
	github.com/schollz/progressbar/v3 v3.19.1 // progress of import and export
	github.com/tyler-smith/go-bip39 v1.1.0 // mnemonics
	github.com/urfave/cli/v2 v2.27.7 // the command line
	golang.org/x/crypto v0.58.0 // argon2id, chacha20poly1305, chacha20 (the encrypted transport), ripemd160
	golang.org/x/sync v0.24.0 // errgroup, to start and stop networks
	golang.org/x/term v0.47.0 // terminals: passphrases, the live view
)

// What only tests need.
require (
	github.com/rogpeppe/go-internal v1.16.0 // testscript: the command line as users see it
	pgregory.net/rapid v1.3.0 // properties
)

require (
	github.com/aead/siphash v1.0.1 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/btcsuite/btcd/chainhash/v2 v2.0.0 // indirect
	github.com/btcsuite/btcd/wire/v2 v2.0.0 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/cpuguy83/go-md2man/v2 v2.0.7 // indirect
	github.com/decred/dcrd/crypto/blake256 v1.1.0 // indirect
	github.com/decred/dcrd/dcrec/secp256k1/v4 v4.4.0 // indirect
	github.com/dgraph-io/ristretto/v2 v2.2.0 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/go-logr/logr v1.4.3 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/google/flatbuffers v25.2.10+incompatible // indirect
	github.com/kkdai/bstream v1.0.0 // indirect
	github.com/klauspost/compress v1.20.1 // indirect
	github.com/mitchellh/colorstring v0.0.0-20190213212951-d06e56a500db // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/xrash/smetrics v0.0.0-20240521201337-686a1a2994c1 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel v1.41.0 // indirect
	go.opentelemetry.io/otel/metric v1.41.0 // indirect
	go.opentelemetry.io/otel/trace v1.41.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/tools v0.26.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)
