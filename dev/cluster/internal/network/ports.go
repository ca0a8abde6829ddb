package network

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports come from below the range that the kernel takes for outgoing connections (32768 and up): a
// client that reconnects while a server is being restarted could otherwise be given that very port,
// even connect to itself, and the server could not listen again.
const (
	firstPort = 20000
	lastPort  = 29999
	portTries = 1000
)

// FreePorts picks count different loopback ports that nobody listens on.
func FreePorts(count int) ([]int, error) {
	var ports []int
	// All stay open until the end, so that none is picked twice.
	for range portTries {
		if len(ports) == count {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer listener.Close()
		ports = append(ports, port)
	}
	return nil, errors.New("no free ports on 127.0.0.1 between 20000 and 29999")
}
