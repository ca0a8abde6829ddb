package network

import "net"

// FreePorts picks count different loopback ports that nobody listens on.
func FreePorts(count int) ([]int, error) {
	var ports []int
	for range count {
		// Held until all are chosen, so that no port is chosen twice.
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
