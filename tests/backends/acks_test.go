package main

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sending returns what receives the messages of a connection.
func sending(t *testing.T) (*acks, net.Conn) {
	t.Helper()
	a, err := listen("127.0.0.1")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, a.close()) })
	connection, err := net.Dial("tcp", a.listener.Addr().String())
	require.NoError(t, err)
	return a, connection
}

func TestAcks_HaveOnlyCompleteMessages(t *testing.T) {
	a, connection := sending(t)
	_, err := connection.Write([]byte("journal\nack 1\nack 2\nack 3"))
	require.NoError(t, err)
	require.NoError(t, connection.Close())
	require.NoError(t, until(t.Context(), "the end of the writer", a.ended))
	assert.Equal(t, "journal\nack 1\nack 2\n", string(a.lines()))
}

func TestAcks_AreCompleteAlthoughTheConnectionStaysOpen(t *testing.T) {
	a, connection := sending(t)
	_, err := connection.Write([]byte("journal\nack 1\n"))
	require.NoError(t, err)
	require.NoError(t, until(t.Context(), "an acknowledgement", func() bool { return a.count() == 1 }))
	assert.Equal(t, "journal\nack 1\n", string(a.lines()), "the machine of the writer is off")
	require.NoError(t, connection.Close())
}

func TestAcks_MoreReturnsWhenTheWriterHasEnded(t *testing.T) {
	a, connection := sending(t)
	require.NoError(t, connection.Close())
	n, err := a.more(t.Context(), 1, time.Minute)
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestAcks_CloseWithoutAWriter(t *testing.T) {
	a, err := listen("127.0.0.1")
	require.NoError(t, err)
	assert.NoError(t, a.close())
}
