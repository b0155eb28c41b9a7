package web

import (
	"crypto/subtle"
	"mime"
	"net/http"
	"strings"

	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

// Who may do what. The page's server has no passwords: whoever can connect to it may look, as with the metrics. What it has
// to fear is another site's page in the user's browser, which can send requests here too:
//
//   - under another name, that resolves to this address (rebinding): the Host header must be an address, localhost or an
//     allowed name;
//   - to read: no answer allows another origin, and browsers say where a request comes from (Sec-Fetch-Site);
//   - to give orders: they need the Origin of this very server, a JSON body, and the cookie that only the page was given
//     (SameSite=Strict, HttpOnly). Each of these alone would do in a browser without faults;
//   - to be shown in a frame and clicked: refused by the policy, which also allows no script, style or connection but ours.

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// guard lets through what may be answered at all.
func (s *Site) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", contentPolicy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		if !jsonrpc.HostAllowed(r.Host, s.cfg.Hosts) {
			refuse(w, http.StatusForbidden, "the Host header names neither an IP address nor localhost nor an allowed host")
			return
		}
		if r.URL.Path != "/" && !ownRequest(r) {
			refuse(w, http.StatusForbidden, "requests from other sites are not answered")
			return
		}
		h.ServeHTTP(w, r)
	})
}

// ownRequest tells whether a browser says that a page of this server asks, or the user, or nothing at all.
func ownRequest(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}

// mayOrder tells why an order is refused, "" if it is not.
func (s *Site) mayOrder(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	origin := r.Header.Get("Origin")
	switch {
	case origin != "http://"+r.Host && origin != "https://"+r.Host:
		return "orders come from the page itself: the Origin header does not name this server"
	case err != nil || kind != "application/json":
		return "an order is JSON"
	}
	cookie, err := r.Cookie(s.cookieName(r))
	if err != nil || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(s.secret)) != 1 {
		return "this page is from before the network was started: reload it"
	}
	return ""
}

// giveCookie lets the page give orders.
func (s *Site) giveCookie(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Orders == nil {
		return
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(r), Value: s.secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// cookieName has the port in it: browsers share cookies between the ports of a host, and two networks may run.
func (s *Site) cookieName(r *http.Request) string {
	return "cairn-" + r.Host[strings.LastIndexByte(r.Host, ':')+1:]
}
