package kube

import (
	"context"
	"net"
	"time"

	"k8s.io/client-go/rest"
)

// LogConfig returns a configuration for a client that follows the logs of many pods. With HTTP/2, its streams share one
// connection, up to the server's limit of streams. The client reads from a connection at most once per logPace while
// little arrives: a read that wakes the process costs much more than a line.
func LogConfig(config *rest.Config) *rest.Config {
	config = rest.CopyConfig(config)
	dial := config.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext // as client-go does
	}
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return newPacedConn(conn, logPace, pacedBuffer), nil
	}
	return config
}
