// Command cluster brings up a complete, real Kubernetes on this machine for
// development and tests, and takes it down again without a trace.
package main

import (
	"os"

	"committest.dev/dev/cluster/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:]))
}
