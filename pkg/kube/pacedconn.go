package kube

import (
	"net"
	"sync"
	"time"
)

const (
	// logPace is the shortest time between a small read from a connection for logs and the next read. A line is received
	// at most this much later.
	logPace = 100 * time.Millisecond
	// pacedBuffer is how much one read takes from the connection at most, in bytes.
	pacedBuffer = 64 << 10
)

// pacedConn is a connection that begins a read only some time after the last small one, and then reads all that has
// arrived. Meanwhile the data waits in the kernel. A read that comes later than that does not wait.
type pacedConn struct {
	net.Conn
	pace time.Duration

	closing sync.Once
	closed  chan struct{}

	// buffer has the data of the last read, and unread is the part of it that was not returned yet.
	buffer, unread []byte
	// next is when the next read may begin.
	next time.Time
}

func newPacedConn(conn net.Conn, pace time.Duration, bufferSize int) *pacedConn {
	return &pacedConn{Conn: conn, pace: pace, closed: make(chan struct{}), buffer: make([]byte, bufferSize)}
}

// Read reads what has arrived. It must not be called concurrently.
func (c *pacedConn) Read(p []byte) (int, error) {
	if len(c.unread) == 0 {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

// fill reads from the connection into the buffer.
func (c *pacedConn) fill() error {
	c.await(time.Until(c.next))
	n, err := c.Conn.Read(c.buffer)
	c.unread = c.buffer[:n]
	// More is likely to arrive soon after a large read, as from a long log. A wait would limit the throughput.
	if n < len(c.buffer)/4 {
		c.next = time.Now().Add(c.pace)
	}
	if n > 0 {
		return nil // the next read returns the error again
	}
	return err
}

// await waits for some time, or until the connection is closed.
func (c *pacedConn) await(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.closed:
	}
}

// Close closes the connection and ends the wait of a read.
func (c *pacedConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
