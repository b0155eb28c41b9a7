package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/cairn-chain/cairn/consensus"
)

// healthCommand is for containers and supervisors: an image with nothing but the program has no other
// client that could ask.
func healthCommand() *cli.Command {
	return &cli.Command{
		Name: "health", Usage: "ask a node whether it is well; the exit code tells", Action: runHealth, OnUsageError: wrongUsage,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "url", EnvVars: env("health-url"), Usage: "`URL` of the page to ask (default: /healthz at 127.0.0.1 and the network's port)"},
			&cli.StringFlag{Name: "network", Value: "cairn", EnvVars: env("network"), Usage: "network whose port to ask"},
			&cli.BoolFlag{Name: "ready", Usage: "ask /readyz instead: is the node also in sync?"},
			&cli.DurationFlag{Name: "timeout", Value: 3 * time.Second, EnvVars: env("health-timeout"), Usage: "how long the node may take to answer"},
		},
		Description: "Examples:\n\n    cairn health\n    cairn health --ready --url http://127.0.0.1:21390\n",
	}
}

func runHealth(c *cli.Context) error {
	if c.Args().Present() {
		return usagef("health takes no argument %q; see `cairn health --help`", c.Args().First())
	}
	page, err := healthURL(c.String("url"), c.String("network"), c.Bool("ready"))
	if err != nil {
		return usageError{err}
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	said, err := askHealth(ctx, page)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.App.Writer, said)
	return nil
}

// healthURL is the page to ask. A URL with no path gets the one of the question.
func healthURL(given, network string, ready bool) (string, error) {
	if given == "" {
		p, err := consensus.Network(network)
		if err != nil {
			return "", err
		}
		given = "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(p.HTTPPort))
	}
	u, err := url.Parse(given)
	if err != nil {
		return "", err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%q is no URL of the form http://HOST:PORT/PATH", given)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/healthz"
		if ready {
			u.Path = "/readyz"
		}
	}
	return u.String(), nil
}

// askHealth gets a page, without a proxy and following no redirect, and returns the first line of it. It
// fails unless the status is 200.
func askHealth(ctx context.Context, page string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("the node does not answer: %w", err)
	}
	defer resp.Body.Close()
	line, err := bufio.NewReader(io.LimitReader(resp.Body, 200)).ReadString('\n')
	if err != nil && err != io.EOF {
		return "", fmt.Errorf("the node does not answer: %w", err)
	}
	line = strings.TrimSpace(line)
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the node is not well: %s: %s", resp.Status, line)
	}
	return line, nil
}
