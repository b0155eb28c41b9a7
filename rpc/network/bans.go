package network

import (
	"context"
	"strings"
	"time"

	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func banMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "setban", Topic: chainjson.TopicNetwork, Help: "Attempts to add or remove an IP/Subnet from the banned list. Peers that are banned are disconnected at once, but for those with the noban permission, which are let in again.",
			Params: []jsonrpc.Param{jsonrpc.Required("subnet", jsonrpc.TypeString, "The IP/Subnet (see getpeerinfo for nodes IP) with an optional netmask (default is /32 = single IP)"),
				jsonrpc.Required("command", jsonrpc.TypeString, "'add' to add an IP/Subnet to the list, 'remove' to remove an IP/Subnet from the list"),
				jsonrpc.Optional("bantime", jsonrpc.TypeNumber, "0", "time in seconds how long (or until when if [absolute] is set) the IP is banned (0 or empty means using the default time of 24h which can also be overwritten by --bantime)"),
				jsonrpc.Optional("absolute", jsonrpc.TypeBool, "false", "If set, the bantime must be an absolute timestamp expressed in UNIX epoch time")},
			Result: "null", Example: `"192.168.0.6" "add" 86400`, Run: setBan},
		{Name: "listbanned", Topic: chainjson.TopicNetwork, Help: "List all manually banned IPs/Subnets.",
			Result: "[{...}]    (json array) address, ban_created, banned_until, ban_duration, time_remaining: times in seconds", Run: listBanned},
		{Name: "clearbanned", Topic: chainjson.TopicNetwork, Help: "Clear all banned IPs.", Result: "null", Run: clearBanned},
	}
}

func setBan(_ context.Context, c *chainjson.Call) (any, error) {
	command := c.Str(1)
	if command != "add" && command != "remove" {
		return nil, c.UsageError(jsonrpc.CodeMisc)
	}
	net, err := c.Bans.ParseNet(c.Str(0))
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidNet, "Error: Invalid IP/Subnet")
	}
	if command == "remove" {
		lifted, err := c.Bans.Unban(net)
		if err == nil && !lifted {
			err = jsonrpc.Fail(jsonrpc.CodeInvalidNet, "Error: Unban failed. Requested address/subnet was not previously manually banned.")
		}
		return nil, err
	}
	if strings.Contains(c.Str(0), "/") && c.Bans.Holds(net) || !strings.Contains(c.Str(0), "/") && c.Bans.Banned(net.Addr()) {
		return nil, jsonrpc.Fail(jsonrpc.CodeNodeAlreadyAdded, "Error: IP/Subnet already banned")
	}
	until, err := banUntil(c)
	if err != nil {
		return nil, err
	}
	return nil, c.Bans.Ban(net, until)
}

// farAway bounds how long a ban may last, in seconds: 30,000 years, so that no sum wraps.
const farAway = 1 << 40

// banUntil reads when a ban ends.
func banUntil(c *chainjson.Call) (time.Time, error) {
	now := c.Node.Now()
	seconds, err := c.Num(2, 0)
	if err != nil {
		return time.Time{}, err
	}
	if absolute := c.BoolOr(3, false); absolute {
		if seconds < now.Unix() {
			return time.Time{}, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Error: Absolute timestamp is in the past")
		}
		return time.Unix(min(seconds, farAway), 0), nil
	}
	if seconds <= 0 {
		return now.Add(c.Bans.DefaultBan()), nil
	}
	return time.Unix(now.Unix()+min(seconds, farAway), 0), nil
}

func listBanned(_ context.Context, c *chainjson.Call) (any, error) {
	now := c.Node.Now().Unix()
	list := []jsonrpc.Fields{}
	for _, b := range c.Bans.Bans() {
		created, until := b.Created.Unix(), b.Until.Unix()
		list = append(list, jsonrpc.Obj("address", b.Net.String(), "ban_created", created, "banned_until", until, "ban_duration", until-created, "time_remaining", until-now))
	}
	return list, nil
}

func clearBanned(_ context.Context, c *chainjson.Call) (any, error) { return nil, c.Bans.Clear() }
