package jsonrpc

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Call runs one method for the program's own pages: no credentials are asked for, so the caller decides which methods
// strangers may reach. It returns the result's JSON, or an *Error.
func (s *Server) Call(ctx context.Context, method string, params ...any) (json.RawMessage, error) {
	if params == nil {
		params = []any{}
	}
	raw, err := json.Marshal(map[string]any{"method": method, "params": params})
	if err != nil {
		return nil, Fail(CodeInvalidRequest, "%s", err)
	}
	req, err := parseRequest(raw)
	if err != nil {
		return nil, asError(err)
	}
	result, err := s.execute(ctx, &req, nil)
	if err != nil {
		return nil, asError(err)
	}
	return result, nil
}

// HostAllowed tells whether a Host header names an IP address, localhost, nothing, or one of names. A browser that another
// site has led here under a name of its own (rebinding) does not.
func HostAllowed(hostport string, names []string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || host == "" || slices.ContainsFunc(names, func(a string) bool { return strings.EqualFold(a, host) })
}
