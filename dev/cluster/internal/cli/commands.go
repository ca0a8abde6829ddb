package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"text/tabwriter"

	"committest.dev/dev/cluster/internal/build"
	"committest.dev/dev/cluster/internal/cluster"
	"committest.dev/dev/cluster/internal/progress"
)

func prepareUp(c *call) func() error {
	options := cluster.Options{}
	c.flags.BoolVar(&options.APIOnly, "api-only", false, "etcd and API server only")
	c.flags.IntVar(&options.Nodes, "nodes", 1, "number of nodes")
	c.flags.StringArrayVar(&options.APIServerArgs, "apiserver-arg", nil, "flag of the API server, as key=value")
	c.flags.StringVar(&options.Kubernetes, "kubernetes", "", "another release of an API-only cluster's API server")
	return func() error {
		options.Name = *c.name
		log := progress.New(c.notes)
		status, err := cluster.Up(c.ctx, log, options)
		if err != nil {
			return err
		}
		log.Step("cluster %s is up: export KUBECONFIG=%s", status.Name, status.Kubeconfig)
		return nil
	}
}

func prepareDown(c *call) func() error {
	all := c.flags.Bool("all", false, "every cluster")
	return func() error {
		names := []string{*c.name}
		if *all {
			var err error
			if names, err = cluster.Names(); err != nil {
				return err
			}
		}
		log := progress.New(c.notes)
		var failures []error
		for _, name := range names {
			failures = append(failures, cluster.Down(c.ctx, log, name))
		}
		return errors.Join(failures...)
	}
}

func prepareStatus(c *call) func() error {
	format := c.flags.StringP("output", "o", "text", "text or json")
	return func() error {
		named := c.flags.Changed("name")
		if *format == "json" {
			return printJSON(c)
		}
		if *format != "text" {
			return fmt.Errorf("%w: --output %s: text or json", errUsage, *format)
		}
		names := []string{*c.name}
		if !named {
			var err error
			if names, err = cluster.Names(); err != nil {
				return err
			}
		}
		if len(names) == 0 {
			fmt.Fprintln(c.out, "no cluster; start one with: dev/cluster/cluster up")
		}
		return printText(c, names)
	}
}

func printJSON(c *call) error {
	status, err := cluster.StatusOf(*c.name)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(status)
}

func printText(c *call, names []string) error {
	var failures []error
	for _, name := range names {
		status, err := cluster.StatusOf(name)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		ready := "ready"
		if !status.Ready {
			ready = "not ready (run: dev/cluster/cluster up --name " + name + ")"
		}
		fmt.Fprintf(c.out, "%s: %s\n  api server  %s\n  kubeconfig  %s\n", name, ready, status.APIServer, status.Kubeconfig)
		table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		for _, part := range status.Components {
			fmt.Fprintf(table, "  %s\t%s\t%d\t%s\n", part.Name, part.State, part.PID, part.Why)
		}
		failures = append(failures, table.Flush())
	}
	return errors.Join(failures...)
}

func prepareLoad(c *call) func() error {
	return func() error { return cluster.Load(c.ctx, *c.name, c.flags.Args()) }
}

func prepareLogs(c *call) func() error {
	follow := c.flags.BoolP("follow", "f", false, "go on until interrupted")
	return func() error { return cluster.Logs(c.ctx, c.out, *c.name, c.flags.Arg(0), *follow) }
}

func prepareKubeconfig(c *call) func() error {
	return func() error {
		path, err := cluster.Kubeconfig(*c.name)
		if err == nil {
			fmt.Fprintln(c.out, path)
		}
		return err
	}
}

func prepareExec(c *call) func() error {
	// What follows the command's name is the command's own.
	c.flags.SetInterspersed(false)
	return func() error { return cluster.Exec(*c.name, c.flags.Args()) }
}

var signals = map[string]syscall.Signal{
	"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT,
}

func prepareKill(c *call) func() error {
	wanted := c.flags.String("signal", "KILL", "KILL, TERM, STOP or CONT")
	return func() error {
		number, ok := signals[strings.TrimPrefix(strings.ToUpper(*wanted), "SIG")]
		if !ok {
			return fmt.Errorf("%w: --signal %s: KILL, TERM, STOP or CONT", errUsage, *wanted)
		}
		return cluster.Kill(*c.name, c.flags.Arg(0), number)
	}
}

func prepareRestart(c *call) func() error {
	return func() error {
		return cluster.Restart(c.ctx, progress.New(c.notes), *c.name, c.flags.Arg(0))
	}
}

func prepareCompact(c *call) func() error {
	return func() error {
		revision, err := cluster.Compact(c.ctx, *c.name)
		if err == nil {
			fmt.Fprintln(c.out, revision)
		}
		return err
	}
}

func prepareBuild(c *call) func() error {
	return func() error {
		log := progress.New(c.notes)
		// Beside the others: each build has long steps that only one processor works at.
		gitea := make(chan error, 1)
		go func() {
			_, err := build.Gitea(log)
			gitea <- err
		}()
		tools, err := build.All(log, "")
		if err = errors.Join(err, <-gitea); err == nil {
			log.Step("all programs are built: %s", tools.Bin)
		}
		return err
	}
}

func prepareGitea(c *call) func() error {
	return func() error {
		dir, err := build.Gitea(progress.New(c.notes))
		if err == nil {
			fmt.Fprintln(c.out, dir)
		}
		return err
	}
}

func prepareBinaries(c *call) func() error {
	return func() error {
		tools, err := build.All(progress.New(c.notes), "")
		if err == nil {
			fmt.Fprintln(c.out, tools.Bin)
		}
		return err
	}
}
