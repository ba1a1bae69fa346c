package agent

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/volume-durability/volume-durability/tests/cluster/pki"
)

// serveLocally serves until the test ends, and returns the address.
func serveLocally(t *testing.T, authority *pki.Authority) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	serving, err := authority.Server("agent", nil, "127.0.0.1")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, address, serving.Cert, serving.Key, authority.CertFile()) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		return err == nil && conn.Close() == nil
	}, time.Minute, time.Millisecond)
	return address
}

func TestClient_RunsCommandsOnlyAsTheOperator(t *testing.T) {
	authority, err := pki.NewAuthority(t.TempDir(), "ca")
	require.NoError(t, err)
	address := serveLocally(t, authority)
	as := func(user string) *Client {
		pair, err := authority.Client(user, user)
		require.NoError(t, err)
		client, err := NewClient(address, pair.Cert, pair.Key, authority.CertFile())
		require.NoError(t, err)
		return client
	}
	operator := as(User)
	output, err := operator.Run(t.Context(), "sh", "-c", "echo out; echo err >&2")
	require.NoError(t, err)
	assert.Equal(t, "out\nerr\n", output)
	_, err = operator.Run(t.Context(), "sh", "-c", "echo broken; exit 3")
	require.ErrorContains(t, err, "exit status 3: broken")
	_, err = operator.Run(t.Context(), "no-such-program")
	require.ErrorContains(t, err, "no-such-program")
	_, err = as("system:node:m1").Run(t.Context(), "true")
	assert.Error(t, err, "a kubelet has a certificate of the same authority")
}
