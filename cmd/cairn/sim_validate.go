package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sync/errgroup"

	"github.com/cairn-chain/cairn/sim"
)

func simValidateCommand() *cli.Command {
	return &cli.Command{
		Name: "validate", Usage: "compare simulated networks with closed forms and published numbers", Action: simValidate, OnUsageError: wrongUsage,
		Description: "Example:\n\n    cairn sim validate --out docs/validation.md",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", EnvVars: env("sim-validate-out"), Usage: "`FILE` for the page (default: standard output)"},
			&cli.IntFlag{Name: "divide", Value: 1, Usage: "make every run so many times smaller, to try it out"},
		},
	}
}

func simValidate(c *cli.Context) error {
	if c.NArg() > 0 {
		return usagef("validate takes no arguments")
	}
	begin := time.Now()
	page, err := validation(c.Context, c.Int("divide"))
	if err != nil {
		return err
	}
	if c.String("out") == "" {
		_, err := io.WriteString(c.App.Writer, page)
		return err
	}
	if err := os.WriteFile(c.String("out"), []byte(page), 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s written in %s\n", c.String("out"), time.Since(begin).Round(time.Second))
	return err
}

// validation runs all studies, as many at once as there are processors.
func validation(ctx context.Context, divide int) (string, error) {
	studies := sim.Studies()
	texts := make([]string, len(studies))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range studies {
		group.Go(func() (err error) {
			if texts[i], err = s.Run(ctx, divide); err != nil {
				err = fmt.Errorf("%s: %w", s.Title, err)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	return sim.StudiesHead + strings.Join(texts, "\n"), nil
}
