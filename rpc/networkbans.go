package rpc

import (
	"context"
	"strings"
	"time"
)

func banMethods() []apiMethod {
	return []apiMethod{
		{Name: "setban", Topic: topicNetwork, Help: "Attempts to add or remove an IP/Subnet from the banned list. Peers that are banned are disconnected at once, but for those with the noban permission, which are let in again.",
			Params: []Param{required("subnet", TypeString, "The IP/Subnet (see getpeerinfo for nodes IP) with an optional netmask (default is /32 = single IP)"),
				required("command", TypeString, "'add' to add an IP/Subnet to the list, 'remove' to remove an IP/Subnet from the list"),
				optional("bantime", TypeNumber, "0", "time in seconds how long (or until when if [absolute] is set) the IP is banned (0 or empty means using the default time of 24h which can also be overwritten by --bantime)"),
				optional("absolute", TypeBool, "false", "If set, the bantime must be an absolute timestamp expressed in UNIX epoch time")},
			Result: "null", Example: `"192.168.0.6" "add" 86400`, Run: setBan},
		{Name: "listbanned", Topic: topicNetwork, Help: "List all manually banned IPs/Subnets.",
			Result: "[{...}]    (json array) address, ban_created, banned_until, ban_duration, time_remaining: times in seconds", Run: listBanned},
		{Name: "clearbanned", Topic: topicNetwork, Help: "Clear all banned IPs.", Result: "null", Run: clearBanned},
	}
}

func setBan(_ context.Context, c *call) (any, error) {
	command := c.str(1)
	if command != "add" && command != "remove" {
		return nil, c.usageError(CodeMisc)
	}
	net, err := c.Bans.ParseNet(c.str(0))
	if err != nil {
		return nil, fail(CodeInvalidNet, "Error: Invalid IP/Subnet")
	}
	if command == "remove" {
		lifted, err := c.Bans.Unban(net)
		if err == nil && !lifted {
			err = fail(CodeInvalidNet, "Error: Unban failed. Requested address/subnet was not previously manually banned.")
		}
		return nil, err
	}
	if strings.Contains(c.str(0), "/") && c.Bans.Holds(net) || !strings.Contains(c.str(0), "/") && c.Bans.Banned(net.Addr()) {
		return nil, fail(CodeNodeAlreadyAdded, "Error: IP/Subnet already banned")
	}
	until, err := c.banUntil()
	if err != nil {
		return nil, err
	}
	return nil, c.Bans.Ban(net, until)
}

// farAway bounds how long a ban may last, in seconds: 30,000 years, so that no sum wraps.
const farAway = 1 << 40

// banUntil reads when a ban ends.
func (c *call) banUntil() (time.Time, error) {
	now := c.Node.Now()
	seconds, err := c.num(2, 0)
	if err != nil {
		return time.Time{}, err
	}
	if absolute := c.boolOr(3, false); absolute {
		if seconds < now.Unix() {
			return time.Time{}, fail(CodeInvalidParameter, "Error: Absolute timestamp is in the past")
		}
		return time.Unix(min(seconds, farAway), 0), nil
	}
	if seconds <= 0 {
		return now.Add(c.Bans.DefaultBan()), nil
	}
	return time.Unix(now.Unix()+min(seconds, farAway), 0), nil
}

func listBanned(_ context.Context, c *call) (any, error) {
	now := c.Node.Now().Unix()
	list := []fields{}
	for _, b := range c.Bans.Bans() {
		created, until := b.Created.Unix(), b.Until.Unix()
		list = append(list, obj("address", b.Net.String(), "ban_created", created, "banned_until", until, "ban_duration", until-created, "time_remaining", until-now))
	}
	return list, nil
}

func clearBanned(_ context.Context, c *call) (any, error) { return nil, c.Bans.Clear() }
