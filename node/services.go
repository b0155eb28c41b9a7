package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cairn-chain/cairn/p2p"
	"github.com/cairn-chain/cairn/rpc"
	"github.com/cairn-chain/cairn/rpc/backend"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/web"
)

// services are the node's HTTP servers: RPC, and metrics with health.
type services struct {
	talk    *p2p.TalkLog // of single calls
	log     *slog.Logger
	servers []*http.Server
	server  *rpc.Server // nil: no RPC
	rpc     net.Addr
	web     net.Addr
	cookie  *jsonrpc.Cookie
	path    string
	rpcDone chan struct{}
	backend *backend.Parts
	calls   *rpc.Server // of the pages
	site    *web.Site   // nil: no HTTP
	once    sync.Once
}

func (n *Node) openServices() error {
	n.web = &services{log: n.logOf(logHTTP), talk: n.talkOf(logRPC)}
	n.peers = &peersRPC{n: n}
	n.web.backend = n.backend()
	n.peers.listAdded()
	if n.cfg.RPCListen != "" {
		if err := n.openRPC(); err != nil {
			return err
		}
	}
	n.openCalls()
	if n.cfg.HTTPListen != "" {
		n.stats.registry.MustRegister(newGauges(n))
		if err := n.openSite(); err != nil {
			return err
		}
		addr, err := n.web.listen(n.cfg.HTTPListen, n.pages())
		if err != nil {
			return err
		}
		n.web.web = addr
	}
	return nil
}

// listen serves h on an address until close.
func (s *services) listen(addr string, h http.Handler) (net.Addr, error) {
	l, err := p2p.TCP{}.Listen(addr)
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	s.servers = append(s.servers, srv)
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("an HTTP server stopped", "addr", addr, "err", err)
		}
	}()
	return l.Addr(), nil
}

// stopPatience is what the pages under way get when the node stops.
const stopPatience = 5 * time.Second

// close ends the servers; what they are answering gets stopPatience. The RPC server ends with the node's context, which is
// over when this is called.
func (s *services) close() {
	s.once.Do(func() {
		if s.rpcDone != nil {
			<-s.rpcDone
		}
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		if s.site != nil {
			s.site.Close()
		}
		for _, srv := range s.servers {
			if srv.Shutdown(ctx) != nil {
				srv.Close()
			}
		}
		if s.cookie != nil {
			if err := s.cookie.Remove(); err != nil {
				s.log.Error("the cookie was not removed", "err", err)
			}
		}
	})
}

// pages are /metrics, /healthz and /readyz, and the explorer.
func (n *Node) pages() http.Handler {
	mux := http.NewServeMux()
	if n.web.site != nil {
		mux.Handle("/", n.web.site)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.stats.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if n.ctx.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !n.synced() {
			http.Error(w, "syncing", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}

func (n *Node) openRPC() error {
	cfg := rpc.Config{Log: n.logOf(logRPC), AllowedHosts: n.cfg.RPCHosts, REST: n.cfg.REST, Observe: n.observeRPC}
	if n.cfg.DataDir != "" {
		var err error
		n.web.path = filepath.Join(n.cfg.DataDir, jsonrpc.CookieFile)
		if n.web.cookie, err = jsonrpc.KeepCookie(n.web.path, n.cfg.RPCCookie); err != nil {
			return err
		}
		cfg.Credentials = append(cfg.Credentials, n.web.cookie.Credential())
	}
	for _, text := range n.cfg.RPCAuth {
		cred, err := jsonrpc.ParseCredential(text)
		if err != nil {
			return err
		}
		cfg.Credentials = append(cfg.Credentials, cred)
	}
	srv := rpc.New(cfg)
	srv.Ready(n.web.backend)
	n.web.calls = srv
	l, err := p2p.TCP{}.Listen(n.cfg.RPCListen)
	if err != nil {
		return err
	}
	n.web.rpc, n.web.server = l.Addr(), srv
	// Calls that wait for something see the end of n.ctx, so they do not hold up a shutdown.
	n.web.rpcDone = make(chan struct{})
	go func() {
		defer close(n.web.rpcDone)
		if err := srv.Serve(n.ctx, l); err != nil {
			n.cfg.Log.Error("the RPC server stopped", "err", err)
		}
	}()
	return nil
}

func (n *Node) backend() *backend.Parts {
	c := chainRPC{n}
	b := &backend.Parts{Chain: c, Blocks: c, Ledger: c, Steer: c, Mempool: poolRPC{n}, Submit: submitRPC{n}, Peers: n.peers, Mining: miningRPC{n}, Node: nodeRPC{n},
		Fees: feesRPC{n.ledger.fees.fees}}
	n.addIndexes(b)
	b.Snapshots = snapshotRPC{n}
	b.Bans, b.Net, b.Control = bansRPC{n}, netToolsRPC{n}, netToolsRPC{n}
	if n.cfg.Prune > 0 {
		b.Pruning = pruneRPC{n}
	}
	return b
}
