module committest.dev/dev/cluster

go 1.24.0

require (
	github.com/spf13/pflag v1.0.10
	golang.org/x/sys v0.33.0
)
