// Package cli is the command line of the program.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"committest.dev/dev/cluster/internal/cluster"
	"committest.dev/dev/cluster/internal/proc"
	"github.com/spf13/pflag"
)

const usage = `A complete, real Kubernetes on this machine, for development and tests.

  cluster up [--name N] [--nodes 1] [--apiserver-arg K=V]...
  cluster up [--name N] --api-only [--kubernetes 1.31] [--apiserver-arg K=V]...
  cluster down [--name N | --all]
  cluster status [--name N] [-o json]
  cluster load [--name N] ARCHIVE...         import image archives into all nodes
  cluster logs [--name N] COMPONENT [-f]
  cluster kubeconfig [--name N]              print the kubeconfig's path
  cluster exec-netns [--name N] -- COMMAND   run a command in the cluster's network
  cluster kill [--name N] COMPONENT [--signal KILL|TERM|STOP|CONT]
  cluster restart [--name N] COMPONENT
  cluster compact [--name N]                 forget the history of all objects
  cluster build                              build all programs into the cache, gitea too
  cluster binaries                           print the folder of the programs

Without --name, the cluster is $COMMITTEST_CLUSTER or "committest".
`

// exit codes: 0 done, 1 failed, 2 called wrongly.
const (
	failed     = 1
	badCommand = 2
)

// errUsage marks a call that was wrong rather than one that failed.
var errUsage = errors.New("wrong use")

// call is one invocation of the program.
type call struct {
	ctx   context.Context
	flags *pflag.FlagSet
	name  *string
	out   io.Writer // what was asked for
	notes io.Writer // progress and problems
}

type command struct {
	// prepare declares the command's flags and returns what it does.
	prepare  func(*call) func() error
	min, max int // number of arguments; max < 0 means any number
}

var commands = map[string]command{
	"up":         {prepareUp, 0, 0},
	"down":       {prepareDown, 0, 0},
	"status":     {prepareStatus, 0, 0},
	"load":       {prepareLoad, 1, -1},
	"logs":       {prepareLogs, 1, 1},
	"kubeconfig": {prepareKubeconfig, 0, 0},
	"exec-netns": {prepareExec, 1, -1},
	"kill":       {prepareKill, 1, 1},
	"restart":    {prepareRestart, 1, 1},
	"compact":    {prepareCompact, 0, 0},
	"build":      {prepareBuild, 0, 0},
	"binaries":   {prepareBinaries, 0, 0},
	"gitea":      {prepareGitea, 0, 0},
}

// Main runs the program and returns its exit code.
func Main(args []string) int {
	if len(args) > 0 && args[0] == proc.EnterCommand {
		fmt.Fprintln(os.Stderr, proc.RunEnter(args[1:]))
		return failed
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, args, os.Stdout, os.Stderr)
	switch {
	case err == nil || errors.Is(err, pflag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "cluster: %v\n\n%s", err, usage)
		return badCommand
	default:
		fmt.Fprintf(os.Stderr, "cluster: %v\n", err)
		return failed
	}
}

func run(ctx context.Context, args []string, out, notes io.Writer) error {
	if len(args) == 0 || args[0] == "help" || args[0] == "--help" || args[0] == "-h" {
		fmt.Fprint(out, usage)
		return nil
	}
	chosen, ok := commands[args[0]]
	if !ok {
		return fmt.Errorf("%w: no command %q", errUsage, args[0])
	}
	c := &call{ctx: ctx, flags: pflag.NewFlagSet(args[0], pflag.ContinueOnError), out: out, notes: notes}
	c.flags.SetOutput(notes)
	c.flags.Usage = func() { fmt.Fprint(out, usage) }
	c.name = c.flags.String("name", defaultName(), "cluster")
	do := chosen.prepare(c)
	if err := c.flags.Parse(args[1:]); errors.Is(err, pflag.ErrHelp) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if count := c.flags.NArg(); count < chosen.min || chosen.max >= 0 && count > chosen.max {
		return fmt.Errorf("%w: %s takes another number of arguments", errUsage, args[0])
	}
	return do()
}

func defaultName() string {
	if name := os.Getenv("COMMITTEST_CLUSTER"); name != "" {
		return name
	}
	return cluster.DefaultName
}
